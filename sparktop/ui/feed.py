"""Where a screen's events come from: a run in this process, or one that is read or played again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from sparktop.model.events import Event
from sparktop.model.rating_events import Opinion

if TYPE_CHECKING:
    from sparktop.runner.session import Outcome

Clock = Callable[[], float]
"""Seconds from any zero, never going back."""


class Feed(Protocol):
    """A source of events that a screen drains a few times a second."""

    @property
    def id(self) -> str:
        """Name of the run."""
        ...

    def start(self) -> None:
        """Begins; returns at once."""
        ...

    def cancel(self) -> None:
        """Asks the run to stop; returns at once."""
        ...

    def drain(self) -> Sequence[Event]:
        """Takes the events that came since the last call, in order."""
        ...

    def now(self) -> float:
        """Seconds since the run began, which go on between events."""
        ...

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """How the run ended; None if it did not end within `timeout` seconds."""
        ...

    def snapshot_now(self) -> Path:
        """Writes the run so far and returns its file.

        Raises:
            OSError: It can't be written.
        """
        ...


@runtime_checkable
class Rateable(Protocol):
    """A feed of a run whose answers can be rated."""

    def rate(self, opinion: Opinion) -> Opinion:
        """Keeps what somebody says of an answer; `drain` gives it too.

        Returns:
            The same with its number and times.

        Raises:
            OSError: It can't be kept.
            ValueError: The run's files can't be read.
        """
        ...

    def close(self) -> str:
        """Lets the run's files go.

        Returns:
            What of the ratings could not be kept as it should, in one sentence; empty if all was.
        """
        ...


class MachineFeed(Feed, Protocol):
    """The events of a machine, and of the recording that is made or played of it.

    Attributes:
        recorded_to: Where what is read is kept as well; None for nowhere.
        played_from: Name of the recording that is played; empty for this machine.
        length_s: Seconds that the recording lasts; 0 for this machine.
        speed: Seconds of the recording that pass in a second; 1 for this machine.
    """

    recorded_to: Path | None
    played_from: str
    length_s: float
    speed: float

    @property
    def paused(self) -> bool:
        """Whether the recording stands still."""
        ...

    @property
    def problem(self) -> str:
        """Why what is recorded is not complete; empty if it is."""
        ...

    def pause(self) -> bool:
        """Stops the recording that is played, or lets it go on; returns False for what can't be stopped."""
        ...
