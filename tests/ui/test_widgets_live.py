"""The widgets in a running application."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.widget import Widget

from sparktop.ui.widgets.chart import Phase, Reference, Series, TimeChart
from sparktop.ui.widgets.columns import Column
from sparktop.ui.widgets.gauge import Part, legend_row, meter, stacked_bar
from sparktop.ui.widgets.line_widget import LineWidget, Span
from sparktop.ui.widgets.streaming_text import StreamingText
from sparktop.ui.widgets.table import GridTable, TableRow

AnyWidget = TypeVar("AnyWidget", bound=Widget)
ANSWER = "大语言模型每生成一个 token，都要把全部权重读一遍，所以“解码”受带宽限制。\n"
SERIES_COLORS = {f"series-{i}": color for i, color in enumerate(("#6cb6e4", "#e6a45f", "#97cf86", "#c79be0"), 1)}


class OneWidget(App[None]):
    """Shows a single widget, and keeps the messages it sends."""

    def __init__(self, widget: Widget, theme: str = "textual-dark", ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self.widget = widget
        self.chosen: list[str] = []
        self.theme = theme

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return {"muted": "#8695a6", "track": "#28333f", **SERIES_COLORS}

    def compose(self) -> ComposeResult:
        yield self.widget

    def on_grid_table_selected(self, message: GridTable.Selected) -> None:
        self.chosen.append(f"selected {message.key}")

    def on_grid_table_highlighted(self, message: GridTable.Highlighted) -> None:
        self.chosen.append(f"highlighted {message.key}")


def screen_lines(app: App[None]) -> list[str]:
    """Return what the screen shows, as text."""
    widget = app.screen.children[0]
    return ["".join(segment.text for segment in strip) for strip in widget.render_lines(widget.size.region)]


def painted(widget: Widget, act: Callable[[], object]) -> list[Region]:
    """Return the regions that an action marks dirty."""
    widget._repaint_regions.clear()
    act()
    return sorted(widget._repaint_regions)


def text_of(row: Sequence[Span]) -> str:
    return "".join(text for text, _ in row)


def texts(widget: LineWidget) -> list[str]:
    return ["".join(text for text, _ in row) for row in widget.rows]


def series(now: float, *, value: float = 30.0, fact: str = "30.0", name: str = "解码") -> Series:
    times = [now - 60 + i / 2 for i in range(121)]
    return Series(name, times, [value + 5 * math.sin(t / 4) for t in times], "series-1", (fact, "mean 31", "peak 35"))


# -- chart ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("glyphs", ["braille", "block", "ascii"])
@pytest.mark.parametrize("size", [(30, 6), (150, 20), (60, 2), (20, 1), (12, 4), (3, 3), (1, 1), (80, 5)])
async def test_chart_fits_any_size(size: tuple[int, int], glyphs: str) -> None:
    chart = TimeChart(unit="tok/s", glyphs=glyphs)  # type: ignore[arg-type]
    async with OneWidget(chart).run_test(size=size) as pilot:
        for now in (1000.0, 1000.5, 1003.0):
            chart.show(
                [series(now), series(now, value=10, name="二")],
                now,
                references=[Reference(45, "roofline 45 tok/s"), Reference(900, "上限 900", in_scale=False)],
                phases=[Phase(900, 970, "prefill"), Phase(970, None, "decode")],
            )
            await pilot.pause()
        assert len(chart.rows) == size[1]
        assert all(cell_len(text) <= size[0] for text in texts(chart))
        if glyphs == "ascii":
            drawn = "".join(texts(chart)).replace("解码", "").replace("二", "").replace("上限", "").replace("…", "")
            assert drawn.isascii()


async def test_chart_looks_like_this() -> None:
    chart = TimeChart(unit="tok/s", window=30, glyphs="ascii")
    async with OneWidget(chart).run_test(size=(40, 8)) as pilot:
        times = [float(t) for t in range(970, 1001)]
        values = [20.0 if t < 985 else None if t < 990 else 40.0 for t in times]
        facts = ("40.0 tok/s",)
        chart.show([Series("decode", times, values, "series-1", facts, "area")], 1000.0)
        await pilot.pause()
        assert texts(chart) == [
            "tok/s # decode 40.0 tok/s",
            " 40+                       ############",
            "   |                       ############",
            " 20+................       ############",
            "   |################       ############",
            "   |################       ############",
            "  0+################       ############",
            "   +-30 s -------- -15 s ----------- now",
        ]


async def test_chart_paints_only_what_changed() -> None:
    chart = TimeChart(unit="tok/s")
    async with OneWidget(chart).run_test(size=(60, 12)) as pilot:
        shown = series(1000.0)
        chart.show([shown], 1000.0)
        await pilot.pause()
        assert painted(chart, lambda: chart.show([shown], 1000.0)) == []
        changed = Series(shown.name, shown.times, shown.values, "series-1", ("31.0", "mean 31", "peak 35"))
        regions = painted(chart, lambda: chart.show([changed], 1000.0))
        assert [region.y for region in regions] == [0]
        assert regions[0].width < 60


async def test_chart_axis_does_not_jump() -> None:
    chart = TimeChart(unit="tok/s")
    async with OneWidget(chart).run_test(size=(60, 12)):
        labels = set()
        for step in range(40):
            now = 1000.0 + step
            chart.show([series(now, value=30 + 4 * math.sin(step))], now)
            labels.add(tuple(text[:4] for text in texts(chart)[1:-1]))
        assert len(labels) == 1


# -- streaming text ------------------------------------------------------------------------------------------------


def fill(pane: StreamingText, text: str) -> None:
    pane.append(text)
    pane.flush()


def follows(pane: StreamingText) -> bool:
    return pane.following


async def test_text_follows_the_end_until_somebody_scrolls() -> None:
    pane = StreamingText()
    async with OneWidget(pane).run_test(size=(40, 10)) as pilot:
        fill(pane, ANSWER * 20)
        await pilot.pause()
        assert pane.lines_below == 0
        assert "限制" in "".join(screen_lines(pilot.app)[-2:])
        pane.focus()
        await pilot.press("pageup")
        top = screen_lines(pilot.app)[0]
        assert not follows(pane)
        assert screen_lines(pilot.app)[-1].rstrip(" ▐").endswith(f"▼ {pane.lines_below} more lines")
        pane.append(ANSWER)
        pane.flush()
        await pilot.pause()
        assert screen_lines(pilot.app)[0] == top
        assert screen_lines(pilot.app)[-1].rstrip(" ▐").endswith(f"▼ {pane.lines_below} more lines")
        await pilot.press("G")
        assert follows(pane)
        assert "more line" not in screen_lines(pilot.app)[-1]


async def test_text_arrives_by_itself_and_timers_end() -> None:
    pane = StreamingText()
    async with OneWidget(pane).run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        for character in "流式输出":
            pane.append(character)
        assert pane.text == ""
        await asyncio.sleep(0.25)
        assert pane.text == "流式输出"
        assert pane._flush_timer is None


async def test_text_paints_only_the_row_that_grew() -> None:
    pane = StreamingText()
    async with OneWidget(pane).run_test(size=(40, 10)) as pilot:
        fill(pane, "第一行\n第二行")
        await pilot.pause()
        pane.append("长")
        assert painted(pane, pane.flush) == [Region(0, 1, 8, 1)]


async def test_a_row_that_gets_shorter_leaves_nothing_behind() -> None:
    pane = StreamingText()
    async with OneWidget(pane).run_test(size=(21, 10)) as pilot:
        fill(pane, "one two three four")
        await pilot.pause()
        pane.append("teen")
        assert painted(pane, pane.flush) == [Region(0, 0, 18, 1), Region(0, 1, 8, 1)]
        await pilot.pause()
        assert [line.rstrip() for line in screen_lines(pilot.app)[:2]] == ["one two three", "fourteen"]


async def test_reasoning_has_a_gutter() -> None:
    pane = StreamingText()
    async with OneWidget(pane).run_test(size=(30, 10)) as pilot:
        pane.append("先想一想，这个问题问的是带宽而不是算力。", "reasoning")
        pane.append("带宽。")
        pane.flush()
        await pilot.pause()
        assert [line.rstrip() for line in screen_lines(pilot.app)[:3]] == [
            "┊ 先想一想，这个问题问的是带",
            "┊ 宽而不是算力。",
            "带宽。",
        ]


async def test_text_from_a_model_cannot_reach_the_terminal() -> None:
    pane = StreamingText()
    async with OneWidget(pane).run_test(size=(30, 5)) as pilot:
        for piece in ("a\x1b", "[31", "mb\x1b]0;ti", "tle\x07c"):
            pane.append(piece)
            pane.flush()
        await pilot.pause()
        assert screen_lines(pilot.app)[0].rstrip() == "abc"


async def test_find() -> None:
    pane = StreamingText()
    async with OneWidget(pane).run_test(size=(40, 8)) as pilot:
        fill(pane, ANSWER * 10)
        pane.action_top()
        assert pane.find("TOKEN") == 10
        assert pane.find_next(0) == 1
        await pilot.pause()
        assert pane.find_next() == 2
        assert pane.find_previous() == 1
        assert pane.find_previous() == 10
        assert pane.lines_below < 6
        pane.append("tok")
        pane.flush()
        pane.append("en")
        pane.flush()
        assert pane.match_count == 11
        assert pane.find("没有") == 0
        assert pane.find_next(0) == 0


async def test_matches_are_marked_by_more_than_colour() -> None:
    pane = StreamingText()
    async with OneWidget(pane).run_test(size=(40, 8)) as pilot:
        fill(pane, "one two one")
        pane.find("one")
        await pilot.pause()
        marked = {
            segment.text: segment.style for segment in pane.render_line(0) if segment.style and segment.style.reverse
        }
        assert set(marked) == {"one"}
        pane.highlight([(4, 7, "bad")])
        await pilot.pause()
        assert any(s.text == "two" and s.style and s.style.underline for s in pane.render_line(0))


async def test_resize_keeps_what_is_being_read() -> None:
    pane = StreamingText()
    async with OneWidget(pane).run_test(size=(60, 10)) as pilot:
        fill(pane, "".join(f"{i:03} {ANSWER}" for i in range(60)))
        pane.action_top()
        pane.scroll_lines(50)
        await pilot.pause()
        first = screen_lines(pilot.app)[0][:3]
        await pilot.resize_terminal(24, 12)
        await pilot.pause()
        assert any(line.startswith(first) for line in screen_lines(pilot.app)[:3])
        pane.follow()
        await pilot.resize_terminal(50, 12)
        await pilot.pause()
        assert pane.following
        assert pane.lines_below == 0


# -- bar and table -------------------------------------------------------------------------------------------------


def test_stacked_bar() -> None:
    parts = [Part("权重", 64, "64 GB"), Part("KV", 32, "32 GB", "series-2"), Part("free", 32, "32 GB", "muted")]
    assert text_of(stacked_bar(parts, 128, 60, "128 GB", ascii_only=False)) == (
        "▕" + "█" * 26 + "▓" * 12 + "·" * 13 + "▏ 128 GB"
    )
    assert text_of(legend_row(parts, 60, ascii_only=False)) == "█ 权重 64 GB  ▓ KV 32 GB  · free 32 GB"
    assert text_of(legend_row(parts, 36, ascii_only=True)) == "# 权重 64 GB  = KV 32 GB"
    assert "权重 n/a" in text_of(legend_row([Part("权重", None)], 60, ascii_only=False))


def test_a_thin_gauge_is_full_only_at_the_end() -> None:
    drawn = {share: text_of(meter(share, 8, "value")) for share in (None, 0.0, 0.001, 0.5, 0.999, 1.0, 7.0)}
    assert drawn == {
        None: "────────",
        0.0: "────────",
        0.001: "━───────",
        0.5: "━━━━────",
        0.999: "━━━━━━━─",
        1.0: "━━━━━━━━",
        7.0: "━━━━━━━━",
    }
    assert text_of(meter(0.5, 4, "value", ascii_only=True)) == "==--"


def table_rows(*keys: str, speed: str = "30.0") -> list[TableRow]:
    return [TableRow(key, [key, "什么是“空”？", (speed, "good")]) for key in keys]


COLUMNS = (Column("s", priority=9), Column("问题", flexible=True), Column("tok/s", "right", priority=8))


async def test_table_layout() -> None:
    table = GridTable(COLUMNS)
    async with OneWidget(table).run_test(size=(30, 5)) as pilot:
        table.show(table_rows("a", "b"))
        await pilot.pause()
        assert [text.rstrip() for text in texts(table)[:3]] == [
            "  s  问题                tok/s",
            "▸ a  什么是“空”？         30.0",
            "  b  什么是“空”？         30.0",
        ]


async def test_table_paints_only_changed_rows() -> None:
    table = GridTable(COLUMNS)
    async with OneWidget(table).run_test(size=(40, 8)) as pilot:
        table.show(table_rows("a", "b", "c"))
        await pilot.pause()
        assert painted(table, lambda: table.show(table_rows("a", "b", "c"))) == []
        rows = [*table_rows("a"), *table_rows("b", speed="31.5"), *table_rows("c")]
        assert [region.y for region in painted(table, lambda: table.show(rows))] == [2]


async def test_table_cursor_stays_on_its_row() -> None:
    table = GridTable(COLUMNS)
    async with OneWidget(table).run_test(size=(40, 8)) as pilot:
        app = pilot.app
        assert isinstance(app, OneWidget)
        table.show(table_rows("a", "b", "c"))
        table.focus()
        await pilot.press("down", "enter")
        assert app.chosen == ["highlighted b", "selected b"]
        table.show(table_rows("c", "b", "a", "x"))
        assert table.cursor_index == 1
        table.show(table_rows("c", "a"))
        assert table.cursor_key == "a"
        await pilot.click(GridTable, offset=(4, 1))
        await pilot.click(GridTable, offset=(4, 1))
        assert app.chosen[2:] == ["highlighted c", "selected c"]


async def test_table_scrolls_to_the_cursor() -> None:
    table = GridTable(COLUMNS)
    async with OneWidget(table).run_test(size=(40, 6)) as pilot:
        table.show(table_rows(*(f"r{i}" for i in range(20))))
        assert texts(table)[-1].strip() == "▼ 16 more"
        table.focus()
        await pilot.press("end")
        assert "▸ r19" in texts(table)[-1]
        await pilot.press("home")
        assert "▸ r0" in texts(table)[1]


async def test_cursor_shows_whether_the_table_has_the_focus() -> None:
    table = GridTable(COLUMNS)

    def reversed_rows() -> list[int]:
        return [y for y in range(4) if any(s.style and s.style.reverse for s in table.render_line(y))]

    async with OneWidget(table).run_test(size=(40, 6)) as pilot:
        table.show(table_rows("a", "b"))
        table.focus()
        await pilot.pause()
        assert reversed_rows() == [1]
        table.blur()
        await pilot.pause()
        assert reversed_rows() == []
        assert texts(table)[1].startswith("▸")


async def test_empty_table_says_so() -> None:
    table = GridTable(COLUMNS, empty="还没有结果")
    async with OneWidget(table).run_test(size=(40, 6)):
        table.show([])
        assert texts(table)[1].strip() == "还没有结果"


# -- every theme ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark", "ansi-light"])
@pytest.mark.parametrize("no_color", [False, True])
async def test_widgets_paint_in_every_theme(theme: str, no_color: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    for widget in (TimeChart(unit="W"), GridTable(COLUMNS), StreamingText()):
        app = OneWidget(widget, theme, ansi_color=True if theme.startswith("ansi") else None)
        async with app.run_test(size=(50, 10)) as pilot:
            if isinstance(widget, TimeChart):
                widget.show([series(1000.0)], 1000.0)
            elif isinstance(widget, GridTable):
                widget.show(table_rows("a", "b"))
            elif isinstance(widget, StreamingText):
                fill(widget, ANSWER)
            await pilot.pause()
            segments = [segment for line in app.screen._compositor.render_strips() for segment in line]
            assert all(segment.style is not None for segment in segments)
            if no_color and theme.startswith("ansi"):
                assert all(s.style.color is None or s.style.color.is_default for s in segments if s.style)
            app.theme = "textual-light" if theme == "textual-dark" else "textual-dark"
            await pilot.pause()


async def test_a_style_is_looked_up_when_it_is_used_and_follows_the_theme() -> None:
    table = GridTable(COLUMNS)
    app = OneWidget(table, "textual-dark")
    async with app.run_test(size=(50, 10)) as pilot:
        table.show(table_rows("a", "b"))
        await pilot.pause()
        assert set(table._component_styles) < table.COMPONENT_CLASSES
        dark = table.line_style("header")
        app.theme = "textual-light"
        await pilot.pause()
        assert table.line_style("header") != dark


# -- sizes ---------------------------------------------------------------------------------------------------------


async def test_a_widget_whose_place_was_asked_for_before_it_was_laid_out_is_not_blank() -> None:
    app = OneWidget(GridTable([Column("name")]))
    async with app.run_test(size=(40, 10)) as pilot:
        pane = StreamingText()
        await app.screen.mount(pane, before=0)
        # As when the screen is painted after the mount and before the layout, and then somebody takes the focus, for
        # which Textual works out where that is.
        app.screen._compositor.update_widgets({pane})
        assert app.screen.find_widget(pane).region.width == 40
        pane.append("an answer")
        await pilot.pause(0.3)
        assert "an answer" in "".join(screen_lines(app))
