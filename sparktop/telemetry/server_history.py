"""What counters of a server grew by, lately."""

from __future__ import annotations

from collections import deque
from typing import Final

from sparktop.telemetry.reading import Unreadable

MINUTE_S: Final = 60.0
"""What a share is reckoned over: prompts come seldom, and one reading often saw none."""


class History:
    """Counters that are read together, as far back as a window reaches.

    Args:
        window_s: Seconds; 0 for since the reading before.
    """

    __slots__ = ("_readings", "_window")

    def __init__(self, window_s: float = 0.0) -> None:
        self._window = window_s
        self._readings: deque[tuple[float, tuple[float, ...]]] = deque()

    def forget(self) -> None:
        """Begins again, as if nothing had been read."""
        self._readings.clear()

    def growth(self, now: float, *counts: float) -> tuple[float, tuple[float, ...]]:
        """Returns the seconds that the window holds, and by how much each counter grew in them.

        Args:
            now: Seconds.
            counts: Always as many.

        Raises:
            Unreadable: It is the first reading, no time has passed, or a counter was reset.
        """
        last = self._readings[-1] if self._readings else None
        if last is not None and now <= last[0]:
            raise Unreadable("no time has passed since the last reading")
        reset = last is not None and any(new < old for new, old in zip(counts, last[1], strict=True))
        if reset:
            self._readings.clear()
        self._readings.append((now, counts))
        if reset:
            raise Unreadable("the counter was reset")
        if last is None:
            raise Unreadable("a rate needs two readings")
        # The first reading of those kept is the last one from before the window.
        while len(self._readings) > 2 and self._readings[1][0] <= now - self._window:
            self._readings.popleft()
        began, first = self._readings[0]
        return now - began, tuple(new - old for new, old in zip(counts, first, strict=True))

    def rate(self, now: float, count: float) -> float:
        """Returns the growth of one counter per second.

        Raises:
            Unreadable: As `growth`.
        """
        seconds, (grown,) = self.growth(now, count)
        return grown / seconds

    def share(self, now: float, part: float, whole: float, idle: str) -> float:
        """Returns the growth of one counter as a share of another's.

        Args:
            now: Seconds.
            part: A count.
            whole: Another, usually at least as high.
            idle: The reason, where the other has not grown.

        Raises:
            Unreadable: As `growth`, or nothing has grown.
        """
        _, (grown, of) = self.growth(now, part, whole)
        if not of:
            raise Unreadable(idle)
        return grown / of


class Speculation:
    """What became of the tokens that were drafted, over the last minute."""

    __slots__ = ("_history", "_reading")

    def __init__(self) -> None:
        self._history = History(MINUTE_S)
        self._reading: tuple[float, float, float] | Unreadable = Unreadable("not read yet")

    def add(self, now: float, steps: float, drafted: float, accepted: float) -> None:
        """Takes the counters.

        Args:
            now: Seconds.
            steps: Of speculative decoding, which drafted some tokens each.
            drafted: Tokens.
            accepted: Tokens.
        """
        try:
            _, grown = self._history.growth(now, steps, drafted, accepted)
            self._reading = (grown[0], grown[1], grown[2])
        except Unreadable as reason:
            self._reading = reason
        if not drafted:
            self._reading = Unreadable("no token was drafted since the server began")

    def fail(self, reason: Unreadable) -> None:
        """Takes the reason why there are no counters."""
        self._reading = reason

    def percent(self) -> float:
        """Returns the share of drafted tokens that were accepted.

        Raises:
            Unreadable: There is none, or not now.
        """
        _, drafted, accepted = self._grown()
        return 100 * accepted / drafted

    def length(self) -> float:
        """Returns the mean of tokens that a step made: those accepted, and the one that it makes anyhow.

        Raises:
            Unreadable: There is none, or not now.
        """
        steps, _, accepted = self._grown()
        if not steps:
            raise Unreadable("the server does not tell how many steps it took")
        return 1 + accepted / steps

    def _grown(self) -> tuple[float, float, float]:
        if isinstance(self._reading, Unreadable):
            raise Unreadable(str(self._reading))
        if not self._reading[1]:
            raise Unreadable("nothing was drafted in the last minute")
        return self._reading
