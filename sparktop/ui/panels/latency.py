"""How long a token takes."""

from __future__ import annotations

from dataclasses import replace

from textual.app import ComposeResult

from sparktop.model import metrics
from sparktop.ui.chrome import safe
from sparktop.ui.format import speed
from sparktop.ui.panels.base import FigureRow, Figures, Panel, series_mark, series_style, several_ready
from sparktop.ui.panels.curves import Curves, gaps_ms
from sparktop.ui.run import Run
from sparktop.ui.widgets.chart import TimeChart
from sparktop.ui.widgets.series import Series


class LatencyPanel(Panel):
    """Time per output token of each contender, and how the gaps between its chunks are spread."""

    def __init__(self, curves: Curves) -> None:
        super().__init__("latency", "Time per output token")
        self._curves = curves

    def compose(self) -> ComposeResult:
        """Makes the chart and the line below it."""
        yield TimeChart(unit="ms", window=60, gap=1.0, glyphs=self.chart_glyphs)
        yield Figures()

    def show(self, run: Run) -> None:
        """Draws the run as it is now."""
        chart = self.query_one(TimeChart)
        if chart.window != run.window_s:
            chart.window = run.window_s
        series: list[Series] = []
        rows: list[FigureRow] = []
        ready = several_ready(run.state)
        for index, (name, curve) in enumerate(self._curves.by_name.items()):
            gaps = metrics.spread(gaps_ms(run.state.measured(name)))
            figures = [("p50", speed(gaps.median))] if gaps.median is not None else []
            if gaps.p95 is not None and gaps.p99 is not None:
                figures += [("p95", speed(gaps.p95)), ("p99", speed(gaps.p99))]
            if gaps.n:
                figures.append((f"of {gaps.n:,} gaps", ""))
                rows.append(FigureRow(safe(name), series_style(index), tuple(figures)))
            style, mark = series_style(index), series_mark(index, self.app)
            # Of several that run at once there may be figures for one only: the legend tells the median of each.
            told = name in ready and gaps.median is not None
            facts = (speed(gaps.median),) if told else ()
            series.append(Series(safe(name), curve.times, curve.tpot_ms, style, facts, mark))
        if chart.size.height == 1 and rows:
            # One row is a value and a curve: of the contender that ran last.
            series = [
                replace(one, facts=(f"{rows[-1].figures[0][1]} ms",)) for one in series if one.name == rows[-1].who
            ]
        chart.show(series, run.now, ended=not run.active)
        self.query_one(Figures).show(rows, self.size.height)
