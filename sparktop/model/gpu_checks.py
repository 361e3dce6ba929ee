"""Checks of the GPU: did it run as fast as it can, and for this run alone?"""

from __future__ import annotations

from typing import Final

from sparktop.model.channels import indexed, things
from sparktop.model.records import Node
from sparktop.model.state import RunState
from sparktop.model.timeseries import Gauge
from sparktop.model.verdicts import Code, Findings, Unjudged, fault, note

THROTTLED_PERCENT: Final = 5.0
"""Share of a reading's time below which a clock that was held back changes no figure."""

_HEAT: Final = {
    "throttle_sw_thermal": "the driver, for heat",
    "throttle_hw_thermal": "the hardware, for heat",
    "throttle_power_brake": "the power supply",
}
"""What should not happen; a power limit, which big GPUs reach under any full load, only has to be known."""


def throttling(state: RunState) -> Findings:
    """Whether something held the clock of a GPU back."""
    for node, gpu, gauges in _gpus(state, Code.THROTTLING):
        if isinstance(gauges, Unjudged):
            yield gauges
            continue
        causes = {**_HEAT, "throttle_power_cap": "its power limit"}
        known = {cause: peak for cause in causes if (peak := _peak(gauges, gpu, cause)) is not None}
        if not known:
            yield Unjudged(code=Code.THROTTLING, reason=_why(state, node, gpu, "throttle_hw_thermal"))
        for cause, peak in known.items():
            if peak <= THROTTLED_PERCENT:
                continue
            text = f"GPU {gpu} of {node.name} was held back by {causes[cause]} up to {peak:.0f} % of the time"
            say = fault if cause in _HEAT else note
            yield say(Code.THROTTLING, text, node=node.name, gpu=gpu, percent=peak, cause=cause)


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
