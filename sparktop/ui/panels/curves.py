"""Speed and latency over time, taken from the fold a little at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from sparktop.model import metrics
from sparktop.model.state import ContenderState, Phase, RequestState, RunState
from sparktop.model.timeseries import BIN_S

LAG_S: Final = 0.5
"""Tokens come in groups: a sample is drawn once nothing can be added to it any more."""

KEPT_S: Final = 620.0
"""A little more than the longest stretch that charts show."""

GAPS: Final = 2000
"""Gaps between chunks that percentiles are taken over, newest first."""


@dataclass(slots=True)
class Curve:
    """One contender's speed and latency, sampled four times a second.

    Samples are added at the end and dropped at the beginning, and never change in between: so a
    chart has to look at each but once.
    """

    times: list[float] = field(default_factory=list)
    tok_s: list[float | None] = field(default_factory=list)
    tpot_ms: list[float | None] = field(default_factory=list)
    _next: int = 0

    def follow(self, contender: ContenderState, upto_s: float) -> None:
        """Adds the samples up to a time before which nothing changes any more."""
        rate = contender.rate
        upto = int(upto_s / BIN_S)
        first = min(rate.tokens, default=None)
        ended = contender.phase in (Phase.DONE, Phase.FAILED)
        last = max(rate.tokens, default=0) + round(1 / BIN_S) if ended else upto
        for index in range(max(self._next, upto - round(KEPT_S / BIN_S)), upto + 1):
            t = index * BIN_S
            alive = first is not None and first < index <= last
            self.times.append(t)
            self.tok_s.append(rate.rate(t) if alive else None)
            self.tpot_ms.append(rate.tpot_ms(t))
            self._next = index + 1
        self._drop(upto_s - KEPT_S)

    def within(self, values: list[float | None], start: float) -> list[float]:
        """The samples since `start` in which tokens came."""
        return [v for t, v in zip(self.times, values, strict=True) if t >= start and v]

    def _drop(self, before: float) -> None:
        if self.times and self.times[0] < before - 30:
            index = next((i for i, t in enumerate(self.times) if t >= before), len(self.times))
            del self.times[:index], self.tok_s[:index], self.tpot_ms[:index]


@dataclass(slots=True)
class Curves:
    """The curves of every contender of a run."""

    by_name: dict[str, Curve] = field(default_factory=dict)

    def follow(self, state: RunState, now: float) -> None:
        """Brings every curve up to `now`, or a little less while tokens may still come."""
        upto_s = now - (LAG_S if state.ended is None else 0.0)
        for name, contender in state.contenders.items():
            self.by_name.setdefault(name, Curve()).follow(contender, upto_s)


def gaps_ms(requests: Iterable[RequestState]) -> list[float]:
    """The newest gaps between chunks of some requests, in ms."""
    gaps: list[float] = []
    for request in reversed(list(requests)):
        if request.times:
            gaps += metrics.inter_chunk_ms(request.stream)[-(GAPS - len(gaps)) :]
        if len(gaps) >= GAPS:
            break
    return gaps
