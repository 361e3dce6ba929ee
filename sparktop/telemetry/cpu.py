"""How busy the processors are, from /proc/stat."""

from __future__ import annotations

from pathlib import Path

from sparktop.model import channels
from sparktop.telemetry.reading import Reading, Unreadable, read_lines


class CpuSource:
    """Load of all processors together."""

    def __init__(self, proc: Path) -> None:
        """Opens nothing yet.

        Args:
            proc: Usually /proc.
        """
        self._path = proc / "stat"
        self._last: tuple[int, int] | None = None

    @property
    def channels(self) -> tuple[str, ...]:
        """The load alone."""
        return (channels.CPU_LOAD,)

    def forget(self) -> None:
        """Nothing to drop: busy and whole time come from one line and need no clock of ours."""

    def read(self, now: float) -> Reading:
        """Reads the share of time since the last reading that was not idle, 0 to 100 percent."""
        try:
            return Reading(t=now, values={channels.CPU_LOAD: self._load()})
        except Unreadable as reason:
            return Reading(t=now, missing={channels.CPU_LOAD: str(reason)})

    def _load(self) -> float:
        last, self._last = self._last, None
        idle, total = self._times()
        self._last = (idle, total)
        if last is None:
            raise Unreadable("a rate needs two readings")
        idle_growth, growth = idle - last[0], total - last[1]
        if growth < 0 or idle_growth < 0 or idle_growth > growth:
            raise Unreadable("the counter was reset")
        if growth == 0:
            raise Unreadable("no time has passed since the last reading")
        return 100 * (growth - idle_growth) / growth

    def _times(self) -> tuple[int, int]:
        """Idle and whole time so far, in ticks."""
        first = next(iter(read_lines(self._path)), "").split()
        # user nice system idle iowait irq softirq steal; guest time, after these, is part of user.
        if len(first) < 9 or first[0] != "cpu" or not all(word.isdecimal() for word in first[1:9]):
            raise Unreadable(f"{self._path} does not begin with the processors' times")
        ticks = [int(word) for word in first[1:9]]
        return ticks[3] + ticks[4], sum(ticks)
