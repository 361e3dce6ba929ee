"""What the columns of the answers' screen show: figures, what is marked, and what is hidden from who rates blind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sparktop.model import metrics
from sparktop.model.difference import Own, differences
from sparktop.model.scoring import Score, is_scored, score
from sparktop.model.state import RequestState
from sparktop.ui.glyphs import Glyphs
from sparktop.ui.panels.answer import View
from sparktop.ui.panels.answer_text import Mark, Marks
from sparktop.ui.panels.base import series_style
from sparktop.ui.rating import Desk
from sparktop.ui.sides import LETTERS, Question, Side

KEPT: Final = 64
"""Answers whose scores and differences are remembered: those of a few questions, turned back and forth."""


@dataclass(slots=True)
class Looks:
    """How the person wants to see the answers.

    Attributes:
        marked: "points", "difference", or empty for nothing.
        reasoning: Whether reasoning is shown.
    """

    marked: str = "points"
    reasoning: bool = True


class Board:
    """Makes the views, and remembers what takes time to find out.

    Args:
        desk: Who rates.
        looks: How the person wants to see the answers.
        signs: What the terminal can show.
    """

    def __init__(self, desk: Desk, looks: Looks, signs: Glyphs) -> None:
        self._desk = desk
        self._looks = looks
        self._signs = signs
        self._scores: dict[tuple[int, int], _Known] = {}
        self._own: tuple[tuple[tuple[int, int], ...], list[Own], list[Marks]] = ((), [], [])

    def title(self, side: Side, letter: str, shown: bool) -> str:
        """What a column is headed with."""
        if not self._desk.blind:
            return side.name
        return f"{letter} = {side.name}" if shown else letter

    def views(
        self, order: Sequence[Side], question: Question | None, revealed: bool, rating: bool, prompt: str
    ) -> list[View]:
        """Returns what each column shows.

        Args:
            order: The sides in the order in which they stand.
            question: The question on screen.
            revealed: Whether names are known.
            rating: Whether the person is rating.
            prompt: What the run on screen asked.
        """
        requests = [side.request(question) for side in order]
        known = [self._look_up(side, request) for side, request in zip(order, requests, strict=True)]
        scores = [one.score if one is not None else None for one in known]
        fastest = _only_best([_speed(request) for request in requests])
        best = _only_best([_worth(one) for one in scores])
        own = self._differences(requests) if self._looks.marked == "difference" else None
        own_marks = self._own[2]
        waiting = "" if revealed else self._waiting(requests)
        views = []
        for index, (side, request, found) in enumerate(zip(order, requests, scores, strict=True)):
            marks: Marks = ()
            only = ""
            if own is not None:
                marks = own_marks[index]
                only = f"{own[index].clauses} of {own[index].of} clauses" if request is not None else ""
            elif self._looks.marked == "points" and (one := known[index]) is not None and revealed:
                marks = one.marks
            other = request is not None and side.guest and request.queued.prompt != prompt
            views.append(
                View(
                    title=self.title(side, LETTERS[index], revealed),
                    style=series_style(side.index) if revealed else "",
                    request=request,
                    now=side.run.now,
                    hidden="that run asked it in other words" if other else waiting,
                    bare=not revealed,
                    reasoning=self._looks.reasoning,
                    score=found,
                    fastest=index == fastest,
                    best=index == best,
                    own=only,
                    marks=marks,
                    rating=self._rating(side, request) if rating else "",
                )
            )
        return views

    def _waiting(self, requests: Sequence[RequestState | None]) -> str:
        """Why blind answers are not shown yet: how they come would tell who writes."""
        if any(request is not None and request.ended is None for request in requests):
            return "shown when all answers are complete"
        return ""

    def _rating(self, side: Side, request: RequestState | None) -> str:
        if request is None:
            return ""
        given = self._desk.stars(side, request)
        parts = []
        if given:
            parts = [f"{self._signs.star}{given[d.id]}" if d.id in given else "-" for d in self._desk.dimensions]
        if self._desk.note(side, request):
            parts.append("note")
        return " ".join(parts)

    def _look_up(self, side: Side, request: RequestState | None) -> _Known | None:
        if request is None or request.ended is None or not request.answer:
            return None
        key = (id(request), request.changed)
        if key not in self._scores:
            item = side.item(request)
            while len(self._scores) >= KEPT:
                self._scores.pop(next(iter(self._scores)))
            found = score(item, request.answer) if item is not None and is_scored(item) else None
            self._scores[key] = _Known(request, found, _point_marks(found) if found is not None else ())
        return self._scores[key]

    def _differences(self, requests: Sequence[RequestState | None]) -> list[Own]:
        # An answer is compared when it is whole.
        whole = [request if request is not None and request.ended is not None else None for request in requests]
        key = tuple((id(request), request.changed if request is not None else 0) for request in whole)
        if key != self._own[0]:
            own = differences([request.answer if request is not None else "" for request in whole])
            marks: list[Marks] = [tuple((start, end, "note") for start, end in one.spans) for one in own]
            self._own = (key, own, marks)
        return self._own[1]


@dataclass(frozen=True, slots=True)
class _Known:
    """What was found out of an answer; the answer is kept, lest another one come to have its id."""

    request: RequestState
    score: Score | None
    marks: Marks


def _speed(request: RequestState | None) -> float | None:
    """Decode speed of a whole answer, in tokens per second."""
    if request is None or not request.ok:
        return None
    return metrics.decode_tok_s(request.stream)


def _worth(found: Score | None) -> float | None:
    """Share of the points; who names a wrong source stands behind everybody who does not."""
    share = found.share if found is not None else None
    return None if found is None or share is None else share - bool(found.wrong)


def _only_best(values: Sequence[float | None]) -> int | None:
    """Index of the highest value, where several are there and no two share it."""
    known = [value for value in values if value is not None]
    if len(known) < 2 or known.count(highest := max(known)) > 1:
        return None
    return values.index(highest)


def _point_marks(found: Score) -> Marks:
    marks: list[Mark] = []
    for point in found.points:
        marks += [(start, end, "good" if point.in_place else "warn") for start, end in point.spans]
    if found.source is not None:
        marks += [(start, end, "note") for start, end in found.source.spans]
    for wrong in found.wrong:
        marks += [(start, end, "bad") for start, end in wrong.spans]
    return tuple(sorted(marks))
