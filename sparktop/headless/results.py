"""A finished run as tables of text: the figures, what is to be thought of them, and the answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sparktop.headless.columns import Align, cut, table
from sparktop.model.decoding import remarks
from sparktop.model.events import Finish
from sparktop.model.metrics import Spread
from sparktop.model.records import Contender
from sparktop.model.scenario import Item, Kind, Slo
from sparktop.model.snapshot import RequestRecord, Snapshot
from sparktop.model.split_text import NO_FASTER, split_remarks
from sparktop.model.summary import Summary
from sparktop.model.text import one_line
from sparktop.model.validity import Validity

_UNKNOWN: Final = "n/a"
_SERVED_CELLS: Final = 32

_FIGURES: Final = (
    *("CONTENDER", "BATCH", "OK", "FAILED", "TTFT ms", "TPOT ms", "DECODE tok/s"),
    *("PREFILL tok/s", "RESPONSE s", "QPS", "TOTAL tok/s"),
)
_BATCH_FIGURES: Final = (*_FIGURES, "STEADY tok/s", "SPEED-UP")
_LEGEND: Final = (
    "Medians over the requests. DECODE is the speed of one stream, TOTAL that of all streams together,",
    "RESPONSE the mean time to the last token; ~ is an estimate from TTFT, n/a was not measured.",
)
_BATCH_LEGEND: Final = (
    "STEADY is the speed while all streams of a batch decode, SPEED-UP the TOTAL over that of batch 1.",
)


def results(snapshot: Snapshot, path: Path | None) -> list[str]:
    """Returns the lines that a person reads when a run is over.

    Args:
        snapshot: The run.
        path: Where it was written; None if it could not be.
    """
    labels = {record.contender.name: _label(record.contender) for record in snapshot.contenders}
    lines = [f"{one_line(snapshot.scenario.title)}: {snapshot.status}", ""]
    if snapshot.summary:
        batch = snapshot.scenario.kind is Kind.BATCH
        slo = snapshot.scenario.slo
        legend = (*_LEGEND, *(_BATCH_LEGEND if batch else ()), *_slo_legend(slo))
        lines += [*_figures(snapshot.summary, labels, batch, slo != Slo()), "", *legend, *_places(snapshot), ""]
        lines += _remarks(snapshot.summary, labels, snapshot.scenario.kind)
    lines += _splits(snapshot, labels)
    if snapshot.scenario.kind is Kind.QUESTIONS and snapshot.requests:
        lines += [*_answers(snapshot, labels), ""]
    lines += _failures(snapshot)
    lines += _validity(snapshot.validity)
    lines += ["", f"snapshot: {one_line(str(path))}" if path else "snapshot: not written"]
    return lines


def _figures(summary: tuple[Summary, ...], labels: Mapping[str, str], batch: bool, goodput: bool) -> list[str]:
    head = (*(_BATCH_FIGURES if batch else _FIGURES), *(("GOODPUT",) if goodput else ()))
    rows = [
        [
            labels.get(row.contender, one_line(row.contender)),
            str(row.batch),
            str(row.completed),
            str(row.failed),
            _median(row.ttft_ms, 1),
            _median(row.tpot_ms, 2),
            _median(row.decode_tok_s, 1),
            ("~" if row.prefill_estimated else "") + _median(row.prefill_tok_s, 1),
            _number(row.mean_response_ms / 1e3 if row.mean_response_ms is not None else None, 2),
            _number(row.qps, 2),
            _number(row.aggregate_tok_s, 1),
            *((_number(row.steady_tok_s, 1), _number(row.speedup, 2)) if batch else ()),
            *((_number(row.goodput, 2),) if goodput else ()),
        ]
        for row in summary
    ]
    return table(head, [Align.LEFT] + [Align.RIGHT] * (len(head) - 1), rows)


def _places(snapshot: Snapshot) -> list[str]:
    """Where each contender ran, if more than one machine took part."""
    contenders = [record.contender for record in snapshot.contenders]
    if len(snapshot.nodes) < 2 and len({one.node for one in contenders}) < 2:
        return []
    places = ", ".join(f"{one_line(one.name)} on {one_line(_listed(one.node))}" for one in contenders)
    return [f"Where they ran: {places}."]


def _listed(node: str) -> str:
    *rest, last = node.split("+")
    return f"{', '.join(rest)} and {last}" if rest else last


def _splits(snapshot: Snapshot, labels: Mapping[str, str]) -> list[str]:
    """Of each model that is split over machines, what each of them holds and what went between them."""
    lines: list[str] = []
    for record in snapshot.contenders:
        if record.parts:
            lines.append(f"{labels[record.contender.name]}, split:")
            lines += [f"  {one_line(remark)}" for remark in split_remarks(record.parts, record.links)]
    return [*lines, NO_FASTER, ""] if lines else []


def _slo_legend(slo: Slo) -> tuple[str, ...]:
    limits = (("TTFT", slo.ttft_ms), ("TPOT", slo.tpot_ms), ("RESPONSE", slo.response_ms))
    named = [f"{name} up to {most:g} ms" for name, most in limits if most is not None]
    return (f"GOODPUT counts the requests per second with {', '.join(named)}.",) if named else ()


def _remarks(summary: tuple[Summary, ...], labels: Mapping[str, str], kind: Kind) -> list[str]:
    """What held each row back and what its tokens cost, on lines of their own: the table is wide enough."""
    batches = any(row.batch > 1 for row in summary)
    lines: list[str] = []
    for row in summary:
        if said := remarks(row, kind):
            lines += [
                labels.get(row.contender, one_line(row.contender)) + (f", batch {row.batch}:" if batches else ":")
            ]
            lines += [f"  {one_line(remark)}" for remark in said]
    return [*lines, ""] if lines else []


def _answers(snapshot: Snapshot, labels: Mapping[str, str]) -> list[str]:
    items = {item.id: item for item in snapshot.scenario.items}
    rows = [_answer(request, items.get(request.item), labels) for request in snapshot.requests]
    head = ["CONTENDER", "ITEM", "TITLE", "TIME s", "TOKENS", "POINTS", "END"]
    return table(head, [Align.LEFT] * 3 + [Align.RIGHT] * 3 + [Align.LEFT], rows)


def _answer(request: RequestRecord, item: Item | None, labels: Mapping[str, str]) -> list[str]:
    return [
        labels.get(request.contender, one_line(request.contender)),
        one_line(request.item),
        one_line(item.title) if item else "",
        _number(request.metrics.e2e_ms / 1e3 if request.metrics.e2e_ms is not None else None, 2),
        str(request.tokens.output),
        _points(request, item),
        _end(request.finish),
    ]


def _points(request: RequestRecord, item: Item | None) -> str:
    if item is None or not item.points:
        return "-"
    # What broke off before its end is no answer that could be marked.
    return request.score.text if request.score else _UNKNOWN


def _end(finish: Finish | None) -> str:
    match finish:
        case None:
            return "not ended"
        case Finish.LENGTH:
            return "cut at the token limit"
        case Finish.ERROR:
            return "failed"
    return finish.value


def _failures(snapshot: Snapshot) -> list[str]:
    """One line for each way in which requests failed, however many; why contenders did, the validity says."""
    contenders = {(record.contender.name, record.error) for record in snapshot.contenders}
    alike: dict[tuple[str, str], list[RequestRecord]] = {}
    for request in snapshot.requests:
        if request.error and (request.contender, request.error) not in contenders:
            alike.setdefault((request.contender, request.error), []).append(request)
    lines = [
        one_line(f"{contender} {requests[0].item} failed: {error}")
        + (f" (and {len(requests) - 1} more like it)" if len(requests) > 1 else "")
        for (contender, error), requests in alike.items()
    ]
    return [*lines, ""] if lines else []


def _validity(validity: Validity) -> list[str]:
    head = "validity: valid" if validity.valid else "validity: NOT VALID, do not quote these figures"
    return [
        head,
        *(f"  {verdict.severity}: {one_line(verdict.text)}" for verdict in validity.verdicts),
        *(f"  not checked, {finding.code}: {one_line(finding.reason)}" for finding in validity.unjudged),
    ]


def _label(contender: Contender) -> str:
    """What a contender is called in tables: of one on a server, what the server calls it too."""
    name, served = one_line(contender.name), one_line(contender.model.rpartition("/")[2])
    if contender.url and served and served not in name:
        name += f" ({cut(served, _SERVED_CELLS)})"
    return name + (" (toy)" if contender.toy else "")


def _median(spread: Spread, digits: int) -> str:
    return _number(spread.median, digits)


def _number(value: float | None, digits: int) -> str:
    return f"{value:.{digits}f}" if value is not None else _UNKNOWN
