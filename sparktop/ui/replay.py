"""A recorded run on the screens of a run: played, stopped, and brought to any of its moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Final

from sparktop.model.events import Event
from sparktop.model.fork import fork
from sparktop.model.rating_events import Opinion
from sparktop.model.state import RunState
from sparktop.ui.feed import Clock
from sparktop.ui.run import Run
from sparktop.ui.transport import Transport

if TYPE_CHECKING:
    # What reads runs costs 50 ms to import, and the menu is there before anybody looks at one.
    from sparktop.runner.session import Outcome
    from sparktop.store.rating_book import RatingBook
    from sparktop.store.runs import RunEntry
    from sparktop.store.tape import Place, Tape

JUST_LEFT_S: Final = 1.0
"""Who goes back so soon after a place means the place before it; in seconds of the clock."""

AT_ONCE_S: Final = 0.08
"""Seconds for which events are taken in between two looks at the keys."""

METERED: Final = 64
"""Events between two looks at the clock."""

MARK_EVERY: Final = 15_000
"""Events between two states that are kept to come back to: what can be folded in a fifth of a second."""

MOST_MARKS: Final = 12
"""States that are kept; of a night's run each is some 10 MB."""

NEAR_S: Final = 60.0
"""Who went back in a long run goes on looking near there: one more state is kept so long before the place."""


class TapeFeed:
    """The feed of a run that is over; see `sparktop.ui.feed.Feed`. What comes from it is what is said of its answers.

    Its files are locked from the first rating on, not before: who only looks is in nobody's way.

    Args:
        tape: The run.
        transport: Where it is.
        entry: Its files; without them its answers can't be rated.
    """

    def __init__(self, tape: Tape, transport: Transport, entry: RunEntry | None = None) -> None:
        self._tape = tape
        self._transport = transport
        self._entry = entry
        self._book: RatingBook | None = None
        self._said: list[Event] = []

    @property
    def id(self) -> str:
        """Name of the run."""
        return self._tape.id

    def start(self) -> None:
        """Begins."""
        self._transport.start()

    def cancel(self) -> None:
        """A run that is over can't be stopped."""

    def drain(self) -> Sequence[Event]:
        """Takes what was said since the last call; the run itself is on the tape."""
        said, self._said = self._said, []
        return said

    def now(self) -> float:
        """Seconds since the run began, at the place that is shown."""
        return self._transport.place_s

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """How the run ended is told by its events."""
        return None

    def snapshot_now(self) -> Path:
        """Writes nothing."""
        raise OSError(f"this run is on disk already, as {self._tape.path}")

    def rate(self, opinion: Opinion) -> Opinion:
        """Keeps what somebody says of an answer.

        Raises:
            OSError: It can't be kept, or another program writes to the run.
            ValueError: The run's files can't be read any more, or it has none.
        """
        if self._book is None:
            if self._entry is None:
                raise ValueError("this run has no files")
            from sparktop.store.names import snapshot_path
            from sparktop.store.rating_book import RatingBook

            snapshot = self._entry.snapshot or snapshot_path(self._entry.folder, self._entry.id)
            self._book = RatingBook(self._entry.journal, snapshot)
            # Somebody else may have rated the run since it was opened.
            self._said += self._book.ratings.events()
        event = self._book.add(opinion)
        self._said.append(event)
        return event

    def close(self) -> str:
        """Lets the run's files go; returns what could not be kept of the ratings, in one sentence."""
        book, self._book = self._book, None
        self._tape.close()
        return book.close() if book is not None else ""


@dataclass(frozen=True, slots=True)
class _Mark:
    """A state to come back to: the first `number` events lead to it, the last of them at `t`."""

    number: int
    t: float
    state: RunState


class Replay(Run):
    """A recorded run.

    Args:
        tape: What happened.
        clock: What time is measured by.
        speed: Seconds of the run that pass in a second.
        at_s: Where it begins.
        entry: Its files, so that its answers can be rated.
        meter: What the time is measured by that taking in events takes.

    Attributes:
        tape: What happened.
        transport: Where the replay is.
        jumps: Grows when the state does not go on from the one before; what is drawn bit by bit begins anew.
        unread: Events that could not be read so far.
    """

    def __init__(
        self,
        tape: Tape,
        clock: Clock,
        *,
        speed: float = 1.0,
        at_s: float = 0.0,
        entry: RunEntry | None = None,
        meter: Clock = perf_counter,
    ) -> None:
        self.tape = tape
        self.transport = Transport(clock, tape.length_s, speed, at_s)
        super().__init__(TapeFeed(tape, self.transport, entry))
        self.validity = tape.validity
        self.jumps = 0
        self.unread = 0
        self._number = 0
        self._upto = 0.0
        self._next: Event | None = None
        self._meter = meter
        self._marks: list[_Mark] = []
        self._near: _Mark | None = None
        self._near_from: float | None = None
        self._said: list[Event] = []
        self._every = max(MARK_EVERY, len(tape) // MOST_MARKS)
        self._behind = False
        self._sought = at_s > 0

    # -- where it is -----------------------------------------------------------------------------------------------

    @property
    def behind(self) -> bool:
        """Whether the state is not yet that of the place: there is much to take in."""
        return self._behind

    @property
    def at_rest(self) -> bool:
        """Whether nothing changes until somebody does something."""
        return not self._behind and (self.transport.paused or self.transport.at_end)

    @property
    def now(self) -> float:
        """Seconds since the run began, at the place that is shown."""
        return min(self.state.now if self._behind else self.transport.place_s, self.tape.length_s)

    def freeze(self) -> None:
        """Stops the replay, or lets it go on; from its end it begins anew."""
        if self.transport.at_end:
            self.seek(0.0)
            self.transport.paused = False
        else:
            self.transport.pause()

    def seek(self, to_s: float) -> None:
        """Goes to a time of the run."""
        self.transport.seek(to_s)
        self._sought = True

    def step(self, seconds: float) -> None:
        """Goes back or on."""
        self.seek(self.transport.place_s + seconds)

    def next_place(self) -> Place | None:
        """Goes to where the next thing begins: a load, a request, a first token; behind the last one, to the end."""
        here = self.transport.place_s
        found = next((place for place in self.tape.places if place.t > here), None)
        self.seek(found.t if found else self.tape.length_s)
        return found

    def previous_place(self) -> Place | None:
        """Goes back to where something began; before the first one, to the beginning."""
        here = self.transport.place_s
        slack = 0.0 if self.transport.paused or self.transport.at_end else JUST_LEFT_S * self.transport.speed
        found = next((place for place in reversed(self.tape.places) if place.t < here - slack), None)
        self.seek(found.t if found else 0.0)
        return found

    # -- what it shows ---------------------------------------------------------------------------------------------

    def pull(self) -> bool:
        """Takes in what happened up to the place, or as much of it as can be done at once."""
        place = self.transport.place_s
        if place < self._upto:
            self._go_back(place)
        said = self.feed.drain()
        self._said += said
        self.state.extend(said)
        moved = self._take_in(place) or bool(said)
        if self._behind:
            self.jumps += 1
        if self.state.ended is None:
            self.outcome = None
        elif self.outcome is None:
            self.outcome = self._ended()
            moved = True
        if self._sought:
            # What was told on the way here is not news.
            self.hush()
            self._sought = self._behind
        return moved

    def _take_in(self, place: float) -> bool:
        taken = 0
        until = self._meter() + AT_ONCE_S
        self._behind = False
        while (event := self._coming()) is not None and event.t <= place:
            if self._near_from is not None and event.t >= self._near_from:
                self._near, self._near_from = self._mark(), None
            self.state.apply(event)
            self._next = None
            self._number += 1
            taken += 1
            if self._number % self._every == 0 and all(mark.number != self._number for mark in self._marks):
                self._marks.append(self._mark())
            if taken % METERED == 0 and self._meter() > until:
                self._behind = True
                break
        self._upto = self.state.now if self._behind else place
        return taken > 0

    def _coming(self) -> Event | None:
        """The next event that can be read; None at the end."""
        while self._next is None and self._number < len(self.tape):
            self._next = self.tape.event(self._number)
            if self._next is None:
                self._number += 1
                self.unread += 1
        return self._next

    def _mark(self) -> _Mark:
        return _Mark(self._number, self.state.now, fork(self.state))

    def _go_back(self, place: float) -> None:
        marks = [mark for mark in (*self._marks, self._near) if mark is not None and mark.t <= place]
        found = max(marks, key=lambda mark: mark.number, default=None)
        self.state = fork(found.state) if found else RunState()
        self._number = found.number if found else 0
        self._next = None
        self.state.extend(self._said)
        self.jumps += 1
        near = place - NEAR_S
        self._near_from = near if len(self.tape) > MARK_EVERY and near > self.state.now else None

    def _ended(self) -> Outcome:
        from sparktop.runner.session import Outcome

        return Outcome(status=self.state.status, snapshot=self.tape.path, problems=())
