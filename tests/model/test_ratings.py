"""The ratings of a run as figures, and in its snapshot: people and models apart."""

from __future__ import annotations

import itertools
from typing import Any

import jsonschema
import orjson
import pytest

from sparktop.model.document import Snapshot
from sparktop.model.rating_events import (
    AnswerAt,
    Choice,
    Judged,
    JudgingBegan,
    Noted,
    Opinion,
    Rated,
    RatingWithdrawn,
    Stars,
    Voted,
)
from sparktop.model.rating_log import RatingLog
from sparktop.model.ratings import Outcome, Ratings, rating_events
from sparktop.model.records import Contender
from sparktop.model.scenario import Sampling
from sparktop.model.schema import snapshot_schema
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import fold
from sparktop.store.snapshots import encode_snapshot
from tests.model.synthetic import Request, Run

AT = "2026-02-09T10:00:00+08:00"
# Requests 0 and 1 are one question's, 2 and 3 the next one's; 4 is a warm-up.
RUN = Run(
    contenders=("big", "small"),
    requests=(
        Request(contender="big"),
        Request(contender="small"),
        Request(contender="big", item="Q2"),
        Request(contender="small", item="Q2"),
        Request(contender="small", item="Q2", warmup=True),
    ),
)
BIG, SMALL = AnswerAt(request=0, contender="big"), AnswerAt(request=1, contender="small")
BIG2, SMALL2 = AnswerAt(request=2, contender="big"), AnswerAt(request=3, contender="small")
ELSEWHERE = AnswerAt(request=0, contender="big", run="2026-01-01T00-00-00-three")
JUDGE = Contender(name="judge", engine="http", model="q", node="spark-b", url="http://spark-b:8000/v1")


def rated(number: int, request: int, stars: int, rater: str = "ann", dimension: str = "depth") -> Rated:
    return Rated(t=2.0, number=number, request=request, rater=rater, dimension=dimension, stars=Stars(stars), at=AT)


def voted(number: int, first: AnswerAt, second: AnswerAt, choice: Choice, rater: str = "ann") -> Voted:
    return Voted(t=2.0, number=number, item="Q1", first=first, second=second, choice=choice, rater=rater, at=AT)


def judged(number: int, first: AnswerAt, second: AnswerAt, verdict: Choice | None) -> Judged:
    return Judged(
        t=2.0,
        number=number,
        judging=1,
        item="Q1",
        first=first,
        second=second,
        verdict=verdict,
        problem="" if verdict else "no verdict in it",
        text="…",
        reasoning="",
        at=AT,
    )


BEGAN = JudgingBegan(t=2.0, number=1, judge=JUDGE, rubric="一、出处。", sampling=Sampling(), planned=4, at=AT)


def snapshot(*events: Opinion) -> Snapshot:
    return take_snapshot(fold([*RUN.events(), *events]))


def ratings(*events: Opinion) -> Ratings:
    found = snapshot(*events).ratings
    assert found is not None
    return found


def test_nobody_said_anything() -> None:
    assert snapshot().ratings is None


def test_means_by_rater_and_together() -> None:
    people = ratings(
        rated(1, 0, 3),
        rated(2, 2, 4),
        rated(3, 0, 5),
        rated(4, 0, 2, rater="bob"),
        rated(5, 1, 1, dimension="factual"),
        rated(6, 4, 5),  # of a warm-up
        rated(7, 99, 5),  # of no request
    ).people
    rows = {(m.contender, m.dimension, m.rater): (m.n, m.mean, m.sd) for m in people.means}
    assert rows == {
        ("big", "depth", "ann"): (2, 4.5, pytest.approx(0.707106781)),
        ("big", "depth", "bob"): (1, 2.0, None),
        ("big", "depth", ""): (3, pytest.approx(11 / 3), pytest.approx(1.52752523)),
        ("small", "factual", "ann"): (1, 1.0, None),
        ("small", "factual", ""): (1, 1.0, None),
    }
    assert 1 not in people.counting


def test_votes_between_runs_are_between_other_contenders() -> None:
    people = ratings(
        voted(1, BIG, SMALL, Choice.SECOND),
        voted(2, BIG2, SMALL2, Choice.FIRST),
        voted(3, ELSEWHERE, SMALL, Choice.TIE),
    ).people
    assert [(m.first, m.second, m.wins, m.losses, m.ties) for m in people.matchups] == [
        ("big", "small", 1, 1, 0),
        ("big (2026-01-01T00-00-00-three)", "small", 0, 0, 1),
    ]
    assert [row.strength for row in people.strengths] == [pytest.approx(0, abs=1e-9)] * 3


@pytest.mark.parametrize(
    ("one", "other", "outcome"),
    [
        # The second verdict is on the two in the other order.
        (Choice.FIRST, Choice.SECOND, Outcome.FIRST),
        (Choice.SECOND, Choice.FIRST, Outcome.SECOND),
        (Choice.TIE, Choice.TIE, Outcome.TIE),
        (Choice.FIRST, Choice.FIRST, Outcome.FLIPPED),
        (Choice.SECOND, Choice.SECOND, Outcome.FLIPPED),
        (Choice.FIRST, Choice.TIE, Outcome.FLIPPED),
        (Choice.FIRST, None, Outcome.UNREAD),
        (None, None, Outcome.UNREAD),
    ],
)
def test_both_orders_have_to_agree(one: Choice | None, other: Choice | None, outcome: Outcome) -> None:
    (model,) = ratings(BEGAN, judged(2, BIG, SMALL, one), judged(3, SMALL, BIG, other)).models
    assert [pair.outcome for pair in model.pairs] == [outcome]
    assert model.unread == (one, other).count(None)
    assert model.first_preferred == (one, other).count(Choice.FIRST)
    counted = [(m.wins, m.losses, m.ties) for m in model.matchups]
    assert counted == {
        Outcome.FIRST: [(1, 0, 0)],
        Outcome.SECOND: [(0, 1, 0)],
        Outcome.TIE: [(0, 0, 1)],
        Outcome.FLIPPED: [(0, 0, 1)],
    }.get(outcome, [])


def test_one_order_alone_decides_nothing() -> None:
    (model,) = ratings(BEGAN, judged(2, BIG, SMALL, Choice.FIRST)).models
    assert [pair.outcome for pair in model.pairs] == [Outcome.UNFINISHED]
    assert model.matchups == ()


def test_people_and_models_are_never_mixed() -> None:
    found = ratings(
        BEGAN,
        judged(2, BIG, SMALL, Choice.FIRST),
        judged(3, SMALL, BIG, Choice.SECOND),
        voted(4, BIG, SMALL, Choice.SECOND),
    )
    assert [(m.wins, m.losses) for m in found.people.matchups] == [(0, 1)]
    assert [(m.wins, m.losses) for m in found.models[0].matchups] == [(1, 0)]


def test_the_document_holds_everything_and_gives_it_back() -> None:
    events: list[Opinion] = [
        BEGAN,
        judged(2, BIG, SMALL, Choice.FIRST),
        judged(3, SMALL, BIG, None),
        rated(4, 0, 3),
        Noted(t=2.0, number=5, request=0, rater="ann", text="出处对", at=AT),
        voted(6, BIG, SMALL, Choice.SECOND),
        rated(7, 0, 4),
        RatingWithdrawn(t=2.0, number=8, rating=7, rater="ann", at=AT),
    ]
    taken = snapshot(*events)
    document: dict[str, Any] = orjson.loads(encode_snapshot(taken))
    jsonschema.validate(document, snapshot_schema())
    assert document["ratings"]["people"]["counting"] == [4, 5, 6]
    assert rating_events(taken.ratings) == events
    again = RatingLog()
    for event in itertools.chain(rating_events(taken.ratings), rating_events(taken.ratings)):
        again.apply(event)
    assert again.events() == events
