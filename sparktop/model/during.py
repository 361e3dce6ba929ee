"""What readings say of stretches of time, such as those in which a model decoded.

Machines are read twice a second and phases begin and end in between. So only what lies between two
readings of the same stretch is counted, and divided by the tokens of just that time: no reading is
shared out between prefill and decode by guess.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Protocol

from sparktop.model.metrics import Stream
from sparktop.model.phases import RunPhase, stretches


class Curve(Protocol):
    """Readings of one quantity; None is a gap."""

    @property
    def times(self) -> Sequence[float]:
        """When, ascending, in seconds."""

    @property
    def values(self) -> Sequence[float | None]:
        """What."""


Curves = Mapping[str, Mapping[str, Curve]]
"""Readings by node, then by channel name."""


@dataclass(frozen=True, slots=True)
class Work:
    """A stretch of time in which tokens were worked on.

    Attributes:
        start: Seconds.
        end: Seconds.
        tokens: Tells how many of them fall to the time from one moment to another of this stretch.
    """

    start: float
    end: float
    tokens: Callable[[float, float], float]


class Kind(Enum):
    """What a series counts."""

    TOTAL = auto()
    """Something since some moment: what came in between is the difference."""
    LEVEL = auto()
    """Something for each second, at the moment of the reading."""
    RATE = auto()
    """Something for each second, over the time since the reading before."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What a series counts in stretches of work.

    Attributes:
        total: The sum, in the series' unit; seconds times it for what is counted by the second.
        tokens: Tokens of the time that readings cover.
        seconds: That time.
    """

    total: float
    tokens: float
    seconds: float


def decode_work(streams: Sequence[Stream]) -> list[Work]:
    """Returns the stretches in which streams of one cell decoded and none read its prompt.

    A stream without a token is reading its prompt still.
    """

    lives = (
        (stream.sent, stream.times[0], stream.times[-1]) if stream.times else (stream.sent, math.inf, math.inf)
        for stream in streams
    )
    return [
        Work(one.start, one.end, partial(_decoded, [streams[index] for index in one.streams]))
        for one in stretches(lives)
        if one.phase is RunPhase.DECODE
    ]


def _decoded(streams: Sequence[Stream], start: float, end: float) -> float:
    return sum(_made(stream, start, end) for stream in streams)


def _made(stream: Stream, start: float, end: float) -> float:
    """Tokens from one moment to another; of a chunk that was under way then, its part."""
    first, last = bisect_right(stream.times, start), bisect_right(stream.times, end)
    return sum(stream.counts[first:last]) + _under_way(stream, last, end) - _under_way(stream, first, start)


def _under_way(stream: Stream, index: int, t: float) -> float:
    """Part of the chunk that came next after `t`, in tokens, that was done by then."""
    if not 0 < index < len(stream.times):
        return 0.0
    before = stream.times[index - 1]
    return stream.counts[index] * (t - before) / (stream.times[index] - before)


def prefill_work(cell: Sequence[tuple[Stream, int]]) -> list[Work]:
    """Returns the stretches in which whole prompts of one cell were read and nothing was decoded.

    Args:
        cell: Each stream, which must have a token, with the tokens of its prompt that had to be read.
    """
    found = []
    lives = ((stream.sent, stream.times[0], stream.times[-1]) for stream, _ in cell)
    for one in stretches(lives):
        if one.phase is not RunPhase.PREFILL:
            continue
        read = [cell[index] for index in one.streams]
        if all(one.start <= stream.sent and stream.times[0] <= one.end for stream, _ in read):
            found.append(Work(one.start, one.end, _evenly(sum(n for _, n in read) / (one.end - one.start))))
    return found


def _evenly(rate: float) -> Callable[[float, float], float]:
    return lambda start, end: rate * (end - start)


def tally(curve: Curve, kind: Kind, work: Iterable[Work]) -> Tally:
    """Returns what a series counts between readings of the same stretch; gaps and resets are left out."""
    total = tokens = seconds = 0.0
    times, values = curve.times, curve.values
    for one in work:
        begun: float | None = None
        first = bisect_left(times, one.start)
        end = bisect_right(times, one.end)
        for index in range(first + 1, end):
            step = _step(kind, values[index - 1], values[index], times[index] - times[index - 1])
            if step is None:
                if begun is not None:
                    tokens += one.tokens(begun, times[index - 1])
                begun = None
                continue
            begun = times[index - 1] if begun is None else begun
            total += step
            seconds += times[index] - times[index - 1]
        if begun is not None:
            tokens += one.tokens(begun, times[end - 1])
    return Tally(total, tokens, seconds)


def _step(kind: Kind, before: float | None, now: float | None, seconds: float) -> float | None:
    """What came between two readings; None where that is not known."""
    if now is None or (before is None and kind is not Kind.RATE):
        return None
    if kind is Kind.RATE or before is None:
        return now * seconds
    if kind is Kind.LEVEL:
        return (before + now) / 2 * seconds
    return now - before if now >= before else None
