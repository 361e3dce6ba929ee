"""What the readings of one machine come to, where that takes several of them at the same moment.

A series alone can be looked at afterwards, thinned as it may be by then. That a clock was low *while* the GPU was busy
can't: it is followed reading by reading, in the same fold that makes the series.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sparktop.model import channels
from sparktop.model.channels import indexed, things
from sparktop.model.clock_events import HARDWARE_SLOWDOWN
from sparktop.model.low_clock import LONGEST_STEP_S, LowClock
from sparktop.model.pressure import Level, Pressure, read_pressure
from sparktop.model.split_traffic import SplitTraffic

_RANKS: Final = (Level.OK, Level.UNKNOWN, Level.TIGHT, Level.CRITICAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a contender does at the moment of a reading.

    Attributes:
        contender: Its name.
        nodes: The machines that it runs on.
        lacking: Bytes of weights that are still to be loaded; None while it does not load.
        tokens: Tokens that it has decoded so far.
    """

    contender: str
    nodes: tuple[str, ...]
    lacking: float | None
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Memory as a load began.

    Attributes:
        need: Bytes that it still needed.
        free: MemFree, which is what CUDA takes for free memory on a unified machine.
        cache: The page cache.
        available: MemAvailable.
    """

    need: float
    free: float
    cache: float
    available: float

    @property
    def squeezed(self) -> bool:
        """Whether CUDA was told of too little, though the kernel could have given enough."""
        return self.free < self.need <= self.available and hidden(self.free, self.cache, self.available) > 0


def hidden(free: float, cache: float, available: float) -> float:
    """Returns how many bytes the kernel would give up of its page cache, and CUDA does not see."""
    return max(0.0, min(cache, available - free))


@dataclass(slots=True)
class Memory:
    """The memory so far.

    Attributes:
        worst: The worst judgement; None before the first one.
        lowest: Least bytes available while memory was short; None if it never was.
        shortest: How short it was then, at worst.
        unclear: Least bytes available at a moment that could not be judged; None if there was none.
    """

    worst: Pressure | None = None
    lowest: float | None = None
    shortest: Level = Level.OK
    unclear: float | None = None

    def take(self, values: Mapping[str, float]) -> None:
        """Takes a reading; one without any figure of memory is let pass."""
        found = read_pressure(values.get)
        available = found.evidence.get("available")
        if found.evidence.keys() <= {"floor"}:
            return
        if self.worst is None or _badness(found) > _badness(self.worst):
            self.worst = found
        if available is None or available >= found.evidence["floor"]:
            return
        if found.level is Level.UNKNOWN:
            self.unclear = min(available, self.unclear if self.unclear is not None else available)
        elif found.level is not Level.OK:
            self.lowest = min(available, self.lowest if self.lowest is not None else available)
            self.shortest = max(found.level, self.shortest, key=_RANKS.index)


def _badness(found: Pressure) -> tuple[int, float, float]:
    evidence = found.evidence
    return _RANKS.index(found.level), evidence.get("psi_full", 0.0), -evidence.get("available", 0.0)


@dataclass(slots=True)
class Watch:
    """Everything that is followed of one machine.

    Attributes:
        memory: How short it is of memory.
        clocks: Each GPU's clock, by the GPU's number.
        slowdown_s: Seconds for which a GPU declared a hardware slowdown, by its number.
        loads: Memory as each contender's load began, by contender.
        splits: What each split contender sends, by contender.
        links: Whether the link of each RDMA device is up.
        lost: When a link went down that had been up, in seconds, by device; gone again when it is back.
        lost_ever: The same, and it stays.
    """

    memory: Memory = field(default_factory=Memory)
    clocks: dict[str, LowClock] = field(default_factory=dict)
    slowdown_s: dict[str, float] = field(default_factory=dict)
    loads: dict[str, Load] = field(default_factory=dict)
    splits: dict[str, SplitTraffic] = field(default_factory=dict)
    links: dict[str, bool] = field(default_factory=dict)
    lost: dict[str, float] = field(default_factory=dict)
    lost_ever: dict[str, float] = field(default_factory=dict)
    _before: float | None = None

    def take(self, t: float, node: str, values: Mapping[str, float], work: Iterable[Work]) -> None:
        """Takes a reading.

        Args:
            t: Its time, in seconds.
            node: Name of this machine.
            values: What was read, by channel.
            work: What the contenders do that are under way.
        """
        step = min(LONGEST_STEP_S, 0.0 if self._before is None else t - self._before)
        self._before = t
        self.memory.take(values)
        for gpu in things(values, "gpu"):
            self.clocks.setdefault(gpu, LowClock()).take(t, gpu, values)
            if int(values.get(indexed("gpu", gpu, "event_reasons"), 0)) & HARDWARE_SLOWDOWN:
                self.slowdown_s[gpu] = self.slowdown_s.get(gpu, 0.0) + step
        self._take_links(t, values)
        for one in work:
            if node in one.nodes:
                self._take_work(t, values, one)

    def _take_links(self, t: float, values: Mapping[str, float]) -> None:
        for device in things(values, "roce"):
            up = values.get(indexed("roce", device, "up"))
            if up is None:
                continue
            if up:
                self.lost.pop(device, None)
            elif self.links.get(device):
                self.lost[device] = self.lost_ever[device] = t
            self.links[device] = bool(up)

    def _take_work(self, t: float, values: Mapping[str, float], work: Work) -> None:
        if work.lacking and work.contender not in self.loads:
            names = (channels.MEMORY_FREE, channels.MEMORY_CACHE, channels.MEMORY_AVAILABLE)
            free, cache, available = (values.get(name) for name in names)
            if free is not None and cache is not None and available is not None:
                self.loads[work.contender] = Load(need=work.lacking, free=free, cache=cache, available=available)
        if len(work.nodes) > 1:
            split = self.splits.setdefault(work.contender, SplitTraffic())
            split.take(t, values, work.tokens, any(self.links.values()))
