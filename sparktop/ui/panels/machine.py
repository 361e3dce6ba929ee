"""A machine as its newest readings tell it: what the panels about machines draw."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from sparktop.model import channels
from sparktop.model.channels import indexed
from sparktop.model.events import ProcessSeen
from sparktop.model.records import Node
from sparktop.model.state import RunState
from sparktop.model.timeseries import Gauge
from sparktop.ui.chrome import safe

FRESH_S: Final = 10.0
"""Twice the slowest pace of a source: what is older than the machine's newest reading by more is not read any more."""

SETTLED: Final = 5
"""Readings after which a channel of which nothing was told will not come any more."""

OVERDUE: Final = 3
"""Intervals without a reading after which what is shown is said to be old."""

USUAL_S: Final = 0.5
"""Seconds between readings in a run."""

SEEN: Final = "gpu, ever seen"

DRAWN_S: Final = 0.5
"""How long a reading may take to be drawn: no sign that it is late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is known of a machine.

    Attributes:
        name: As the person calls it, fit for the screen.
        node: What it is; None where nobody told.
        gauges: Readings by channel.
        missing: Why a channel is not read; the bare name of a source: why there is nothing of it at all.
        newest: When it was read last, on the clock of the events; -inf before the first reading.
        age_s: For how long it has not been read; 0 once the run has ended, as nothing is to be read.
        interval_s: Seconds between its readings.
        seen: Who holds memory of a GPU, by process number.
        servers: What the servers are that it watches, by their place in channels; fit for the screen.
    """

    name: str
    node: Node | None
    gauges: Mapping[str, Gauge]
    missing: Mapping[str, str]
    newest: float
    age_s: float
    interval_s: float
    seen: Mapping[int, ProcessSeen]
    servers: Mapping[str, str]
    _things: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)
    """What was asked for before: all readings have to be looked through for it."""

    def get(self, channel: str) -> float | None:
        """The newest reading of a channel; None if it is missing or not read any more."""
        gauge = self.gauges.get(channel)
        if gauge is None or not gauge.times or gauge.times[-1] < self.newest - FRESH_S:
            return None
        return gauge.last

    def of(self, source: str, thing: str, quantity: str) -> float | None:
        """The newest reading of one thing's quantity, such as of "gpu", "0", "power"."""
        return self.get(indexed(source, thing, quantity))

    def why(self, *names: str) -> str:
        """Why there is no reading: the reason of the first of these channels or sources that has one."""
        return next((safe(self.missing[name]) for name in names if name in self.missing), self._nothing)

    @property
    def _nothing(self) -> str:
        """What to say of a channel that nothing is told of: the first readings lack what is counted between two."""
        often = max((len(gauge.times) for gauge in self.gauges.values()), default=0)
        return "not read" if often >= SETTLED else "no reading yet"

    def things(self, source: str) -> tuple[str, ...]:
        """Which things of a source there are, in order: numbers by their value, names by the alphabet."""
        if source not in self._things:
            start = f"{source}."
            told = [name for name in self.gauges if name.startswith(start) and self.get(name) is not None]
            self._things[source] = tuple(sorted(channels.things([*told, *self.missing], source), key=_order))
        return self._things[source]

    @property
    def read(self) -> bool:
        """Whether it was read at all."""
        return self.newest > -math.inf

    @property
    def stale(self) -> bool:
        """Whether readings are overdue."""
        return self.age_s > OVERDUE * self.interval_s + DRAWN_S

    @property
    def silent(self) -> str:
        """Why nothing at all is read of it any more, such as for a lost connection; empty while anything is."""
        if not self.read or any(gauge.last is not None for gauge in self.gauges.values()):
            return ""
        told = next((name for name in self.gauges if name in self.missing), "")
        return self.why(told).removesuffix(f" to {self.name}")

    @property
    def gpus(self) -> tuple[str, ...]:
        """The GPUs that were ever seen: a driver that restarts is no reason to forget them."""
        if SEEN not in self._things:
            self._things[SEEN] = tuple(sorted(channels.things(self.gauges, "gpu"), key=_order))
        return self._things[SEEN]

    @property
    def unified(self) -> bool:
        """Whether the GPU computes in the machine's own memory."""
        if self.gpus:
            return not any(indexed("gpu", gpu, "vram_total") in self.gauges for gpu in self.gpus)
        return self.node is not None and any("GB10" in name for name in self.node.gpus)

    @property
    def held(self) -> float | None:
        """Bytes that compute processes hold on all GPUs; None if no GPU tells."""
        told = [held for gpu in self.gpus if (held := self.of("gpu", gpu, "held")) is not None]
        return sum(told) if told else None

    def processes(self) -> list[tuple[str, float]]:
        """Who holds memory of GPUs, and how many bytes, the largest first; without those that have ended."""
        listed = max(
            (gauge.times[-1] for gpu in self.gpus if (gauge := self.gauges.get(indexed("gpu", gpu, "held")))),
            default=math.inf,
        )
        found = []
        for pid in channels.things(self.gauges, "process"):
            gauge = self.gauges[indexed("process", pid, "gpu_held")]
            # The processes are listed all at once: one that was not among them has ended, which nothing else tells.
            if gauge.last is not None and gauge.times[-1] >= listed:
                who = self.seen.get(int(pid)) if pid.isdecimal() else None
                found.append((f"{pid} {safe(who.name)}" if who and who.name else f"process {pid}", gauge.last))
        return sorted(found, key=lambda one: -one[1])


def machines(state: RunState, now: float) -> list[Machine]:
    """Returns the machines of a run, or those that are read without one, in order of their appearance.

    Args:
        state: The run so far.
        now: Seconds on the clock of the events.
    """
    names = dict.fromkeys([*state.nodes, *state.gauges])
    return [_machine(state, name, now) for name in names]


def _machine(state: RunState, name: str, now: float) -> Machine:
    gauges = state.gauges.get(name, {})
    newest = max((gauge.times[-1] for gauge in gauges.values() if gauge.times), default=-math.inf)
    over = state.ended is not None or newest == -math.inf
    return Machine(
        name=safe(name),
        node=state.nodes.get(name),
        gauges=gauges,
        missing=state.missing.get(name, {}),
        newest=newest,
        age_s=0.0 if over else max(0.0, now - newest),
        interval_s=_interval(gauges, newest),
        seen=state.processes.get(name, {}),
        servers={server: safe(kind) for server, kind in state.servers.get(name, {}).items()},
    )


def _interval(gauges: Mapping[str, Gauge], newest: float) -> float:
    """Seconds between the last readings, as something shows that is read each time."""
    always = next((gauge for gauge in gauges.values() if gauge.times and gauge.times[-1] == newest), None)
    steps = sorted(after - before for before, after in pairwise(always.times[-6:])) if always else []
    return max(USUAL_S, steps[len(steps) // 2]) if steps else USUAL_S


def _order(thing: str) -> tuple[int, int, str]:
    return (0, int(thing), "") if thing.isdecimal() else (1, 0, thing)
