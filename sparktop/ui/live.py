"""The feed of a run that goes on in this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path

from sparktop.model.events import Event
from sparktop.model.rating_events import Opinion
from sparktop.places import Places
from sparktop.runner.fleet import Fleet
from sparktop.runner.plan import Plan
from sparktop.runner.session import Outcome, Session
from sparktop.ui.feed import Clock


class LiveFeed:
    """A session that runs now.

    The session's threads append to a deque and never wait for the screen.
    """

    def __init__(self, plan: Plan, places: Places, clock: Clock, fleet: Fleet | None = None) -> None:
        self._events: deque[Event] = deque()
        self._clock = clock
        self._origin = clock()
        self._session = Session(plan, places, self._events.append, fleet=fleet)

    @property
    def id(self) -> str:
        """Name of the run."""
        return self._session.id

    def start(self) -> None:
        """Begins; returns at once."""
        self._origin = self._clock()
        self._session.start()

    def cancel(self) -> None:
        """Asks the run to stop; returns at once."""
        self._session.cancel()

    def drain(self) -> Sequence[Event]:
        """Takes the events that came since the last call, in order."""
        # Only what is there at the beginning: a source faster than this loop must not hold it.
        events = [self._events.popleft() for _ in range(len(self._events))]
        if events:
            # The session stamps events on its own zero, which lies a little before or after this one: an event
            # that is stamped later than now tells that this zero is too late.
            self._origin = min(self._origin, self._clock() - events[-1].t)
        return events

    def now(self) -> float:
        """Seconds since the run began, which go on between events."""
        return max(0.0, self._clock() - self._origin)

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """How the run ended; None if it did not end within `timeout` seconds."""
        return self._session.wait(timeout)

    def snapshot_now(self) -> Path:
        """Writes the run so far and returns its file."""
        return self._session.snapshot_now()

    def rate(self, opinion: Opinion) -> Opinion:
        """Keeps what somebody says of an answer, during the run or after it."""
        return self._session.rate(opinion)

    def close(self) -> str:
        """Lets the run's files go, once nobody rates any more."""
        return self._session.close()
