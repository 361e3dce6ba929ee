"""Checks of the GPU: did it run as fast as it can, and for this run alone?"""

from __future__ import annotations

from typing import Final

from sparktop.model.channels import indexed, things
from sparktop.model.low_clock import THROTTLED_PERCENT, LowClock
from sparktop.model.records import Node
from sparktop.model.state import RunState
from sparktop.model.timeseries import Gauge
from sparktop.model.verdicts import Code, Findings, Unjudged, fault, note
from sparktop.model.watch import Watch

HEAT: Final = {
    "throttle_sw_thermal": "the driver, for heat",
    "throttle_hw_thermal": "the hardware, for heat",
    "throttle_power_brake": "the power supply",
}
"""What should not happen; a power limit, which big GPUs reach under any full load, only has to be known."""

CAUSES: Final = {**HEAT, "throttle_power_cap": "its power limit"}

SLOWDOWN_S: Final = 1.0
"""Seconds of a declared hardware slowdown that are let pass: two readings."""

UNPLUG: Final = (
    "shut down, take the power supply off the wall and off the machine for a minute, and plug in the one that came"
    " with it; if it comes back, it is a case for the warranty"
)
"""What people with the fault report to help: only without any current does the negotiation begin anew."""


def throttling(state: RunState) -> Findings:
    """Whether something held the clock of a GPU back."""
    for node, gpu, gauges in _gpus(state, Code.THROTTLING):
        if isinstance(gauges, Unjudged):
            yield gauges
            continue
        known = {cause: peak for cause in CAUSES if (peak := _peak(gauges, gpu, cause)) is not None}
        # What one cause is known not to have done says nothing of the others.
        unknown = {_why(state, node, gpu, cause): None for cause in CAUSES if cause not in known}
        if unknown:
            yield Unjudged(code=Code.THROTTLING, reason="; ".join(unknown))
        held_back = {cause: peak for cause, peak in known.items() if peak > THROTTLED_PERCENT}
        for cause, peak in held_back.items():
            text = f"GPU {gpu} of {node.name} was held back by {CAUSES[cause]} up to {peak:.0f} % of the time"
            say = fault if cause in HEAT else note
            yield say(Code.THROTTLING, text, node=node.name, gpu=gpu, percent=peak, cause=cause)
        slow = state.watches.get(node.name, Watch()).slowdown_s.get(gpu, 0.0)
        if slow > SLOWDOWN_S and not HEAT.keys() & held_back.keys():
            text = f"GPU {gpu} of {node.name} was slowed down by its hardware for {slow:.0f} s, for heat or power"
            yield fault(Code.THROTTLING, text, node=node.name, gpu=gpu, seconds=slow, cause="hw_slowdown")


def low_clock(state: RunState) -> Findings:
    """Whether the clock of a busy GPU was stuck far below its maximum, with no reason declared."""
    for node, gpu, gauges in _gpus(state, Code.LOW_CLOCK):
        if isinstance(gauges, Unjudged):
            yield gauges
            continue
        seen = state.watches.get(node.name, Watch()).clocks.get(gpu, LowClock())
        if seen.worst:
            worst = seen.worst
            clock = f"{worst['sm_clock']:.0f} MHz, " if "sm_clock" in worst else ""
            what = (
                f"the clock of GPU {gpu} of {node.name} stood at {clock}{worst['sm_clock_share']:.0f} % of its maximum,"
                f" for {seen.seconds:.0f} s at {worst['power']:.0f} W while it was {worst['utilization']:.0f} % busy,"
                " with no reason declared"
            )
            evidence: dict[str, float | str] = {"node": node.name, "gpu": gpu, "seconds": round(seen.seconds, 3)}
            evidence |= worst
            if is_gb10(node):
                text = f"{what}: a fault of the USB-C power delivery; {UNPLUG}"
                yield fault(Code.LOW_CLOCK, text, **evidence)
            else:
                yield note(Code.LOW_CLOCK, f"{what}: look at its power supply and power profile", **evidence)
        elif not seen.judged and seen.blind:
            yield Unjudged(code=Code.LOW_CLOCK, reason=_why(state, node, gpu, seen.blind))


def other_work(state: RunState) -> Findings:
    """Whether other processes computed on a GPU."""
    for node, gpu, gauges in _gpus(state, Code.OTHER_GPU_WORK):
        if isinstance(gauges, Unjudged):
            yield gauges
            continue
        others = _peak(gauges, gpu, "processes_other")
        if others is None:
            yield Unjudged(code=Code.OTHER_GPU_WORK, reason=_why(state, node, gpu, "processes_other"))
        elif others > 0:
            held = _peak(gauges, gpu, "held_other") or 0.0
            text = (
                f"up to {others:.0f} other compute processes were on GPU {gpu} of {node.name}, holding"
                f" {held / 2**30:.1f} GiB: they may have taken time from this run"
            )
            yield note(Code.OTHER_GPU_WORK, text, node=node.name, gpu=gpu, processes=others, bytes=held)


def is_gb10(node: Node | None) -> bool:
    """Whether a machine is known to be a DGX Spark or one of its kin."""
    return node is not None and any("GB10" in name for name in node.gpus)


def _gpus(state: RunState, code: Code) -> list[tuple[Node, str, dict[str, Gauge] | Unjudged]]:
    """Every GPU with its node's readings, or the node with the reason why it has none."""
    found: list[tuple[Node, str, dict[str, Gauge] | Unjudged]] = []
    for node in state.nodes.values():
        gauges = state.gauges.get(node.name, {})
        gpus = things(gauges, "gpu")
        if not gpus:
            why = state.missing.get(node.name, {}).get("gpu", "no reading of a GPU was taken")
            found.append((node, "", Unjudged(code=code, reason=f"{node.name}: {why}")))
        found += [(node, gpu, gauges) for gpu in gpus]
    return found


def _peak(gauges: dict[str, Gauge], gpu: str, quantity: str) -> float | None:
    gauge = gauges.get(indexed("gpu", gpu, quantity))
    return None if gauge is None else gauge.peak


def _why(state: RunState, node: Node, gpu: str, quantity: str) -> str:
    name = indexed("gpu", gpu, quantity)
    why = state.missing.get(node.name, {}).get(name, "no reading was taken")
    return f"{name} of {node.name}: {why}"
