"""A fork of a run's state goes its own way, at whatever moment it was made."""

from __future__ import annotations

import copy
from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from sparktop.model.codec import decode
from sparktop.model.events import Event, Finish, Notice
from sparktop.model.fork import fork
from sparktop.model.rating_events import Noted, Rated, RatingWithdrawn, Stars
from sparktop.model.state import RunState, fold
from tests.model.spark import spark
from tests.model.synthetic import Request, Run

REAL = Path(__file__).parents[1] / "ui" / "demo-run.jsonl"


def bare(value: Any) -> Any:
    """Everything that is in a value, as what can be compared."""
    if isinstance(value, dict):
        return {key: bare(one) for key, one in value.items()}
    if isinstance(value, list | tuple | array | deque):
        return [bare(one) for one in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: bare(getattr(value, field.name)) for field in fields(value)}
    if type(value).__module__.startswith("sparktop.") and hasattr(value, "__dict__") and not isinstance(value, str):
        return {name: bare(one) for name, one in vars(value).items()}
    return value


AT = "2026-11-24T08:00:00+00:00"
LATER: list[Event] = [
    Rated(t=2.0, number=1, request=0, rater="ann", dimension="depth", stars=Stars.FOUR, at=AT),
    Noted(t=2.0, number=2, request=0, rater="ann", text="好", at=AT),
    RatingWithdrawn(t=2.0, number=3, rating=1, rater="ann", at=AT),
    Notice(t=2.0, text="later"),
]

RUNS: dict[str, Sequence[Event]] = {
    "questions": Run(requests=[Request(reasoning=1), Request(sent=2.0, chunks=(), finish=Finish.ERROR)]).events()
    + LATER,
    "a Spark": list(spark()),
    "real": [decode(line) for line in REAL.read_text(encoding="utf-8").splitlines()],
}


@pytest.mark.parametrize("name", RUNS)
def test_the_fork_goes_on_and_the_other_stays(name: str) -> None:
    events = RUNS[name]
    whole = bare(fold(events))
    for at in range(0, len(events) + 1, max(1, len(events) // 25)):
        state = fold(events[:at])
        before = copy.deepcopy(bare(state))
        made = fork(state)
        assert bare(made) == before
        made.extend(events[at:])
        assert bare(made) == whole, at
        assert bare(state) == before, at
        state.extend(events[at:])
        assert bare(state) == whole, at


def test_ended_requests_and_what_was_told_are_not_copied() -> None:
    state = fold(RUNS["real"])
    made = fork(state)
    assert made.requests is not state.requests
    assert all(made.requests[number] is request for number, request in state.requests.items())
    assert made.started is state.started


def test_nothing_is_nothing() -> None:
    assert bare(fork(RunState())) == bare(RunState())
