"""Was this as fast as the same was before, on this machine?

A slow state of the hardware that no counter shows is seen by this alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sparktop.model import metrics
from sparktop.model.decoding import decode_speed
from sparktop.model.events import BaselineFound
from sparktop.model.state import RunState
from sparktop.model.summary import Summary, summarise_run
from sparktop.model.verdicts import Code, Findings, Unjudged, note

LEAST_RUNS: Final = 3

LEAST_SHARE: Final = 0.05
"""Share of the median by which a run may be slower, however steady the earlier ones were: drivers, kernels and rooms
change by as much."""

SPREADS: Final = 3.0
"""So many standard deviations, estimated from the median deviation, are put down to chance."""

FEW_RUNS: Final = 6
"""From fewer runs the spread is itself a guess: twice the margin is given, and a speed that was seen before passes.

With normal noise of 2 % this rule is wrong in less than 1 % of runs, with 8 % in less than 6 %; it finds a third less
speed in all of them at 2 % (simulated, 40,000 runs each of 3 to 20 earlier ones)."""

_MAD_TO_SD: Final = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""


@dataclass(frozen=True, slots=True)
class Normal:
    """What earlier runs let expect.

    Attributes:
        median: Their median speed, tokens per second.
        least: Speed below which a run is slower than they explain.
    """

    median: float
    least: float


def normal(speeds: Sequence[float]) -> Normal | None:
    """Returns what to expect after runs with these decode speeds; None of too few."""
    middle = metrics.percentile(speeds, 50)
    if len(speeds) < LEAST_RUNS or middle is None:
        return None
    deviation = _MAD_TO_SD * (metrics.percentile([abs(speed - middle) for speed in speeds], 50) or 0.0)
    few = len(speeds) < FEW_RUNS
    least = middle - max(LEAST_SHARE * middle, SPREADS * (2 if few else 1) * deviation)
    return Normal(middle, min(least, min(speeds)) if few else least)


def slower_than_before(state: RunState) -> Findings:
    """Whether a contender decoded slower than in earlier runs of the same on the same machine."""
    unjudged: list[str] = []
    for row in summarise_run(state):
        contender = state.contenders.get(row.contender)
        baseline = contender.baselines.get(row.batch) if contender is not None else None
        where = f"{row.contender} at batch {row.batch}"
        if (why := _why_not(state, row, baseline)) or baseline is None:
            unjudged.append(f"{where}: {why}")
            continue
        speed, expected = decode_speed(row), normal(baseline.decode_tok_s)
        if speed is None or expected is None or speed >= expected.least:
            continue
        runs = len(baseline.runs)
        text = (
            f"{where} decoded {speed:.1f} tok/s, {100 * (1 - speed / expected.median):.0f} % slower than the median of"
            f" {runs} earlier runs on this machine, {expected.median:.1f} tok/s"
        )
        yield note(
            Code.SLOWER_THAN_BEFORE,
            text,
            contender=row.contender,
            batch=row.batch,
            tok_s=speed,
            median_tok_s=expected.median,
            lowest_tok_s=min(baseline.decode_tok_s),
            least_expected_tok_s=expected.least,
            runs=runs,
        )
    if unjudged:
        more = f" (and {len(unjudged) - 1} more)" if len(unjudged) > 1 else ""
        yield Unjudged(code=Code.SLOWER_THAN_BEFORE, reason=unjudged[0] + more)


def _why_not(state: RunState, row: Summary, baseline: BaselineFound | None) -> str:
    if state.started is not None and state.started.options.together and len(state.contenders) > 1:
        return "contenders ran at once, and earlier runs alone"
    if row.completed < row.n:
        return f"{row.completed} of {row.n} requests completed: they are not the same work"
    if decode_speed(row) is None:
        return "no decode speed was measured"
    if baseline is None:
        return "earlier runs were not looked for"
    if len(baseline.runs) < LEAST_RUNS:
        count = "1 earlier run" if len(baseline.runs) == 1 else f"{len(baseline.runs)} earlier runs"
        return f"{count} of the same on this machine, and it takes {LEAST_RUNS}"
    return ""
