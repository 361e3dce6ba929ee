"""Checks of the machine: was there memory enough, all the time?"""

from __future__ import annotations

from typing import Final

from sparktop.model import channels
from sparktop.model.channels import indexed, things
from sparktop.model.pressure import GIB, Level, floor_bytes
from sparktop.model.records import Node
from sparktop.model.state import RunState
from sparktop.model.timeseries import Gauge
from sparktop.model.verdicts import Code, Findings, Unjudged, fault, note
from sparktop.model.watch import Watch, hidden

SWAP_GROWTH: Final = 16 * 2**20
"""Bytes by which swap may grow: an idle system pages out a little now and then."""

DROP_CACHE: Final = "sudo sh -c 'sync; echo 3 > /proc/sys/vm/drop_caches'"
"""What NVIDIA's playbooks for the DGX Spark advise: the kernel gives up its page cache."""


def memory(state: RunState) -> Findings:
    """Looks at the memory of every node."""
    for node in state.nodes.values():
        yield from _memory_reserve(state, node)
        yield from _memory_pressure(state, node)
        yield from _swap_growth(state, node)


def page_cache(state: RunState) -> Findings:
    """Whether the page cache kept CUDA from what a load needed."""
    for node in state.nodes.values():
        unified = unified_gpu(state, node)
        if unified is False:
            continue
        loaded = [c for c in state.contenders.values() if node.name in c.contender.node.split("+")]
        on_gpu = [c for c in loaded if c.contender.size and (c.info is None or set(c.info.devices) != {"CPU"})]
        if unified is None:
            if on_gpu:
                why = state.missing.get(node.name, {}).get("gpu", "no reading of a GPU was taken")
                yield Unjudged(code=Code.PAGE_CACHE, reason=f"{node.name}: {why}")
            continue
        loads = state.watches.get(node.name, Watch()).loads
        unread = [c.contender.name for c in on_gpu if c.contender.name not in loads and (c.info or c.error)]
        if unread:
            yield Unjudged(code=Code.PAGE_CACHE, reason=f"memory of {node.name} was not read while {unread[0]} loaded")
        for contender in on_gpu:
            load = loads.get(contender.contender.name)
            if load is None or not load.squeezed:
                continue
            failed = "failed to load" if contender.info is None and contender.error else "was loaded"
            text = (
                f"{contender.contender.name} {failed} while CUDA saw {load.free / GIB:.1f} GiB free on {node.name} of"
                f" {load.need / GIB:.1f} GiB needed, and {hidden(load.free, load.cache, load.available) / GIB:.1f} GiB"
                f" more lay in the page cache: drop it before a load ({DROP_CACHE})"
            )
            yield note(
                Code.PAGE_CACHE,
                text,
                node=node.name,
                contender=contender.contender.name,
                free=load.free,
                cache=load.cache,
                available=load.available,
                need=load.need,
            )


def unified_gpu(state: RunState, node: Node) -> bool | None:
    """Whether a node has a GPU that shares the machine's memory; None if that is not known."""
    gauges = state.gauges.get(node.name, {})
    if gpus := things(gauges, "gpu"):
        return any(indexed("gpu", gpu, "vram_total") not in gauges for gpu in gpus)
    return None if node.gpus else False


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
    seen = state.watches[node.name].memory
    total = state.gauges[node.name].get(channels.MEMORY_TOTAL)
    reserve = floor_bytes(total.peak if total is not None else node.memory)
    if seen.lowest is not None:
        text = (
            f"available memory of {node.name} fell to {seen.lowest / GIB:.1f} GiB, below the reserve of"
            f" {reserve / GIB:.1f} GiB, and it was felt: weights may have been read from disk again"
        )
        say = fault if seen.shortest is Level.CRITICAL else note
        yield say(Code.MEMORY_RESERVE, text, node=node.name, lowest=seen.lowest, reserve=reserve)
    elif seen.unclear is not None:
        reason = f"{node.name} fell to {seen.unclear / GIB:.1f} GiB available, and whether tasks waited was not read"
        yield Unjudged(code=Code.MEMORY_RESERVE, reason=reason)


def _memory_pressure(state: RunState, node: Node) -> Findings:
    full = _readings(state, node, channels.PSI_FULL)
    watch = state.watches.get(node.name)
    worst = watch.memory.worst if watch is not None else None
    if worst is not None and worst.level in (Level.TIGHT, Level.CRITICAL):
        say = fault if worst.level is Level.CRITICAL else note
        text = f"memory of {node.name} was {worst.level}: {worst.reason}"
        yield say(Code.MEMORY_PRESSURE, text, node=node.name, level=worst.level.value, **worst.evidence)
    elif isinstance(full, str):
        yield Unjudged(code=Code.MEMORY_PRESSURE, reason=full)
    elif isinstance(available := _readings(state, node, channels.MEMORY_AVAILABLE), str):
        # Tasks that hardly wait are no proof: next to nothing may be left.
        yield Unjudged(code=Code.MEMORY_PRESSURE, reason=available)


def _swap_growth(state: RunState, node: Node) -> Findings:
    used = _readings(state, node, channels.SWAP_USED)
    if isinstance(used, str):
        yield Unjudged(code=Code.SWAP_GROWTH, reason=used)
        return
    values = [value for value in used.values if value is not None]
    if (growth := max(values) - values[0]) > SWAP_GROWTH:
        text = f"swap of {node.name} grew by {growth / GIB:.2f} GiB during the run"
        yield fault(Code.SWAP_GROWTH, text, node=node.name, bytes=growth)
