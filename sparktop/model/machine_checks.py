"""Checks of the machine: was there memory enough, all the time?"""

from __future__ import annotations

from typing import Final

from sparktop.model import channels
from sparktop.model.records import Node
from sparktop.model.state import RunState
from sparktop.model.timeseries import Gauge
from sparktop.model.verdicts import Code, Findings, Unjudged, fault

GIB: Final = 2**30

MEMORY_RESERVE: Final = 8 * GIB
"""Bytes of MemAvailable below which the kernel begins to reclaim what a model maps."""

MEMORY_RESERVE_SHARE: Final = 0.10
"""On machines with less than 80 GiB the reserve is this share of MemTotal."""

SWAP_GROWTH: Final = 16 * 2**20
"""Bytes by which swap may grow: an idle system pages out a little now and then."""

PRESSURE_PERCENT: Final = 5.0


def memory(state: RunState) -> Findings:
    """Looks at the memory of every node."""
    for node in state.nodes.values():
        yield from _memory_reserve(state, node)
        yield from _memory_pressure(state, node)
        yield from _swap_growth(state, node)


def _readings(state: RunState, node: Node, channel: str) -> Gauge | str:
    """Returns what was read, or why there is nothing."""
    gauge = state.gauges.get(node.name, {}).get(channel)
    if gauge is not None and gauge.peak is not None:
        return gauge
    why = state.missing.get(node.name, {}).get(channel, "no reading was taken")
    return f"{channel} of {node.name}: {why}"


def _memory_reserve(state: RunState, node: Node) -> Findings:
    available = _readings(state, node, channels.MEMORY_AVAILABLE)
    if isinstance(available, str):
        yield Unjudged(code=Code.MEMORY_RESERVE, reason=available)
        return
    reserve = min(MEMORY_RESERVE, MEMORY_RESERVE_SHARE * node.memory) if node.memory else MEMORY_RESERVE
    if available.low is not None and available.low < reserve:
        text = (
            f"available memory of {node.name} fell to {available.low / GIB:.1f} GiB, below the reserve of"
            f" {reserve / GIB:.1f} GiB: weights may have been read from disk again"
        )
        yield fault(Code.MEMORY_RESERVE, text, node=node.name, lowest=available.low, reserve=reserve)


def _memory_pressure(state: RunState, node: Node) -> Findings:
    full = _readings(state, node, channels.PSI_FULL)
    if isinstance(full, str):
        yield Unjudged(code=Code.MEMORY_PRESSURE, reason=full)
    elif full.peak is not None and full.peak > PRESSURE_PERCENT:
        text = f"all tasks of {node.name} waited for memory up to {full.peak:.0f} % of the time"
        yield fault(Code.MEMORY_PRESSURE, text, node=node.name, percent=full.peak)


def _swap_growth(state: RunState, node: Node) -> Findings:
    used = _readings(state, node, channels.SWAP_USED)
    if isinstance(used, str):
        yield Unjudged(code=Code.SWAP_GROWTH, reason=used)
        return
    values = [value for value in used.values if value is not None]
    if (growth := max(values) - values[0]) > SWAP_GROWTH:
        text = f"swap of {node.name} grew by {growth / GIB:.2f} GiB during the run"
        yield fault(Code.SWAP_GROWTH, text, node=node.name, bytes=growth)
