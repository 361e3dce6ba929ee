"""What a run says in a few rows: one for each contender and batch size.

A cell is what ran as one: a contender's requests of one batch size in one repetition. Numbers of
single streams are spread over all completed requests; numbers of streams together are computed in
each cell, and the median over the repetitions is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sparktop.model import metrics
from sparktop.model.cost import TokenCost
from sparktop.model.events import Finish
from sparktop.model.metrics import Spread, Stream
from sparktop.model.roofline import Roofline
from sparktop.model.scenario import Slo
from sparktop.model.state import RequestState, RunState

_NO_SLO: Final = Slo()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the summary needs of one request.

    Attributes:
        completed: It came to its natural end.
        failed: It ended with an error.
    """

    contender: str
    batch: int
    repetition: int
    stream: Stream
    completed: bool
    failed: bool
    prompt_tokens: int | None
    cached_tokens: int | None
    prefill_ms: float | None
    drafted_tokens: int | None = None
    accepted_tokens: int | None = None
    draft_steps: int | None = None
    rtt_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How fast one contender was at one batch size. What was not measured is null, never 0.

    Attributes:
        contender: Name of the contender.
        batch: Requests issued as one batch.
        n: Requests, warm-up excluded.
        completed: Requests that came to their natural end; all figures below are over these.
        failed: Requests that ended with an error. The rest was cancelled or never ended.
        repetitions: Cells that the figures of all streams together are a median over. A cell of
            several requests counts only if all of them completed and brought tokens: without one it
            is another batch.
        decode_tok_s: Tokens per second of each stream, after its first chunk.
        tpot_ms: Milliseconds per output token of each stream, after its first chunk.
        ttft_ms: Milliseconds from sent to the first token, reasoning included.
        ttfa_ms: Milliseconds from sent to the first token of the answer.
        inter_chunk_ms: Milliseconds between consecutive chunks of a stream.
        longest_gap_ms: The longest of them: the worst stall, in milliseconds.
        response_ms: Milliseconds from sent to the last token.
        mean_response_ms: Arithmetic mean of the same.
        total_s: Seconds from the first request sent to the last token.
        qps: Completed requests per second.
        aggregate_tok_s: Tokens per second of all streams together, idle times between them included.
        steady_tok_s: Tokens per second of all streams together while every one was decoding; null
            where they never all were.
        prefill_tok_s: Prompt tokens read per second, for each request.
        prefill_estimated: Whether any of that was estimated from TTFT.
        acceptance: Share of the tokens guessed ahead that the model confirmed; null without speculative decoding.
        accepted_length: Mean tokens of a step of speculative decoding; null without it.
        cache_hit: Share of the prompt tokens that came from a prefix cache; null where it is not told of every request.
        speedup: aggregate_tok_s over that at batch 1.
        efficiency: speedup / batch.
        roofline: Bytes that decoding read against what the memory can give; null where it is not known what the model
            reads.
        decode_cost: What each decoded token cost; null in snapshots of programs that did not count it.
        prefill_cost: What each token of the prompts cost to read.
        goodput: Requests per second that met every SLO of the scenario; null without SLOs.
        slo_met: Completed requests that met them all; null without SLOs.
    """

    contender: str
    batch: int
    n: int
    completed: int
    failed: int
    repetitions: int
    decode_tok_s: Spread
    tpot_ms: Spread
    ttft_ms: Spread
    ttfa_ms: Spread
    inter_chunk_ms: Spread
    longest_gap_ms: float | None
    response_ms: Spread
    mean_response_ms: float | None
    total_s: float | None
    qps: float | None
    aggregate_tok_s: float | None
    steady_tok_s: float | None
    prefill_tok_s: Spread
    prefill_estimated: bool
    speedup: float | None = None
    efficiency: float | None = None
    roofline: Roofline | None = None
    acceptance: float | None = None
    accepted_length: float | None = None
    cache_hit: float | None = None
    decode_cost: TokenCost | None = None
    prefill_cost: TokenCost | None = None
    goodput: float | None = None
    slo_met: int | None = None


def measured(request: RequestState) -> Measured:
    """Returns what the summary needs of a request."""
    return Measured(
        contender=request.queued.contender,
        batch=request.queued.batch,
        repetition=request.queued.repetition,
        stream=request.stream,
        completed=request.ok,
        failed=request.finish is Finish.ERROR,
        prompt_tokens=request.prompt_tokens,
        cached_tokens=request.cached_tokens,
        prefill_ms=request.prefill_ms,
        drafted_tokens=request.drafted_tokens,
        accepted_tokens=request.accepted_tokens,
        draft_steps=request.draft_steps,
        rtt_ms=request.rtt_ms,
    )


def summarise_run(state: RunState) -> tuple[Summary, ...]:
    """Returns the rows of a run so far, warm-up excluded."""
    return summarise((measured(request) for request in state.measured()), slo_of(state))


def slo_of(state: RunState) -> Slo:
    """Returns the objectives of a run."""
    return state.started.scenario.slo if state.started is not None else Slo()


def summarise(requests: Iterable[Measured], slo: Slo = _NO_SLO) -> tuple[Summary, ...]:
    """Returns one row for each contender and batch size, in the order in which they first come."""
    groups: dict[tuple[str, int], list[Measured]] = {}
    for request in requests:
        groups.setdefault((request.contender, request.batch), []).append(request)
    rows = [_row(*key, group, slo) for key, group in groups.items()]
    single = {row.contender: row.aggregate_tok_s for row in rows if row.batch == 1}
    return tuple(_with_speedup(row, single.get(row.contender)) for row in rows)


def cells(requests: Sequence[Measured]) -> list[list[Measured]]:
    """Returns the requests of each cell that counts, by repetition; all of one contender and batch."""
    repetitions: dict[int, list[Measured]] = {}
    for request in requests:
        repetitions.setdefault(request.repetition, []).append(request)
    return [
        done
        for _, cell in sorted(repetitions.items())
        if (done := [request for request in cell if request.completed and request.stream.times])
        if len(done) == len(cell) or cell[0].batch == 1
    ]


def _row(contender: str, batch: int, requests: list[Measured], slo: Slo) -> Summary:
    completed = [request for request in requests if request.completed]
    streams = [request.stream for request in completed]
    groups = [[request.stream for request in cell] for cell in cells(requests)]
    prefill = [prefill_speed(request) for request in completed]
    responses = _known(metrics.e2e_ms(stream) for stream in streams)
    gaps = [gap for stream in streams for gap in metrics.inter_chunk_ms(stream)]
    acceptance, length = _speculation(completed)
    return Summary(
        contender=contender,
        batch=batch,
        n=len(requests),
        completed=len(completed),
        failed=sum(request.failed for request in requests),
        repetitions=len(groups),
        decode_tok_s=metrics.spread(_known(metrics.decode_tok_s(stream) for stream in streams)),
        tpot_ms=metrics.spread(_known(metrics.tpot_ms(stream) for stream in streams)),
        ttft_ms=metrics.spread(_known(metrics.ttft_ms(stream) for stream in streams)),
        ttfa_ms=metrics.spread(_known(metrics.ttfa_ms(stream) for stream in streams)),
        inter_chunk_ms=metrics.spread(gaps),
        longest_gap_ms=max(gaps, default=None),
        response_ms=metrics.spread(responses),
        mean_response_ms=metrics.mean(responses),
        total_s=_median(groups, metrics.total_s),
        qps=_median(groups, metrics.qps),
        aggregate_tok_s=_median(groups, metrics.aggregate_tok_s),
        steady_tok_s=_median(groups, metrics.steady_tok_s),
        prefill_tok_s=metrics.spread(_known(value for value, _ in prefill)),
        prefill_estimated=any(estimated for value, estimated in prefill if value is not None),
        acceptance=acceptance,
        accepted_length=length,
        cache_hit=_cache_hit(completed),
        goodput=_median(groups, lambda cell: metrics.goodput(cell, slo)),
        slo_met=sum(metrics.meets(stream, slo) for stream in streams) if slo != _NO_SLO else None,
    )


def _speculation(requests: Sequence[Measured]) -> tuple[float | None, float | None]:
    """Acceptance, and tokens of a step, over the requests of which both are known."""
    known = [r for r in requests if r.drafted_tokens and r.accepted_tokens is not None]
    drafted = sum(request.drafted_tokens or 0 for request in known)
    accepted = sum(request.accepted_tokens or 0 for request in known)
    if not drafted:
        return None, None
    told = [request.draft_steps for request in known if request.draft_steps is not None]
    steps = sum(told) if len(told) == len(known) else None
    output = sum(request.stream.tokens - 1 for request in known)
    return metrics.acceptance(drafted, accepted), metrics.accepted_length(output, accepted, steps)


def _cache_hit(requests: Sequence[Measured]) -> float | None:
    prompts = [r.prompt_tokens for r in requests if r.prompt_tokens is not None]
    hits = [r.cached_tokens for r in requests if r.cached_tokens is not None]
    whole = sum(prompts)
    return min(1.0, sum(hits) / whole) if whole and len(prompts) == len(hits) == len(requests) else None


def prefill_speed(request: Measured) -> tuple[float | None, bool]:
    """Returns a request's prefill speed in tokens per second, and whether it is estimated from TTFT."""
    waited = metrics.less_round_trip(metrics.ttft_ms(request.stream), request.rtt_ms)
    return metrics.prefill_tok_s(request.prompt_tokens, request.cached_tokens, request.prefill_ms, waited)


def _with_speedup(row: Summary, single: float | None) -> Summary:
    if not single or row.aggregate_tok_s is None:
        return row
    speedup = row.aggregate_tok_s / single
    return replace(row, speedup=speedup, efficiency=speedup / row.batch)


def _median(groups: list[list[Stream]], metric: Callable[[Sequence[Stream]], float | None]) -> float | None:
    return metrics.percentile(_known(metric(streams) for streams in groups), 50)


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]
