"""Who rates, by what, and how far they are: what the answers' screen knows of ratings."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from sparktop.model.rating_events import Choice, Noted, Rated, Rating, RatingWithdrawn, Stars, Voted
from sparktop.model.scenario import OVERALL, Dimension
from sparktop.model.state import RequestState
from sparktop.ui.run import Run
from sparktop.ui.sides import Question, Side

Pair = tuple[Side, Side]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """How somebody sits down to rate.

    Attributes:
        rater: Who rates; empty for the person who is logged in.
        blind: Whether names are hidden.
        voting: Whether answers are compared two by two.
        beside: Saved runs whose answers stand beside.
    """

    rater: str = ""
    blind: bool = False
    voting: bool = False
    beside: tuple[Run, ...] = ()


class Desk:
    """One person's ratings of the answers on screen.

    Times and numbers of what is said are given by whoever keeps it.

    Args:
        run: The run on screen; votes are kept in it, and stars in the run that the answer is in.
        rater: Who rates.

    Attributes:
        rater: Who rates.
        blind: Whether names are hidden until an answer is rated.
        voting: Whether answers are compared two by two instead of given stars.
        chosen: Index of the dimension that stars are given in.
    """

    def __init__(self, run: Run, rater: str) -> None:
        self._run = run
        self.rater = rater
        self.blind = False
        self.voting = False
        self.chosen = 0
        self._said: list[tuple[Run, Rating]] = []

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """What stars are given for."""
        started = self._run.state.started
        return started.scenario.rating.dimensions if started is not None else (OVERALL,)

    @property
    def dimension(self) -> Dimension:
        """The one that stars are given in now."""
        return self.dimensions[min(self.chosen, len(self.dimensions) - 1)]

    def choose(self, step: int) -> None:
        """Goes to another dimension, around the end if need be."""
        self.chosen = (self.chosen + step) % len(self.dimensions)

    # -- what was said ---------------------------------------------------------------------------------------------

    def stars(self, side: Side, request: RequestState) -> dict[str, int]:
        """Returns the person's stars for an answer, by dimension."""
        given = side.run.state.ratings.stars(self.rater, request.queued.request)
        return {dimension: int(event.stars) for dimension, event in given.items()}

    def note(self, side: Side, request: RequestState) -> str:
        """Returns the person's note about an answer; empty if there is none."""
        return side.run.state.ratings.note(self.rater, request.queued.request)

    def vote(self, one: tuple[Side, RequestState], other: tuple[Side, RequestState]) -> Choice | None:
        """Returns how the person voted between two answers, as seen from the first; None if they have not."""
        first, second = (side.at(request) for side, request in (one, other))
        vote = self._run.state.ratings.vote(self.rater, (first.run, first.request), (second.run, second.request))
        if vote is None or vote.choice is Choice.TIE:
            return None if vote is None else Choice.TIE
        return vote.choice if vote.first == first else _OTHER[vote.choice]

    def is_rated(self, side: Side, request: RequestState) -> bool:
        """Whether an answer has stars in every dimension."""
        given = self.stars(side, request)
        return all(dimension.id in given for dimension in self.dimensions)

    def is_done(self, sides: Sequence[Side], question: Question | None) -> bool:
        """Whether everything about a question is said that the person set out to say."""
        answers = [(side, request) for side in sides if (request := side.request(question)) is not None]
        if self.voting:
            pairs = [
                pair for pair in itertools.combinations(answers, 2) if can_rate(pair[0][1]) and can_rate(pair[1][1])
            ]
            return all(self.vote(*pair) is not None for pair in pairs)
        return all(self.is_rated(*answer) for answer in answers if can_rate(answer[1]))

    def progress(self, sides: Sequence[Side], questions: Sequence[Question]) -> tuple[int, int]:
        """Returns how many answers are rated, or pairs voted on, and how many there are."""
        done = total = 0
        for question in questions:
            answers = [
                (side, request)
                for side in sides
                if (request := side.request(question)) is not None and can_rate(request)
            ]
            if self.voting:
                pairs = list(itertools.combinations(answers, 2))
                total += len(pairs)
                done += sum(self.vote(*pair) is not None for pair in pairs)
            else:
                total += len(answers)
                done += sum(self.is_rated(*answer) for answer in answers)
        return done, total

    def unvoted(self, sides: Sequence[Side], question: Question | None) -> Pair | None:
        """Returns the first two answers that were not compared; None if all were."""
        for one, other in itertools.combinations(sides, 2):
            first, second = one.request(question), other.request(question)
            if (
                first is not None
                and second is not None
                and can_rate(first)
                and can_rate(second)
                and self.vote((one, first), (other, second)) is None
            ):
                return one, other
        return None

    # -- saying it -------------------------------------------------------------------------------------------------

    def give(self, side: Side, request: RequestState, stars: int, blind: bool) -> None:
        """Gives stars in the chosen dimension, and goes on to the next one that has none.

        Raises:
            OSError: It can't be kept.
            ValueError: The run can't be rated.
        """
        self._say(
            side.run,
            Rated(
                t=0.0,
                number=0,
                request=request.queued.request,
                rater=self.rater,
                dimension=self.dimension.id,
                stars=Stars(stars),
                at="",
                blind=blind,
            ),
        )
        given = self.stars(side, request)
        for step in range(1, len(self.dimensions)):
            at = (self.chosen + step) % len(self.dimensions)
            if self.dimensions[at].id not in given:
                self.chosen = at
                return

    def write(self, side: Side, request: RequestState, text: str) -> None:
        """Writes a note; an empty one takes the note away. Raises as `give` does."""
        if text != self.note(side, request):
            number = request.queued.request
            self._say(side.run, Noted(t=0.0, number=0, request=number, rater=self.rater, text=text, at=""))

    def compare(
        self, one: tuple[Side, RequestState], other: tuple[Side, RequestState], choice: Choice, blind: bool
    ) -> None:
        """Says which of two answers is better. Raises as `give` does."""
        self._say(
            self._run,
            Voted(
                t=0.0,
                number=0,
                item=one[1].queued.item,
                first=one[0].at(one[1]),
                second=other[0].at(other[1]),
                choice=choice,
                rater=self.rater,
                at="",
                blind=blind,
            ),
        )

    def undo(self, answer: tuple[Side, RequestState] | None) -> tuple[Run, Rating] | None:
        """Takes back what was said last on this screen; if nothing was, the stars of an answer in the chosen dimension.

        Returns:
            What was taken back, and the run that it was in; None if there was nothing. Raises as `give` does.
        """
        if self._said:
            run, rating = self._said[-1]
        elif answer is not None and (rated := self._given(*answer)) is not None:
            run, rating = answer[0].run, rated
        else:
            return None
        run.rate(RatingWithdrawn(t=0.0, number=0, rating=rating.number, rater=rating.rater, at=""))
        if self._said:
            self._said.pop()
        if isinstance(rating, Rated):
            ids = [dimension.id for dimension in self.dimensions]
            self.chosen = ids.index(rating.dimension) if rating.dimension in ids else self.chosen
        return run, rating

    def _given(self, side: Side, request: RequestState) -> Rated | None:
        return side.run.state.ratings.stars(self.rater, request.queued.request).get(self.dimension.id)

    def _say(self, run: Run, opinion: Rating) -> None:
        kept = run.rate(opinion)
        assert isinstance(kept, Rated | Noted | Voted)
        self._said.append((run, kept))


_OTHER = {Choice.FIRST: Choice.SECOND, Choice.SECOND: Choice.FIRST}


def can_rate(request: RequestState) -> bool:
    """Whether there is a whole answer to rate."""
    return request.ok and bool(request.answer.strip())
