"""The figures of one contender at one batch size in two runs: what changed, and whether chance explains it.

Where requests ran one at a time, every question is held against itself, as questions differ more among each other than
runs do. Where several ran together, what ran as one is one value: the streams of a batch share their fate, and ten of
them are no ten measurements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sparktop.model import metrics
from sparktop.model.comparability import Common
from sparktop.model.document import RequestRecord, Snapshot
from sparktop.model.events import Finish
from sparktop.model.scoring import is_scored, score
from sparktop.model.shift import LEAST, Block, shift, sign_level
from sparktop.model.snapshot import measured_record
from sparktop.model.summary import Summary, cells


class Better(StrEnum):
    """Which way a figure should go."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"


class Verdict(StrEnum):
    """What a change comes to."""

    BETTER = "better"
    WORSE = "worse"
    CHANGED = "changed"
    """By more than it varies, in a figure that no way is better of."""
    SAME = "within the spread"
    UNKNOWN = "not judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One figure in both runs.

    Attributes:
        metric: Its name, as in `sparktop.model.metrics.DEFINITIONS` where it is there.
        unit: Its unit.
        better: Which way it should go.
        before: Its median in the one run, over what both did; null if it was not measured.
        after: The same of the other.
        change: By which share it moved: 0.05 is 5 % up. The middle one of all the changes of the same, which is not
            always that of the two medians; null if it can't be told.
        low: Lower end of the range that the change lies in; null if there is none.
        high: Upper end.
        level: How often such a range holds the true change; null if there is none.
        n: What was held against itself: questions, or batches.
        verdict: What it comes to.
        reason: Why it is not judged; empty if it is.
    """

    metric: str
    unit: str
    better: Better
    before: float | None
    after: float | None
    change: float | None = None
    low: float | None = None
    high: float | None = None
    level: float | None = None
    n: int = 0
    verdict: Verdict = Verdict.UNKNOWN
    reason: str = ""

    def exceeds(self, threshold: float) -> bool:
        """Whether it got worse by more than it varies, and by more than a share."""
        if self.verdict is not Verdict.WORSE:
            return False
        # What was nothing before has no share.
        return self.change is None or abs(self.change) > threshold


class Cells:
    """What one run has of a contender at a batch size, of what both runs did.

    Args:
        run: The run.
        contender: Name of the contender.
        batch: Size of the batches.
        both: What both runs did.
    """

    def __init__(self, run: Snapshot, contender: str, batch: int, both: Common) -> None:
        own = [one for one in run.requests if (one.contender, one.batch) == (contender, batch)]
        self.requests = [one for one in own if one.item in both.items]
        self.done = [one for one in self.requests if one.finish in (Finish.STOP, Finish.LENGTH)]
        self.failed = sum(one.finish is Finish.ERROR for one in self.requests)
        self.batch = batch
        self.items = {item.id: item for item in run.scenario.items}
        # What ran as one is whole or nothing.
        self.together = cells([measured_record(one) for one in own]) if batch > 1 else []
        self.whole = {cell[0].repetition for cell in self.together}
        self.summary = next((row for row in run.summary if (row.contender, row.batch) == (contender, batch)), None)

    def by_item(self, value: Callable[[RequestRecord], float | None]) -> dict[str, list[float]]:
        """Values of each question; where several ran at once, one for each batch."""
        found: dict[str, list[float]] = {}
        if self.batch == 1:
            for one in self.done:
                if (figure := value(one)) is not None:
                    found.setdefault(one.item, []).append(figure)
            return found
        batches: dict[int, list[float]] = {}
        for one in self.done:
            if one.repetition in self.whole and (figure := value(one)) is not None:
                batches.setdefault(one.repetition, []).append(figure)
        medians = [metrics.percentile(figures, 50) for figures in batches.values()]
        return {"": [median for median in medians if median is not None]} if medians else {}

    def points(self) -> dict[str, tuple[float, int]]:
        """Of each question the points that were named, on average, and those that there are."""
        found: dict[str, list[int]] = {}
        totals: dict[str, int] = {}
        for one in self.done:
            item = self.items.get(one.item)
            scored = one.score or (score(item, one.answer) if item is not None and is_scored(item) else None)
            if scored is not None and scored.total:
                found.setdefault(one.item, []).append(scored.found)
                totals[one.item] = scored.total
        return {item: (sum(counts) / len(counts), totals[item]) for item, counts in found.items()}


_Value = Callable[[RequestRecord], float | None]

_REQUEST: Final[tuple[tuple[str, str, Better, _Value], ...]] = (
    ("decode_tok_s", "tok/s", Better.HIGHER, lambda one: one.metrics.decode_tok_s),
    ("ttft_ms", "ms", Better.LOWER, lambda one: one.metrics.ttft_ms),
    ("prefill_tok_s", "tok/s", Better.HIGHER, lambda one: one.metrics.prefill_tok_s),
    ("response_ms", "ms", Better.LOWER, lambda one: one.metrics.e2e_ms),
    ("output_tokens", "tokens", Better.NEITHER, lambda one: float(one.tokens.output)),
)
_TOGETHER: Final[tuple[tuple[str, str, Better, Callable[[Sequence[metrics.Stream]], float | None]], ...]] = (
    ("aggregate_tok_s", "tok/s", Better.HIGHER, metrics.aggregate_tok_s),
    ("steady_tok_s", "tok/s", Better.HIGHER, metrics.steady_tok_s),
    ("total_s", "s", Better.LOWER, metrics.total_s),
)
_COSTS: Final[tuple[tuple[str, Callable[[Summary], float | None]], ...]] = (
    ("decode_gpu_j", lambda row: row.decode_cost.gpu_j if row.decode_cost else None),
    ("decode_machine_j", lambda row: row.decode_cost.machine_j if row.decode_cost else None),
)


def changes_of(before: Cells, after: Cells) -> tuple[Change, ...]:
    """Returns every figure that both runs have; none where one of them has no request."""
    if not before.requests or not after.requests:
        return ()
    found = [
        _moved(metric, unit, better, before.by_item(value), after.by_item(value), before.batch)
        for metric, unit, better, value in _REQUEST
    ]
    for metric, unit, better, figure in _TOGETHER if before.batch > 1 else ():
        values = [
            {"": [v for cell in side.together if (v := figure([one.stream for one in cell])) is not None]}
            for side in (before, after)
        ]
        found.append(_moved(metric, unit, better, values[0], values[1], before.batch))
    found.append(_points(before.points(), after.points()))
    found.append(_failures(before, after))
    if before.summary is not None and after.summary is not None:
        for metric, cost in _COSTS:
            found.append(_once(metric, "J/token", cost(before.summary), cost(after.summary)))
    return tuple(change for change in found if change is not None)


def _moved(
    metric: str,
    unit: str,
    better: Better,
    before: Mapping[str, Sequence[float]],
    after: Mapping[str, Sequence[float]],
    batch: int,
) -> Change | None:
    """Returns how values moved that were measured several times; None if they were in neither run."""
    shared = [key for key in before if before[key] and after.get(key)]
    if not shared:
        return None
    blocks: list[Block] = [(before[key], after[key]) for key in shared]
    middle = [_median_of_medians(side[key] for key in shared) for side in (before, after)]
    found = shift(blocks)
    if found is None:
        return Change(metric=metric, unit=unit, better=better, before=middle[0], after=middle[1], reason="a value is 0")
    verdict = Verdict.UNKNOWN
    if found.known:
        verdict = _verdict(better, found.ratio - 1.0) if found.moved else Verdict.SAME
    return Change(
        metric=metric,
        unit=unit,
        better=better,
        before=middle[0],
        after=middle[1],
        change=found.ratio - 1.0,
        low=found.low - 1.0 if found.level else None,
        high=found.high - 1.0 if found.level else None,
        level=found.level or None,
        n=found.blocks if batch == 1 and found.blocks > 1 else min(len(blocks[0][0]), len(blocks[0][1])),
        verdict=verdict,
        reason="" if found.known else _too_few(blocks, batch),
    )


def _too_few(blocks: Sequence[Block], batch: int) -> str:
    least = min(min(len(before), len(after)) for before, after in blocks)
    times = "once" if least == 1 else f"{least} times"
    if len(blocks) > 1:
        return f"{len(blocks)} questions, each asked {times}: too few to tell a change from chance"
    what = f"batch of {batch}" if batch > 1 else "question"
    return f"one {what}, run {times}: to tell a change from chance takes 3 repetitions"


def _verdict(better: Better, change: float) -> Verdict:
    if better is Better.NEITHER:
        return Verdict.CHANGED
    return Verdict.BETTER if (change > 0) is (better is Better.HIGHER) else Verdict.WORSE


def _median_of_medians(groups: Iterable[Sequence[float]]) -> float | None:
    medians = [median for group in groups if (median := metrics.percentile(group, 50)) is not None]
    return metrics.percentile(medians, 50)


def _points(before: Mapping[str, tuple[float, int]], after: Mapping[str, tuple[float, int]]) -> Change | None:
    """Returns how many of the expected points the answers name; only answers that differ say anything."""
    shared = [item for item in before if item in after and before[item][1] == after[item][1]]
    if not shared:
        return None
    sums = [sum(side[item][0] for item in shared) for side in (before, after)]
    up = sum(after[item][0] > before[item][0] for item in shared)
    down = sum(after[item][0] < before[item][0] for item in shared)
    level = sign_level(up, down)
    change = sums[1] / sums[0] - 1.0 if sums[0] else None
    verdict, reason = Verdict.SAME, ""
    if sign_level(0, up + down) < LEAST and sums[0] != sums[1]:
        verdict, reason = Verdict.UNKNOWN, f"only {up + down} answers differ: too few to tell a change from chance"
    elif level >= LEAST:
        verdict = _verdict(Better.HIGHER, sums[1] - sums[0])
    return Change(
        metric="points",
        unit=f"of {sum(before[item][1] for item in shared)}",
        better=Better.HIGHER,
        before=sums[0],
        after=sums[1],
        change=change,
        level=level or None,
        n=len(shared),
        verdict=verdict,
        reason=reason,
    )


def _failures(before: Cells, after: Cells) -> Change | None:
    """Returns how many requests failed, if any did. That is no figure that varies: one more is worse."""
    if not (before.failed or after.failed):
        return None
    shares = [side.failed / len(side.requests) for side in (before, after)]
    verdict = Verdict.SAME if shares[0] == shares[1] else _verdict(Better.LOWER, shares[1] - shares[0])
    return Change(
        metric="failed",
        unit=f"of {len(after.requests)}",
        better=Better.LOWER,
        before=float(before.failed),
        after=float(after.failed),
        change=shares[1] / shares[0] - 1.0 if shares[0] else None,
        n=len(after.requests),
        verdict=verdict,
    )


def _once(metric: str, unit: str, before: float | None, after: float | None) -> Change | None:
    """Returns a figure that a run has but once, so that nobody knows how much it varies."""
    if before is None or after is None or before <= 0:
        return None
    return Change(
        metric=metric,
        unit=unit,
        better=Better.LOWER,
        before=before,
        after=after,
        change=after / before - 1.0,
        n=1,
        reason="one figure for each run: how much it varies is not known",
    )
