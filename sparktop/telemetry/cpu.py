"""How busy the processors are and how fast they run, from /proc/stat and cpufreq."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sparktop.model import channels
from sparktop.telemetry.cores import core_kinds
from sparktop.telemetry.reading import (
    DISK,
    Files,
    Gathered,
    Pace,
    Reading,
    Unreadable,
    read_count,
    read_text,
)

_MANY_POLICIES: Final = 32
_SLOW_S: Final = 5.0
"""Asking a hundred cores for their clock wakes each of them: not at every tick."""


@dataclass(frozen=True, slots=True)
class _Ticks:
    """Time of one or several processors so far.

    Attributes:
        idle: Ticks without work.
        total: All ticks.
        cpus: Which processors were counted.
    """

    idle: int
    total: int
    cpus: frozenset[int] = frozenset()


class _Load:
    """Turns the ticks of some processors into their load."""

    def __init__(self) -> None:
        self._last: _Ticks | None = None

    def forget(self) -> None:
        self._last = None

    def percent(self, ticks: _Ticks) -> float:
        last, self._last = self._last, ticks
        if last is None:
            raise Unreadable("a rate needs two readings")
        if ticks.cpus != last.cpus:
            raise Unreadable("a processor came or went")
        idle_growth, growth = ticks.idle - last.idle, ticks.total - last.total
        if growth < 0 or idle_growth < 0 or idle_growth > growth:
            raise Unreadable("the counter was reset")
        if growth == 0:
            raise Unreadable("no time has passed since the last reading")
        return 100 * (growth - idle_growth) / growth


class CpuSource:
    """Load of all processors together and of each kind, and their clocks."""

    name = "cpu"

    def __init__(self, proc: Path, sys: Path | None = None, files: Files = DISK) -> None:
        """Opens nothing yet.

        Args:
            proc: Usually /proc.
            sys: Usually /sys; None reads the load of all processors alone.
            files: Where they are read.
        """
        self._path = proc / "stat"
        self._proc = proc
        self._cpufreq = sys / "devices/system/cpu/cpufreq" if sys is not None else None
        self._files = files
        self._load = _Load()
        self._kinds: dict[int, str] | None = None
        self._loads: dict[str, _Load] = {}
        self._policies: dict[Path, tuple[int, ...]] = {}
        self._no_clock = ""
        self._slow = Pace(_SLOW_S)
        self._listed = Pace(_SLOW_S)

    @property
    def channels(self) -> tuple[str, ...]:
        """Load, and where known the clock; then the same of each kind of core."""
        if self._cpufreq is None:
            return (channels.CPU_LOAD,)
        of_kinds = (channels.indexed("cpu", kind, what) for kind in self._loads for what in ("load", "clock"))
        return (channels.CPU_LOAD, channels.CPU_CLOCK, *of_kinds)

    def forget(self) -> None:
        """Nothing to drop: busy and whole time come from one file and need no clock of ours."""

    def read(self, now: float) -> Reading:
        """Reads the share of time since the last reading that was not idle, and the clocks of now."""
        gathered = Gathered()
        if self._cpufreq is not None and self._kinds is None:
            self._kinds = core_kinds(self._proc, self._files)
            kinds = sorted(set(self._kinds.values()))
            # With one kind, its load is the load of all.
            self._loads = {kind: _Load() for kind in kinds} if len(kinds) > 1 else {}
        self._put_loads(gathered)
        if self._cpufreq is not None:
            self._put_clocks(now, self._cpufreq, gathered)
        return gathered.reading(now)

    def _put_loads(self, gathered: Gathered) -> None:
        names = {kind: channels.indexed("cpu", kind, "load") for kind in self._loads}
        try:
            # user nice system idle iowait irq softirq steal; guest time, after these, is part of user.
            lines = [line.split() for line in self._files.lines(self._path) if line.startswith("cpu")]
            whole = _ticks(lines[0]) if lines and lines[0][0] == "cpu" else None
            if whole is None:
                raise Unreadable(f"{self._path} does not begin with the processors' times")
        except Unreadable as reason:
            for load in (self._load, *self._loads.values()):
                load.forget()
            gathered.fail((channels.CPU_LOAD, *names.values()), str(reason))
            return
        gathered.put(channels.CPU_LOAD, lambda: self._load.percent(whole))
        if not self._loads:
            return
        single = {int(words[0][3:]): _ticks(words) for words in lines[1:] if words[0][3:].isdecimal()}
        for kind, name in names.items():
            ticks = self._sum(kind, single)
            gathered.put(name, lambda kind=kind, ticks=ticks: self._loads[kind].percent(ticks))  # type: ignore[misc]

    def _sum(self, kind: str, single: dict[int, _Ticks | None]) -> _Ticks:
        kinds = self._kinds or {}
        mine = {cpu: ticks for cpu, ticks in single.items() if ticks is not None and kinds.get(cpu) == kind}
        return _Ticks(
            sum(ticks.idle for ticks in mine.values()), sum(ticks.total for ticks in mine.values()), frozenset(mine)
        )

    def _put_clocks(self, now: float, folder: Path, gathered: Gathered) -> None:
        names = [channels.CPU_CLOCK, *(channels.indexed("cpu", kind, "clock") for kind in self._loads)]
        if self._listed.due(now):
            try:
                self._policies, self._no_clock = self._list(folder), f"no clock is told in {folder}"
            except Unreadable as reason:
                self._policies, self._no_clock = {}, str(reason)
        if not self._policies:
            gathered.fail(names, self._no_clock)
            return
        if len(self._policies) > _MANY_POLICIES and not self._slow.due(now):
            return
        clocks: dict[int, float] = {}
        reasons: list[str] = []
        for path, cpus in self._policies.items():
            try:
                clocks.update(dict.fromkeys(cpus, read_count(self._files, path / "scaling_cur_freq") / 1e3))
            except Unreadable as reason:
                reasons.append(str(reason))
        every = {cpu for cpus in self._policies.values() for cpu in cpus}
        gathered.put(channels.CPU_CLOCK, lambda: _mean(clocks, every, reasons))
        kinds = self._kinds or {}
        for kind, name in zip(self._loads, names[1:], strict=True):
            mine = {cpu for cpu in every if kinds.get(cpu) == kind}
            gathered.put(name, lambda mine=mine: _mean(clocks, mine, reasons))  # type: ignore[misc]

    def _list(self, folder: Path) -> dict[Path, tuple[int, ...]]:
        """Returns the processors of each policy: one clock holds for all of them."""
        found = {}
        for name in self._files.names(folder):
            if name.startswith("policy"):
                text = read_text(self._files, folder / name / "related_cpus")
                found[folder / name] = tuple(int(word) for word in text.split() if word.isdecimal())
        return found


def _ticks(words: list[str]) -> _Ticks | None:
    if len(words) < 9 or not all(word.isdecimal() for word in words[1:9]):
        return None
    ticks = [int(word) for word in words[1:9]]
    cpu = words[0][3:]
    return _Ticks(ticks[3] + ticks[4], sum(ticks), frozenset({int(cpu)} if cpu.isdecimal() else ()))


def _mean(clocks: dict[int, float], cpus: set[int], reasons: list[str]) -> float:
    if not cpus:
        raise Unreadable("no processor of this kind has a clock")
    if not cpus <= clocks.keys():
        raise Unreadable(reasons[0])
    return sum(clocks[cpu] for cpu in cpus) / len(cpus)
