"""How many digits a figure is given: no more than the next measurement would confirm.

The rule, in order:

1. A figure is given up to the decimal place at which its noise begins: the place of the noise's first digit. 31.4186
   with a noise of 0.07 is "31.42", with a noise of 0.4 "31.4", with a noise of 20 the figure 645.3 is "650". This is
   the usual rule for uncertainties (J. R. Taylor, An Introduction to Error Analysis, 2nd ed., section 2.2).
2. What was measured once has a noise that nobody knows: three significant digits.
3. An estimate has two, and a "~" before it.
4. A quantity has a finest place, beyond which digits mean nothing to people (hundredths of a second), however steady
   it was.
5. One significant digit is always given; where the noise is larger than that, with a "~".

The noise of a median is half of the range in which the true one lies with a probability of two thirds, by rank alone:
the rank of the median of n samples has a standard deviation of sqrt(n) / 2, which is 50 / sqrt(n) percentile points.
It needs no assumption of how the samples are distributed, and one stall does not widen it. The noise of a mean is the
sample's standard deviation / sqrt(n).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sparktop.model import metrics

ONCE_DIGITS: Final = 3
"""Significant digits of what was measured once."""

ESTIMATE_DIGITS: Final = 2

SURE: Final = 2.0
"""Two figures differ if they are further apart than so many times their common noise: 95 % for normal noise."""

ONCE_SHARE: Final = 0.05
"""Where one of them was measured once, they differ if it is by more than this share of the larger too: as much as two
runs of the same may differ (`sparktop.model.history_checks.LEAST_SHARE`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number that was measured, and how well.

    Attributes:
        value: The number; None if there is none.
        noise: Standard error of it, in the same unit; None if it was measured once.
        estimate: It was not measured but estimated.
        reason: Why there is none; empty if there is.
    """

    value: float | None
    noise: float | None = None
    estimate: bool = False
    reason: str = ""

    def scaled(self, factor: float) -> Figure:
        """Returns the same in another unit."""
        return replace(
            self,
            value=None if self.value is None else self.value * factor,
            noise=None if self.noise is None else self.noise * abs(factor),
        )


@dataclass(frozen=True, slots=True)
class Rounded:
    """A figure as it is shown.

    Attributes:
        value: The number that the digits stand for.
        decimals: Digits after the point; below 0 where not even the last whole digits are known.
        about: "~" stands before it.
    """

    value: float
    decimals: int
    about: bool

    @property
    def digits(self) -> str:
        """The digits without grouping or "~"."""
        return f"{self.value:.{max(0, self.decimals)}f}"


def none(reason: str) -> Figure:
    """Returns that there is no figure, and why."""
    return Figure(value=None, reason=reason)


def median_of(samples: Sequence[float], reason: str, *, estimate: bool = False) -> Figure:
    """Returns the median of repeated measurements, with its noise.

    Args:
        samples: The measurements, in any order.
        reason: Why there are none, if there are none.
        estimate: They are estimates themselves.
    """
    middle = metrics.percentile(samples, 50)
    if middle is None:
        return none(reason)
    if len(samples) == 1:
        return Figure(value=middle, estimate=estimate)
    reach = 50 / math.sqrt(len(samples))
    low, high = metrics.percentile(samples, 50 - reach), metrics.percentile(samples, 50 + reach)
    assert low is not None
    assert high is not None
    return Figure(value=middle, noise=(high - low) / 2, estimate=estimate)


def mean_of(samples: Sequence[float], reason: str) -> Figure:
    """Returns the mean of repeated measurements, with its noise."""
    middle = metrics.mean(samples)
    if middle is None:
        return none(reason)
    if len(samples) == 1:
        return Figure(value=middle)
    variance = math.fsum((sample - middle) ** 2 for sample in samples) / (len(samples) - 1)
    return Figure(value=middle, noise=math.sqrt(variance / len(samples)))


def ratio_of(above: Figure, below: Figure, reason: str) -> Figure:
    """Returns one figure over another; relative noises add up as squares.

    Args:
        above: The one that is divided.
        below: The one that it is divided by.
        reason: Why there is no ratio, where neither figure says why it is missing.
    """
    if above.value is None or not below.value:
        return none(above.reason or below.reason or reason)
    value = above.value / below.value
    estimate = above.estimate or below.estimate
    if above.noise is None or below.noise is None or not above.value:
        return Figure(value=value, estimate=estimate)
    noise = abs(value) * math.hypot(above.noise / above.value, below.noise / below.value)
    return Figure(value=value, noise=noise, estimate=estimate)


def rounded(figure: Figure, finest: int) -> Rounded | None:
    """Rounds a figure by the rule of this module; None where there is none.

    Args:
        figure: The figure.
        finest: Digits after the point that are given at most.
    """
    if figure.value is None or not math.isfinite(figure.value):
        return None
    once = _place(figure.value, ONCE_DIGITS)
    if once is None:
        return Rounded(0.0, 0, figure.estimate)
    if figure.noise is None:
        decimals = ONCE_DIGITS - 1 - once
    else:
        noisy = _place(figure.noise)
        decimals = finest if noisy is None else -noisy
    decimals = min(decimals, finest)
    about = figure.estimate
    if about:
        decimals = min(decimals, ESTIMATE_DIGITS - 1 - (_place(figure.value, ESTIMATE_DIGITS) or 0))
    first = _place(figure.value) or 0
    if decimals < -first:
        about = about or (figure.noise is not None and figure.noise >= abs(figure.value))
        decimals = -first
    return Rounded(round(figure.value, decimals) + 0.0, decimals, about)


def differ(one: Figure, other: Figure, finest: int) -> bool:
    """Whether two figures are known to be different: by more than noise, and in what is shown of them."""
    left, right = rounded(one, finest), rounded(other, finest)
    if left is None or right is None or one.value is None or other.value is None:
        return left is not right
    if left.value == right.value:
        return False
    apart = abs(one.value - other.value)
    once = one.noise is None or other.noise is None
    if once and apart <= ONCE_SHARE * max(abs(one.value), abs(other.value)):
        return False
    return apart > SURE * math.hypot(one.noise or 0.0, other.noise or 0.0)


def _place(value: float, digits: int = 1) -> int | None:
    """Returns the power of ten of the first digit that a number has in so many digits; None of 0."""
    # 9.99 is 10 in two digits.
    return None if value == 0 else int(f"{abs(value):.{digits - 1}e}".partition("e")[2])
