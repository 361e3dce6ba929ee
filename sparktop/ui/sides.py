"""Whose answers stand side by side: the contenders of the run on screen, and those of saved runs beside it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sparktop.model.rating_events import AnswerAt
from sparktop.model.records import Contender
from sparktop.model.scenario import Item
from sparktop.model.state import RequestState
from sparktop.ui.chrome import safe
from sparktop.ui.run import Run

MOST_SIDES: Final = 4
"""Answers that stand side by side at most."""

LETTERS: Final = "ABCDEFGH"
"""What contenders are called whose names are hidden."""

MOST_ANSWERS: Final = len(LETTERS)
"""Contenders that take part at most, those of saved runs included."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question as it was asked once.

    Attributes:
        item: Id of the scenario's item.
        repetition: From 0.
        batch: Size of the batch that it was asked in.
        nth: Which of the same item in that batch, from 0.
    """

    item: str
    repetition: int
    batch: int
    nth: int


@dataclass(eq=False, slots=True)
class Side:
    """A contender whose answers are shown.

    Attributes:
        run: The run that they are in.
        contender: Who gives them.
        index: Its place among all, by which it has its colour.
        guest: Whether they are of a saved run beside the one on screen.
    """

    run: Run
    contender: Contender
    index: int
    guest: bool = False
    _asked: dict[Question, RequestState] = field(default_factory=dict)
    _of: tuple[int, int] = (0, -1)

    @property
    def name(self) -> str:
        """What people call it; of a saved run with the day and time of that."""
        name = safe(self.contender.name) + (" (toy)" if self.contender.toy else "")
        started = self.run.state.started
        if self.guest and started is not None:
            name += f", {safe(started.created[:16].replace('T', ' '))}"
        return name

    def asked(self) -> dict[Question, RequestState]:
        """Every question that it was asked, in order."""
        state = self.run.state
        # Another state comes with every jump in a run that is played.
        of = (id(state), len(state.requests))
        if of != self._of:
            self._of = of
            self._asked = {}
            counts: dict[tuple[str, int, int], int] = {}
            for request in state.measured(self.contender.name):
                queued = request.queued
                key = (queued.item, queued.repetition, queued.batch)
                counts[key] = counts.get(key, -1) + 1
                self._asked[Question(*key, nth=counts[key])] = request
        return self._asked

    def request(self, question: Question | None) -> RequestState | None:
        """Its answer to a question; of a saved run that has fewer repetitions, the first one's."""
        if question is None:
            return None
        asked = self.asked()
        found = asked.get(question)
        if found is None and self.guest:
            found = next((one for other, one in asked.items() if other.item == question.item), None)
        return found

    def item(self, request: RequestState) -> Item | None:
        """The item of the scenario that a request asked."""
        started = self.run.state.started
        items = started.scenario.items if started is not None else ()
        return next((item for item in items if item.id == request.queued.item), None)

    def at(self, request: RequestState) -> AnswerAt:
        """Where an answer is, as the run on screen names it."""
        return AnswerAt(
            request=request.queued.request,
            contender=self.contender.name,
            run=self.run.feed.id if self.guest else "",
        )


def sides_of(run: Run, guests: Sequence[Run]) -> list[Side]:
    """Returns the contenders of the run on screen, then those of saved runs."""
    sides: list[Side] = []
    for one in (run, *guests):
        for contender in one.state.contenders.values():
            sides.append(Side(one, contender.contender, len(sides), guest=one is not run))
    return sides[:MOST_ANSWERS]


def questions_of(sides: Sequence[Side]) -> list[Question]:
    """Returns the questions of the run on screen, in the order in which they are asked."""
    longest: list[Question] = []
    for side in sides:
        if not side.guest and len(side.asked()) > len(longest):
            longest = list(side.asked())
    return longest


def shuffled(sides: Sequence[Side], run: str, rater: str, question: Question | None) -> list[Side]:
    """Returns sides in an order that tells nothing, the same whenever the same person comes to the question."""
    order = list(sides)
    random.Random(f"{run}/{rater}/{question}").shuffle(order)
    return order
