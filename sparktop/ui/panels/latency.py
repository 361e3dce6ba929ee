"""How long a token takes."""

from __future__ import annotations

from textual.app import ComposeResult

from sparktop.model import metrics
from sparktop.ui.chrome import safe
from sparktop.ui.format import speed
from sparktop.ui.panels.base import Panel, series_style
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
        """Makes the chart."""
        yield TimeChart(unit="ms", window=120, gap=1.0, glyphs=self.chart_glyphs)

    def show(self, run: Run) -> None:
        """Draws the run as it is now."""
        chart = self.query_one(TimeChart)
        if chart.window != run.window_s:
            chart.window = run.window_s
        series, figures = [], ""
        for index, (name, curve) in enumerate(self._curves.by_name.items()):
            gaps = metrics.spread(gaps_ms(run.state.measured(name)))
            facts = [f"p50 {speed(gaps.median)}"] if gaps.median is not None else []
            if gaps.p95 is not None and gaps.p99 is not None:
                facts += [f"p95 {speed(gaps.p95)}", f"p99 {speed(gaps.p99)}"]
            if facts:
                figures = f"{', '.join(facts)} ms ({gaps.n:,} gaps)"
            style = series_style(index)
            series.append(Series(safe(name), curve.times, curve.tpot_ms, style, tuple(facts[:1]), mark="line"))
        chart.show(series, run.now)
        self.subtitle(figures)
