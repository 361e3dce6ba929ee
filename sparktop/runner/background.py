"""What goes on in a thread of its own while somebody watches: begun, asked to stop, waited for."""

from __future__ import annotations

import queue
import threading
import time
import traceback
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sparktop.model.events import Event, Status

_TICK_S: Final = 0.1
"""How often conditions that no event announces (deadlines, memory) are looked at."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        status: As in the snapshot.
        snapshot: The snapshot's file; None if it could not be written.
        problems: One sentence each for what went wrong with keeping the run (disk full, ...).
    """

    status: Status
    snapshot: Path | None
    problems: tuple[str, ...]


class Background(ABC):
    """A thread that conducts something with engines, which put their events into its queue.

    Args:
        name: What the thread is called.
    """

    def __init__(self, name: str) -> None:
        self._origin_ns = time.monotonic_ns()
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._cancel = threading.Event()
        self._problems: list[str] = []
        self._outcome: Outcome | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begins; returns at once."""
        self._thread.start()

    def cancel(self) -> None:
        """Asks it to stop, which engines do within one decode step; what came is kept. Returns at once."""
        self._cancel.set()
        self._events.put(None)

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """Waits for the end; None if it did not come within `timeout` seconds."""
        self._thread.join(timeout)
        return None if self._thread.is_alive() else self._outcome

    @abstractmethod
    def _conduct(self) -> Outcome:
        """Does it all, in the thread."""

    def _run(self) -> None:
        try:
            self._outcome = self._conduct()
        except Exception as error:  # a thread without an outcome would be waited for in vain
            self._blame(error)
            self._outcome = Outcome(Status.FAILED, None, tuple(self._problems))

    def _clock(self) -> float:
        return (time.monotonic_ns() - self._origin_ns) / 1e9

    def _next_event(self) -> Event | None:
        """Returns what has come; waits a moment if nothing has."""
        try:
            return self._events.get(timeout=_TICK_S)
        except queue.Empty:
            return None

    def _blame(self, error: Exception) -> None:
        where = traceback.extract_tb(error.__traceback__)[-1]
        self._problem(f"sparktop made an error ({error!r} in {Path(where.filename).name}:{where.lineno})")

    def _problem(self, sentence: str) -> None:
        self._problems.append(sentence)
