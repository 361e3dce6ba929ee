"""The feed of a run that is on disk: all of it at once, and then what is said of its answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sparktop.model.events import Event, Status
from sparktop.model.rating_events import OPINIONS, Opinion
from sparktop.model.unfold import unfold
from sparktop.store.names import snapshot_path
from sparktop.store.opening import load_snapshot
from sparktop.store.runs import RunEntry

if TYPE_CHECKING:
    from sparktop.runner.session import Outcome
    from sparktop.store.rating_book import RatingBook


class SavedFeed:
    """A run that is over.

    Its files are locked from the first rating on, not before: who only reads is in nobody's way.

    Args:
        entry: The run.

    Raises:
        BadRun: Its files can't be read.
    """

    def __init__(self, entry: RunEntry) -> None:
        self._entry = entry
        self._snapshot = entry.snapshot or snapshot_path(entry.folder, entry.id)
        snapshot = load_snapshot(entry)
        self._length = snapshot.duration_s
        self._status = Status.INTERRUPTED if snapshot.status is Status.RUNNING else snapshot.status
        self._events: deque[Event] = deque(unfold(replace(snapshot, status=self._status)))
        self._known = {event.number for event in self._events if isinstance(event, OPINIONS)}
        self._book: RatingBook | None = None

    @property
    def id(self) -> str:
        """Name of the run."""
        return self._entry.id

    def start(self) -> None:
        """There is nothing to begin."""

    def cancel(self) -> None:
        """There is nothing to stop."""

    def drain(self) -> Sequence[Event]:
        """Takes the events that were not taken yet, in order."""
        return [self._events.popleft() for _ in range(len(self._events))]

    def now(self) -> float:
        """Seconds that the run took."""
        return self._length

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """How the run ended; it never waits."""
        from sparktop.runner.session import Outcome

        return Outcome(status=self._status, snapshot=self._snapshot, problems=())

    def snapshot_now(self) -> Path:
        """Returns the snapshot, which is there already."""
        if not self._snapshot.exists():
            raise OSError(f"there is no file {self._snapshot}")
        return self._snapshot

    def rate(self, opinion: Opinion) -> Opinion:
        """Keeps what somebody says of an answer.

        Raises:
            OSError: It can't be kept, or another program writes to the run.
            ValueError: The run's files can't be read any more.
        """
        if self._book is None:
            from sparktop.store.rating_book import RatingBook

            self._book = RatingBook(self._entry.journal, self._snapshot)
            # Somebody else may have rated the run since it was read.
            self._take(self._book.ratings.events())
        event = self._book.add(opinion)
        self._take([event])
        return event

    def close(self) -> str:
        """Lets the run's files go."""
        book, self._book = self._book, None
        return book.close() if book is not None else ""

    def _take(self, opinions: Iterable[Opinion]) -> None:
        for event in opinions:
            if event.number not in self._known:
                self._known.add(event.number)
                self._events.append(event)
