"""Readings that nobody takes for a long time."""

from __future__ import annotations

from sparktop.model.events import Notice, SampleTaken
from sparktop.model.state import fold
from sparktop.runner.backlog import Backlog


def test_a_night_in_which_the_terminal_takes_nothing_is_bounded() -> None:
    backlog = Backlog(400)
    backlog.put(SampleTaken(t=0.0, node="a", values={}, missing={"gpu": "no driver"}))
    for second in range(1, 20_000):
        for node in "ab":
            backlog.put(SampleTaken(t=float(second), node=node, values={"cpu.load": float(second % 100)}))
    backlog.put(Notice(t=20_000.0, text="b is cut off"))
    events = backlog.take()
    assert 200 <= len(events) <= 402
    state = fold(events)
    assert state.missing["a"] == {"gpu": "no driver"}
    assert [notice.text for notice in state.notices] == ["b is cut off"]
    for node in "ab":
        # The newest, every one of them.
        times = state.gauges[node]["cpu.load"].times
        assert times == [float(second) for second in range(20_000 - len(times), 20_000)]
    assert backlog.take() == []


def test_what_tells_more_than_figures_stays() -> None:
    backlog = Backlog(20)
    events = [SampleTaken(t=float(t), node="a", values={}, missing={"gpu": f"reason {t}"}) for t in range(100)]
    for event in events:
        backlog.put(event)
    assert backlog.take() == events
