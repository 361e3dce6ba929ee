"""From a snapshot back to events, for a run of which the journal is gone.

A snapshot does not tell which characters came in which chunk, so each request's text comes with its last chunk; all
times, counts, readings and ratings are those of the run. Folded, the events give the same snapshot again but for what
no snapshot holds: warm-up, prefill on its way, and the names of processes.
"""

from __future__ import annotations

from collections.abc import Iterator

from sparktop.model.document import ContenderRecord, RequestRecord, Series, Snapshot
from sparktop.model.events import (
    ClockMeasured,
    ContenderFailed,
    Event,
    Finish,
    FootprintKnown,
    ModelReady,
    ModelUnloaded,
    Notice,
    RequestDone,
    RequestFailed,
    RequestQueued,
    RequestSent,
    RunEnded,
    RunStarted,
    SampleTaken,
    Status,
    TokenKind,
    Tokens,
    TokenSource,
)
from sparktop.model.ratings import rating_events
from sparktop.model.split_events import LinkMeasured, ModelSplit


def unfold(snapshot: Snapshot) -> list[Event]:
    """Returns the events of a run, in the order of their times; the ratings after its end."""
    start = RunStarted(
        t=0.0,
        id=snapshot.id,
        created=snapshot.created,
        sparktop=snapshot.sparktop,
        scenario=snapshot.scenario,
        options=snapshot.options,
        nodes=snapshot.nodes,
        contenders=tuple(record.contender for record in snapshot.contenders),
        planned=snapshot.planned,
    )
    middle: list[Event] = [Notice(t=notice.t_s, text=notice.text) for notice in snapshot.notices]
    for contender in snapshot.contenders:
        middle += _contender(contender, snapshot)
    reasons = {(one.node, one.channel): one.reason for one in snapshot.missing}
    for series in snapshot.telemetry:
        middle += _readings(series, reasons.pop((series.node, series.channel), "it could not be read"))
    for (node, channel), reason in reasons.items():
        middle.append(SampleTaken(t=snapshot.duration_s, node=node, values={}, missing={channel: reason}))
    for request in snapshot.requests:
        middle += _request(request)
    for clock in snapshot.clocks:
        middle.append(
            ClockMeasured(
                t=0.0,
                node=clock.node,
                offset_s=clock.offset_s,
                uncertainty_s=clock.uncertainty_s,
                rtt_s=clock.rtt_s,
            )
        )
    middle.sort(key=lambda event: event.t)
    end: list[Event] = []
    if snapshot.status is not Status.RUNNING:
        end.append(RunEnded(t=snapshot.duration_s, status=snapshot.status))
    return [start, *map(_queued, snapshot.requests), *middle, *end, *rating_events(snapshot.ratings)]


def _contender(record: ContenderRecord, snapshot: Snapshot) -> Iterator[Event]:
    name = record.contender.name
    sent = [r.sent_s for r in snapshot.requests if r.contender == name and r.sent_s is not None]
    ended = [r.ended_s for r in snapshot.requests if r.contender == name and r.ended_s is not None]
    loads = [phase.end_s for phase in snapshot.phases if phase.contender == name and phase.phase == "load"]
    ready = loads[0] if loads else min(sent, default=record.load_s or 0.0)
    if record.info is not None:
        yield ModelReady(t=ready, contender=name, model=record.info, load_s=record.load_s or 0.0)
    if record.footprint is not None and record.ceilings is not None:
        yield FootprintKnown(t=ready, contender=name, footprint=record.footprint, ceilings=record.ceilings)
    if record.parts:
        yield ModelSplit(t=ready, contender=name, parts=record.parts)
    for link in record.links:
        yield LinkMeasured(t=max([ready, *ended]), contender=name, link=link)
    if record.error is not None:
        yield ContenderFailed(t=snapshot.duration_s, contender=name, error=record.error, log=record.log)
    elif record.info is not None and snapshot.status is not Status.RUNNING:
        yield ModelUnloaded(t=snapshot.duration_s, contender=name)


def _readings(series: Series, reason: str) -> Iterator[Event]:
    for t, value in zip(series.t_s, series.values, strict=True):
        if value is None:
            yield SampleTaken(t=t, node=series.node, values={}, missing={series.channel: reason})
        else:
            yield SampleTaken(t=t, node=series.node, values={series.channel: value})


def _queued(record: RequestRecord) -> Event:
    return RequestQueued(
        t=0.0,
        request=record.request,
        contender=record.contender,
        item=record.item,
        repetition=record.repetition,
        batch=record.batch,
        prompt=record.prompt,
        max_tokens=record.max_tokens,
    )


def _request(record: RequestRecord) -> Iterator[Event]:
    number = record.request
    sent = record.sent_s
    if sent is not None:
        yield RequestSent(t=sent, request=number)
    times = [(sent or 0.0) + t / 1e3 for t in record.chunks.t_ms]
    texts = {TokenKind.REASONING: record.reasoning, TokenKind.ANSWER: record.answer}
    stretches = [*_stretches(record)]
    # All of the text comes with the last stretch of its kind.
    last = {kind: end for kind, _, end in stretches}
    for kind, first, end in stretches:
        yield Tokens(
            # Rounded apart, the last chunk may seem to have come after the end.
            t=times[end - 1] if record.ended_s is None else min(times[end - 1], record.ended_s),
            request=number,
            kind=kind,
            text=texts[kind] if last[kind] == end else "",
            times=tuple(times[first:end]),
            counts=record.chunks.n[first:end],
        )
    if record.finish is None:
        return
    ended = record.ended_s if record.ended_s is not None else (times[-1] if times else sent or 0.0)
    if record.finish is Finish.ERROR:
        yield RequestFailed(t=ended, request=number, error=record.error or "it failed")
        return
    yield RequestDone(
        t=ended,
        request=number,
        finish=record.finish,
        prompt_tokens=record.tokens.prompt,
        cached_tokens=record.tokens.cached,
        output_tokens=record.tokens.output,
        prefill_ms=record.prefill_ms,
        decode_ms=record.decode_ms,
        decode_tokens=record.decode_tokens,
        drafted_tokens=record.drafted_tokens,
        accepted_tokens=record.accepted_tokens,
        draft_steps=record.draft_steps,
        drafts_of=record.drafts_of,
        unread_ms=record.unread_ms,
        rtt_ms=record.rtt_ms,
        token_source=record.tokens.source or TokenSource.CHUNKS,
    )


def _stretches(record: RequestRecord) -> Iterator[tuple[TokenKind, int, int]]:
    """Yields runs of chunks of one kind as (kind, first, one past the last)."""
    at = 0
    for first, end in record.chunks.reasoning:
        if at < first:
            yield TokenKind.ANSWER, at, first
        yield TokenKind.REASONING, first, end
        at = end
    if at < len(record.chunks.n):
        yield TokenKind.ANSWER, at, len(record.chunks.n)
