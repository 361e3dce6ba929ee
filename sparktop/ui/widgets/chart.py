"""A chart over time: braille curves whose columns stay put, with an axis that does not jump."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.cells import cell_len

from sparktop.model.text import one_line
from sparktop.ui.widgets.axis import Axis, data_range, margin_texts, next_axis, tick_labels, time_labels
from sparktop.ui.widgets.ends import ends, last_marks, tag_cells, tag_rows
from sparktop.ui.widgets.labels import fit, place_label
from sparktop.ui.widgets.legend import LegendEntry, legend_spans
from sparktop.ui.widgets.line_widget import LineWidget, Span, SpanRow, absorb_blanks, merge_spans
from sparktop.ui.widgets.raster import GRAINS, ColumnSpans, GlyphSet, glyph, plot
from sparktop.ui.widgets.references import reference_rows
from sparktop.ui.widgets.ribbon import ribbon
from sparktop.ui.widgets.series import Phase, Reference, Series

__all__ = ["Phase", "Reference", "Series", "TimeChart"]

MIN_WIDTH_FOR_AXIS = 20
MIN_HEIGHT_FOR_TIME = 5
MIN_HEIGHT_FOR_PHASES = 6
LONG_CELL = 2.0
"""Seconds of a cell beyond which it is drawn while it is still under way."""

_MARKERS = {
    "braille": {"area": "█", "line": "━", "dots": "┅"},
    "block": {"area": "█", "line": "─", "dots": "─"},
    "ascii": {"area": "#", "line": "-", "dots": "."},
}


class TimeChart(LineWidget):
    """Curves over a fixed stretch of time that ends now.

    From the top: a legend with the unit, a ribbon of phases (once there were any), the curves with the values at the
    left, and the time axis. Two rows are a legend and a low curve, one row is a value and a sparkline.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"time-chart--series-{i}" for i in range(1, 5)),
        "time-chart--good",
        "time-chart--warn",
        "time-chart--bad",
        "time-chart--label",
        "time-chart--value",
        "time-chart--axis",
        "time-chart--reference",
        "time-chart--phase",
    }

    DEFAULT_CSS = """
    TimeChart {
        height: 1fr;
        & .time-chart--series-1 { color: $series-1; }
        & .time-chart--series-2 { color: $series-2; }
        & .time-chart--series-3 { color: $series-3; }
        & .time-chart--series-4 { color: $series-4; }
        & .time-chart--good { color: $success; }
        & .time-chart--warn { color: $warning; }
        & .time-chart--bad { color: $error; text-style: bold; }
        & .time-chart--label { color: $muted; }
        & .time-chart--value { color: $foreground; text-style: bold; }
        & .time-chart--axis { color: $muted; }
        & .time-chart--reference { color: $warning; }
        & .time-chart--phase { color: $muted; }
    }
    """

    component_prefix = "time-chart"

    def __init__(
        self,
        *,
        unit: str = "",
        window: float = 60.0,
        y_min: float | None = 0.0,
        y_max: float | None = None,
        gap: float | None = None,
        glyphs: GlyphSet = "braille",
        name: str | None = None,
        id: str | None = None,  # noqa: A002  (the name Textual uses)
        classes: str | None = None,
    ) -> None:
        """Make an empty chart.

        Args:
            unit: The unit of the values, shown above the axis.
            window: The seconds it covers.
            y_min: The lower end of the axis; None follows the data.
            y_max: The upper end of the axis; None follows the data.
            gap: Seconds without a sample after which the line is broken.
            glyphs: The characters to draw with; `ascii` where nothing else can be shown.
            name: The name of the widget.
            id: The id of the widget in the DOM.
            classes: The CSS classes of the widget.
        """
        super().__init__(name=name, id=id, classes=classes)
        self._unit = unit
        self._window = window
        self._y_min, self._y_max = y_min, y_max
        self._gap = gap
        self._glyphs: GlyphSet = glyphs
        self._series: Sequence[Series] = ()
        self._references: Sequence[Reference] = ()
        self._phases: Sequence[Phase] = ()
        self._note = ""
        self._now = 0.0
        self._ended = False
        self._axis: Axis | None = None
        self._label_width = 0
        self._had_phases = False
        self._columns: dict[str, ColumnSpans] = {}

    @property
    def window(self) -> float:
        """The seconds that the chart covers."""
        return self._window

    @window.setter
    def window(self, seconds: float) -> None:
        self._window = seconds
        self.repaint()

    @property
    def glyphs(self) -> GlyphSet:
        """The characters that the chart is drawn with."""
        return self._glyphs

    @glyphs.setter
    def glyphs(self, glyphs: GlyphSet) -> None:
        self._glyphs = glyphs
        self.repaint()

    def show(
        self,
        series: Sequence[Series],
        now: float,
        *,
        references: Sequence[Reference] = (),
        phases: Sequence[Phase] = (),
        ended: bool = False,
        note: str = "",
    ) -> None:
        """Show samples; rows that look the same as before are not painted.

        Args:
            series: The curves, the most important first.
            now: The time at the right edge.
            references: Horizontal lines.
            phases: What went on when.
            ended: Whether time stands still, so that the right edge is not called "now".
            note: What holds for all curves, said in the legend where there is room.
        """
        self._ended, self._note = ended, note
        self._series, self._now = series, now
        self._references, self._phases = references, phases
        self._had_phases = self._had_phases or bool(phases)
        self.repaint()

    def clear(self) -> None:
        """Forget everything, also the scale."""
        self._series, self._references, self._phases = (), (), ()
        self._axis, self._label_width = None, 0
        self._had_phases = False
        self._columns.clear()
        self.repaint()

    def build(self, width: int, height: int) -> list[SpanRow]:
        """Lay out the chart for a size; see `LineWidget.build`."""
        if height == 1:
            return [self._sparkline(width)]
        with_axis = width >= MIN_WIDTH_FOR_AXIS and height >= 3
        with_time = height >= MIN_HEIGHT_FOR_TIME
        with_phases = self._had_phases and height >= MIN_HEIGHT_FOR_PHASES
        rows = height - 1 - with_time - with_phases
        beside = tag_cells(sum(bool(one.tag) for one in self._series)) if width >= MIN_WIDTH_FOR_AXIS else 0
        plotted = self._collect(width - beside - (self._label_width + 1 if with_axis else 0))
        axis = self._scale(plotted, rows)
        labels = tick_labels(axis)
        gutter = 0
        if with_axis:
            # The label column only ever widens: a narrower label must not move the whole picture.
            widest = max(3, *(len(text) for _, text in labels))
            if widest > self._label_width:
                self._label_width = widest
                plotted = self._collect(width - beside - widest - 1)
            gutter = self._label_width + 1
        cells = width - gutter - beside
        body = self._plot_rows(plotted, axis, cells, rows)
        down = GRAINS[self._glyphs].down
        if with_axis:
            margin = margin_texts(labels, axis, rows, down, self._label_width, ascii_only=self._glyphs == "ascii")
            body = [((edge, "axis"), *row) for edge, row in zip(margin, body, strict=True)]
        tagged = tag_rows(ends(plotted, self._now - self._window, axis, rows, down), rows, beside)
        body = [absorb_blanks([*row, *tag]) for row, tag in zip(body, tagged, strict=True)]
        result = [self._header(width, gutter)]
        if with_phases:
            across = GRAINS[self._glyphs].across
            first = self._first_column(cells) // across
            drawn = ribbon(self._phases, first, cells, self._window / cells, ascii_only=self._glyphs == "ascii")
            result.append(merge_spans([(" " * gutter, ""), *drawn]))
        result.extend(body)
        if with_time:
            rule, corner = ("-", "+") if self._glyphs == "ascii" else ("─", "└")
            text = time_labels(self._window, cells, rule, corner, "end" if self._ended else "now")
            result.append(((" " * (gutter - 1) + text if gutter else text[1:], "axis"),))
        return result

    # -- the picture -----------------------------------------------------------------------------------------------

    def _first_column(self, cells: int) -> int:
        """Return the column of time at the left edge, a whole cell so that the picture moves cell by cell."""
        across = GRAINS[self._glyphs].across
        cell_seconds = self._window / max(1, cells)
        return (math.floor(self._now / cell_seconds) - cells + 1) * across

    def _collect(self, cells: int) -> list[tuple[Series, ColumnSpans]]:
        """Bring the columns of each series up to date."""
        cells = max(1, cells)
        step = self._window / (cells * GRAINS[self._glyphs].across)
        first = self._first_column(cells)
        plotted = []
        for one in self._series:
            columns = self._columns.get(one.name)
            if columns is None or columns.step != step:
                columns = self._columns[one.name] = ColumnSpans(step, self._gap)
            columns.update(one.times, one.values)
            columns.drop_before(first)
            plotted.append((one, columns))
        return plotted

    def _scale(self, plotted: Sequence[tuple[Series, ColumnSpans]], rows: int) -> Axis:
        ends: list[float] = [reference.value for reference in self._references if reference.in_scale]
        earliest = self._now - self._window
        for _, columns in plotted:
            first = math.floor(earliest / columns.step)
            found = data_range([span for column, span in columns.spans.items() if column >= first])
            if found is not None:
                ends.extend(found)
        low = self._y_min if self._y_min is not None else min(ends, default=0.0)
        high = self._y_max if self._y_max is not None else max(ends, default=low + 1.0)
        intervals = max(1, min(5, (rows - 1) // 2))
        if self._y_max is not None and self._y_min is not None:
            self._axis = Axis(low, high, (high - low) / (intervals if intervals in (1, 2, 4, 5) else 2))
        else:
            self._axis = next_axis(self._axis, low, high, intervals)
        return self._axis

    def _plot_rows(
        self, plotted: Sequence[tuple[Series, ColumnSpans]], axis: Axis, cells: int, rows: int
    ) -> list[SpanRow]:
        grain = GRAINS[self._glyphs]
        first = self._first_column(cells)
        bounds = (axis.low, axis.high)
        # A line in front of an area shows; the other way round it would not.
        front_first = sorted(plotted, key=lambda pair: pair[0].mark == "area")
        over = [pair for pair in plotted if pair[0].over]
        marks = last_marks(over, self._now - self._window, first, axis, rows, grain)
        layers = [
            (one, plot(self._settled(columns), first, cells, rows, bounds, grain, one.mark))
            for one, columns in front_first
        ]
        references = self._references if rows > 1 else ()
        marked = reference_rows(references, axis, rows, grain.down, ascii_only=self._glyphs == "ascii")
        result = []
        for y in range(rows):
            drawn = [marks.get((x, y)) or self._cell(layers, x, y) for x in range(cells)]
            rule, label, style_class = marked.get(y, (" ", "", ""))
            behind = place_label(label, rule, [cell is None for cell in drawn]) if label else [rule] * cells
            result.append(merge_spans([cell or (behind[x], style_class) for x, cell in enumerate(drawn)]))
        return result

    def _settled(self, columns: ColumnSpans) -> Mapping[int, tuple[float, float]]:
        """Leave out the columns of a cell that the next samples can still change, unless they would be missed for long.

        Textual sends a row from its left edge on, so each change at the right end costs whole rows. A cell that is
        drawn once, when it is complete, costs a third of one that grows dot by dot.
        """
        across = GRAINS[self._glyphs].across
        newest = columns.newest
        if newest is None or columns.step * across > LONG_CELL:
            return columns.spans
        under_way = newest - newest % across
        if self._now >= (under_way + 2 * across) * columns.step:
            # The samples have ended, so nothing is going to change.
            return columns.spans
        return {column: span for column, span in columns.spans.items() if column < under_way}

    def _cell(self, layers: Sequence[tuple[Series, list[list[int]]]], x: int, y: int) -> Span | None:
        """Choose the character of a cell: the first series there owns it, and other lines show through."""
        owner: Series | None = None
        bits = 0
        for one, dots in layers:
            here = dots[y][x]
            if not here:
                continue
            if owner is None:
                owner, bits = one, here
            elif one.mark != "area" and owner.mark != "area":
                bits |= here
        if owner is None:
            return None
        if self._glyphs == "ascii" and owner.tag:
            # Without colour nothing else tells such curves apart where they cross.
            return owner.tag, owner.style_class
        return glyph(bits, self._glyphs, owner.mark), owner.style_class

    def _entries(self) -> list[LegendEntry]:
        markers = _MARKERS[self._glyphs]
        return [
            LegendEntry(
                "" if self._glyphs == "ascii" and one.tag else markers[one.mark],
                one_line(one.name),
                tuple(map(one_line, one.facts)),
                one.style_class,
                tag=one.tag,
            )
            for one in self._series
        ]

    def _header(self, width: int, gutter: int) -> SpanRow:
        unit = self._unit
        if gutter:
            unit = unit.rjust(gutter - 1) + " "
        elif unit:
            unit = f"{unit} " if 2 * cell_len(unit) < width else ""
        return merge_spans([(unit, "axis"), *legend_spans(self._entries(), width - cell_len(unit), self._note)])

    def _sparkline(self, width: int) -> SpanRow:
        """Lay out the only row there is: the value, then the curve of the first series."""
        head: list[Span] = []
        if self._series:
            text = self._series[0].facts[0] if self._series[0].facts else self._series[0].name
            text = one_line(text)
            head = [(fit(text, min(cell_len(text), width)), "value")]
            if cell_len(text) < width:
                head.append((" ", ""))
        cells = width - sum(cell_len(text) for text, _ in head)
        if cells < 1 or not self._series:
            return merge_spans(head)
        plotted = self._collect(cells)[:1]
        axis = self._scale(plotted, 1)
        return merge_spans([*head, *self._plot_rows(plotted, axis, cells, 1)[0]])
