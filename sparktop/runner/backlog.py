"""What was read of machines and waits to be shown: bounded, however long nobody takes it."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

from sparktop.model.events import Event, SampleTaken

MOST: Final = 4096
"""Events: a quarter of an hour of two machines, in tens of MB."""


class Backlog:
    """Events in order, from several threads for one.

    A terminal that takes nothing (a laptop that sleeps, a pager behind a pipe) holds up whoever shows them, for hours
    perhaps. The oldest readings are dropped then, and are a gap; reasons why something is not read are told once, and
    stay.

    Args:
        most: How many there are at most, but for those that tell more than figures.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._events: deque[Event] = deque()
        self._due = most

    def put(self, event: Event) -> None:
        """Appends an event."""
        with self._lock:
            self._events.append(event)
            if len(self._events) > self._due:
                self._drop_oldest()

    def take(self) -> list[Event]:
        """Returns the events that came since the last call, and forgets them."""
        with self._lock:
            events, self._events, self._due = list(self._events), deque(), self._most
        return events

    def _drop_oldest(self) -> None:
        events = list(self._events)
        half = len(events) // 2
        kept = [event for event in events[:half] if not isinstance(event, SampleTaken) or event.missing]
        self._events = deque([*kept, *events[half:]])
        # Where hardly any could be dropped, not again with every event.
        self._due = max(self._most, len(self._events) + half // 2)
