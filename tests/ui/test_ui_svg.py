"""Screenshots: every word and every Chinese character stands where it stood on the screen."""

from __future__ import annotations

import re
from pathlib import Path

import recorded
from fakes import Bench, settle
from rich.cells import cell_len

from sparktop.ui.svg import position_words

SPAN = re.compile(r'<tspan x="([\d.]+)" textLength="([\d.]+)">([^<]*)</tspan>')


def text(body: str, x: float = 0.0) -> str:
    length = 12.2 * len(body)
    return f'<text class="a" x="{x}" y="20" textLength="{length:.1f}" clip-path="url(#l)">{body}</text>'


def test_words_and_wide_characters_have_places_of_their_own() -> None:
    placed = SPAN.findall(position_words(text("  Q1 五法, two")))
    assert [(round(float(x) / 12.2, 1), word) for x, _, word in placed] == [
        *((2.0, "Q1"), (5.0, "五"), (7.0, "法"), (9.0, ","), (11.0, "two")),
    ]
    assert [round(float(length) / 12.2, 1) for _, length, _ in placed] == [2, 2, 2, 1, 3]


def test_signs_of_xml_stay_escaped() -> None:
    assert "&lt;b&gt;&amp;" in position_words(text("x").replace(">x<", ">&lt;b&gt;&amp;<"))


def test_blanks_are_left_out() -> None:
    assert position_words(text("   ")) == ""


async def test_the_rows_of_a_screen(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record(items=1))
    async with bench.app(bench.default_plan()).run_test(size=(80, 24)) as pilot:
        bench.watch.t = 200.0
        bench.latest.poll()
        await settle(pilot)
        await pilot.press("a")
        await settle(pilot)
        strips = bench.latest.screen._compositor.render_strips()
        row = next(strip.text for strip in strips if "请解释" in strip.text)
        placed = [(word, round(float(x) / 12.2)) for x, _, word in SPAN.findall(bench.latest.picture())]
    first = placed.index(("请", 1))
    shown = [(character, cell_len(row[:at])) for at, character in enumerate(row) if cell_len(character) == 2]
    assert shown == [one for one in placed[first : first + len(row)] if one in shown]
    assert len(shown) > 20
