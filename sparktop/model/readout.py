"""What is known of a machine, as one document: what `s` keeps where there is no run.

It is what `sparktop monitor --once --json` prints, and beside it what the machine is, whose the processes on its GPUs
are, and every reading of the time in which it was watched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sparktop.model.channels import describe
from sparktop.model.processes import Holder, holders
from sparktop.model.records import Node
from sparktop.model.snapshot import Series, telemetry
from sparktop.model.state import RunState

SCHEMA: Final = "sparktop.machine/1"
"""Name and version of the document. Within a version fields are only ever added."""

FRESH_S: Final = 10.0
"""Twice the pace of the slowest source: what is older than the newest reading by more is not read any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readout:
    """A machine at one moment, and up to it.

    Attributes:
        schema: Name and version of this format.
        sparktop: Version of the program.
        taken: Wall-clock time at which this was written, ISO 8601 with offset.
        recording: Name of the recording that was played; empty for a machine that was read.
        node: Name of the machine.
        t: Seconds from the first reading to this moment.
        values: The newest reading of every channel.
        missing: Why a channel is not read.
        units: Units of the channels.
        machine: What the machine is; null if nobody told.
        processes: Those that hold memory of its GPUs, the largest first.
        telemetry: Every reading. Of a long time older ones are thinned, as in the snapshot of a run.
    """

    schema: str
    sparktop: str
    taken: str
    recording: str
    node: str
    t: float
    values: dict[str, float]
    missing: dict[str, str]
    units: dict[str, str]
    machine: Node | None
    processes: tuple[Holder, ...]
    telemetry: tuple[Series, ...]


def read_out(state: RunState, *, now: float, sparktop: str, taken: str, recording: str = "") -> Readout:
    """Returns what is known of the machine that was read first.

    Args:
        state: What was read.
        now: Seconds on the clock of the events.
        sparktop: Version of the program.
        taken: Wall-clock time, ISO 8601 with offset.
        recording: Name of the recording that is played, if one is.

    Raises:
        ValueError: Nothing was read yet.
    """
    if not any(state.gauges.values()):
        raise ValueError("nothing was read yet")
    node, gauges = next((name, gauges) for name, gauges in state.gauges.items() if gauges)
    newest = max(gauge.times[-1] for gauge in gauges.values())
    fresh = {name: gauge for name, gauge in gauges.items() if gauge.times[-1] >= newest - FRESH_S}
    values = {name: gauge.last for name, gauge in fresh.items() if gauge.last is not None}
    missing = {name: reason for name, reason in state.missing.get(node, {}).items() if name not in values}
    units = {name: channel.unit for name in (*values, *missing) if (channel := describe(name)) is not None}
    return Readout(
        schema=SCHEMA,
        sparktop=sparktop,
        taken=taken,
        recording=recording,
        node=node,
        t=round(now, 3),
        values=values,
        missing=missing,
        units=units,
        machine=state.nodes.get(node),
        processes=holders(state, node),
        telemetry=tuple(series for series in telemetry(state) if series.node == node),
    )
