"""A range holds the true change as often as it says, whatever the values are like."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest

from sparktop.model.shift import LEVEL, Shift, shift, sign_level


def shifted(blocks: Sequence[tuple[Sequence[float], Sequence[float]]]) -> Shift:
    found = shift(blocks)
    assert found is not None
    return found


def test_each_question_is_held_against_itself() -> None:
    # Questions differ a hundredfold, and each takes a tenth longer.
    found = shifted([([10.0 * 2**n], [11.0 * 2**n]) for n in range(8)])
    assert (found.ratio, found.low, found.high) == pytest.approx((1.1, 1.1, 1.1))
    assert found.moved
    assert found.blocks == 8


def test_one_that_strays_among_ten_changes_nothing() -> None:
    # Of ten, the sign test lets one stray at each end: P(at most 1 of 10) = 11/1024.
    ratios = [0.7] * 9 + [3.0]
    found = shifted([([100.0], [100.0 * ratio]) for ratio in ratios])
    assert (found.ratio, found.high) == pytest.approx((0.7, 0.7))
    assert found.level == pytest.approx(1 - 2 * 11 / 1024)
    assert found.moved


@pytest.mark.parametrize(
    ("before", "after", "low", "high", "level"),
    [
        # Three against three: all nine ratios, and a level of 1 - 2/20.
        ([10.0, 11.0, 12.0], [20.0, 21.0, 22.0], 20 / 12, 22 / 10, 0.90),
        # Five against five: two at each end are cut off (Mann-Whitney, P(U <= 2) = 4/252).
        ([10.0] * 5, [11.0, 12.0, 13.0, 14.0, 15.0], 1.1, 1.5, 1 - 8 / 252),
        ([10.0], [20.0], 2.0, 2.0, 0.0),
        ([10.0, 10.0], [20.0, 20.0], 2.0, 2.0, 1 - 2 / 6),
    ],
)
def test_one_question_asked_again_and_again(
    before: list[float], after: list[float], low: float, high: float, level: float
) -> None:
    found = shifted([(before, after)])
    assert (found.low, found.high, found.level) == pytest.approx((low, high, level))
    assert found.known is (level >= 0.9)
    assert found.moved is found.known


def test_nothing_can_be_told_of_nothing() -> None:
    assert shift([]) is None
    assert shift([([], [1.0]), ([1.0], [])]) is None
    assert shift([([0.0], [1.0]), ([math.inf], [1.0]), ([math.nan], [1.0])]) is None


@pytest.mark.parametrize(
    ("blocks", "values"), [(10, 1), (40, 1), (5, 1), (1, 3), (1, 5), (1, 30), (3, 2), (4, 13), (700, 1)]
)
def test_a_range_holds_the_true_change_as_often_as_it_says(blocks: int, values: int) -> None:
    dice = random.Random(blocks * 100 + values)
    true, trials, held = 1.25, 300 if blocks * values < 100 else 60, 0
    found = None
    for _ in range(trials):
        made = []
        for _ in range(blocks):
            size = dice.uniform(1, 100)
            # Long tails, as times have them.
            one, other = ([size * dice.lognormvariate(0, 0.4) for _ in range(values)] for _ in range(2))
            made.append((one, [true * value for value in other]))
        found = shifted(made)
        held += found.low <= true <= found.high
    assert found is not None
    spread = math.sqrt(found.level * (1 - found.level) / trials)
    assert held / trials >= found.level - 3.5 * spread
    # Nor is it much wider than it has to be.
    assert found.level <= LEVEL + 0.04


def test_signs() -> None:
    assert sign_level(5, 0) == sign_level(0, 5) == 1 - 2 / 32
    assert sign_level(9, 1) == 1 - 2 * 11 / 1024
    assert sign_level(2, 2) == sign_level(0, 0) == 0.0
