"""What a run was doing when: stretches of its time line, so that readings can be told apart by them.

While a model reads prompts, arithmetic is what it needs; while it decodes, memory bandwidth. A
reading of power or utilisation means something only together with which of them it fell into.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

LEAST_IDLE_S: Final = 0.010
"""Between the end of one request and the next one a few milliseconds pass: nobody waits there."""


class RunPhase(StrEnum):
    """What goes on in a stretch of time."""

    LOAD = "load"
    """A model is being loaded."""
    WARM_UP = "warm-up"
    """Requests that are discarded, from the first one sent to the end of the last one."""
    PREFILL = "prefill"
    """Prompts are read, and nothing is decoded: from a request sent until its first token."""
    DECODE = "decode"
    """Tokens are decoded, and no prompt is read: from a request's first token until its last."""
    MIXED = "mixed"
    """Some streams of a cell read their prompts while others decode."""
    IDLE = "idle"
    """Nothing of all this, for longer than 10 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSpan:
    """A stretch of the run's time line in which one thing went on.

    Attributes:
        phase: What went on: "load", "warm-up", "prefill", "decode", "mixed" (some streams read prompts while others
            decode) or "idle".
        contender: Whose it was; null where idle.
        batch: Size of the batch; null where no requests were under way.
        repetition: Repetition that the requests belong to, from 0; null where no requests were under way.
        start_s: Its beginning, in seconds since the run began.
        end_s: Its end.
    """

    phase: RunPhase
    contender: str | None
    batch: int | None
    repetition: int | None
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """When a request did what, in seconds since the run began.

    Attributes:
        contender: Whose it was.
        batch: Size of the batch that it belongs to.
        repetition: Repetition that it belongs to, from 0.
        warmup: It is discarded.
        sent: When it was sent.
        first: When its first token came; when it ended, where none came.
        last: When its last token came; `first` where none came.
    """

    contender: str
    batch: int
    repetition: int
    warmup: bool
    sent: float
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the time of one cell.

    Attributes:
        phase: Prefill, decode or mixed.
        start: Seconds.
        end: Seconds.
        streams: Which of the cell's streams were reading or decoding in it, by their place among them.
    """

    phase: RunPhase
    start: float
    end: float
    streams: frozenset[int]


def stretches(streams: Iterable[tuple[float, float, float]]) -> list[Stretch]:
    """Returns when the streams of one cell read prompts, decode, or do both at once, in order.

    Args:
        streams: Of each when it was sent, when its first token came, and when its last.
    """
    changes: list[tuple[float, int, RunPhase | None]] = []
    for index, (sent, *tokens) in enumerate(streams):
        first, last = (max(sent, t) for t in tokens)
        changes += [(sent, index, RunPhase.PREFILL), (first, index, RunPhase.DECODE), (last, index, None)]
    changes.sort(key=lambda change: change[0])  # stable: what a stream does in one moment stays in order
    found: list[Stretch] = []
    doing: dict[int, RunPhase] = {}
    before = 0.0
    for t, index, what in changes:
        if t > before and doing:
            phases = set(doing.values())
            phase = RunPhase.MIXED if len(phases) > 1 else phases.pop()
            if found and found[-1].phase is phase and found[-1].end == before:
                found[-1] = Stretch(phase, found[-1].start, t, found[-1].streams | doing.keys())
            else:
                found.append(Stretch(phase, before, t, frozenset(doing)))
        if what is None:
            del doing[index]
        else:
            doing[index] = what
        before = t
    return found


def run_phases(
    loads: Iterable[tuple[str, float, float]], requests: Iterable[Lifetime], end: float
) -> tuple[PhaseSpan, ...]:
    """Returns the phases of a run, in the order in which they began.

    Contenders that run at once have phases at once; those of one cell never overlap.

    Args:
        loads: Of each model that was loaded whose it is, when it began to load, and when it was ready.
        requests: Every request that was sent.
        end: When the run ended, in seconds since it began.
    """
    spans = [_span(RunPhase.LOAD, *load) for load in loads]
    cells: dict[tuple[str, int, int, bool], list[Lifetime]] = {}
    for request in requests:
        key = (request.contender, request.batch, request.repetition, request.warmup)
        cells.setdefault(key, []).append(request)
    for (contender, batch, repetition, warmup), cell in cells.items():
        if warmup:
            begun, ended = min(request.sent for request in cell), max(request.last for request in cell)
            spans.append(_span(RunPhase.WARM_UP, contender, begun, ended, batch, repetition))
            continue
        spans += [
            _span(one.phase, contender, one.start, one.end, batch, repetition)
            for one in stretches((request.sent, request.first, request.last) for request in cell)
        ]
    spans += _idle(spans, end)
    return tuple(sorted(spans, key=lambda span: (span.start_s, span.end_s)))


def _idle(spans: list[PhaseSpan], end: float) -> Iterator[PhaseSpan]:
    free = 0.0
    for span in sorted(spans, key=lambda span: span.start_s):
        if span.start_s - free > LEAST_IDLE_S:
            yield _span(RunPhase.IDLE, None, free, span.start_s)
        free = max(free, span.end_s)
    if end - free > LEAST_IDLE_S:
        yield _span(RunPhase.IDLE, None, free, end)


def _span(
    phase: RunPhase,
    contender: str | None,
    start: float,
    end: float,
    batch: int | None = None,
    repetition: int | None = None,
) -> PhaseSpan:
    return PhaseSpan(phase=phase, contender=contender, batch=batch, repetition=repetition, start_s=start, end_s=end)
