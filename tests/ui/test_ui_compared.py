"""Answers compared: what is marked in them, scrolling, hidden reasoning, several columns, and answers of any length."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import kept
import recorded
from fakes import screen_text, settle
from textual.widgets import Input

from sparktop.model.events import Event, RequestDone, Tokens
from sparktop.model.scoring import score
from sparktop.model.state import fold
from sparktop.ui.panels.answer import AnswerColumn

RIGHT = "出自《杂阿含经》。先知味，再如实知，于是厌，厌而离欲，离欲则解脱。众生皆有佛性。"
WRONG = "出自《大般涅槃经》。先知味，再如实知，于是厌，厌而离欲，离欲则解脱。\x1b[31m诸行无常\x1b[0m，是生灭法。"


def answered(*texts: str, items: int = 1) -> list[Event]:
    """A run in which each contender answers everything with one text."""
    contenders = tuple(
        replace(recorded.DEMO_BASE, name=f"model-{n}", toy=False) if n else recorded.DEMO_BASE
        for n in range(len(texts))
    )
    usual = dict(recorded.SPEEDS)
    recorded.SPEEDS.update(
        {c.name: recorded.Speed(tok_s=40.0 + 5 * n, prefill_tok_s=500, load_s=1) for n, c in enumerate(contenders)}
    )
    try:
        events = recorded.record(items=items, contenders=contenders, reasoning=False)
    finally:
        # Other tests count on them.
        recorded.SPEEDS.clear()
        recorded.SPEEDS.update(usual)
    owner: dict[int, int] = {n * items + i: n for n in range(len(texts)) for i in range(items)}
    made: list[Event] = []
    begun: set[int] = set()
    for event in events:
        if isinstance(event, Tokens):
            text = "" if event.request in begun else texts[owner[event.request]]
            begun.add(event.request)
            made.append(replace(event, text=text))
        else:
            made.append(event)
    return made


def marked(column: AnswerColumn, style: str) -> list[str]:
    """What is marked in a column in some style, as it is painted."""
    document = column.text._document
    spans = [span for line in range(document.line_count) for span in document.spans(line)]
    return [text for text, name in spans if style in name.split()]


async def test_points_and_sources_are_marked_and_told(tmp_path: Path) -> None:
    kept.keep(tmp_path, events=answered(WRONG, "\n\n" + RIGHT))
    bench = kept.saved_bench(tmp_path)
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        screen = await kept.open_answers(bench, pilot)
        wrong, right = screen.columns
        assert marked(right, "good") == ["味", "如实知", "厌", "厌", "离欲", "离欲", "解脱"]
        assert marked(right, "note") == ["杂阿含经"]
        assert marked(wrong, "bad") == ["大般涅槃经"]
        assert "诸行无常，是生灭法" in wrong.text.text
        item = recorded.scenario().items[0]
        assert score(item, RIGHT).text == "5/5"
        text = screen_text(bench.latest)
        for part in ("5/5 points = most", "✓ 杂阿含经", "✗ wrong source 大般涅槃经", "= fastest"):
            assert text.count(part) == 1, part
        await pilot.press("p")
        await settle(pilot)
        assert marked(right, "good") == []


async def test_differences_are_marked_by_clause(tmp_path: Path) -> None:
    kept.keep(tmp_path, events=answered(WRONG, RIGHT))
    bench = kept.saved_bench(tmp_path)
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        screen = await kept.open_answers(bench, pilot)
        await pilot.press("x")
        await settle(pilot)
        wrong, right = screen.columns
        assert "".join(marked(right, "note")) == "出自《杂阿含经》众生皆有佛性"
        assert "诸行无常" in "".join(marked(wrong, "note"))
        assert "离欲则解脱" not in "".join(marked(wrong, "note"))
        text = screen_text(bench.latest)
        assert "only here 2 of 7 clauses" in text
        assert "underlined: only here" in text


async def test_scrolling_together_or_alone(tmp_path: Path) -> None:
    long = "".join(f"第{n}句。\n" for n in range(200))
    kept.keep(tmp_path, events=answered(long, long))
    bench = kept.saved_bench(tmp_path)
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        screen = await kept.open_answers(bench, pilot)
        one, other = (column.text for column in screen.columns)
        assert (one._top, other._top) == (0, 0)
        await pilot.press("pagedown")
        await settle(pilot)
        assert one._top > 0 == other._top
        await pilot.press("home", "l", "down", "pagedown", "down")
        await settle(pilot)
        assert one._top == other._top > 20
        assert "scrolled together" in screen_text(bench.latest)
        await pilot.press("tab", "end")
        await settle(pilot)
        assert one._top == other._top == one._last_top
        await pilot.press("l", "home")
        await settle(pilot)
        assert other._top == 0 < one._top


async def test_reasoning_can_be_hidden_and_shown(tmp_path: Path) -> None:
    kept.keep(tmp_path, events=recorded.record(items=1))
    bench = kept.saved_bench(tmp_path)
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        screen = await kept.open_answers(bench, pilot)
        thinking = screen.columns[1]
        assert thinking.text.text == recorded.REASONING + recorded.ANSWERS[0]
        before = marked(thinking, "good")
        await pilot.press("h")
        await settle(pilot)
        assert thinking.text.text == recorded.ANSWERS[0]
        assert "reasoning hidden" in screen_text(bench.latest)
        assert marked(thinking, "good") == before != []
        await pilot.press("h")
        await settle(pilot)
        assert thinking.text.text.startswith(recorded.REASONING)
        assert marked(thinking, "good") == before


async def test_as_many_columns_as_fit_and_tabs_for_the_others(tmp_path: Path) -> None:
    kept.keep(tmp_path, events=answered("甲", "乙", "丙", "丁"))
    bench = kept.saved_bench(tmp_path)
    async with bench.app(bench.default_plan()).run_test(size=(160, 40)) as pilot:
        screen = await kept.open_answers(bench, pilot)
        seen = []
        for width, presses in ((160, 0), (120, 0), (120, 3), (99, 0), (99, 1)):
            await pilot.resize_terminal(width, 40)
            await pilot.press(*["tab"] * presses)
            await settle(pilot)
            seen.append("".join(column.text.text for column in screen.columns if column.display))
            assert {strip.cell_length for strip in bench.latest.screen._compositor.render_strips()} == {width}
        assert seen == ["甲乙丙丁", "甲乙丙", "乙丙丁", "丁", "甲"]


async def test_finding_goes_through_answers_that_a_tab_hides(tmp_path: Path) -> None:
    kept.keep(tmp_path, events=answered("缘起性空。", "如实知味。"))
    bench = kept.saved_bench(tmp_path)
    async with bench.app(bench.default_plan()).run_test(size=(80, 24)) as pilot:
        screen = await kept.open_answers(bench, pilot)
        screen.query_one("#find", Input).value = "如实知"
        await pilot.press("slash", "enter")
        await settle(pilot)
        assert '"如实知": 1 in model-1' in screen_text(bench.latest)
        assert "如实知味" in screen_text(bench.latest)


async def test_a_field_that_is_left_at_once_keeps_no_key(tmp_path: Path) -> None:
    kept.keep(tmp_path, events=answered("缘起性空。"))
    bench = kept.saved_bench(tmp_path)
    async with bench.app(bench.default_plan()).run_test(size=(80, 24)) as pilot:
        screen = await kept.open_answers(bench, pilot)
        for ask in (screen.action_find, screen.action_rater):
            # As two keys do that come at once: it was never painted.
            ask()
            assert isinstance(screen.focused, Input)
            screen.action_back()
            await settle(pilot)
            assert not isinstance(screen.focused, Input)


async def test_answers_of_a_hundred_thousand_characters(tmp_path: Path) -> None:
    long = "".join(f"第{n}句：缘起性空，\x1b[3{n % 8}m于色生厌，离欲解脱。" for n in range(4_500))
    assert len(long) > 100_000
    kept.keep(tmp_path, events=answered(long, long.replace("缘起", "无常"), items=2))
    bench = kept.saved_bench(tmp_path)
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        screen = await kept.open_answers(bench, pilot)
        begun = time.perf_counter()
        await pilot.press("right", "x", "h", "end", "home")
        await settle(pilot)
        assert time.perf_counter() - begun < 15
        assert "\x1b" not in screen_text(bench.latest)
        # Once they are there, looking at them costs next to nothing.
        begun = time.perf_counter()
        for _ in range(20):
            screen.draw()
        assert time.perf_counter() - begun < 2
        assert "".join(marked(screen.columns[1], "note")).startswith("无常性空")


def test_the_made_up_run_has_these_answers() -> None:
    state = fold(answered("甲", "乙", items=2))
    assert [request.answer for request in state.requests.values()] == ["甲", "甲", "乙", "乙"]
    assert sum(isinstance(event, RequestDone) for event in answered("甲")) == 1
