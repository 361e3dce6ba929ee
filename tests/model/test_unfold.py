"""A snapshot as events: folded again they give the same snapshot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sparktop.model.codec import decode
from sparktop.model.document import Snapshot
from sparktop.model.events import Finish, Notice, RequestDone, Status
from sparktop.model.rating_events import Rated, Stars
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import fold
from sparktop.model.unfold import unfold
from tests.model.synthetic import Request, Run, sample

RECORDED = Path(__file__).parents[1] / "ui" / "demo-run.jsonl"
STARS = Rated(
    t=1.0, number=1, request=0, rater="ann", dimension="depth", stars=Stars.FOUR, at="2026-02-09T10:00:00+08:00"
)

RUNS = {
    "thinking": Run(requests=(Request(reasoning=2),), extra=(STARS,)),
    "failed": Run(requests=(Request(), Request(finish=Finish.ERROR), Request(chunks=(), sent=None, finish=None))),
    "noticed": Run(samples=(sample(0.5, memory_used=1.0),), extra=(Notice(t=0.7, text="so"),)),
    "going on": Run(status=None),
}


def compare(one: Snapshot, other: Snapshot) -> None:
    # What depends on times of the loads and on the engine's own timing is not in the requests.
    assert replace(other, phases=one.phases, validity=one.validity) == one


@pytest.mark.parametrize("name", RUNS)
def test_there_and_back(name: str) -> None:
    taken = take_snapshot(fold(RUNS[name].events()))
    again = take_snapshot(fold(unfold(taken)))
    compare(taken, again)
    assert again.status == (Status.RUNNING if name == "going on" else Status.COMPLETED)


def test_there_and_back_with_a_real_run() -> None:
    taken = take_snapshot(fold(decode(line) for line in RECORDED.read_text(encoding="utf-8").splitlines()))
    events = unfold(taken)
    assert [event.t for event in events] == sorted(event.t for event in events)
    compare(taken, take_snapshot(fold(events)))


def test_no_chunk_comes_after_the_end_for_being_rounded() -> None:
    chunks = tuple((1.0 + n / 3, 1, "字") for n in range(1, 12))
    requests = tuple(Request(sent=n / 7, chunks=chunks) for n in range(7))
    events = Run(requests=requests).events()
    # As an engine may stamp them: the end with the last chunk.
    done = [replace(e, t=chunks[-1][0]) if isinstance(e, RequestDone) else e for e in events]
    again = fold(unfold(take_snapshot(fold(done))))
    assert [request.answer for request in again.requests.values()] == ["字" * 11] * 7
