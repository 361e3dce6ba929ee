"""Reading a journal back, whatever a crash or a bad disk made of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sparktop.model.codec import NotAnEvent, decode
from sparktop.model.events import Event, RunStarted


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


def read_journal(path: Path) -> JournalContents:
    """Reads a journal; one that is being written reads as far as it is.

    Raises:
        OSError: The file can't be read.
        BadJournal: It does not begin with a run's first event.
    """
    events: list[Event] = []
    damage: list[Damage] = []
    torn = False
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                event = decode(line)
                if isinstance(event, RunStarted) is bool(events):
                    raise NotAnEvent("a second start of the run" if events else "not the start of a run")
            except NotAnEvent as error:
                if number == 1:
                    raise BadJournal(
                        f"{path}: not a journal of sparktop: its first line is no start of a run"
                    ) from error
                if line.endswith(b"\n"):
                    damage.append(Damage(number, str(error)))
                else:
                    torn = True
            else:
                events.append(event)
    if not events:
        raise BadJournal(f"{path}: not a journal of sparktop: it is empty")
    return JournalContents(tuple(events), tuple(damage), torn)
