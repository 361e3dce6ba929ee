"""Each request: what it is doing, and how far it is."""

from __future__ import annotations

from textual.app import ComposeResult

from sparktop.model import metrics
from sparktop.model.events import Finish
from sparktop.model.state import Phase, RequestState, RunState
from sparktop.ui.chrome import glyphs_of, safe
from sparktop.ui.format import NA, millis, seconds, speed
from sparktop.ui.glyphs import Glyphs
from sparktop.ui.panels.base import Panel, series_style
from sparktop.ui.run import Run
from sparktop.ui.widgets.columns import Column
from sparktop.ui.widgets.table import Cell, GridTable, TableRow

BAR_CELLS = 6

COLUMNS = (
    Column("#", align="right", priority=1),
    Column("contender", priority=6, min_width=11, max_width=20),
    Column("question", priority=7, min_width=11, max_width=28, flexible=True),
    Column("phase", priority=9),
    Column("prompt", align="right", priority=6, min_width=BAR_CELLS),
    Column("tokens", align="right", priority=8),
    Column("tok/s", align="right", priority=8),
    Column("TTFT", align="right", priority=5),
    Column("time", align="right", priority=2),
)

_ENDS = {Finish.LENGTH: "at limit", Finish.CANCELLED: "cancelled"}


class StreamsPanel(Panel):
    """The requests: those that run, then the finished ones, newest first, then those that wait."""

    def __init__(self) -> None:
        super().__init__("streams", "Streams")

    def compose(self) -> ComposeResult:
        """Makes the table."""
        ascii_only = self.chart_glyphs == "ascii"
        yield GridTable(COLUMNS, cursor=False, ascii_only=ascii_only, empty="No request yet: models are loaded first.")

    def show(self, run: Run) -> None:
        """Draws the run as it is now."""
        state = run.state
        names = list(state.contenders)
        titles = {i.id: i.title for i in state.started.scenario.items} if state.started else {}
        signs = glyphs_of(self.app)
        rows = []
        for request in _ordered(state)[:200]:
            name = request.queued.contender
            style = series_style(names.index(name)) if name in names else ""
            rows.append(_row(request, titles, style, run.now, signs))
        self.query_one(GridTable).show(rows)
        waiting = sum(r.sent is None and r.ended is None for r in state.requests.values())
        ended = sum(r.ended is not None for r in state.requests.values())
        self.subtitle(f"{len(state.active())} running, {ended} ended, {waiting} queued")


def _ordered(state: RunState) -> list[RequestState]:
    requests = list(state.requests.values())
    ended = sorted((r for r in requests if r.ended is not None), key=lambda r: -(r.ended or 0.0))
    return [*state.active(), *ended, *(r for r in requests if r.sent is None and r.ended is None)]


def _row(request: RequestState, titles: dict[str, str], style: str, now: float, signs: Glyphs) -> TableRow:
    queued = request.queued
    title = titles.get(queued.item, "")
    what = f"{queued.item} {title}" if title else queued.item
    if queued.batch > 1:
        what = f"batch {queued.batch} {signs.dot} {what}"
    if queued.warmup:
        what = f"warm-up {signs.dot} {what}"
    stream = request.stream
    last = request.ended if request.ended is not None else now
    return TableRow(
        key=str(queued.request),
        cells=(
            (str(queued.request + 1), "muted"),
            (safe(queued.contender), style),
            safe(what),
            _phase(request, signs),
            _prefill(request, signs),
            f"{request.output_tokens:,}" if request.times else "",
            speed(metrics.decode_tok_s(stream)) if request.times else "",
            millis(metrics.ttft_ms(stream)) if request.times else "",
            seconds(last - request.sent) if request.sent is not None else "",
        ),
        style_class="muted" if request.sent is None and request.ended is None else "",
    )


def _phase(request: RequestState, signs: Glyphs) -> Cell:
    match request.phase:
        case Phase.QUEUED:
            return (f"{signs.waiting} queued", "muted")
        case Phase.DONE:
            word = _ENDS.get(request.finish or Finish.STOP, "done")
            return (f"{signs.ok} {word}", "warn" if request.finish is Finish.CANCELLED else "good")
        case Phase.FAILED:
            return (f"{signs.failed} failed", "bad")
        case phase:
            return (f"{signs.working} {phase}", "accent")


def _prefill(request: RequestState, signs: Glyphs) -> Cell:
    """A bar while the prompt is read, afterwards how long the prompt was."""
    if request.sent is None:
        return ""
    total = request.prompt_tokens
    if request.phase is not Phase.PREFILL:
        return (f"{total:,}" if total else NA, "muted")
    full = round(BAR_CELLS * request.prefilled / total) if total else 0
    return (signs.full * full + signs.empty * (BAR_CELLS - full), "accent")
