"""Ratings of a run that this program makes: into the run while it goes on, into its files when it is over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sparktop.model.events import Event
from sparktop.model.rating_events import Opinion
from sparktop.store.names import journal_path, snapshot_path
from sparktop.store.rating_book import RatingBook


class RunRatings:
    """Takes ratings from any thread.

    Args:
        runs: Folder of the runs.
        run_id: Name of the run.
        wall: Wall-clock time, with its zone.
        during: Keeps one while the run goes on; gives it its number and times.
        listen: Is told of those that come when it is over.
    """

    def __init__(
        self,
        runs: Path,
        run_id: str,
        *,
        wall: Callable[[], datetime],
        during: Callable[[Opinion], Opinion],
        listen: Callable[[Event], None],
    ) -> None:
        self._journal = journal_path(runs, run_id)
        self._snapshot = snapshot_path(runs, run_id)
        self._wall = wall
        self._during = during
        self._listen = listen
        self._lock = threading.Lock()
        self._over = False
        self._book: RatingBook | None = None

    @contextmanager
    def ending(self) -> Iterator[None]:
        """While the run's files are finished: who rates meanwhile waits, and then finds them."""
        with self._lock:
            self._over = True
            yield

    def add(self, opinion: Opinion) -> Opinion:
        """Keeps what a person says of an answer.

        Returns:
            The same with its number and times.

        Raises:
            OSError: It can't be kept.
            ValueError: The run's files can't be read any more.
        """
        with self._lock:
            if not self._over:
                return self._during(opinion)
            if self._book is None:
                self._book = RatingBook(self._journal, self._snapshot, wall=self._wall)
            event = self._book.add(opinion)
            self._listen(event)
            return event

    def close(self) -> str:
        """Lets the run's files go, once nobody rates any more.

        Returns:
            What of the ratings could not be kept as it should, in one sentence; empty if all was.
        """
        with self._lock:
            book, self._book = self._book, None
            return book.close() if book is not None else ""
