"""What people and models think of answers, as events of the run that the answers are in.

They may come after `RunEnded`: an answer is mostly read when the run is over. Then `t` is the time of the run's end, so
that they do not stretch the run, and `at` says when it really was.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TypeAlias

from sparktop.model.events import Event
from sparktop.model.records import Contender
from sparktop.model.scenario import Sampling


class Stars(IntEnum):
    """How good an answer is in one dimension, as a person sees it."""

    ONE = 1
    TWO = 2
    THREE = 3
    FOUR = 4
    FIVE = 5


class Choice(StrEnum):
    """Which of two answers is better."""

    FIRST = "first"
    SECOND = "second"
    TIE = "tie"
    """Neither is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerAt:
    """Where an answer is.

    Attributes:
        request: Number of the request that it answers.
        contender: Who gave it.
        run: Id of the run that it is in; empty for the run that this is written in.
    """

    request: int
    contender: str
    run: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated(Event):
    """A person gave an answer stars. Of one person's, the newest for an answer and a dimension counts.

    Attributes:
        t: Seconds since the run began.
        number: Of all ratings of the run, from 1.
        request: The answer's request.
        rater: Who rates.
        dimension: Id of one of the scenario's dimensions.
        stars: From 1 to 5.
        blind: Whether the names of the contenders were hidden.
        at: Wall-clock time, ISO 8601 with offset.
    """

    number: int
    request: int
    rater: str
    dimension: str
    stars: Stars
    at: str
    blind: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Event):
    """A person wrote a note about an answer. Of one person's, the newest for an answer counts; an empty one is none.

    Attributes:
        t: Seconds since the run began.
        number: Of all ratings of the run, from 1.
        request: The answer's request.
        rater: Who writes.
        text: The note.
        at: Wall-clock time, ISO 8601 with offset.
    """

    number: int
    request: int
    rater: str
    text: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Voted(Event):
    """A person said which of two answers to a question is better. Of one person's, the newest for the two counts.

    Attributes:
        t: Seconds since the run began.
        number: Of all ratings of the run, from 1.
        item: Id of the question.
        first: One answer.
        second: The other.
        choice: Which is better.
        rater: Who votes.
        blind: Whether the names of the contenders were hidden.
        at: Wall-clock time, ISO 8601 with offset.
    """

    number: int
    item: str
    first: AnswerAt
    second: AnswerAt
    choice: Choice
    rater: str
    at: str
    blind: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingWithdrawn(Event):
    """A person took something back; what they had said before counts again.

    Attributes:
        t: Seconds since the run began.
        number: Of all ratings of the run, from 1.
        rating: Number of the `Rated`, `Noted` or `Voted` that is taken back.
        rater: Who takes it back.
        at: Wall-clock time, ISO 8601 with offset.
    """

    number: int
    rating: int
    rater: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgingBegan(Event):
    """A model begins to compare the answers of the run.

    Attributes:
        t: Seconds since the run began.
        number: Of all ratings of the run, from 1; by it the verdicts name their judging.
        judge: The model that judges.
        rubric: What it was told to look for.
        sampling: How its tokens are chosen.
        planned: Verdicts that it will be asked for.
        at: Wall-clock time, ISO 8601 with offset.
    """

    number: int
    judge: Contender
    rubric: str
    sampling: Sampling
    planned: int
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged(Event):
    """A model was asked which of two answers is better.

    Attributes:
        t: Seconds since the run began.
        number: Of all ratings of the run, from 1.
        judging: Number of the `JudgingBegan` that it belongs to.
        item: Id of the question.
        first: The answer that it was shown first.
        second: The answer that it was shown second.
        verdict: What it said; null if that can't be read out of its text.
        problem: Why there is no verdict; empty if there is one.
        text: All that it said, raw.
        reasoning: Its reasoning before that, raw.
        at: Wall-clock time, ISO 8601 with offset.
    """

    number: int
    judging: int
    item: str
    first: AnswerAt
    second: AnswerAt
    verdict: Choice | None
    problem: str
    text: str
    reasoning: str
    at: str


Rating: TypeAlias = Rated | Noted | Voted
"""What a person says, and can take back."""

Opinion: TypeAlias = Rating | RatingWithdrawn | JudgingBegan | Judged
"""Every event of this module."""

OPINIONS = (Rated, Noted, Voted, RatingWithdrawn, JudgingBegan, Judged)
"""The same, for `isinstance`."""
