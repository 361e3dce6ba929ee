"""The snapshot: the state of a run as one document that outlives this program.

Its JSON has the shape of `Snapshot`, field for field. Times are rounded to a microsecond and all
figures are computed from the rounded times, so that whoever reads the document can compute every
one of them again from `requests[].chunks` and `requests[].sent_s`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal, TypeVar

from sparktop.model import metrics
from sparktop.model.channels import describe
from sparktop.model.events import Finish, Status, TokenSource
from sparktop.model.metrics import Spread, Stream
from sparktop.model.records import Contender, ModelInfo, Node, Options
from sparktop.model.scenario import Scenario
from sparktop.model.state import ContenderState, RequestState, RunState
from sparktop.model.summary import Measured, Summary, summarise
from sparktop.model.validity import Validity, judge

SCHEMA: Final = "sparktop.run/1"
"""Name and version of the document. Within a version fields are only ever added."""

_Figures = TypeVar("_Figures", "RequestMetrics", Summary, Spread)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContenderRecord:
    """A model that was measured.

    Attributes:
        contender: What was to run, and where.
        info: What the engine says of the loaded model; null if it was never loaded.
        load_s: Seconds from the order to load until ready; null if it was never loaded.
        error: Why it could not go on; null if it could.
        log: End of the engine's log where it failed, else empty.
    """

    contender: Contender
    info: ModelInfo | None
    load_s: float | None
    error: str | None
    log: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCounts:
    """Tokens of one request.

    Attributes:
        prompt: Tokens in the prompt, template included; null if unknown.
        cached: Tokens of the prompt that came from a prefix cache; null if unknown.
        output: Tokens decoded, reasoning included; the end-of-generation token is not counted.
        source: Where the counts come from; null if the request never ended.
    """

    prompt: int | None
    cached: int | None
    output: int
    source: TokenSource | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunks:
    """What arrived, in the order in which it arrived.

    Attributes:
        t_ms: When each chunk arrived, in milliseconds since the request was sent.
        n: Tokens in each chunk; as long as t_ms.
        reasoning: Runs of chunks that are reasoning, each as [first, one past the last].
    """

    t_ms: tuple[float, ...]
    n: tuple[int, ...]
    reasoning: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMetrics:
    """Figures of one request, computed from its chunks; null where not defined.

    Attributes:
        ttft_ms: Milliseconds from sent to the first token, reasoning included.
        ttfa_ms: Milliseconds from sent to the first token of the answer.
        e2e_ms: Milliseconds from sent to the last token.
        tpot_ms: Milliseconds per output token after the first chunk.
        decode_tok_s: Tokens per second after the first chunk.
        prefill_tok_s: Prompt tokens read per second.
        prefill_estimated: Whether prefill_tok_s was estimated from TTFT.
    """

    ttft_ms: float | None
    ttfa_ms: float | None
    e2e_ms: float | None
    tpot_ms: float | None
    decode_tok_s: float | None
    prefill_tok_s: float | None
    prefill_estimated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord:
    """One request; warm-up is not among them.

    Attributes:
        request: Number of the request, unique in the run.
        contender: Name of the contender that was asked.
        item: Id of the scenario's item; "random" for random-token prompts.
        repetition: Repetition that it belongs to, from 0.
        batch: Size of the batch that it belongs to.
        max_tokens: Most tokens that it was allowed to decode.
        prompt: The user's message as sent; empty for random-token prompts.
        answer: The answer, raw as the model made it.
        reasoning: The reasoning before the answer, raw; empty if there was none.
        sent_s: When it was sent, in seconds since the run began; null if it never was.
        ended_s: When it ended, in seconds since the run began; null if it never did.
        prefill_ms: The engine's own timing of the prompt in milliseconds; null if it gives none.
        finish: Why it ended; null if it never did.
        error: What went wrong; null if nothing did.
    """

    request: int
    contender: str
    item: str
    repetition: int
    batch: int
    max_tokens: int
    prompt: str
    answer: str
    reasoning: str
    sent_s: float | None
    ended_s: float | None
    tokens: TokenCounts
    chunks: Chunks
    prefill_ms: float | None
    metrics: RequestMetrics
    finish: Finish | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Readings of one quantity of one machine.

    Attributes:
        node: Name of the machine.
        channel: Name of the quantity ("memory.used").
        unit: Its unit.
        t_s: When it was read, in seconds since the run began. In long runs older readings are
            thinned: of four neighbours the lowest and the highest stay.
        values: What was read; null marks a gap.
    """

    node: str
    channel: str
    unit: str
    t_s: tuple[float, ...]
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A quantity that could not be read when the run was last looked at.

    Attributes:
        node: Name of the machine.
        channel: Name of the quantity.
        reason: Why.
    """

    node: str
    channel: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRecord:
    """Something that the person was told during the run.

    Attributes:
        t_s: When, in seconds since the run began.
        text: What.
    """

    t_s: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A run of sparktop.

    Attributes:
        schema: Name and version of this format.
        id: Unique name of the run.
        created: Wall-clock time at which the run began, ISO 8601 with offset.
        status: How the run stood when this was written.
        sparktop: Version of the program that made the run.
        duration_s: Seconds from the run's beginning to its last event.
        planned: Requests that the run was to make, warm-up included.
        scenario: What was asked.
        options: What the person chose beside the scenario.
        nodes: The machines.
        contenders: The models, in the order in which they ran.
        validity: What speaks against the figures.
        summary: The figures, for each contender and batch size.
        requests: Every request, in the order in which they were queued.
        telemetry: What was read of the machines.
        missing: What could not be read, and why.
        notices: What the person was told during the run.
        definitions: What each figure means.
    """

    schema: Literal["sparktop.run/1"]
    id: str
    created: str
    status: Status
    sparktop: str
    duration_s: float
    planned: int
    scenario: Scenario
    options: Options
    nodes: tuple[Node, ...]
    contenders: tuple[ContenderRecord, ...]
    validity: Validity
    summary: tuple[Summary, ...]
    requests: tuple[RequestRecord, ...]
    telemetry: tuple[Series, ...]
    missing: tuple[Missing, ...]
    notices: tuple[NoticeRecord, ...]
    definitions: dict[str, str]


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
    requests = tuple(_request(request) for request in state.measured())
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
        summary=tuple(_rounded(row) for row in summarise(measured_record(request) for request in requests)),
        requests=requests,
        telemetry=tuple(telemetry(state)),
        missing=tuple(
            Missing(node=node, channel=channel, reason=reason)
            for node, reasons in state.missing.items()
            for channel, reason in reasons.items()
        ),
        notices=tuple(NoticeRecord(t_s=round(notice.t, 6), text=notice.text) for notice in state.notices),
        definitions=dict(metrics.DEFINITIONS),
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
    )


def request_metrics(stream: Stream, tokens: TokenCounts, prefill_ms: float | None) -> RequestMetrics:
    """Returns the figures of one request."""
    ttft = metrics.ttft_ms(stream)
    prefill, estimated = metrics.prefill_tok_s(tokens.prompt, tokens.cached, prefill_ms, ttft)
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
    )


def _request(state: RequestState) -> RequestRecord:
    sent = state.sent or 0.0
    sent_s = None if state.sent is None else round(state.sent, 6)
    prefill_ms = None if state.prefill_ms is None else round(state.prefill_ms, 3)
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
        metrics=request_metrics(_stream(sent_s, chunks), tokens, prefill_ms),
        finish=state.finish,
        error=state.error or None,
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


def _rounded(record: _Figures) -> _Figures:
    """Cuts figures to nine digits: more is noise, and fewer could not be checked against the chunks."""
    return replace(record, **{field.name: _nine(getattr(record, field.name)) for field in fields(record)})


def _nine(value: Any) -> Any:
    if isinstance(value, Spread):
        return _rounded(value)
    return float(f"{value:.9g}") if isinstance(value, float) else value
