"""A run's events as a feed of the screens: for tests, benchmarks and pictures."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sparktop.model.events import Event, RunEnded, Status
from sparktop.ui.feed import Clock

if TYPE_CHECKING:
    from sparktop.runner.session import Outcome


class ReplayFeed:
    """Recorded events, handed out at the times at which they happened.

    Args:
        name: Name of the run.
        events: In order.
        clock: What time is measured by.
        skip_s: Recorded seconds that are handed out at once.
    """

    def __init__(self, name: str, events: Sequence[Event], clock: Clock, skip_s: float = 0.0) -> None:
        self._name = name
        self._events = deque(events)
        self._clock = clock
        self._skip_s = skip_s
        self._origin = clock()
        self._outcome: Outcome | None = None
        self._stopped_at: float | None = None

    @property
    def id(self) -> str:
        """Name of the run."""
        return self._name

    def start(self) -> None:
        """Begins at the first event."""
        self._origin = self._clock()

    def cancel(self) -> None:
        """Drops what is still to come and ends the run."""
        if self._stopped_at is None and self._outcome is None:
            self._stopped_at = self.now()
            self._events = deque([*_take_until(self._events, self._stopped_at)])
            self._events.append(RunEnded(t=self._stopped_at, status=Status.CANCELLED))

    def drain(self) -> Sequence[Event]:
        """Takes the events that came since the last call, in order."""
        events = _take_until(self._events, self.now())
        # Ratings may follow it.
        ended = next((event for event in reversed(events) if isinstance(event, RunEnded)), None)
        if ended is not None:
            # The runner is heavy, and a benchmark of screens must not count it.
            from sparktop.runner.session import Outcome

            self._outcome = Outcome(status=ended.status, snapshot=None, problems=())
        return events

    def now(self) -> float:
        """Seconds since the run began."""
        return self._skip_s + self._clock() - self._origin

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """How the run ended; None if it has not. It never waits."""
        return self._outcome

    def snapshot_now(self) -> Path:
        """A replay has a file already, and writes none."""
        raise OSError("a replayed run is on disk already")


def _take_until(events: deque[Event], now: float) -> list[Event]:
    taken: list[Event] = []
    while events and events[0].t <= now:
        taken.append(events.popleft())
    return taken
