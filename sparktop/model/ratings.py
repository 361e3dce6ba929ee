"""The ratings of a run as records and figures: what people said, and, apart from it, what models said."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sparktop.model.rating_events import (
    AnswerAt,
    Choice,
    Judged,
    JudgingBegan,
    Noted,
    Opinion,
    Rated,
    RatingWithdrawn,
    Voted,
)
from sparktop.model.rating_log import RatingLog
from sparktop.model.strengths import Comparison, Matchup, Strength, matchups, strengths


@dataclass(frozen=True, slots=True, kw_only=True)
class StarMean:
    """The stars of one contender in one dimension.

    Attributes:
        contender: Its name.
        dimension: Id of the dimension.
        rater: Who gave them; empty for everybody's together.
        n: Ratings.
        mean: Their mean.
        sd: Their standard deviation (of a sample); null for fewer than two.
    """

    contender: str
    dimension: str
    rater: str
    n: int
    mean: float
    sd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleRatings:
    """What people said of the answers.

    Attributes:
        stars: Every star rating, in the order in which they were given.
        notes: Every note.
        votes: Every vote between two answers.
        withdrawn: What was taken back.
        counting: Numbers of the ratings that count: of one person about one thing the newest that was not taken back.
        means: Means of the stars that count, for each contender, dimension and rater, and for all raters together.
        matchups: How often one contender was preferred to another.
        strengths: Strengths that follow from that.
    """

    stars: tuple[Rated, ...]
    notes: tuple[Noted, ...]
    votes: tuple[Voted, ...]
    withdrawn: tuple[RatingWithdrawn, ...]
    counting: tuple[int, ...]
    means: tuple[StarMean, ...]
    matchups: tuple[Matchup, ...]
    strengths: tuple[Strength, ...]


class Outcome(StrEnum):
    """What a model's two verdicts on two answers, one for each order, come to."""

    FIRST = "first"
    SECOND = "second"
    TIE = "tie"
    """It said so both times."""
    FLIPPED = "flipped"
    """It said one thing in one order and another in the other; counted as a tie."""
    UNREAD = "unread"
    """At least one of the two verdicts could not be read, or did not come; counted nowhere."""
    UNFINISHED = "unfinished"
    """It was not asked in both orders; counted nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairOutcome:
    """Two answers that a model compared.

    Attributes:
        item: Id of the question.
        first: The answer that was shown first in the verdict that came first.
        second: The other one.
        outcome: What it comes to.
    """

    item: str
    first: AnswerAt
    second: AnswerAt
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """What one model said of the answers, each time that it was asked anew.

    Attributes:
        began: Which model, by what rubric, and when.
        verdicts: Every verdict with its text.
        pairs: What the verdicts on the two orders come to.
        first_preferred: Verdicts that preferred the answer that was shown first.
        second_preferred: Verdicts that preferred the answer that was shown second.
        ties: Verdicts that preferred neither.
        unread: Verdicts that could not be read, or did not come.
        matchups: How often it preferred one contender to another.
        strengths: Strengths that follow from that.
    """

    began: JudgingBegan
    verdicts: tuple[Judged, ...]
    pairs: tuple[PairOutcome, ...]
    first_preferred: int
    second_preferred: int
    ties: int
    unread: int
    matchups: tuple[Matchup, ...]
    strengths: tuple[Strength, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratings:
    """What is thought of the answers. What models said is never mixed with what people said.

    Attributes:
        people: What people said.
        models: What models said, in the order in which they were asked.
    """

    people: PeopleRatings
    models: tuple[Judging, ...]


def collect_ratings(log: RatingLog, contenders: Mapping[int, str]) -> Ratings | None:
    """Returns the ratings of a run; None if there are none.

    Args:
        log: What was said.
        contenders: Who answered each request of the run. Ratings of others are kept, and counted nowhere.
    """
    if not len(log):
        return None
    counting = log.counting()
    stars = [event for event in counting if isinstance(event, Rated)]
    pairs = matchups(_votes(event for event in counting if isinstance(event, Voted)))
    given = log.ratings.values()
    people = PeopleRatings(
        stars=tuple(event for event in given if isinstance(event, Rated)),
        notes=tuple(event for event in given if isinstance(event, Noted)),
        votes=tuple(event for event in given if isinstance(event, Voted)),
        withdrawn=tuple(log.withdrawals.values()),
        counting=tuple(sorted(event.number for event in counting)),
        means=star_means(stars, contenders),
        matchups=pairs,
        strengths=strengths(pairs),
    )
    return Ratings(people=people, models=tuple(judging(log, began) for began in log.judgings.values()))


def rating_events(ratings: Ratings | None) -> list[Opinion]:
    """Returns the events that a document's ratings were made from, by number."""
    if ratings is None:
        return []
    people = ratings.people
    events: list[Opinion] = [*people.stars, *people.notes, *people.votes, *people.withdrawn]
    for one in ratings.models:
        events += [one.began, *one.verdicts]
    return sorted(events, key=lambda event: event.number)


def star_means(stars: Sequence[Rated], contenders: Mapping[int, str]) -> tuple[StarMean, ...]:
    """Returns the means for each contender, dimension and rater, and after them those of all raters together.

    Args:
        stars: The ratings that count.
        contenders: Who answered each request.
    """
    given: dict[tuple[str, str, str], list[int]] = {}
    together: dict[tuple[str, str, str], list[int]] = {}
    for event in stars:
        contender = contenders.get(event.request)
        if contender is not None:
            given.setdefault((contender, event.dimension, event.rater), []).append(event.stars)
            together.setdefault((contender, event.dimension, ""), []).append(event.stars)
    return tuple(
        StarMean(
            contender=contender,
            dimension=dimension,
            rater=rater,
            n=len(values),
            mean=_nine(statistics.fmean(values)),
            sd=_nine(statistics.stdev(values)) if len(values) > 1 else None,
        )
        for (contender, dimension, rater), values in (*given.items(), *together.items())
    )


def judging(log: RatingLog, began: JudgingBegan) -> Judging:
    """Returns what a model's verdicts come to."""
    verdicts = tuple(event for event in log.verdicts.values() if event.judging == began.number)
    pairs = tuple(_outcomes(verdicts))
    found = matchups(_outcome_comparisons(pairs))
    said = [event.verdict for event in verdicts]
    return Judging(
        began=began,
        verdicts=verdicts,
        pairs=pairs,
        first_preferred=said.count(Choice.FIRST),
        second_preferred=said.count(Choice.SECOND),
        ties=said.count(Choice.TIE),
        unread=said.count(None),
        matchups=found,
        strengths=strengths(found),
    )


def named(answer: AnswerAt) -> str:
    """Returns what a contender is called in comparisons; one from another run is another contender."""
    return f"{answer.contender} ({answer.run})" if answer.run else answer.contender


_SCORES = {Choice.FIRST: 1.0, Choice.SECOND: 0.0, Choice.TIE: 0.5}
_OTHER_ORDER = {Choice.FIRST: Choice.SECOND, Choice.SECOND: Choice.FIRST, Choice.TIE: Choice.TIE}


def _votes(votes: Iterable[Voted]) -> Iterator[Comparison]:
    for vote in votes:
        yield Comparison(named(vote.first), named(vote.second), _SCORES[vote.choice])


def _outcomes(verdicts: Iterable[Judged]) -> Iterator[PairOutcome]:
    asked: dict[tuple[AnswerAt, AnswerAt], Judged] = {}
    for event in verdicts:
        asked.setdefault((event.first, event.second), event)
    done: set[tuple[AnswerAt, AnswerAt]] = set()
    for (first, second), event in asked.items():
        if (second, first) in done:
            continue
        done.add((first, second))
        other = asked.get((second, first))
        yield PairOutcome(item=event.item, first=first, second=second, outcome=_outcome(event, other))


def _outcome(one: Judged, other: Judged | None) -> Outcome:
    if other is None:
        return Outcome.UNFINISHED
    if one.verdict is None or other.verdict is None:
        return Outcome.UNREAD
    return Outcome(one.verdict) if _OTHER_ORDER[other.verdict] is one.verdict else Outcome.FLIPPED


def _outcome_comparisons(pairs: Iterable[PairOutcome]) -> Iterator[Comparison]:
    scores = {Outcome.FIRST: 1.0, Outcome.SECOND: 0.0, Outcome.TIE: 0.5, Outcome.FLIPPED: 0.5}
    for pair in pairs:
        if pair.outcome in scores:
            yield Comparison(named(pair.first), named(pair.second), scores[pair.outcome])


def _nine(value: float) -> float:
    return float(f"{value:.9g}")
