"""Recorded runs, read from any place on: the journal as it lies on the disk, or else what a snapshot tells.

The journal of a night is 170 MB of a million events. Nothing of it is kept in memory but where each line begins, which
takes half a second to find; an event is decoded when it is asked for.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from sparktop.model.codec import NotAnEvent, decode
from sparktop.model.events import (
    Event,
    ModelLoading,
    RequestQueued,
    RequestSent,
    RunEnded,
    RunStarted,
    Status,
    Tokens,
)
from sparktop.model.pace import paced
from sparktop.model.snapshot import Snapshot
from sparktop.model.unfold import unfold
from sparktop.model.validity import Validity
from sparktop.store.reading import BadJournal

APART_S: Final = 0.05
"""Places nearer to each other are one for whoever jumps from one to the next."""

_LATER: Final = 10_000
"""Ratings after the end of a run that are looked past."""

_BLOCK: Final = 1 << 18
_TOKENS: Final = b'{"event":"tokens"'
_QUEUED: Final = b'{"event":"request-queued"'
_SENT: Final = b'{"event":"request-sent"'
_LOADING: Final = b'{"event":"model-loading"'

FROM_SNAPSHOT: Final = (
    "The journal of this run is gone: tokens come as they were counted, and each answer's text at its end."
)


@dataclass(frozen=True, slots=True)
class Place:
    """A moment that is worth going to.

    Attributes:
        t: Seconds since the run began.
        what: What begins there, in a few words.
    """

    t: float
    what: str


class Tape(Protocol):
    """The events of a recorded run, by their number.

    Attributes:
        id: Name of the run.
        path: The file that they are from.
        length_s: Seconds from the run's beginning to its last event.
        places: Where models begin to load, requests are sent and first tokens come, in order.
        note: What is not as it was, in one sentence; empty if everything is.
        validity: What is to be thought of the figures, where the events do not tell; None if they do.
    """

    id: str
    path: Path
    length_s: float
    places: tuple[Place, ...]
    note: str
    validity: Validity | None

    def __len__(self) -> int:
        """How many events there are."""
        ...

    def event(self, number: int) -> Event | None:
        """Returns an event; None if it can't be read."""
        ...

    def close(self) -> None:
        """Lets go of the file."""
        ...


class EventTape:
    """Events that are in memory; see `Tape`.

    Args:
        events: In the order of their times, a `RunStarted` first.
        path: The file that they are from.
        note: See `Tape`.
        validity: See `Tape`.
    """

    def __init__(
        self, events: Sequence[Event], path: Path, *, note: str = "", validity: Validity | None = None
    ) -> None:
        self._events = events
        first = events[0] if events else None
        self.id = first.id if isinstance(first, RunStarted) else path.stem
        self.path = path
        self.length_s = max((event.t for event in events), default=0.0)
        self.places = tuple(_apart(_places(events)))
        self.note = note
        self.validity = validity

    @classmethod
    def of_snapshot(cls, snapshot: Snapshot, path: Path) -> EventTape:
        """Makes the tape of a run of which only the snapshot is left."""
        return cls(paced(unfold(snapshot)), path, note=FROM_SNAPSHOT, validity=snapshot.validity)

    def __len__(self) -> int:
        return len(self._events)

    def event(self, number: int) -> Event | None:
        """Returns an event."""
        return self._events[number]

    def close(self) -> None:
        """There is no file that is held."""


class JournalTape:
    """A journal, read where it lies; see `Tape`.

    Args:
        path: The journal.
        status: How the run stands, where the journal has no end; None if it goes on.

    Raises:
        OSError: The file can't be read.
        BadJournal: It does not begin with a run's first event.
    """

    def __init__(self, path: Path, status: Status | None = None) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._block, self._begins = b"", 0
        self._starts, important = _index(self._fd)
        self._end: Event | None = None
        first = self.event(0) if len(self) else None
        if not isinstance(first, RunStarted):
            self.close()
            raise BadJournal(f"{path}: not a journal of sparktop: its first line is no start of a run")
        self.id = first.id
        self.note = ""
        self.validity: Validity | None = None
        self.places = tuple(_apart(_places([first, *filter(None, map(self.event, important))])))
        self.length_s, ended = self._last()
        if not ended and status not in (None, Status.RUNNING):
            # Whoever broke it off had no time to say so.
            self._end = RunEnded(t=self.length_s, status=status)

    def __len__(self) -> int:
        return len(self._starts) - 1 + (self._end is not None)

    def event(self, number: int) -> Event | None:
        """Returns an event; None if its line can't be read."""
        if self._end is not None and number == len(self) - 1:
            return self._end
        try:
            event = decode(self._line(number))
        except (NotAnEvent, OSError):
            return None
        # A second start is no event of this run.
        return event if isinstance(event, RunStarted) is (number == 0) else None

    def close(self) -> None:
        """Lets go of the file."""
        os.close(self._fd)

    def _line(self, number: int) -> bytes:
        start, end = self._starts[number], self._starts[number + 1]
        if not self._begins <= start <= end <= self._begins + len(self._block):
            # Who goes backwards wants what is before it.
            self._begins = start if start >= self._begins else min(start, max(0, end - _BLOCK))
            self._block = os.pread(self._fd, max(_BLOCK, end - self._begins), self._begins)
        return self._block[start - self._begins : end - self._begins]

    def _last(self) -> tuple[float, bool]:
        """Returns the time of the last event, and whether the run's end is among the last ones."""
        length, ended, seen = 0.0, False, 0
        for number in reversed(range(len(self))):
            event = self.event(number)
            if event is None:
                continue
            seen += 1
            length = max(length, event.t)
            ended = isinstance(event, RunEnded)
            # What people think of the answers comes after the end, with its time.
            if ended or event.t < length or seen > _LATER:
                break
        return length, ended


def _index(fd: int) -> tuple[array[int], list[int]]:
    """Returns where each line begins, with the end of the last; and the numbers of those that begin something."""
    starts = array("Q", [0])
    important: list[int] = []
    at, waiting = 0, False
    with os.fdopen(os.dup(fd), "rb") as file:
        for number, line in enumerate(file):
            at += len(line)
            starts.append(at)
            if line.startswith(_TOKENS):
                if waiting:
                    important.append(number)
                    waiting = False
            elif line.startswith((_QUEUED, _LOADING)):
                important.append(number)
            elif line.startswith(_SENT):
                important.append(number)
                waiting = True
    return starts, important


def _places(events: Sequence[Event]) -> Iterator[Place]:
    asked: dict[int, str] = {}
    titles: dict[str, str] = {}
    loading: set[str] = set()
    waiting = False
    for event in events:
        match event:
            case RunStarted():
                titles = {item.id: item.title for item in event.scenario.items}
            case RequestQueued():
                title = titles.get(event.item) or event.item
                warm = "warm-up, " if event.warmup else ""
                asked[event.request] = f"{event.contender}: {warm}{title}"
            case ModelLoading() if event.contender not in loading:
                loading.add(event.contender)
                yield Place(event.t, f"{event.contender} loads")
            case RequestSent():
                waiting = True
                yield Place(event.t, asked.get(event.request, ""))
            case Tokens() if waiting:
                waiting = False
                yield Place(event.times[0] if event.times else event.t, f"{asked.get(event.request, '')}, first token")


def _apart(places: Iterator[Place]) -> Iterator[Place]:
    before = 0.0
    for place in sorted(places, key=lambda place: place.t):
        if place.t - before >= APART_S:
            yield place
            before = place.t
