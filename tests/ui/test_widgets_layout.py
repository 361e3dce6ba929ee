"""The arithmetic behind charts, bars and tables."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from sparktop.ui.widgets.axis import Axis, duration_label, next_axis, nice_step, tick_labels, time_labels
from sparktop.ui.widgets.columns import Column, column_widths
from sparktop.ui.widgets.document import Document
from sparktop.ui.widgets.ends import End, tag_rows
from sparktop.ui.widgets.gauge import share_cells
from sparktop.ui.widgets.labels import fit, place_label
from sparktop.ui.widgets.legend import LegendEntry, legend_spans
from sparktop.ui.widgets.line_widget import absorb_blanks, inked_width, merge_spans, row_width
from sparktop.ui.widgets.marks import Mark, cut_at_marks
from sparktop.ui.widgets.names import short_names, tags
from sparktop.ui.widgets.raster import GRAINS, ColumnSpans, glyph, level, plot
from sparktop.ui.widgets.ribbon import ribbon
from sparktop.ui.widgets.series import Phase


@pytest.mark.parametrize(("least", "step"), [(1, 1), (1.1, 2), (3, 5), (7, 10), (0.03, 0.05), (1200, 2000), (0, 1)])
def test_nice_step(least: float, step: float) -> None:
    assert nice_step(least) == pytest.approx(step)


def test_axis_stays_for_small_changes() -> None:
    axis = next_axis(None, 0, 37, 4)
    assert axis == Axis(0, 40, 10)
    assert next_axis(axis, 0, 40, 4) is axis
    assert next_axis(axis, 0, 17, 4) is axis
    assert next_axis(axis, 0, 12, 4) == Axis(0, 15, 5)
    assert next_axis(axis, 0, 41, 4) == Axis(0, 60, 20)


@given(st.floats(0, 1e9), st.floats(1e-3, 1e9), st.integers(1, 5))
def test_axis_holds_the_data(low: float, span: float, intervals: int) -> None:
    axis = next_axis(None, low, low + span, intervals)
    slack = 1e-6 * axis.step
    assert axis.low <= low + slack
    assert axis.high >= low + span - slack
    assert 1 <= round((axis.high - axis.low) / axis.step) <= intervals
    # The same data must never make it move again.
    assert next_axis(axis, low, low + span, intervals) == axis or span < 0.4 * (axis.high - axis.low)


def test_tick_labels() -> None:
    assert [text for _, text in tick_labels(Axis(0, 60, 20))] == ["0", "20", "40", "60"]
    assert [text for _, text in tick_labels(Axis(0, 1, 0.5))] == ["0", "0.5", "1.0"]
    assert [text for _, text in tick_labels(Axis(0, 20000, 10000))] == ["0", "10k", "20k"]
    assert [text for _, text in tick_labels(Axis(0, 3e6, 1.5e6))] == ["0", "1.5M", "3.0M"]


def test_time_axis() -> None:
    assert time_labels(60, 40, "─", "└") == "└-60 s ────────── -30 s ───────────── now"
    assert time_labels(60, 14, "-", "+") == "+-60 s ---- now"
    assert time_labels(60, 12, "-", "+") == "+-------- now"
    assert time_labels(60, 4, "-", "+") == "+----"
    assert [duration_label(s) for s in (30, 90, 300)] == ["30 s", "90 s", "5 min"]
    for width in range(4, 150):
        assert len(time_labels(600, width, "─", "└")) == width + 1


def test_columns_keep_extremes_and_join_samples() -> None:
    columns = ColumnSpans(1.0)
    columns.update([0.1, 0.2, 0.3, 2.5], [5.0, 50.0, 5.0, 5.0])
    assert columns.spans == {0: (5.0, 50.0), 1: (5.0, 5.0), 2: (5.0, 5.0)}


def test_a_missing_sample_is_a_gap() -> None:
    columns = ColumnSpans(1.0)
    columns.update([0.5, 1.5, 2.5, 3.5, 4.5], [1.0, None, 1.0, math.nan, 1.0])
    assert sorted(columns.spans) == [0, 2, 4]
    silent = ColumnSpans(1.0, gap=3.0)
    silent.update([0.5, 9.5], [1.0, 1.0])
    assert sorted(silent.spans) == [0, 9]


SAMPLES = st.lists(st.tuples(st.floats(0.05, 5), st.one_of(st.none(), st.floats(-100, 100))), min_size=1, max_size=40)


@given(SAMPLES, st.data())
def test_columns_do_not_depend_on_how_samples_arrive(
    samples: list[tuple[float, float | None]], data: st.DataObject
) -> None:
    times: list[float] = []
    for delay, _ in samples:
        times.append((times[-1] if times else 0.0) + delay)
    values = [value for _, value in samples]
    whole = ColumnSpans(0.7)
    whole.update(times, values)
    parts = ColumnSpans(0.7)
    end = 0
    while end < len(times):
        begin = data.draw(st.integers(0, max(0, end - 1)))
        end = data.draw(st.integers(end + 1, len(times)))
        parts.update(times[begin:end], values[begin:end])
    assert parts.spans == whole.spans


def test_another_history_is_drawn_anew() -> None:
    columns = ColumnSpans(1.0)
    columns.update([1.0, 2.0], [1.0, 1.0])
    columns.update([0.5, 1.5], [7.0, 7.0])
    assert columns.spans == {0: (7.0, 7.0), 1: (7.0, 7.0)}


def test_plot_braille() -> None:
    spans = {0: (0.0, 0.0), 1: (0.0, 7.0), 2: (7.0, 7.0), 3: (3.0, 4.0)}
    cells = plot(spans, 0, 2, 2, (0, 7), GRAINS["braille"], "line")
    drawn = ["".join(glyph(bits, "braille", "line") for bits in row) for row in cells]
    assert drawn == ["⢸⢁", "⣸⠈"]
    area = plot(spans, 0, 2, 2, (0, 7), GRAINS["braille"], "area")
    assert ["".join(glyph(bits, "braille", "area") for bits in row) for row in area] == ["⢸⣇", "⣸⣿"]


def test_plot_other_glyphs() -> None:
    spans = {0: (0.0, 0.0), 1: (0.0, 7.0), 2: (3.0, 3.0)}
    block = plot(spans, 0, 4, 1, (0, 7), GRAINS["block"], "area")
    assert "".join(glyph(bits, "block", "area") for bits in block[0]) == "▁█▄ "
    letters = plot(spans, 0, 4, 1, (0, 7), GRAINS["ascii"], "line")
    assert "".join(glyph(bits, "ascii", "line") for bits in letters[0]) == ".:. "


def test_level_stays_inside() -> None:
    assert [level(value, 0, 10, 8) for value in (-5, 0, 10, 99)] == [0, 0, 7, 7]
    assert level(1, 1, 1, 8) == 0


@given(st.text(alphabet="中文ab，😀 é", max_size=20), st.integers(0, 24), st.sampled_from(["left", "right", "center"]))
def test_fit_is_exact(text: str, width: int, align: str) -> None:
    assert cell_len(fit(text, width, align)) == width


def test_fit() -> None:
    assert fit("中文字", 5) == "中文…"
    assert fit("中文字", 4) == "中… "
    assert fit("ab", 5, "right") == "   ab"


def test_label_keeps_clear_of_what_is_drawn() -> None:
    def placed(drawn: str, label: str = " max ") -> str:
        return "".join(place_label(label, "-", [cell == "." for cell in drawn]))

    assert placed("...............") == "-- max --------"
    assert placed("...#...........") == "-------- max --"
    assert placed("...#.......#...") == "----- max -----"
    assert placed("...#...#...#...") == "---------------"
    assert placed("...#.......#...", " max 45 W ") == "----- max -----"


@given(
    st.lists(st.tuples(st.text("名ab", max_size=12), st.lists(st.just("12.3 tok/s"), max_size=3)), max_size=4),
    st.integers(1, 90),
)
def test_legend_fits(entries: list[tuple[str, list[str]]], width: int) -> None:
    legend = [LegendEntry("━", name, tuple(facts), "series-1") for name, facts in entries]
    assert row_width(legend_spans(legend, width)) <= width


def test_legend_keeps_values_longest() -> None:
    entries = [LegendEntry("━", name, ("12.3", "mean 11"), "series-1") for name in ("demo-sutra", "demo-base")]
    texts = ["".join(text for text, _ in legend_spans(entries, width)) for width in (60, 40, 30, 16, 9, 4)]
    assert texts == [
        "━ demo-sutra 12.3  mean 11   ━ demo-base 12.3  mean 11",
        "━ demo-sutra 12.3   ━ demo-base 12.3",
        "━ …sutra 12.3   ━ …base 12.3",
        "━ 12.3  ━ 12.3",
        "━ 12.3",
        "12.3",
    ]


def test_a_legend_always_says_whose_line_is_whose() -> None:
    names = ("vm", "spark-1", "spark-2", "spark-3", "spark-4")
    tagged = [LegendEntry("━", name, (), "series-1", tag) for name, tag in zip(names, tags(names), strict=True)]
    assert ["".join(text for text, _ in legend_spans(tagged, width, "in + out")) for width in (80, 60, 54, 30, 16)] == [
        "━m vm   ━1 spark-1   ━2 spark-2   ━3 spark-3   ━4 spark-4   in + out",
        "━m vm   ━1 spark-1   ━2 spark-2   ━3 spark-3   ━4 spark-4",
        "━m vm  ━1 spark-1  ━2 spark-2  ━3 spark-3  ━4 spark-4",
        "━m vm   ━1   ━2   ━3   ━4",
        "━m  ━1  ━2  ━3",
    ]
    untagged = [LegendEntry("━", name, (), "series-1") for name in names]
    assert "".join(text for text, _ in legend_spans(untagged, 16)) == "━ vm  ━ …1  +3"


@given(
    st.lists(st.text("spark-火花12", min_size=1, max_size=30), min_size=2, max_size=9, unique=True), st.integers(4, 40)
)
def test_short_names_stay_different(names: list[str], cells: int) -> None:
    short = short_names(names, cells)
    assert len(set(short)) == len(names)
    assert all(cell_len(name) <= cells for name in short)
    assert len(set(tags(names))) == len(names)
    assert all(len(tag) == 1 and tag.isascii() for tag in tags(names))


def test_short_names_keep_whole_words_from_their_ends() -> None:
    assert short_names(["spark-alpha", "spark-gamma"], 8) == ["…alpha", "…gamma"]
    assert short_names(["alpha.lab.example.org", "gamma.lab.example.org"], 8) == ["alpha.l…", "gamma.l…"]
    assert short_names(["one.lab.a.long.way", "one.lab.b.long.way"], 8) == ["one.la…1", "one.la…2"]
    assert tags(["spark-1", "spark-2"]) == ["1", "2"]
    assert tags(["vm", "spark-1"]) == ["v", "s"]
    assert tags(["火花一号", "火花二号"]) == ["a", "b"]


def test_tags_stand_where_lines_end_or_as_near_as_they_can() -> None:
    ends = [End(row=1, text=tag, style_class="") for tag in "abcd"]
    assert ["".join(tag for tag, _ in row) for row in tag_rows(ends, 4, 2)] == ["cd", "ab", "", ""]
    assert tag_rows([], 2, 3) == [[], []]


def test_ribbon() -> None:
    phases = [Phase(0, 12, "prefill"), Phase(12, None, "decode")]
    assert "".join(text for text, _ in ribbon(phases, 0, 30, 1)) == "┝ prefill ━━┝ decode ━━━━━━━━━"
    assert "".join(text for text, _ in ribbon(phases, 5, 20, 1)) == "━━━━━━━┝ decode ━━━━"
    assert "".join(text for text, _ in ribbon(phases, 0, 20, 1, ascii_only=True)) == "| prefill --| decode"


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0, 20)), max_size=6), st.integers(1, 60))
def test_ribbon_fits(stretches: list[tuple[float, float]], cells: int) -> None:
    phases = [Phase(start, start + length, "预填充") for start, length in stretches]
    assert row_width(ribbon(phases, 10, cells, 0.8)) <= cells


@given(st.lists(st.floats(0, 50), max_size=6), st.integers(1, 80))
def test_shares_never_overflow(values: list[float], width: int) -> None:
    cells = share_cells(values, max(1.0, sum(values)), width)
    assert sum(cells) <= width
    assert all(cell >= 0 for cell in cells)


COLUMNS = [
    Column("stream", priority=9),
    Column("问题", flexible=True, priority=5),
    Column("TTFT", "right", priority=1),
    Column("tok/s", "right", priority=8),
]


def test_columns_drop_the_least_important() -> None:
    wanted = [6, 30, 6, 5]
    assert column_widths(COLUMNS, wanted, 80) == {0: 6, 1: 57, 2: 6, 3: 5}
    assert list(column_widths(COLUMNS, wanted, 40)) == [0, 1, 2, 3]
    assert list(column_widths(COLUMNS, wanted, 30)) == [0, 1, 3]
    assert list(column_widths(COLUMNS, wanted, 14)) == [0, 3]
    assert column_widths(COLUMNS, wanted, 3) == {0: 3}


@given(st.lists(st.integers(1, 30), min_size=4, max_size=4), st.integers(1, 120))
def test_columns_fit(wanted: list[int], width: int) -> None:
    widths = column_widths(COLUMNS, wanted, width)
    assert sum(widths.values()) + 2 * (len(widths) - 1) <= width


def test_spans_are_merged() -> None:
    spans = [("a", "x"), ("", "y"), ("b", "x"), ("c", "y")]
    assert merge_spans(spans) == (("ab", "x"), ("c", "y"))
    assert absorb_blanks([("  ", ""), ("a", "x"), (" ", ""), ("b", "x"), ("   ", "")]) == (("  a b", "x"),)
    assert inked_width((("a ", "x"), ("  ", ""))) == 2
    assert inked_width((("a ", ""), ("  ", ""))) == 1
    assert inked_width((("  ", "cursor"),)) == 2


def test_marks_cut_a_row() -> None:
    layers = ([Mark(2, 5, "good")], [Mark(4, 7, "match")])
    assert cut_at_marks("abcdefgh", 0, "answer", layers) == [
        ("ab", "answer"),
        ("cd", "answer good"),
        ("e", "answer good match"),
        ("fg", "answer match"),
        ("h", "answer"),
    ]
    assert cut_at_marks("xyz", 20, "answer", layers) == [("xyz", "answer")]


@given(st.text(alphabet="abAB 中\n", max_size=60), st.sampled_from(["ab", "a", "aba", "中", "b\na"]), st.integers(1, 7))
def test_finding_while_text_comes_finds_what_finding_afterwards_does(text: str, query: str, size: int) -> None:
    live = Document(20)
    live.find(query)
    for at in range(0, len(text), size):
        live.append([(text[at : at + size], "answer")])
    after = Document(20)
    after.append([(text, "answer")])
    after.find(query)
    assert live.matches == after.matches


def test_document_of_several_runs() -> None:
    document = Document(10, {"reasoning": "┊ "})
    document.append(
        [("想想看吧", "reasoning"), ("好的", "answer"), ("再想", "reasoning"), ("想", "reasoning"), ("完", "answer")]
    )
    rows = ["".join(text for text, _ in document.spans(line)) for line in range(document.line_count)]
    assert rows == ["┊ 想想看吧", "好的", "┊ 再想想", "完"]
    assert document.text == "想想看吧好的再想想完"
    assert [document.line_of(offset) for offset in (0, 4, 6, 9)] == [0, 1, 2, 3]
    assert [document.offset_of(line) for line in (0, 1, 2, 3, 4)] == [0, 4, 6, 9, 10]
    document.find("想")
    assert [(mark.start, mark.end) for mark in document.matches] == [(0, 1), (1, 2), (7, 8), (8, 9)]
