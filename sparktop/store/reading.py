"""Reading a journal back, whatever a crash or a bad disk made of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sparktop.model.codec import NotAnEvent, decode
from sparktop.model.events import Event, RunStarted
from sparktop.model.state import RunState, fold


class BadJournal(ValueError):
    """The file is not the journal of a run; the message is one sentence that names it."""


@dataclass(frozen=True, slots=True)
class Damage:
    """A line that could not be read.

    Attributes:
        line: Its number, from 1.
        reason: What is wrong with it.
    """

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class JournalContents:
    """What is in a journal.

    Attributes:
        events: In the order in which they were written, the first one `RunStarted`.
        damage: Lines in the middle that could not be read and are left out.
        torn: Whether the last line was cut off, as a crash in mid-write does; it is left out.
    """

    events: tuple[Event, ...]
    damage: tuple[Damage, ...]
    torn: bool


@dataclass(frozen=True, slots=True)
class JournalState:
    """What a journal comes to.

    Attributes:
        state: All of its events folded.
        damage: As in `JournalContents`.
        torn: As in `JournalContents`.
    """

    state: RunState
    damage: tuple[Damage, ...]
    torn: bool

    @property
    def problem(self) -> str:
        """What could not be read, in one sentence; empty if all could be."""
        if not self.damage:
            return ""
        first = self.damage[0]
        more = f" and {len(self.damage) - 1} more" if len(self.damage) > 1 else ""
        return f"part of the journal could not be read: line {first.line}{more}: {first.reason}"


def read_journal(path: Path) -> JournalContents:
    """Reads a journal; one that is being written reads as far as it is.

    Raises:
        OSError: The file can't be read.
        BadJournal: It does not begin with a run's first event.
    """
    reader = _Reader(path)
    events = tuple(reader.events())
    return JournalContents(events, tuple(reader.damage), reader.torn)


def fold_journal(path: Path) -> JournalState:
    """Folds a journal line by line, so that a night's events are never in memory together.

    Raises:
        OSError: The file can't be read.
        BadJournal: It does not begin with a run's first event.
    """
    reader = _Reader(path)
    state = fold(reader.events())
    return JournalState(state, tuple(reader.damage), reader.torn)


class _Reader:
    """Goes through a journal once, and takes down what was wrong with it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.damage: list[Damage] = []
        self.torn = False

    def events(self) -> Iterator[Event]:
        begun = False
        with self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    event = decode(line)
                    if isinstance(event, RunStarted) is begun:
                        raise NotAnEvent("a second start of the run" if begun else "not the start of a run")
                except NotAnEvent as error:
                    if number == 1:
                        problem = "not a journal of sparktop: its first line is no start of a run"
                        raise BadJournal(f"{self._path}: {problem}") from error
                    if line.endswith(b"\n"):
                        self.damage.append(Damage(number, str(error)))
                    else:
                        self.torn = True
                else:
                    begun = True
                    yield event
        if not begun:
            raise BadJournal(f"{self._path}: not a journal of sparktop: it is empty")
