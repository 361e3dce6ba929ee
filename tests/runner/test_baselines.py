"""A run of the same finds the runs before it, through the files that they left."""

from __future__ import annotations

from pathlib import Path

from sparktop.model.events import BaselineFound, Event, RequestSent
from sparktop.model.records import Options
from sparktop.places import Places
from sparktop.runner.contenders import resolve_contenders
from sparktop.runner.plan import make_plan
from sparktop.runner.session import Session
from sparktop.scenarios.loader import load_scenario
from sparktop.store.snapshots import read_snapshot

SMOKE = Path(__file__).parents[2] / "scenarios" / "smoke.toml"


def run(home: Path, max_tokens: int = 6) -> tuple[Path, list[Event]]:
    events: list[Event] = []
    plan = make_plan(load_scenario(SMOKE), resolve_contenders(["demo-base"]), Options(limit=1, max_tokens=max_tokens))
    session = Session(plan, Places.of({"HOME": str(home)}), events.append)
    session.start()
    outcome = session.wait(60)
    assert outcome is not None
    assert outcome.snapshot is not None
    return outcome.snapshot, events


def baseline(events: list[Event]) -> BaselineFound:
    [found] = [event for event in events if isinstance(event, BaselineFound)]
    assert events.index(found) < next(n for n, event in enumerate(events) if isinstance(event, RequestSent))
    return found


def test_a_run_knows_how_fast_it_was_before(tmp_path: Path) -> None:
    first, events = run(tmp_path)
    assert baseline(events).runs == ()
    before = read_snapshot(first)
    _, events = run(tmp_path)
    # On a machine that is short of memory just now a run is not valid, and then rightly not found.
    trusted = before.validity.valid
    assert baseline(events).runs == ((before.id,) if trusted else ())
    assert baseline(events).decode_tok_s == ((before.summary[0].decode_tok_s.median,) if trusted else ())
    _, events = run(tmp_path, max_tokens=7)
    assert baseline(events).runs == (), "it was asked something else"
