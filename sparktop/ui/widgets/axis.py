"""Axes that stay where they are: nice steps, and no rescaling for a small change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sparktop.ui.widgets.raster import level

SHRINK_BELOW = 0.4
"""The axis shrinks only once the data fills less than this part of it."""

MANY_TICKS = (1, 2, 5)
FEW_TICKS = (1, 1.5, 2, 3, 4, 5, 6, 8)
"""With one or two ticks above zero, coarse steps would leave most of a low chart empty."""

_SUFFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of values and the distance of its ticks."""

    low: float
    high: float
    step: float

    @property
    def ticks(self) -> list[float]:
        """The values that carry a label, from low to high."""
        count = round((self.high - self.low) / self.step)
        return [self.low + self.step * i for i in range(count + 1)]


def nice_step(least: float, factors: Sequence[float] = MANY_TICKS) -> float:
    """Return the smallest of 1, 2, 5, 10, 20, 50 ... (and 0.5, 0.2 ...), or what the factors say, not below `least`."""
    if not least > 0 or math.isinf(least):
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(least))
    for factor in factors:
        if factor * power >= least * (1 - 1e-9):
            return factor * power
    return 10 * power


def next_axis(previous: Axis | None, low: float, high: float, intervals: int) -> Axis:
    """Choose an axis for a range of data, and keep the one there is while it will do.

    Args:
        previous: The axis until now.
        low: The lowest value that must show.
        high: The highest value that must show.
        intervals: How many steps there is room for.

    Returns:
        The previous axis, or a new one whose ends are multiples of its step.
    """
    intervals = max(1, intervals)
    if previous is not None:
        span = previous.high - previous.low
        inside = low >= previous.low and high <= previous.high
        # The number of ticks follows the height, which only changes with the size of the window.
        fits = round(span / previous.step) <= intervals
        if inside and fits and high - low >= SHRINK_BELOW * span:
            return previous
    if high <= low:
        high = low + 1
    factors = MANY_TICKS if intervals > 2 else FEW_TICKS
    step = nice_step((high - low) / intervals, factors)
    while True:
        bottom = math.floor(low / step + 1e-9) * step
        top = math.ceil(high / step - 1e-9) * step
        if round((top - bottom) / step) <= intervals:
            return Axis(bottom, top, step)
        step = nice_step(step * 1.01, factors)


def tick_labels(axis: Axis) -> list[tuple[float, str]]:
    """Return each tick with its label, all with the same number of decimals and the same suffix."""
    largest = max(abs(axis.low), abs(axis.high))
    scale, suffix = 1.0, ""
    for size, letter in _SUFFIXES:
        if largest >= 10 * size or (largest >= size and size > 1e3):
            scale, suffix = size, letter
            break
    step = axis.step / scale
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if abs(step * 10**decimals - round(step * 10**decimals)) > 1e-6:
        decimals += 1
    labels = []
    for value in axis.ticks:
        text = f"{value / scale:.{decimals}f}"
        labels.append((value, text + suffix if float(text) else "0"))
    return labels


def margin_texts(
    labels: Sequence[tuple[float, str]], axis: Axis, rows: int, down: int, width: int, *, ascii_only: bool
) -> list[str]:
    """Write the axis of values.

    Args:
        labels: Values with their labels.
        axis: The axis.
        rows: The rows of the picture.
        down: The dots of a row.
        width: The cells of the labels.
        ascii_only: Whether to draw with ASCII.

    Returns:
        For each row a text of `width` + 1 cells.
    """
    line, tick = ("|", "+") if ascii_only else ("│", "┤")
    margin = [" " * width + line] * rows
    for value, text in labels:
        row = rows - 1 - level(value, axis.low, axis.high, rows * down) // down
        margin[row] = text.rjust(width) + tick
    return margin


def duration_label(seconds: float) -> str:
    """Name a length of time as short as can be: `60 s`, `5 min`."""
    if seconds >= 120 and seconds % 60 == 0:
        return f"{seconds / 60:g} min"
    return f"{seconds:g} s"


def time_labels(window: float, width: int, rule: str, corner: str, last: str = "now") -> str:
    """Draw the time axis.

    Args:
        window: The seconds it covers.
        width: Its length in cells.
        rule: What it is drawn with.
        corner: Its first cell, below the axis of values.
        last: What its right end is called, in three letters.

    Returns:
        A row of `width` + 1 cells, the corner being the extra one.
    """
    row = [rule] * width

    def put(label: str, at: int) -> None:
        row[at : at + len(label)] = label

    if width < 6:
        return corner + rule * width
    first = f"-{duration_label(window)} "
    put(f" {last}", width - 4)
    if width >= len(first) + 8:
        put(first, 0)
    middle = f" -{duration_label(window / 2)} "
    at = (width - len(middle)) // 2
    if at >= len(first) + 4 and at + len(middle) + 4 <= width - 4:
        put(middle, at)
    return corner + "".join(row)


def data_range(spans: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    """Return the lowest and the highest value of a series' columns, or None if there are none."""
    if not spans:
        return None
    return min(low for low, _ in spans), max(high for _, high in spans)
