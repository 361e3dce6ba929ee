"""The ratings of a run so far: which of them count, and what the newest one is."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from sparktop.model.rating_events import (
    Judged,
    JudgingBegan,
    Noted,
    Opinion,
    Rated,
    Rating,
    RatingWithdrawn,
    Voted,
)


class RatingLog:
    """A fold of the events of `rating_events`; of two with the same number the first one counts.

    Attributes:
        ratings: What people said, by number, in the order in which they said it.
        withdrawals: What they took back, by number.
        judgings: Models that compared answers, by number.
        verdicts: What those said, by number.
        changed: Grows with every change.
    """

    def __init__(self) -> None:
        self.ratings: dict[int, Rating] = {}
        self.withdrawals: dict[int, RatingWithdrawn] = {}
        self.judgings: dict[int, JudgingBegan] = {}
        self.verdicts: dict[int, Judged] = {}
        self.changed = 0
        self._withdrawn: set[int] = set()
        self._newest = 0

    def __len__(self) -> int:
        return len(self.ratings) + len(self.withdrawals) + len(self.judgings) + len(self.verdicts)

    @property
    def next_number(self) -> int:
        """Number of the next event."""
        return self._newest + 1

    def apply(self, event: Opinion) -> None:
        """Takes in one event."""
        if event.number in self:
            return
        self._newest = max(self._newest, event.number)
        self.changed += 1
        match event:
            case RatingWithdrawn():
                self.withdrawals[event.number] = event
                taken = self.ratings.get(event.rating)
                # Nobody takes back what somebody else said.
                if taken is not None and taken.rater == event.rater:
                    self._withdrawn.add(event.rating)
            case JudgingBegan():
                self.judgings[event.number] = event
            case Judged():
                self.verdicts[event.number] = event
            case _:
                self.ratings[event.number] = event

    def __contains__(self, number: int) -> bool:
        return (
            number in self.ratings or number in self.withdrawals or number in self.judgings or number in self.verdicts
        )

    def events(self) -> list[Opinion]:
        """Returns everything, by number."""
        every: list[Opinion] = [
            *self.ratings.values(),
            *self.withdrawals.values(),
            *self.judgings.values(),
            *self.verdicts.values(),
        ]
        return sorted(every, key=lambda event: event.number)

    # -- what people said ------------------------------------------------------------------------------------------

    def standing(self, rater: str | None = None) -> Iterator[Rating]:
        """Yields what was not taken back, oldest first, of one person or of all."""
        for number, event in self.ratings.items():
            if number not in self._withdrawn and rater in (None, event.rater):
                yield event

    def counting(self) -> list[Rating]:
        """Returns what counts: of one person about one thing the newest, in the order in which it was said."""
        newest: dict[Hashable, Rating] = {}
        for event in self.standing():
            newest.pop(about := _about(event), None)
            newest[about] = event
        return [event for event in newest.values() if not (isinstance(event, Noted) and not event.text)]

    def newest(self, rater: str) -> Rating | None:
        """Returns what a person said last and has not taken back."""
        return next(reversed([*self.standing(rater)]), None)

    def stars(self, rater: str, request: int) -> dict[str, Rated]:
        """Returns a person's stars for an answer, by dimension."""
        return {
            event.dimension: event
            for event in self.standing(rater)
            if isinstance(event, Rated) and event.request == request
        }

    def note(self, rater: str, request: int) -> str:
        """Returns a person's note about an answer; empty if there is none."""
        notes = [e.text for e in self.standing(rater) if isinstance(e, Noted) and e.request == request]
        return notes[-1] if notes else ""

    def vote(self, rater: str, one: tuple[str, int], other: tuple[str, int]) -> Voted | None:
        """Returns how a person voted between two answers, each given as run and request."""
        votes = [
            event
            for event in self.standing(rater)
            if isinstance(event, Voted) and _pair(event) == frozenset((one, other))
        ]
        return votes[-1] if votes else None

    @property
    def raters(self) -> tuple[str, ...]:
        """Everybody of whom something counts, in the order in which they first said something."""
        return tuple(dict.fromkeys(event.rater for event in self.standing()))


def _about(event: Rating) -> Hashable:
    match event:
        case Rated():
            return ("stars", event.rater, event.request, event.dimension)
        case Noted():
            return ("note", event.rater, event.request)
        case Voted():
            return ("vote", event.rater, _pair(event))


def _pair(event: Voted) -> frozenset[tuple[str, int]]:
    return frozenset((answer.run, answer.request) for answer in (event.first, event.second))
