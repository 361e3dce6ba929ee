"""A model that is split over machines, in its worker: connected to them, placed, and told what came to lie where."""

from __future__ import annotations

from pathlib import Path

from sparktop.engines.gguf import read_header
from sparktop.engines.llama import native_log
from sparktop.engines.llama.devices import Device, gpus
from sparktop.engines.llama.link_meter import LinkMeter
from sparktop.engines.llama.load_log import device_names, held
from sparktop.engines.llama.placement import Placement, place, share_out
from sparktop.engines.llama.rpc import RpcFailed
from sparktop.engines.llama.rpc_client import Server, connect
from sparktop.engines.protocol import Clock, Emit
from sparktop.engines.wire import Split
from sparktop.model.parts import SplitPart
from sparktop.model.split_events import ModelSplit


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
        native_log.begin()
        local = gpus()
        self.servers: tuple[Server, ...] = connect(split.servers, native_log.log_text)
        layers = read_header(model).number("block_count") + 1
        self.placement: Placement = place(
            layers,
            split.shares,
            [[device.free for device in server.devices] for server in self.servers],
            [device.free for device in local],
        )
        self.devices: tuple[Device, ...] = tuple(device for server in self.servers for device in server.devices)
        self._node = split.node
        self._layers = share_out(layers, split.shares)

    def tell(self, contender: str, emit: Emit, clock: Clock) -> LinkMeter:
        """Says what came to lie where, once a context is made; returns what watches the connections.

        Raises:
            RpcFailed: A machine holds nothing: the model is not split, whatever was asked for.
        """
        log = native_log.log_text()
        lies = held(log, [str(server.endpoint) for server in self.servers])
        nodes = [(self._node, ""), *((s.endpoint.node, str(s.endpoint)) for s in self.servers)]
        parts = tuple(
            SplitPart(
                node=node,
                address=address,
                devices=device_names(lies[address].buffers),
                layers=layers,
                weights=lies[address].weights,
                kv=lies[address].kv,
                compute=lies[address].compute,
            )
            for (node, address), layers in zip(nodes, self._layers, strict=True)
        )
        if empty := [part.node for part in parts[1:] if not part.weights]:
            raise RpcFailed(f"llama.cpp put nothing on {', '.join(empty)}: the model is not split")
        emit(ModelSplit(t=clock(), contender=contender, parts=parts))
        return LinkMeter(contender, self.servers, [server.transport for server in self.servers], emit, clock)
