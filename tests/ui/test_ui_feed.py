"""Replays, and what the screens keep of a run."""

from __future__ import annotations

import pytest
import recorded
from fakes import Watch

from sparktop.model.events import RunEnded, RunStarted, Status
from sparktop.model.state import fold
from sparktop.ui.panels.curves import Curves
from sparktop.ui.run import Run
from tests.replay_feed import ReplayFeed


def test_a_replay_hands_out_what_is_due() -> None:
    watch = Watch()
    events = recorded.record(items=1)
    feed = ReplayFeed("a", events, watch)
    feed.start()
    first = feed.drain()
    assert isinstance(first[0], RunStarted)
    assert all(event.t == 0.0 for event in first)
    watch.t += 2.0
    assert feed.now() == 2.0
    second = feed.drain()
    assert second
    assert all(0.0 < event.t <= 2.0 for event in second)
    assert feed.wait(0) is None
    watch.t += 100.0
    rest = feed.drain()
    assert [*first, *second, *rest] == list(events)
    outcome = feed.wait(0)
    assert outcome is not None
    assert outcome.status is Status.COMPLETED


def test_a_cancelled_replay_ends_where_it_is() -> None:
    watch = Watch()
    feed = ReplayFeed("a", recorded.record(), watch)
    feed.start()
    watch.t += 5.0
    feed.cancel()
    feed.cancel()
    events = feed.drain()
    assert events[-1] == RunEnded(t=5.0, status=Status.CANCELLED)
    assert all(event.t <= 5.0 for event in events)
    watch.t += 100.0
    assert feed.drain() == []


def test_time_stands_still_at_the_end() -> None:
    watch = Watch()
    events = recorded.record(items=1)
    feed = ReplayFeed("a", events, watch)
    run = Run(feed)
    feed.start()
    watch.t += 1000.0
    assert run.pull()
    assert not run.active
    assert run.now == events[-1].t
    assert not run.pull()


def test_the_charts_grow_with_the_run_until_somebody_chooses() -> None:
    watch = Watch()
    run = Run(ReplayFeed("a", recorded.record(), watch))
    assert run.window_s == 10.0
    watch.t += 11.0
    assert run.window_s == 30.0
    watch.t += 20.0
    assert run.window_s == 60.0
    run.zoom(1)
    assert run.window_s == 120.0
    run.zoom(0)
    assert run.window_s == 60.0


def test_curves_do_not_change_behind_their_end() -> None:
    events = recorded.record()
    state = fold(())
    curves = Curves()
    before: dict[str, list[float | None]] = {}
    for step in range(1, 30):
        now = step * 2.0
        state.extend(e for e in events if now - 2.0 < e.t <= now or (step == 1 and e.t == 0.0))
        curves.follow(state, now)
        for name, curve in curves.by_name.items():
            assert curve.tok_s[: len(before.get(name, []))] == before.get(name, [])
            assert curve.times == sorted(set(curve.times))
            before[name] = list(curve.tok_s)
    assert len(before) == 2


def test_curves_show_the_speed_and_gaps_where_nothing_was_asked() -> None:
    events = recorded.record()
    state = fold(events)
    curves = Curves()
    curves.follow(state, state.now)
    base = curves.by_name["demo-base"]
    seen = base.within(base.tok_s, 0.0)
    assert max(seen) == pytest.approx(41.0, rel=0.1)
    assert base.tok_s[0] is None, "before the first token there is no speed, not a speed of zero"
    assert base.tok_s[-1] is None, "nor after the contender is done"


def test_curves_forget_what_no_chart_shows() -> None:
    state = fold(recorded.record())
    curves = Curves()
    for minute in range(40):
        curves.follow(state, minute * 60.0)
    curve = curves.by_name["demo-base"]
    assert len(curve.times) < 4 * 700
    assert curve.times[-1] > 2300
