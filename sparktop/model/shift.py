"""By how much a figure moved between two runs, and how sure that is.

What is measured twice differs twice. So a change is told with the range that it lies in: if that holds no change at
all, the two differ by more than chance explains. The range is the stratified Hodges-Lehmann interval: values are held
against each other only within a block (the same question), all ratios of a block's values are put in order, and as
many are cut off at both ends as the null distribution of the Mann-Whitney statistic allows (Lehmann, Nonparametrics,
1975, ch. 2 and 3). With one value on each side of a block it is the sign test's interval. It supposes no distribution,
and few values cannot make it narrow: where they are too few, it says so by its level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from sparktop.model import metrics

LEVEL: Final = 0.95
"""How often a range should hold the true change."""

LEAST: Final = 0.90
"""Below that a range is too weak to say anything: reached by three values on both sides of a block, or five blocks."""

_EXACT: Final = 600
"""Pairs up to which the distribution is counted out; above, the normal one is as good."""

_Z: Final = 1.959964
"""Standard normal quantile of `LEVEL`, two-sided."""

Block = tuple[Sequence[float], Sequence[float]]
"""Values of the same before and after, all positive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A change, as the ratio of after to before.

    Attributes:
        ratio: The middle one of all ratios.
        low: Lower end of the range that it lies in.
        high: Upper end.
        level: How often such a range holds the true ratio, 0 to 1; 0 with one value on both sides.
        blocks: What was compared with itself.
    """

    ratio: float
    low: float
    high: float
    level: float
    blocks: int

    @property
    def known(self) -> bool:
        """Whether there were enough values to say anything."""
        return self.level >= LEAST - 1e-9

    @property
    def moved(self) -> bool:
        """Whether it changed by more than the values vary, as far as is known."""
        return self.known and (self.low > 1.0 or self.high < 1.0)


def shift(blocks: Sequence[Block]) -> Shift | None:
    """Returns by how much values moved; None where nothing can be held against anything.

    Args:
        blocks: Blocks that lack one side are left out, and so are values that are not positive.
    """
    kept = [(_positive(before), _positive(after)) for before, after in blocks]
    kept = [(before, after) for before, after in kept if before and after]
    if not kept:
        return None
    ratios = sorted(b / a for before, after in kept for a in before for b in after)
    cut, level = _cut(tuple(sorted((len(before), len(after)) for before, after in kept)))
    middle = metrics.percentile(ratios, 50)
    assert middle is not None
    return Shift(ratio=middle, low=ratios[cut], high=ratios[-1 - cut], level=level, blocks=len(kept))


def sign_level(up: int, down: int) -> float:
    """Returns how sure it is that what went up and down so often went one way more than the other (sign test)."""
    few, count = min(up, down), up + down
    tail = sum(math.comb(count, k) for k in range(few + 1)) / float(2**count)
    return max(0.0, 1.0 - 2.0 * tail)


def _positive(values: Sequence[float]) -> list[float]:
    return [value for value in values if value > 0 and math.isfinite(value)]


@cache
def _cut(sizes: tuple[tuple[int, int], ...]) -> tuple[int, float]:
    """Returns how many ratios are cut off at each end, and the level of what is left."""
    pairs = sum(m * n for m, n in sizes)
    tail = (1.0 - LEVEL) / 2.0
    if pairs > _EXACT:
        spread = math.sqrt(sum(m * n * (m + n + 1) for m, n in sizes) / 12.0)
        return max(0, math.floor(pairs / 2.0 - _Z * spread)), LEVEL
    chances = [1.0]
    for m, n in sizes:
        chances = _convolved(chances, _mann_whitney(m, n))
    # The first c ratios may be cut off if the statistic is below c seldom enough.
    below, cut = 0.0, 0
    while below + chances[cut] <= tail:
        below += chances[cut]
        cut += 1
    if cut == 0:
        return 0, max(0.0, 1.0 - 2.0 * chances[0])
    return cut - 1, 1.0 - 2.0 * below


@cache
def _mann_whitney(m: int, n: int) -> tuple[float, ...]:
    """Returns how likely each value of the Mann-Whitney statistic is for m and n values from one distribution."""
    if m == 0 or n == 0:
        return (1.0,)
    # The largest value is one of the m or of the n; if it is of the n, it is above all m.
    of_m, of_n = _mann_whitney(m - 1, n), _mann_whitney(m, n - 1)
    chances = [0.0] * (m * n + 1)
    for u, chance in enumerate(of_m):
        chances[u] += chance * m / (m + n)
    for u, chance in enumerate(of_n):
        chances[u + m] += chance * n / (m + n)
    return tuple(chances)


def _convolved(one: Sequence[float], other: Sequence[float]) -> list[float]:
    made = [0.0] * (len(one) + len(other) - 1)
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            made[i + j] += a * b
    return made
