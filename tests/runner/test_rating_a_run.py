"""Rating answers while their run goes on, as it ends, and when it is over."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparktop.model.events import Event, RequestDone, RunEnded
from sparktop.model.rating_events import Opinion, Rated, Stars
from sparktop.model.records import Options
from sparktop.model.scenario import Item, Kind, Sampling, Scenario
from sparktop.model.state import fold
from sparktop.places import Places
from sparktop.runner.contenders import resolve_contenders
from sparktop.runner.plan import make_plan
from sparktop.runner.session import Session
from sparktop.store.names import journal_path, snapshot_path
from sparktop.store.rating_book import RatingBook
from sparktop.store.reading import read_journal
from sparktop.store.snapshots import read_snapshot

QUICK = Scenario(
    name="quick",
    title="quick",
    description="",
    kind=Kind.QUESTIONS,
    items=(Item(id="A", prompt="什么是过拟合？"), Item(id="B", prompt="你好")),
    sampling=Sampling(max_tokens=12),
)


def stars(request: int) -> Rated:
    return Rated(t=0, number=0, request=request, rater="ann", dimension="overall", stars=Stars.FOUR, at="")


def test_during_a_run_at_its_end_and_after_it(tmp_path: Path) -> None:
    places = Places.of({"HOME": str(tmp_path)})
    heard: list[Event] = []
    said: list[Opinion] = []

    def listen(event: Event) -> None:
        heard.append(event)
        if isinstance(event, RequestDone | RunEnded):
            waiting.append(event)

    waiting: list[Event] = []
    session = Session(make_plan(QUICK, resolve_contenders(["demo-base"]), Options()), places, listen)
    session.start()
    while session.wait(0.001) is None:
        # From another thread, as the screen does: some before the end is kept, some while it is.
        while waiting:
            waiting.pop()
            said.append(session.rate(stars(0)))
    outcome = session.wait(60)
    assert outcome is not None
    assert outcome.problems == ()
    said += [session.rate(stars(0)), session.rate(stars(1))]
    with pytest.raises(BlockingIOError):
        RatingBook(journal_path(places.runs, session.id), snapshot_path(places.runs, session.id))
    assert session.close() == ""
    assert [event.number for event in said] == list(range(1, len(said) + 1))
    assert len(said) >= 4
    state = fold(read_journal(journal_path(places.runs, session.id)).events)
    assert state.ended is not None
    assert max(event.t for event in said) <= state.ended
    assert state.ratings.events() == said
    assert fold(heard).ratings.events() == said
    ratings = read_snapshot(snapshot_path(places.runs, session.id)).ratings
    assert ratings is not None
    assert list(ratings.people.stars) == said
    assert ratings.people.counting == (said[-2].number, said[-1].number)
