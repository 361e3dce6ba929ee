"""Taking the snapshot: the state of a run as one document that outlives this program.

Times are rounded to a microsecond, those of readings to a millisecond, and all figures are computed
from the rounded times, so that whoever reads the document can compute every one of them again from
`requests[].chunks`, `requests[].sent_s`, `telemetry[]` and `contenders[]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from sparktop.model import metrics
from sparktop.model.channels import describe
from sparktop.model.cost import TokenCost
from sparktop.model.decoding import full_summary
from sparktop.model.document import (
    SCHEMA,
    Chunks,
    ClockRecord,
    ContenderRecord,
    Missing,
    NoticeRecord,
    RequestMetrics,
    RequestRecord,
    Series,
    Snapshot,
    TokenCounts,
)
from sparktop.model.events import Finish, Status
from sparktop.model.metrics import Spread, Stream
from sparktop.model.phases import Lifetime, run_phases
from sparktop.model.ratings import collect_ratings
from sparktop.model.roofline import Ceilings, Roofline
from sparktop.model.scenario import Item
from sparktop.model.scoring import is_scored, score
from sparktop.model.state import ContenderState, RequestState, RunState
from sparktop.model.summary import Measured
from sparktop.model.validity import judge

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["SCHEMA", "RequestRecord", "Series", "Snapshot", "take_snapshot", "telemetry"]

_Figures = TypeVar("_Figures", bound="DataclassInstance")


def take_snapshot(state: RunState, status: Status | None = None) -> Snapshot:
    """Returns the document of a run.

    Args:
        state: The run so far.
        status: How the run stands, where its events do not tell (an interrupted one).

    Raises:
        ValueError: The run has not begun.
    """
    started = state.started
    if started is None:
        raise ValueError("a run that has not begun has no snapshot")
    items = {item.id: item for item in started.scenario.items}
    requests = tuple(_request(request, items.get(request.queued.item)) for request in state.measured())
    series = tuple(telemetry(state))
    return Snapshot(
        schema=SCHEMA,
        id=started.id,
        created=started.created,
        status=status or state.status,
        sparktop=started.sparktop,
        duration_s=round(state.now, 6),
        planned=started.planned,
        scenario=started.scenario,
        options=started.options,
        nodes=started.nodes,
        contenders=tuple(_contender(contender) for contender in state.contenders.values()),
        validity=judge(state, status),
        summary=tuple(
            _rounded(row) for row in full_summary(state, [measured_record(one) for one in requests], _curves(series))
        ),
        requests=requests,
        telemetry=series,
        missing=tuple(
            Missing(node=node, channel=channel, reason=reason)
            for node, reasons in state.missing.items()
            for channel, reason in reasons.items()
        ),
        notices=tuple(NoticeRecord(t_s=round(notice.t, 6), text=notice.text) for notice in state.notices),
        definitions=dict(metrics.DEFINITIONS),
        phases=run_phases(_loads(state), _lifetimes(state), round(state.now, 6)),
        ratings=collect_ratings(state.ratings, state.answerers),
        clocks=tuple(
            ClockRecord(node=one.node, offset_s=one.offset_s, uncertainty_s=one.uncertainty_s, rtt_s=one.rtt_s)
            for one in state.clocks.values()
        ),
    )


def measured_record(record: RequestRecord) -> Measured:
    """Returns what the summary needs of a request, from its record alone."""
    return Measured(
        contender=record.contender,
        batch=record.batch,
        repetition=record.repetition,
        stream=_stream(record.sent_s, record.chunks),
        completed=record.finish in (Finish.STOP, Finish.LENGTH),
        failed=record.finish is Finish.ERROR,
        prompt_tokens=record.tokens.prompt,
        cached_tokens=record.tokens.cached,
        prefill_ms=record.prefill_ms,
        drafted_tokens=record.drafted_tokens,
        accepted_tokens=record.accepted_tokens,
        draft_steps=record.draft_steps,
        rtt_ms=record.rtt_ms,
    )


def request_metrics(
    stream: Stream, tokens: TokenCounts, prefill_ms: float | None, rtt_ms: float | None = None
) -> RequestMetrics:
    """Returns the figures of one request."""
    ttft = metrics.ttft_ms(stream)
    waited = metrics.less_round_trip(ttft, rtt_ms)
    prefill, estimated = metrics.prefill_tok_s(tokens.prompt, tokens.cached, prefill_ms, waited)
    return _rounded(
        RequestMetrics(
            ttft_ms=ttft,
            ttfa_ms=metrics.ttfa_ms(stream),
            e2e_ms=metrics.e2e_ms(stream),
            tpot_ms=metrics.tpot_ms(stream),
            decode_tok_s=metrics.decode_tok_s(stream),
            prefill_tok_s=prefill,
            prefill_estimated=estimated,
        )
    )


def _stream(sent_s: float | None, chunks: Chunks) -> Stream:
    sent = sent_s or 0.0
    reasoning = {index for first, end in chunks.reasoning for index in range(first, end)}
    return Stream(
        sent=sent,
        # Chunks of several streams that came in the same microsecond have to compare as equal.
        times=[round(sent + t / 1e3, 6) for t in chunks.t_ms],
        counts=chunks.n,
        first_answer=next((index for index in range(len(chunks.n)) if index not in reasoning), None),
    )


def _contender(state: ContenderState) -> ContenderRecord:
    return ContenderRecord(
        contender=state.contender,
        info=state.info,
        load_s=None if state.load_s is None else round(state.load_s, 6),
        error=state.error or None,
        log=state.log,
        footprint=state.footprint,
        ceilings=state.ceilings,
        parts=state.parts,
        links=tuple(state.links.values()),
    )


def _request(state: RequestState, item: Item | None) -> RequestRecord:
    sent = state.sent or 0.0
    sent_s = None if state.sent is None else round(state.sent, 6)
    prefill_ms = None if state.prefill_ms is None else round(state.prefill_ms, 3)
    rtt_ms = None if state.rtt_ms is None else round(state.rtt_ms, 3)
    tokens = TokenCounts(
        prompt=state.prompt_tokens,
        cached=state.cached_tokens,
        output=state.output_tokens,
        source=state.token_source,
    )
    chunks = Chunks(
        t_ms=tuple(round((t - sent) * 1e3, 3) for t in state.times),
        n=tuple(state.counts),
        reasoning=tuple(_runs(state.reasoning_chunks)),
    )
    return RequestRecord(
        request=state.queued.request,
        contender=state.queued.contender,
        item=state.queued.item,
        repetition=state.queued.repetition,
        batch=state.queued.batch,
        max_tokens=state.queued.max_tokens,
        prompt=state.queued.prompt,
        answer=state.answer,
        reasoning=state.reasoning,
        sent_s=sent_s,
        ended_s=None if state.ended is None else round(state.ended, 6),
        tokens=tokens,
        chunks=chunks,
        prefill_ms=prefill_ms,
        metrics=request_metrics(_stream(sent_s, chunks), tokens, prefill_ms, rtt_ms),
        finish=state.finish,
        error=state.error or None,
        score=score(item, state.answer) if item is not None and is_scored(item) and state.ok else None,
        decode_ms=None if state.decode_ms is None else round(state.decode_ms, 3),
        decode_tokens=state.decode_tokens,
        drafted_tokens=state.drafted_tokens,
        accepted_tokens=state.accepted_tokens,
        draft_steps=state.draft_steps,
        drafts_of=state.drafts_of,
        unread_ms=state.unread_ms,
        rtt_ms=rtt_ms,
    )


def _runs(indices: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yields runs of consecutive indices as (first, one past the last)."""
    first = 0
    for position, index in enumerate(indices, 1):
        if position == len(indices) or indices[position] != index + 1:
            yield indices[first], index + 1
            first = position


def telemetry(state: RunState) -> Iterator[Series]:
    """Yields what was read of every machine, channel by channel."""
    for node, gauges in state.gauges.items():
        for channel, gauge in gauges.items():
            known = describe(channel)
            yield Series(
                node=node,
                channel=channel,
                unit=known.unit if known is not None else "",
                t_s=tuple(round(t, 3) for t in gauge.times),
                values=tuple(gauge.values),
            )


@dataclass(frozen=True, slots=True)
class _Curve:
    """A series as the document holds it."""

    times: tuple[float, ...]
    values: tuple[float | None, ...]


def _curves(series: Iterable[Series]) -> dict[str, dict[str, _Curve]]:
    curves: dict[str, dict[str, _Curve]] = {}
    for one in series:
        curves.setdefault(one.node, {})[one.channel] = _Curve(one.t_s, one.values)
    return curves


def _loads(state: RunState) -> Iterator[tuple[str, float, float]]:
    for name, contender in state.contenders.items():
        if contender.ready is not None and contender.load_s is not None:
            yield name, round(contender.ready - contender.load_s, 6), round(contender.ready, 6)


def _lifetimes(state: RunState) -> Iterator[Lifetime]:
    for request in state.requests.values():
        if request.sent is None:
            continue
        chunks = (request.times[0], request.times[-1]) if request.times else ()
        # The first and the last chunk as the document has them, without making a record of all the others.
        t_ms = tuple(round((t - request.sent) * 1e3, 3) for t in chunks)
        stream = _stream(round(request.sent, 6), Chunks(t_ms=t_ms, n=(1,) * len(t_ms), reasoning=()))
        end = round(state.now if request.ended is None else request.ended, 6)
        yield Lifetime(
            contender=request.queued.contender,
            batch=request.queued.batch,
            repetition=request.queued.repetition,
            warmup=request.queued.warmup,
            sent=stream.sent,
            first=stream.times[0] if stream.times else end,
            last=stream.times[-1] if stream.times else end,
        )


def _rounded(record: _Figures) -> _Figures:
    """Cuts figures to nine digits: more is noise, and fewer could not be checked against the chunks."""
    return replace(record, **{field.name: _nine(getattr(record, field.name)) for field in fields(record)})


def _nine(value: Any) -> Any:
    if isinstance(value, Spread | Roofline | Ceilings | TokenCost):
        return _rounded(value)
    return float(f"{value:.9g}") if isinstance(value, float) else value
