"""What a loaded model reads for each token, and how fast that can be read where it runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from sparktop.engines.gguf import read_header
from sparktop.engines.shape import model_shape
from sparktop.model.records import ModelInfo, Node
from sparktop.model.roofline import Ceilings, ceilings_of
from sparktop.model.shape import Footprint, footprint
from sparktop.telemetry.bandwidth import processor_bandwidth
from sparktop.telemetry.reading import Unreadable

LEAST: Final = 256 << 20
"""Bytes of weights below which a good part of a model stays in the processor's cache, and memory sets no ceiling."""

TOO_FEW: Final = "the weights are so few that the processor's cache holds a good part of them"

_LENT: Final = re.compile(r"RPC\d+\b")
"""Devices of other machines, as llama.cpp calls them."""


def find_footprint(model: Path) -> Footprint | None:
    """Returns what a model reads for each token, from the header of its file.

    None where the header does not say how the model is built: there are no blocks in it, or no weights.

    Raises:
        BadModelFile: The header can't be read; the message says why.
    """
    shape = model_shape(read_header(model))
    found = footprint(shape)
    return found if shape.layers and found.weights else None


def no_roofline(contender: str, why: Exception) -> str:
    """Returns what to say of a model whose footprint can't be found."""
    return f"what {contender} reads for each token is not known, so no roofline is shown: {why}"


def find_ceilings(node: Node, info: ModelInfo, model: Footprint, state: Path, root: Path = Path("/")) -> Ceilings:
    """Returns the ceilings for a model that is loaded; of one that is split, for the part that is here.

    For a model on the processor this machine's bandwidth is measured, once: all cores are busy for less than a second.

    Args:
        node: This machine.
        info: What the engine says of the model.
        model: What the model reads.
        state: Folder that the measurement is kept in.
        root: Folder that holds proc and etc.
    """
    here = tuple(device for device in info.devices if not _LENT.match(device))
    return _ceilings(node, here or info.devices, model.weights, state, root)


def find_lent(node: Node, weights: int, state: Path, root: Path = Path("/")) -> Ceilings:
    """Returns the ceilings of what a machine lends to another one: its GPUs, or its processor if it has none.

    Args:
        node: The machine.
        weights: Bytes of the whole model, a part of which is to come.
        state: Folder that a measurement is kept in.
        root: Folder that holds proc and etc.
    """
    # As llama.cpp chooses: what its build can't use is not lent.
    gpus = node.gpus if "CUDA" in node.llama_cpp else ()
    return _ceilings(node, gpus or ("CPU",), weights, state, root)


def _ceilings(node: Node, devices: tuple[str, ...], weights: int, state: Path, root: Path) -> Ceilings:
    measured: float | None = None
    how = ""
    if set(devices) == {"CPU"}:
        if weights < LEAST:
            return Ceilings(theoretical=None, measured=None, source=TOO_FEW)
        try:
            found = processor_bandwidth(state, root)
            measured, how = found.bytes_s, found.source
        except Unreadable as reason:
            how = str(reason)
    return ceilings_of(node.gpus, devices, measured, how)
