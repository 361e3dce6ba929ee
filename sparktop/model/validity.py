"""Can this number be trusted? What speaks against it, with the evidence.

Each check looks at one way in which benchmarks are known to fool people. A check that lacks the
readings it needs says so: "not seen" must never read as "not there".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sparktop.model import channels, metrics
from sparktop.model.events import Finish, Status, TokenSource
from sparktop.model.records import Node
from sparktop.model.scenario import Kind
from sparktop.model.state import RequestState, RunState
from sparktop.model.summary import cells, measured
from sparktop.model.timeseries import Gauge

GIB: Final = 2**30
MEMORY_RESERVE: Final = 8 * GIB
"""Bytes of MemAvailable below which the kernel begins to reclaim what a model maps."""

MEMORY_RESERVE_SHARE: Final = 0.10
"""On machines with less than 80 GiB the reserve is this share of MemTotal."""

SWAP_GROWTH: Final = 16 * 2**20
"""Bytes by which swap may grow: an idle system pages out a little now and then."""

PRESSURE_PERCENT: Final = 5.0
LENGTH_TOLERANCE: Final = 0.05
VARIATION_TOLERANCE: Final = 0.10


class Code(StrEnum):
    """Stable name of a verdict."""

    INCOMPLETE = "incomplete"
    CONTENDER_FAILED = "contender-failed"
    FAILED_REQUESTS = "failed-requests"
    EMPTY_ANSWERS = "empty-answers"
    CACHE_HITS = "cache-hits"
    PROMPT_LENGTH = "prompt-length"
    OUTPUT_LENGTH = "output-length"
    TOKEN_COUNTS = "token-counts"
    TOKEN_MISMATCH = "token-mismatch"
    CONTENDED = "contended"
    MEMORY_RESERVE = "memory-reserve"
    MEMORY_PRESSURE = "memory-pressure"
    SWAP_GROWTH = "swap-growth"
    UNSTEADY = "unsteady"
    COLD_START = "cold-start"
    ONE_REPETITION = "one-repetition"
    FEW_SAMPLES = "few-samples"
    CUT_ANSWERS = "cut-answers"
    TOY_MODEL = "toy-model"
    THROTTLING = "throttling"
    OTHER_GPU_WORK = "other-gpu-work"


class Severity(StrEnum):
    """What a verdict means for somebody who wants to quote a number of the run."""

    FAULT = "fault"
    """Do not quote it."""
    NOTE = "note"
    """Quote it, and say this beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Something that speaks against a number of the run, or has to be known with it.

    Attributes:
        code: Stable name, for programs.
        severity: "fault": do not quote the number; "note": say this beside it.
        text: One sentence for people.
        evidence: The numbers that it rests on, by name; bytes, percent or counts.
    """

    code: Code
    severity: Severity
    text: str
    evidence: dict[str, float | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unjudged:
    """A check that could not be made: neither passed nor failed.

    Attributes:
        code: Name of the verdict that could not be reached.
        reason: What was lacking.
    """

    code: Code
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """What is to be thought of a run's numbers.

    Attributes:
        valid: No check that could be made found a fault.
        verdicts: What the checks found, faults first.
        unjudged: Checks that could not be made.
    """

    valid: bool
    verdicts: tuple[Verdict, ...]
    unjudged: tuple[Unjudged, ...]


def judge(state: RunState, status: Status | None = None) -> Validity:
    """Judges a run.

    Args:
        state: The run; before its first event there is nothing to judge and nothing is found.
        status: How the run stands, where its events do not tell (an interrupted one).
    """
    findings = [finding for check in _CHECKS for finding in check(state)]
    findings[:0] = _incomplete(state, status or state.status)
    verdicts = sorted(
        (finding for finding in findings if isinstance(finding, Verdict)),
        key=lambda verdict: verdict.severity is not Severity.FAULT,
    )
    return Validity(
        valid=all(verdict.severity is not Severity.FAULT for verdict in verdicts),
        verdicts=tuple(verdicts),
        unjudged=tuple(finding for finding in findings if isinstance(finding, Unjudged)),
    )


_Findings = Iterator[Verdict | Unjudged]


def _fault(code: Code, text: str, **evidence: float | str) -> Verdict:
    return Verdict(code=code, severity=Severity.FAULT, text=text, evidence=evidence)


def _note(code: Code, text: str, **evidence: float | str) -> Verdict:
    return Verdict(code=code, severity=Severity.NOTE, text=text, evidence=evidence)


def _completed(state: RunState) -> list[RequestState]:
    return [request for request in state.measured() if request.ok]


def _throughput(state: RunState) -> bool:
    return state.started is not None and state.started.scenario.kind is not Kind.QUESTIONS


def _incomplete(state: RunState, status: Status) -> _Findings:
    if status is Status.COMPLETED or state.started is None:
        return
    done = sum(request.ended is not None for request in state.requests.values())
    how = {
        Status.RUNNING: "the run was still going",
        Status.CANCELLED: "the run was cancelled",
        Status.FAILED: "the run failed",
        Status.INTERRUPTED: "sparktop was stopped in mid-run",
    }[status]
    yield _fault(
        Code.INCOMPLETE,
        f"{how}: {done} of {state.started.planned} requests had ended",
        ended=done,
        planned=state.started.planned,
    )


def _contender_failed(state: RunState) -> _Findings:
    for name, contender in state.contenders.items():
        if contender.error:
            yield _fault(Code.CONTENDER_FAILED, f"{name} failed: {contender.error}", contender=name)


def _failed_requests(state: RunState) -> _Findings:
    requests = state.measured()
    if failed := sum(request.finish is Finish.ERROR for request in requests):
        text = f"{failed} of {len(requests)} requests failed; figures are over the others"
        yield _fault(Code.FAILED_REQUESTS, text, failed=failed, requests=len(requests))


def _empty_answers(state: RunState) -> _Findings:
    completed = _completed(state)
    if empty := sum(not request.answer.strip() for request in completed):
        text = f"{empty} of {len(completed)} answers are empty: what was timed is not an answer"
        yield _fault(Code.EMPTY_ANSWERS, text, empty=empty, completed=len(completed))


def _cut_answers(state: RunState) -> _Findings:
    if _throughput(state):
        return
    completed = _completed(state)
    if cut := sum(request.finish is Finish.LENGTH for request in completed):
        text = f"{cut} of {len(completed)} answers were cut at the token limit: their response time is the limit's"
        yield _note(Code.CUT_ANSWERS, text, cut=cut, completed=len(completed))


def _cache_hits(state: RunState) -> _Findings:
    completed = _completed(state)
    known = [(r.cached_tokens, r.prompt_tokens) for r in completed if r.cached_tokens is not None]
    if len(known) < len(completed):
        reason = (
            f"for {len(completed) - len(known)} of {len(completed)} requests the engine did not tell what was cached"
        )
        yield Unjudged(code=Code.CACHE_HITS, reason=reason)
    if cached := sum(hits for hits, _ in known):
        prompt = sum(tokens or 0 for _, tokens in known)
        share = 100 * cached / prompt if prompt else 100.0
        verdict = _fault if _throughput(state) else _note
        text = f"{share:.1f} % of the prompt tokens came from a cache: TTFT and prefill are faster than without it"
        yield verdict(Code.CACHE_HITS, text, cached_tokens=cached, prompt_tokens=prompt, percent=share)


def _prompt_length(state: RunState) -> _Findings:
    if state.started is None or not (isl := state.started.scenario.isl):
        return
    lengths = [request.prompt_tokens for request in _completed(state)]
    known = [length for length in lengths if length is not None]
    if len(known) < len(lengths):
        yield Unjudged(code=Code.PROMPT_LENGTH, reason="the engine did not tell how long the prompts were")
    off = [length for length in known if abs(length - isl) > LENGTH_TOLERANCE * isl]
    if off:
        worst = max(off, key=lambda length: abs(length - isl))
        text = f"{len(off)} prompts were not {isl} tokens long: one had {worst}"
        yield _fault(Code.PROMPT_LENGTH, text, expected=isl, worst=worst, requests=len(off))


def _output_length(state: RunState) -> _Findings:
    if state.started is None or not state.started.scenario.sampling.ignore_eos:
        return
    completed = _completed(state)
    off = [r for r in completed if abs(r.output_tokens - r.queued.max_tokens) > LENGTH_TOLERANCE * r.queued.max_tokens]
    if off:
        worst = max(off, key=lambda r: abs(r.output_tokens - r.queued.max_tokens))
        text = (
            f"{len(off)} of {len(completed)} requests did not decode as many tokens as asked:"
            f" one made {worst.output_tokens} of {worst.queued.max_tokens}"
        )
        yield _fault(
            Code.OUTPUT_LENGTH, text, requests=len(off), worst=worst.output_tokens, expected=worst.queued.max_tokens
        )


def _token_counts(state: RunState) -> _Findings:
    sources = {request.token_source for request in _completed(state)} - {None, TokenSource.TOKEN_IDS}
    if not sources:
        return
    named = ", ".join(source for source in TokenSource if source in sources)
    if TokenSource.CHUNKS in sources:
        text = f"token counts come from {named}: a chunk was taken for one token, and may hold several"
        yield _fault(Code.TOKEN_COUNTS, text, source=named)
    else:
        yield _note(Code.TOKEN_COUNTS, f"token counts come from {named}, not from token ids", source=named)


def _token_mismatch(state: RunState) -> _Findings:
    off = [
        (sum(request.counts), request.output_tokens)
        for request in _completed(state)
        if abs(sum(request.counts) - request.output_tokens) > max(1, LENGTH_TOLERANCE * request.output_tokens)
    ]
    if off:
        seen, told = max(off, key=lambda pair: abs(pair[0] - pair[1]))
        text = f"in {len(off)} requests the tokens seen are not those the engine reports: {seen} against {told}"
        yield _fault(Code.TOKEN_MISMATCH, text, requests=len(off), seen=seen, reported=told)


def _contended(state: RunState) -> _Findings:
    if state.started and state.started.options.together and len(state.contenders) > 1:
        text = f"{len(state.contenders)} contenders ran at once on one machine: each figure depends on the others"
        yield _fault(Code.CONTENDED, text, contenders=len(state.contenders))


def _machine(state: RunState) -> _Findings:
    for node in state.started.nodes if state.started else ():
        yield from _memory_reserve(state, node)
        yield from _memory_pressure(state, node)
        yield from _swap_growth(state, node)


def _readings(state: RunState, node: Node, channel: str) -> Gauge | str:
    """Returns what was read, or why there is nothing."""
    gauge = state.gauges.get(node.name, {}).get(channel)
    if gauge is not None and gauge.peak is not None:
        return gauge
    why = state.missing.get(node.name, {}).get(channel, "no reading was taken")
    return f"{channel} of {node.name}: {why}"


def _memory_reserve(state: RunState, node: Node) -> _Findings:
    available = _readings(state, node, channels.MEMORY_AVAILABLE)
    if isinstance(available, str):
        yield Unjudged(code=Code.MEMORY_RESERVE, reason=available)
        return
    reserve = min(MEMORY_RESERVE, MEMORY_RESERVE_SHARE * node.memory) if node.memory else MEMORY_RESERVE
    if available.low is not None and available.low < reserve:
        text = (
            f"available memory of {node.name} fell to {available.low / GIB:.1f} GiB, below the reserve of"
            f" {reserve / GIB:.1f} GiB: weights may have been read from disk again"
        )
        yield _fault(Code.MEMORY_RESERVE, text, node=node.name, lowest=available.low, reserve=reserve)


def _memory_pressure(state: RunState, node: Node) -> _Findings:
    full = _readings(state, node, channels.PSI_FULL)
    if isinstance(full, str):
        yield Unjudged(code=Code.MEMORY_PRESSURE, reason=full)
    elif full.peak is not None and full.peak > PRESSURE_PERCENT:
        text = f"all tasks of {node.name} waited for memory up to {full.peak:.0f} % of the time"
        yield _fault(Code.MEMORY_PRESSURE, text, node=node.name, percent=full.peak)


def _swap_growth(state: RunState, node: Node) -> _Findings:
    used = _readings(state, node, channels.SWAP_USED)
    if isinstance(used, str):
        yield Unjudged(code=Code.SWAP_GROWTH, reason=used)
        return
    values = [value for value in used.values if value is not None]
    if (growth := max(values) - values[0]) > SWAP_GROWTH:
        text = f"swap of {node.name} grew by {growth / GIB:.2f} GiB during the run"
        yield _fault(Code.SWAP_GROWTH, text, node=node.name, bytes=growth)


def _repetitions(state: RunState) -> _Findings:
    """How well the figures would repeat: groups of one contender and batch size."""
    groups: dict[tuple[str, int], list[RequestState]] = {}
    for request in _completed(state):
        groups.setdefault((request.queued.contender, request.queued.batch), []).append(request)
    if fewest := min((len(group) for group in groups.values()), default=0):
        if fewest < metrics.MINIMUM_TAIL_SAMPLES:
            text = f"{fewest} samples: too few for p95 and p99, of which {metrics.MINIMUM_TAIL_SAMPLES} are needed"
            yield _note(Code.FEW_SAMPLES, text, fewest=fewest)
        if state.started and state.started.scenario.repetitions == 1:
            text = "everything was measured once: how much the figures vary from time to time is not known"
            yield _note(Code.ONE_REPETITION, text, repetitions=1)
    if not _throughput(state):
        return
    for (contender, batch), group in groups.items():
        speeds = [
            speed
            for cell in cells([measured(request) for request in group])
            if (speed := metrics.aggregate_tok_s(cell)) is not None
        ]
        middle = metrics.percentile(speeds, 50)
        if middle and (variation := (max(speeds) - min(speeds)) / middle) > VARIATION_TOLERANCE:
            text = f"{contender} at batch {batch}: repetitions differ by {100 * variation:.0f} % of their median"
            yield _note(Code.UNSTEADY, text, contender=contender, batch=batch, percent=100 * variation)


def _cold_start(state: RunState) -> _Findings:
    if not _throughput(state):
        return
    warm = {(r.queued.contender, r.queued.batch) for r in state.requests.values() if r.queued.warmup and r.ok}
    groups = {(r.queued.contender, r.queued.batch) for r in _completed(state)}
    if cold := groups - warm:
        text = f"{len(cold)} of {len(groups)} measurements had no warm-up: the first request pays for all"
        yield _note(Code.COLD_START, text, cold=len(cold), measurements=len(groups))


def _toy_model(state: RunState) -> _Findings:
    if toys := [name for name, contender in state.contenders.items() if contender.contender.toy]:
        text = f"{', '.join(toys)}: toy models that come with sparktop; their speed says nothing of real ones"
        yield _note(Code.TOY_MODEL, text, contenders=", ".join(toys))


def _not_read(state: RunState) -> _Findings:
    if state.started is not None:
        yield Unjudged(code=Code.THROTTLING, reason="clocks and temperatures are not read by this version")
        yield Unjudged(code=Code.OTHER_GPU_WORK, reason="other processes on the GPU are not seen by this version")


_CHECKS: Final[tuple[Callable[[RunState], _Findings], ...]] = (
    _contender_failed,
    _failed_requests,
    _empty_answers,
    _cache_hits,
    _prompt_length,
    _output_length,
    _token_counts,
    _token_mismatch,
    _contended,
    _machine,
    _repetitions,
    _cold_start,
    _cut_answers,
    _toy_model,
    _not_read,
)
