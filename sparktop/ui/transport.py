"""A place on a recording, that goes on with a clock: it can be stopped, and put elsewhere."""

from __future__ import annotations

from sparktop.ui.feed import Clock


class Transport:
    """Where a recording is.

    Args:
        clock: What time is measured by.
        length_s: Seconds that the recording lasts.
        speed: Seconds of it that pass in a second.
        at_s: Where it begins.

    Attributes:
        paused: Whether it stands still.
    """

    def __init__(self, clock: Clock, length_s: float, speed: float = 1.0, at_s: float = 0.0) -> None:
        self._clock = clock
        self.length_s = length_s
        self.speed = speed
        self.paused = False
        # It was at this place at this time of the clock.
        self._place, self._since = self._within(at_s), clock()

    def start(self) -> None:
        """Begins to go on from where it is put."""
        self._since = self._clock()

    @property
    def place_s(self) -> float:
        """Seconds from the beginning of the recording; it stays at its end."""
        gone = 0.0 if self.paused else (self._clock() - self._since) * self.speed
        return self._within(self._place + gone)

    @property
    def at_end(self) -> bool:
        """Whether there is nothing more to come."""
        return self.place_s >= self.length_s

    def pause(self) -> None:
        """Stops it, or lets it go on."""
        self.seek(self.place_s)
        self.paused = not self.paused

    def seek(self, to_s: float) -> None:
        """Puts it elsewhere; beyond the ends is at the ends."""
        self._place, self._since = self._within(to_s), self._clock()

    def _within(self, place: float) -> float:
        return min(max(0.0, place), self.length_s)
