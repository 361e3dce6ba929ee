"""Answers side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import recorded
from fakes import Bench, screen_text, settle, until
from textual.pilot import Pilot

from sparktop.model.events import Event, Tokens
from sparktop.ui.panels.answer import AnswerColumn


async def answers(bench: Bench, pilot: Pilot[int], t: float) -> None:
    """Opens the answers at a time of the run."""
    bench.watch.t = 100.0 + t
    bench.latest.poll()
    await settle(pilot)
    await pilot.press("a")
    await until(bench, pilot, lambda: any(shown(bench)))


def shown(bench: Bench) -> list[str]:
    """The text in each column."""
    return [column.text.text for column in bench.latest.screen.query(AnswerColumn)]


async def test_both_answers_and_their_figures(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await answers(bench, pilot, 60)
        text = screen_text(bench.latest)
        for part in ("Q1 随顺觉", "1 of 10", "请解释“随顺觉”的含义", "demo-base (toy)", "demo-sutra (toy)"):
            assert part in text, part
        for part in ("TTFT", "TPOT", "tokens", "tok/s", "at limit"):
            assert text.count(part) >= 2, part
        base, sutra = shown(bench)
        assert base == recorded.ANSWERS[0]
        assert sutra.startswith(recorded.REASONING)
        assert sutra.endswith(recorded.ANSWERS[0])


async def test_it_follows_the_run_until_somebody_turns_a_page(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await answers(bench, pilot, 10)
        assert bench.latest.current is not None
        (asked,) = bench.latest.current.state.active()
        assert asked.queued.prompt in screen_text(bench.latest)
        assert "following the run" in screen_text(bench.latest)
        await pilot.press(*["left_square_bracket", "left"] * 5, "right_square_bracket")
        await settle(pilot)
        assert "Q2 八不中道" in screen_text(bench.latest)
        bench.watch.t += 5
        bench.latest.poll()
        await settle(pilot)
        assert "Q2 八不中道" in screen_text(bench.latest)
        assert "· queued" in screen_text(bench.latest)
        await pilot.press("f")
        await settle(pilot)
        assert "following the run" in screen_text(bench.latest)
        assert "Q2 八不中道" not in screen_text(bench.latest)


async def test_pages_end_at_both_ends(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record(items=2))
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await answers(bench, pilot, 60)
        await pilot.press("left", "left")
        await settle(pilot)
        assert "1 of 2" in screen_text(bench.latest)
        await pilot.press("right", "right", "right")
        await settle(pilot)
        assert "2 of 2" in screen_text(bench.latest)


async def test_text_streams_in(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record(items=1))
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await answers(bench, pilot, 2.5)
        first = shown(bench)[0]
        bench.watch.t += 0.5
        bench.latest.poll()
        await pilot.pause(0.15)
        second = shown(bench)[0]
        assert 0 < len(first) < len(second)
        assert recorded.ANSWERS[0].startswith(second)


async def test_a_frozen_view_stands_still_and_catches_up(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record(items=1))
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await answers(bench, pilot, 2.5)
        await pilot.press("space")
        before = shown(bench)[0]
        bench.watch.t += 12
        bench.latest.poll()
        await settle(pilot)
        assert shown(bench)[0] == before
        assert "PAUSED 12 s" in screen_text(bench.latest)
        await pilot.press("space")
        await pilot.pause(0.15)
        assert len(shown(bench)[0]) > len(before)
        assert "PAUSED" not in screen_text(bench.latest)


async def test_narrow_terminals_have_tabs(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app(bench.default_plan()).run_test(size=(80, 24)) as pilot:
        await answers(bench, pilot, 60)
        columns = bench.latest.screen.query(AnswerColumn)
        assert [column.display for column in columns] == [True, False]
        assert "tab changes" in screen_text(bench.latest)
        await pilot.press("tab")
        await settle(pilot)
        assert [column.display for column in columns] == [False, True]
        await pilot.resize_terminal(120, 40)
        await settle(pilot)
        assert [column.display for column in columns] == [True, True]
        assert "tab changes" not in screen_text(bench.latest)


async def test_finding(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await answers(bench, pilot, 60)
        bench.latest.screen.query_one("#find").value = "名色"  # type: ignore[attr-defined]
        await pilot.press("slash", "enter")
        await settle(pilot)
        assert '"名色": 3 in demo-base (toy), 3 in demo-sutra (toy)' in screen_text(bench.latest)
        await pilot.press("n")
        await settle(pilot)
        assert "2 of 3 in demo-base (toy)" in screen_text(bench.latest)
        await pilot.press("N", "N")
        await settle(pilot)
        assert "3 of 3 in demo-base (toy)" in screen_text(bench.latest)
        await pilot.press("escape")
        await settle(pilot)
        assert "in demo-base" not in screen_text(bench.latest)
        assert shown(bench)[0] == recorded.ANSWERS[0]


async def test_an_answer_is_written_to_a_file_raw(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=spoil(recorded.record(items=1)))
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await answers(bench, pilot, 60)
        await pilot.press("y")
        await settle(pilot)
    folder = bench.places.runs.parent / "answers"
    (path,) = folder.iterdir()
    assert path.read_text(encoding="utf-8") == "\x1b]0;owned\x07[red]" + recorded.ANSWERS[0]


async def test_a_model_cannot_act_on_the_terminal(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=spoil(recorded.record(items=1)))
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await answers(bench, pilot, 60)
        assert shown(bench)[0] == "[red]" + recorded.ANSWERS[0]
        assert "owned" not in screen_text(bench.latest)
        assert "\x1b" not in screen_text(bench.latest)


def spoil(events: Sequence[Event]) -> list[Event]:
    """Lets the first answer begin with an escape sequence and markup."""
    spoiled = list(events)
    at = next(i for i, event in enumerate(events) if isinstance(event, Tokens))
    first = events[at]
    assert isinstance(first, Tokens)
    spoiled[at] = replace(first, text="\x1b]0;owned\x07[red]" + first.text)
    return spoiled
