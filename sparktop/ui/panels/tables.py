"""The tables of a run's results, as rows of plain texts."""

from __future__ import annotations

from sparktop.model import metrics
from sparktop.model.scenario import Item
from sparktop.model.scoring import score
from sparktop.model.state import RequestState, RunState
from sparktop.model.summary import Summary
from sparktop.ui.chrome import safe
from sparktop.ui.format import NA, millis, seconds, speed
from sparktop.ui.panels.base import series_style
from sparktop.ui.widgets.columns import Column
from sparktop.ui.widgets.table import Cell, TableRow


def summary_columns(batches: bool) -> tuple[Column, ...]:
    """The columns of the summary.

    Args:
        batches: Whether requests ran together; if not, what they did together says nothing.
    """
    together = (
        Column("together tok/s", align="right", priority=12),
        Column("speed-up", align="right", priority=11),
        Column("req/s", align="right", priority=8),
    )
    return (
        Column("contender", priority=20, min_width=16, max_width=24),
        *((Column("batch", align="right", priority=16),) if batches else ()),
        Column("done", align="right", priority=15),
        Column("tok/s", align="right", priority=19),
        Column("TPOT", align="right", priority=18),
        Column("gap p95", align="right", priority=9),
        Column("gap p99", align="right", priority=6),
        Column("TTFT", align="right", priority=17),
        Column("mean response", align="right", priority=14),
        *(together if batches else ()),
        Column("prefill tok/s", align="right", priority=10),
    )


def summary_rows(rows: tuple[Summary, ...], state: RunState, batches: bool) -> list[TableRow]:
    """One row for each contender and batch size, as `summary_columns` says."""
    names = list(state.contenders)
    result = []
    for row in rows:
        contender = state.contenders.get(row.contender)
        toy = " (toy)" if contender and contender.contender.toy else ""
        style = series_style(names.index(row.contender)) if row.contender in names else ""
        prefill = row.prefill_tok_s.median
        response = row.mean_response_ms
        together: tuple[Cell, ...] = (
            speed(row.aggregate_tok_s),
            f"{row.speedup:.2f}" if row.speedup is not None else NA,
            f"{row.qps:.3f}" if row.qps is not None else NA,
        )
        cells: tuple[Cell, ...] = (
            (safe(row.contender) + toy, style),
            *((str(row.batch),) if batches else ()),
            (f"{row.completed} of {row.n}", "bad" if row.failed else ""),
            (speed(row.decode_tok_s.median), "strong"),
            millis(row.tpot_ms.median),
            millis(row.inter_chunk_ms.p95),
            millis(row.inter_chunk_ms.p99),
            millis(row.ttft_ms.median),
            seconds(response / 1e3 if response is not None else None),
            *(together if batches else ()),
            NA if prefill is None else ("~" if row.prefill_estimated else "") + speed(prefill),
        )
        result.append(TableRow(key=f"{row.contender}/{row.batch}", cells=cells))
    return result


def question_columns(state: RunState) -> tuple[Column, ...]:
    """A question, and for each contender the time, the speed and the points that it named."""
    columns = [Column("question", priority=20, min_width=8, max_width=30)]
    for name in state.contenders:
        columns += [
            Column(safe(name), align="right", priority=15),
            Column("tok/s", align="right", priority=5),
            Column("points", align="right", priority=10),
        ]
    return tuple(columns)


def question_rows(state: RunState) -> list[TableRow]:
    """One row for each item that was asked, in the scenario's order."""
    if state.started is None:
        return []
    asked: dict[tuple[str, str], RequestState] = {}
    for one in state.measured():
        asked.setdefault((one.queued.item, one.queued.contender), one)
    rows = []
    for item in state.started.scenario.items:
        requests = [asked.get((item.id, name)) for name in state.contenders]
        if not any(requests):
            continue
        cells: list[Cell] = [f"{safe(item.id)} {safe(item.title)}".strip()]
        for request in requests:
            cells += _answer_cells(request, item)
        rows.append(TableRow(key=item.id, cells=tuple(cells)))
    return rows


def _answer_cells(request: RequestState | None, item: Item) -> list[Cell]:
    if request is None or request.sent is None or not request.times:
        failed = request is not None and request.error
        return [("failed", "bad") if failed else ("queued", "muted"), "", ""]
    stream = request.stream
    e2e = metrics.e2e_ms(stream)
    named = score(item, request.answer) if item.points and request.ended is not None else None
    return [
        seconds(e2e / 1e3 if e2e is not None else None) if request.ended is not None else ("running", "accent"),
        speed(metrics.decode_tok_s(stream)),
        f"{named.found} of {named.total}" if named else "",
    ]
