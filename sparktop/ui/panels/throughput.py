"""How fast tokens come."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from textual.app import ComposeResult

from sparktop.model import metrics
from sparktop.model.state import RunState
from sparktop.ui.chrome import glyphs_of, safe
from sparktop.ui.format import speed
from sparktop.ui.panels.base import FigureRow, Figures, Panel, series_mark, series_style, several_ready
from sparktop.ui.panels.curves import Curves
from sparktop.ui.panels.roofline import RooflineGauge
from sparktop.ui.run import Run
from sparktop.ui.widgets.chart import TimeChart
from sparktop.ui.widgets.series import Phase, Series

LEAST_ROWS = 4
"""Rows below which curve, figures and roofline do not all fit."""

ROOMY_ROWS = 8
"""Rows from which on the roofline's bar has a row of its own."""

TALL_ROWS = 14
"""Rows from which on the curve leaves room for the ceiling's name."""


class ThroughputPanel(Panel):
    """Tokens per second of each contender, and how near that is to what the memory allows."""

    def __init__(self, curves: Curves) -> None:
        super().__init__("throughput", "Throughput")
        self._curves = curves

    def compose(self) -> ComposeResult:
        """Makes the chart and the line below it."""
        yield TimeChart(unit="tok/s", window=60, gap=1.0, glyphs=self.chart_glyphs)
        yield Figures()
        yield RooflineGauge()

    def show(self, run: Run) -> None:
        """Draws the run as it is now."""
        chart = self.query_one(TimeChart)
        if chart.window != run.window_s:
            chart.window = run.window_s
        start = run.now - run.window_s
        series = []
        rows: list[FigureRow] = []
        ready = several_ready(run.state)
        for index, (name, curve) in enumerate(self._curves.by_name.items()):
            seen = curve.within(curve.tok_s, start)
            now = next((v for v in reversed(curve.tok_s[-2:]) if v is not None), None)
            if seen:
                runs = any(request.queued.contender == name for request in run.state.active())
                figures = [("now", speed(now or 0.0))] if runs else []
                figures += [("mean", speed(metrics.mean(seen))), ("peak", speed(max(seen)))]
                rows.append(FigureRow(safe(name), series_style(index), tuple(figures)))
            # Of several that run at once there may be figures for one only: the legend tells how fast each is.
            facts = (speed(now or 0.0),) if name in ready else ()
            mark = series_mark(index, self.app)
            series.append(Series(safe(name), curve.times, curve.tok_s, series_style(index), facts, mark))
        if chart.size.height == 1 and rows:
            # One row is a value and a curve: of the contender that ran last.
            series = [
                replace(one, facts=(f"{rows[-1].figures[0][1]} tok/s",)) for one in series if one.name == rows[-1].who
            ]
        # Names in the ribbon are cut with a sign that ASCII lacks.
        phases = () if glyphs_of(self.app).ascii else _phases(run.state, start)
        height = self.size.height
        gauge, line = self.query_one(RooflineGauge), self.query_one(Figures)
        gauge.show(run, max(1, (height - ROOMY_ROWS) // 2) + 1 if height >= ROOMY_ROWS else 1)
        if height < LEAST_ROWS:
            # There is room for one of the two: how near a speed is to the ceiling says more than its mean.
            line.display = not gauge.known
            gauge.display = gauge.known
        elif not line.display:
            line.display = True
        references = [gauge.ceiling] if gauge.ceiling and height >= TALL_ROWS else []
        chart.show(series, run.now, references=references, phases=phases, ended=not run.active)
        if line.display:
            line.show(rows, height)


def _phases(state: RunState, start: float) -> list[Phase]:
    """Who was asked when, where contenders run one after another."""
    phases = []
    for name in state.contenders:
        sent = [r.sent for r in state.requests.values() if r.queued.contender == name and r.sent is not None]
        if not sent:
            continue
        ended = [r.ended for r in state.requests.values() if r.queued.contender == name]
        last = max((t for t in ended if t is not None), default=None) if None not in ended else None
        if last is None or last >= start:
            phases.append(Phase(start=min(sent), end=last, label=safe(name)))
    overlap = any(a.end is None or a.end > b.start for a, b in pairwise(phases))
    return [] if overlap else phases
