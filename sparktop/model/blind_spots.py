"""What can't be told of a machine at this moment, so that silence about it does not read as "all is well"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sparktop.model import channels
from sparktop.model.channels import indexed, things
from sparktop.model.gpu_checks import CAUSES
from sparktop.model.low_clock import LASTS_S, LowClock
from sparktop.model.pressure import Level, read_pressure
from sparktop.model.state import RunState
from sparktop.model.verdicts import Code, Unjudged
from sparktop.model.watch import Watch

TOO_SHORT: Final = f"it takes {LASTS_S:.0f} s of readings"


def blind_spots(state: RunState, node: str) -> Iterator[Unjudged]:
    """Yields the alerts that can't be raised about a machine, whatever is wrong with it.

    Args:
        state: What was read of it so far.
        node: The machine.
    """
    gauges = state.gauges.get(node, {})
    missing = state.missing.get(node, {})

    def read(channel: str) -> float | None:
        gauge = gauges.get(channel)
        return gauge.last if gauge is not None else None

    pressure = read_pressure(read)
    if pressure.level is Level.UNKNOWN:
        yield Unjudged(code=Code.MEMORY_PRESSURE, reason=pressure.reason)
    times = [gauge.times for gauge in gauges.values() if gauge.times]
    short = not times or max(each[-1] for each in times) - min(each[0] for each in times) < LASTS_S
    if read(channels.SWAP_USED) is None:
        yield Unjudged(code=Code.SWAP_GROWTH, reason=_why(channels.SWAP_USED, missing))
    elif short:
        yield Unjudged(code=Code.SWAP_GROWTH, reason=TOO_SHORT)
    gpus = things(gauges, "gpu")
    if not gpus:
        for code in (Code.THROTTLING, Code.LOW_CLOCK):
            yield Unjudged(code=code, reason=missing.get("gpu", "no reading of a GPU was taken"))
    for gpu in gpus:
        unread = [name for cause in CAUSES if read(name := indexed("gpu", gpu, cause)) is None]
        for why in dict.fromkeys(_why(name, missing) for name in unread):
            yield Unjudged(code=Code.THROTTLING, reason=why)
        clock = state.watches.get(node, Watch()).clocks.get(gpu, LowClock())
        if clock.blind and not clock.judged:
            yield Unjudged(code=Code.LOW_CLOCK, reason=_why(indexed("gpu", gpu, clock.blind), missing))
        elif short or clock.suspected is not None:
            yield Unjudged(code=Code.LOW_CLOCK, reason=TOO_SHORT)
    if things(gauges, "roce") and short:
        yield Unjudged(code=Code.ROCE_ERRORS, reason=TOO_SHORT)


def _why(channel: str, missing: Mapping[str, str]) -> str:
    why = missing.get(channel) or missing.get(channel.partition(".")[0]) or "no reading was taken"
    return f"{channel}: {why}"
