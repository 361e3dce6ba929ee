"""What a loaded model reads for each token, and how fast that can be read where it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sparktop.engines.gguf import read_header
from sparktop.engines.shape import model_shape
from sparktop.model.records import ModelInfo, Node
from sparktop.model.roofline import Ceilings, ceilings_of
from sparktop.model.shape import Footprint, footprint
from sparktop.telemetry.bandwidth import processor_bandwidth
from sparktop.telemetry.reading import Unreadable

_LEAST: Final = 256 << 20
"""Bytes of weights below which a good part of a model stays in the processor's cache, and memory sets no ceiling."""


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
    """Returns the ceilings for a model that is loaded.

    For a model on the processor this machine's bandwidth is measured, once: all cores are busy for less than a second.

    Args:
        node: This machine.
        info: What the engine says of the model.
        model: What the model reads.
        state: Folder that the measurement is kept in.
        root: Folder that holds proc and etc.
    """
    measured: float | None = None
    how = ""
    if set(info.devices) == {"CPU"}:
        if model.weights < _LEAST:
            source = "the weights are so few that the processor's cache holds a good part of them"
            return Ceilings(theoretical=None, measured=None, source=source)
        try:
            found = processor_bandwidth(state, root)
            measured, how = found.bytes_s, found.source
        except Unreadable as reason:
            how = str(reason)
    return ceilings_of(node.gpus, info.devices, measured, how)
