"""How a contender fares at this moment: what holds it back, and whether it is slower than it was before.

What a verdict says of a whole run is said here of the newest prompt, the last seconds of decoding and the newest
repetitions. Asked for several times a second while the run goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sparktop.model import metrics
from sparktop.model.bottleneck import judge_decode, judge_prefill
from sparktop.model.bottleneck_checks import UBATCH, busiest_gpu
from sparktop.model.cost import place_of
from sparktop.model.during import Work
from sparktop.model.history_checks import LEAST_RUNS, normal
from sparktop.model.live import live_roofline
from sparktop.model.roofline import prefill_bytes_per_token
from sparktop.model.state import ContenderState, Phase, RequestState, RunState
from sparktop.model.verdicts import LINE_CELLS, Alert, Code, Severity

RECENT_S: Final = 10.0
"""A prompt that was read longer ago than this says nothing of now."""

REPETITIONS: Final = 3
"""So many of the newest repetitions are held against earlier runs: a long run costs no more than a short one."""


def findings(state: RunState, now: float) -> tuple[Alert, ...]:
    """Returns what holds the contenders back that are at work: no fault of the numbers, but what explains them.

    Args:
        state: The run.
        now: Seconds on the clock of its events.
    """
    if _together(state):
        return ()
    return tuple(
        found
        for contender in _ready(state)
        for found in (*_decode(state, contender, now), *_prefill(state, contender, now))
    )


def slower_so_far(state: RunState) -> Iterator[Alert]:
    """Yields the batches that are slower than in earlier runs; judged from their first whole repetition on.

    Args:
        state: The run.
    """
    if _together(state):
        return
    for contender in _ready(state):
        for batch, baseline in contender.baselines.items():
            expected = normal(baseline.decode_tok_s) if len(baseline.runs) >= LEAST_RUNS else None
            speed = _speed(_whole_cells(state, contender, batch), batch) if expected is not None else None
            if expected is None or speed is None or speed >= expected.least:
                continue
            less = 100 * (1 - speed / expected.median)
            text = f"batch {batch} at {speed:,.1f} tok/s, {less:.0f} % slower than {len(baseline.runs)} runs before"
            yield Alert(
                code=Code.SLOWER_THAN_BEFORE,
                severity=Severity.NOTE,
                node=contender.contender.node,
                text=_named(state, contender, text),
                evidence={
                    "contender": contender.contender.name,
                    "batch": batch,
                    "tok_s": speed,
                    "median_tok_s": expected.median,
                    "least_expected_tok_s": expected.least,
                    "runs": len(baseline.runs),
                },
            )


def _together(state: RunState) -> bool:
    return state.started is not None and state.started.options.together and len(state.contenders) > 1


def _ready(state: RunState) -> list[ContenderState]:
    return [contender for contender in state.contenders.values() if contender.phase is Phase.READY]


def _named(state: RunState, contender: ContenderState, text: str) -> str:
    """A text with the contender's name, or its beginning, where there are several that it may be of."""
    if len(_ready(state)) < 2:
        return text
    name, room = contender.contender.name, LINE_CELLS - len(text) - 2
    return f"{name if len(name) <= room else name[: max(0, room - 1)] + '…'}: {text}"


def _finding(state: RunState, contender: ContenderState, code: Code, text: str, evidence: dict[str, float]) -> Alert:
    return Alert(
        code=code,
        severity=Severity.FINDING,
        node=contender.contender.node,
        text=_named(state, contender, f"{code}: {text}"),
        evidence={"contender": contender.contender.name, **evidence},
    )


def _decode(state: RunState, contender: ContenderState, now: float) -> Iterator[Alert]:
    found = live_roofline(state, contender, now)
    judged = judge_decode(found) if found is not None else None
    if judged is None or not judged.reached:
        return
    read, of = judged.evidence["achieved"], judged.evidence["ceiling"]
    text = f"decoding reads {read / 1e9:.3g} GB/s, {100 * read / of:.0f} % of {of / 1e9:.3g}"
    yield _finding(state, contender, judged.code, text, judged.evidence)


def _prefill(state: RunState, contender: ContenderState, now: float) -> Iterator[Alert]:
    """Judges the newest prompt, where one is read at a time."""
    own = [r for r in state.requests.values() if r.queued.contender == contender.contender.name and r.sent is not None]
    newest = max(own, key=lambda request: request.sent or 0.0, default=None)
    if newest is None or newest.queued.batch != 1 or sum(request.ended is None for request in own) > 1:
        return
    end = newest.times[0] if newest.times else newest.ended or now
    model, ceilings, place = contender.footprint, contender.ceilings, place_of(state, contender)
    if model is None or ceilings is None or not place.on_gpu or end < now - RECENT_S:
        return
    start = newest.sent or 0.0
    speed = _prefill_speed(newest, start, end)
    busy, _ = busiest_gpu(place, [Work(start, end, lambda *_: 0.0)])
    if speed is None or busy is None:
        return
    read = prefill_bytes_per_token(model, min(UBATCH, newest.prompt_tokens or UBATCH)) * speed
    judged = judge_prefill(read, ceilings.theoretical or ceilings.measured, busy)
    if judged.reached:
        share = 100 * judged.evidence["share"]
        text = f"prefill reads {share:.0f} % of {judged.evidence['ceiling'] / 1e9:.3g} GB/s, GPU {busy:.0f} % busy"
        yield _finding(state, contender, judged.code, text, judged.evidence)


def _prefill_speed(request: RequestState, start: float, end: float) -> float | None:
    """Returns tokens per second; of a prompt that is still being read, the most that it can be."""
    total, cached = request.prompt_tokens, request.cached_tokens or 0
    if total is None or end <= start:
        return None
    if request.times:
        return metrics.prefill_tok_s(total, cached, request.prefill_ms, (end - start) * 1e3)[0]
    # What was read since it was last told is not known: at most one more chunk of it.
    done = min(total, request.prefilled + UBATCH) - cached
    return done / (end - start) if done > 0 else None


def _whole_cells(state: RunState, contender: ContenderState, batch: int) -> list[list[RequestState]]:
    """The newest repetitions of a batch of which every request was answered: anything less is other work."""
    repetitions: dict[int, list[RequestState]] = {}
    for request in state.requests.values():
        queued = request.queued
        if queued.contender == contender.contender.name and queued.batch == batch and not queued.warmup:
            repetitions.setdefault(queued.repetition, []).append(request)
    whole = [cell for cell in repetitions.values() if all(request.ok and request.times for request in cell)]
    return whole[-REPETITIONS:]


def _speed(cells: Sequence[Sequence[RequestState]], batch: int) -> float | None:
    """Returns what `sparktop.model.decoding.decode_speed` says of a whole run."""
    streams = [[metrics.Stream(sent=r.sent or 0.0, times=r.times, counts=r.counts) for r in cell] for cell in cells]
    if batch == 1:
        speeds = [metrics.decode_tok_s(stream) for cell in streams for stream in cell]
    else:
        speeds = [metrics.steady_tok_s(cell) for cell in streams]
    return metrics.percentile([speed for speed in speeds if speed is not None], 50)
