"""Whose processes hold memory of a machine's GPUs now."""

from __future__ import annotations

from dataclasses import dataclass

from sparktop.model.channels import PROCESS_LEFT, indexed, things
from sparktop.model.state import RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that holds memory of a GPU.

    Attributes:
        pid: Its number.
        name: Its command; empty if unknown.
        own: Whether it is sparktop or was started by it; null if unknown.
        gpu_held: Bytes that it holds on all GPUs; null if that is not told.
    """

    pid: int
    name: str
    own: bool | None
    gpu_held: float | None


def holders(state: RunState, node: str) -> tuple[Holder, ...]:
    """Returns the processes of a machine that hold memory of its GPUs, the largest first.

    Args:
        state: What was read.
        node: Name of the machine.
    """
    gauges, missing = state.gauges.get(node, {}), state.missing.get(node, {})
    known = state.processes.get(node, {})
    gpus = [gauges[name] for gpu in things(gauges, "gpu") if (name := indexed("gpu", gpu, "held")) in gauges]
    # They are listed all at once: one that was not among them has left, should nothing else tell.
    listed = max((gauge.times[-1] for gauge in gpus), default=float("-inf"))
    found = []
    for pid in things([*gauges, *missing], "process"):
        name = indexed("process", pid, "gpu_held")
        gauge = gauges.get(name)
        reason = missing.get(name)
        there = reason != PROCESS_LEFT if reason is not None else gauge is not None and gauge.times[-1] >= listed
        if there and pid.isdecimal():
            seen = known.get(int(pid))
            held = gauge.last if gauge is not None else None
            found.append(
                Holder(pid=int(pid), name=seen.name if seen else "", own=seen.own if seen else None, gpu_held=held)
            )
    return tuple(sorted(found, key=lambda holder: (-(holder.gpu_held or 0.0), holder.pid)))
