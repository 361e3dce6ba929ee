"""A model that is split over machines, in its worker: connected to them, placed, and told what came to lie where."""

from __future__ import annotations

from pathlib import Path

from sparktop.engines.gguf import read_header
from sparktop.engines.llama import library
from sparktop.engines.llama.devices import Device, gpus
from sparktop.engines.llama.placement import Placement, place
from sparktop.engines.llama.rpc_client import Server, connect
from sparktop.engines.wire import Split


class Parts:
    """Connects to a split's machines and places a model on them.

    Args:
        split: The machines.
        model: The model's file.

    Raises:
        RpcFailed: A machine can't be used.
        CannotPlace: The model can't be split so.
    """

    def __init__(self, split: Split, model: Path) -> None:
        library.begin()
        local = gpus()
        self.servers: tuple[Server, ...] = connect(split.servers)
        layers = read_header(model).number("block_count") + 1
        self.placement: Placement = place(
            layers,
            split.shares,
            [[device.free for device in server.devices] for server in self.servers],
            [device.free for device in local],
        )
        self.devices: tuple[Device, ...] = tuple(device for server in self.servers for device in server.devices)
