"""A replayed run: at every place of it the state is that of the events up to there."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import recorded
from fakes import Watch

from sparktop.model.events import Event, Notice, RunEnded, Status, TokenKind, Tokens
from sparktop.model.rating_events import Rated, Stars
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import RunState, fold
from sparktop.store.tape import EventTape
from sparktop.ui import replay as replay_module
from sparktop.ui.replay import Replay

EVENTS = recorded.record()
END = EVENTS[-1].t


def made(
    watch: Watch, events: Sequence[Event] = EVENTS, *, speed: float = 1.0, at_s: float = 0.0, slow: bool = False
) -> Replay:
    """A replay; a slow one has its time for one go used up by some hundred events."""
    meter = itertools.count(0.0, 0.05 if slow else 0.0)
    replay = Replay(EventTape(events, Path("a.jsonl")), watch, speed=speed, at_s=at_s, meter=lambda: next(meter))
    replay.feed.start()
    return replay


def settle(replay: Replay) -> None:
    """Takes in what there is to take in."""
    for _ in range(100):
        replay.pull()
        if not replay.behind:
            return
    raise AssertionError("it never catches up")


def same(state: RunState, t: float, events: Sequence[Event] = EVENTS) -> bool:
    """Whether a state is that of the events up to a time."""
    expected = fold(event for event in events if event.t <= t)
    return take_snapshot(state) == take_snapshot(expected)


def test_it_plays_at_its_speed_and_stays_at_its_end() -> None:
    watch = Watch()
    replay = made(watch, speed=4.0)
    replay.pull()
    watch.t += 5.0
    assert replay.pull()
    settle(replay)
    assert replay.now == 20.0
    assert same(replay.state, 20.0)
    assert replay.state.ended is None
    watch.t += 1000.0
    replay.pull()
    assert replay.now == END
    assert not replay.active
    assert replay.outcome is not None
    assert (replay.outcome.status, replay.outcome.snapshot) == (Status.COMPLETED, Path("a.jsonl"))
    assert not replay.pull()
    # Played again from the beginning.
    replay.freeze()
    watch.t += 1.0
    replay.pull()
    assert same(replay.state, 4.0)
    assert replay.outcome is None


def test_a_paused_replay_stands_still() -> None:
    watch = Watch()
    replay = made(watch, at_s=10.0)
    replay.pull()
    replay.freeze()
    watch.t += 60.0
    assert not replay.pull()
    assert replay.now == 10.0
    replay.freeze()
    watch.t += 1.0
    replay.pull()
    assert replay.now == 11.0


@pytest.mark.parametrize("every", [10, 100, 15_000])
def test_wherever_it_is_put_the_state_is_that_of_the_place(every: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_module, "MARK_EVERY", every)
    monkeypatch.setattr(replay_module, "MOST_MARKS", len(EVENTS))
    monkeypatch.setattr(replay_module, "NEAR_S", 2.0)
    dice = random.Random(5)
    replay = made(Watch(), slow=True)
    replay.freeze()
    for _ in range(16):
        place = dice.uniform(0, END * 1.1)
        replay.seek(place)
        settle(replay)
        assert replay.now == min(place, END)
        assert same(replay.state, replay.now)


def test_it_takes_in_no_more_at_once_than_the_keys_can_wait_for() -> None:
    replay = made(Watch(), at_s=END, slow=True)
    shown = []
    while replay.pull() and replay.behind:
        shown.append(replay.now)
    assert len(shown) == len(EVENTS) // (2 * replay_module.METERED)
    assert shown == sorted(shown)
    assert shown[0] < END, "the time that is shown is that of the state"
    # Put elsewhere before it got there.
    replay.seek(3.0)
    settle(replay)
    assert same(replay.state, 3.0)


def test_going_from_one_thing_to_the_next() -> None:
    watch = Watch()
    replay = made(watch)
    replay.freeze()
    places = replay.tape.places
    seen = []
    while (place := replay.next_place()) is not None:
        seen.append(place)
    assert tuple(seen) == places
    assert replay.now == END
    back = []
    while (place := replay.previous_place()) is not None:
        back.append(place)
    assert tuple(reversed(back)) == places
    assert replay.now == 0.0


def test_who_goes_back_while_it_plays_gets_past_the_place_just_left() -> None:
    watch = Watch()
    replay = made(watch, speed=2.0)
    asked = next(place for place in replay.tape.places if place.what == "demo-base: 八不中道")
    token = next(place for place in replay.tape.places if place.what == "demo-base: 八不中道, first token")
    replay.seek(token.t)
    watch.t += 0.4
    before = replay.previous_place()
    assert before is not None
    assert before.t < asked.t, "the request began a moment before, so it has just been left too"
    replay.seek(token.t)
    watch.t += 1.5
    assert replay.previous_place() == token


def test_what_happened_on_the_way_is_no_news() -> None:
    watch = Watch()
    events = sorted([*EVENTS, Notice(t=20.0, text="later")], key=lambda event: event.t)
    replay = made(watch, events)
    replay.pull()
    assert [text for text, _ in replay.news()] == ["Power of the whole machine can't be read: no spbm driver."]
    replay.seek(30.0)
    replay.pull()
    assert replay.news() == []
    replay.seek(19.5)
    replay.pull()
    watch.t += 1.0
    replay.pull()
    assert [text for text, _ in replay.news()] == ["later"]


def test_a_run_without_an_end_is_held_at_what_there_is() -> None:
    watch = Watch()
    events = [event for event in EVENTS if event.t <= 20.0]
    replay = made(watch, events)
    watch.t += 100.0
    replay.pull()
    assert replay.now == events[-1].t
    assert replay.active
    assert replay.transport.at_end


def test_what_cannot_be_read_is_passed_over_and_counted() -> None:
    class Torn(EventTape):
        def event(self, number: int) -> Event | None:
            return None if number % 50 == 49 else super().event(number)

    replay = Replay(Torn(EVENTS, Path("a.jsonl")), Watch(), at_s=END)
    settle(replay)
    assert replay.unread == len(EVENTS) // 50
    assert isinstance(EVENTS[-1], RunEnded)


def test_what_is_said_of_an_answer_stays_wherever_the_replay_is_put() -> None:
    replay = made(Watch(), at_s=END)
    settle(replay)
    said = Rated(t=END, number=1, request=0, rater="ann", dimension="depth", stars=Stars.TWO, at="")
    replay.feed._said.append(said)  # type: ignore[attr-defined]
    assert replay.pull()
    assert replay.state.ratings.stars("ann", 0)["depth"].stars == 2
    replay.seek(1.0)
    settle(replay)
    assert replay.state.ratings.stars("ann", 0)["depth"].stars == 2
    with pytest.raises(ValueError, match="has no files"):
        replay.rate(said)


def test_marks_are_few_however_long_the_run_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_module, "MARK_EVERY", 100)
    head = [event for event in EVENTS if event.t <= 3.0]
    long = [
        Tokens(t=3.0 + n / 100, request=0, kind=TokenKind.ANSWER, text="字", times=(3.0 + n / 100,), counts=(1,))
        for n in range(20_000)
    ]
    replay = made(Watch(), [*head, *long], at_s=1e9)
    settle(replay)
    assert 10 <= len(replay._marks) <= replay_module.MOST_MARKS
