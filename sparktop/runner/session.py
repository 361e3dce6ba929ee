"""One run from start to snapshot, in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sparktop.model.events import Event, Status
from sparktop.places import Places
from sparktop.runner.plan import Plan


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


class Session:
    """Runs a plan: engines, telemetry, journal and snapshot.

    `listen` is called with every event, in order, from the session's threads: it must be quick and
    must not raise (a `deque.append` is right).
    """

    def __init__(self, plan: Plan, places: Places, listen: Callable[[Event], None]) -> None:
        raise NotImplementedError

    @property
    def id(self) -> str:
        """Name of the run."""
        raise NotImplementedError

    def start(self) -> None:
        """Begins; returns at once."""
        raise NotImplementedError

    def cancel(self) -> None:
        """Asks the run to stop: within one decode step the engines do. Returns at once."""
        raise NotImplementedError

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """Waits for the end; None if it did not come within `timeout` seconds."""
        raise NotImplementedError

    def snapshot_now(self) -> Path:
        """Writes a snapshot of the run so far and returns its file.

        Raises:
            OSError: It can't be written.
        """
        raise NotImplementedError
