"""Turning samples into dots, and dots into characters.

Columns of time lie on a fixed grid that starts at time zero, not at the edge of the window: a sample stays in its
column for as long as it is on screen, so a curve moves to the left without changing its shape, and a column once done
is never computed again.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

GlyphSet = Literal["braille", "block", "ascii"]
LineMark = Literal["area", "line", "dots"]

MAX_BRIDGE = 2048
"""Columns that one pair of samples can span; more than any window has."""

_BRAILLE_BITS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
_EIGHTHS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Grain:
    """How many dots a character cell has."""

    across: int
    down: int


GRAINS: Mapping[GlyphSet, Grain] = {"braille": Grain(2, 4), "block": Grain(1, 8), "ascii": Grain(1, 2)}


class ColumnSpans:
    """The lowest and the highest value of a series in each column of time."""

    def __init__(self, step: float, gap: float | None = None) -> None:
        """Begin without samples.

        Args:
            step: The seconds in a column.
            gap: Seconds between two samples beyond which no line joins them.
        """
        self.step = step
        self.gap = gap
        self.spans: dict[int, tuple[float, float]] = {}
        self._last: tuple[float, float | None] | None = None

    def update(self, times: Sequence[float], values: Sequence[float | None]) -> None:
        """Take in the samples that are new since last time.

        Args:
            times: When each sample was taken, ascending; the beginning may have been cut off.
            values: The samples; None or NaN breaks the line.
        """
        start = 0
        if self._last is not None:
            start = bisect_right(times, self._last[0])
            if not start or _clean(values[start - 1]) != self._last[1] or times[start - 1] != self._last[0]:
                # Another history than the one seen before: a replay went back, or the series was replaced.
                self.spans.clear()
                self._last = None
                start = 0
        for i in range(start, len(times)):
            self._add(times[i], _clean(values[i]))

    def _add(self, time: float, value: float | None) -> None:
        last, self._last = self._last, (time, value)
        if value is None:
            return
        step = self.step
        column = math.floor(time / step)
        if last is None or last[1] is None or (self.gap is not None and time - last[0] > self.gap):
            self._extend(column, value, value)
            return
        then, before = last[0], last[1]
        first = math.floor(then / step)
        if first == column:
            self._extend(column, min(before, value), max(before, value))
            return
        slope = (value - before) / (time - then)
        for passed in range(max(first, column - MAX_BRIDGE), column + 1):
            left = before + slope * (max(then, passed * step) - then)
            right = value if passed == column else before + slope * ((passed + 1) * step - then)
            self._extend(passed, min(left, right), max(left, right))

    def _extend(self, column: int, low: float, high: float) -> None:
        there = self.spans.get(column)
        self.spans[column] = (low, high) if there is None else (min(low, there[0]), max(high, there[1]))

    @property
    def newest(self) -> int | None:
        """The column of the newest sample; None if there is none."""
        return None if self._last is None else math.floor(self._last[0] / self.step)

    def drop_before(self, column: int) -> None:
        """Forget columns that have left the window."""
        if len(self.spans) > 64 and min(self.spans) < column - 64:
            self.spans = {key: span for key, span in self.spans.items() if key >= column}


def _clean(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


def level(value: float, low: float, high: float, dots: int) -> int:
    """Return the dot that a value falls on, counted from the bottom."""
    if high <= low:
        return 0
    return max(0, min(dots - 1, round((value - low) / (high - low) * (dots - 1))))


def plot(
    spans: Mapping[int, tuple[float, float]],
    first: int,
    width: int,
    height: int,
    bounds: tuple[float, float],
    grain: Grain,
    mark: LineMark,
) -> list[list[int]]:
    """Set the dots of one series.

    Args:
        spans: The lowest and highest value of each column.
        first: The column at the left edge.
        width: The cells across.
        height: The cells down.
        bounds: The values at the bottom and at the top.
        grain: The dots in a cell.
        mark: Whether to draw a line, every other dot of it, or to fill what is below.

    Returns:
        For each row from the top, the dots of each cell as bits: bit `dot across * grain.down + dot from the bottom`.
    """
    down = grain.down
    dots = height * down
    cells = [[0] * width for _ in range(height)]
    low_bound, high_bound = bounds
    for x in range(width * grain.across):
        span = spans.get(first + x)
        if span is None:
            continue
        cell, across = divmod(x, grain.across)
        if mark == "dots" and (first + x) % 2 and grain.across > 1:
            continue
        shift = across * down
        bottom = 0 if mark == "area" else level(span[0], low_bound, high_bound, dots)
        top = level(span[1], low_bound, high_bound, dots)
        for row in range(bottom // down, top // down + 1):
            from_dot = max(bottom - row * down, 0)
            to_dot = min(top - row * down, down - 1)
            bits = (1 << (to_dot + 1)) - (1 << from_dot)
            cells[height - 1 - row][cell] |= bits << shift
    return cells


def glyph(bits: int, glyphs: GlyphSet, mark: LineMark) -> str:
    """Return the character for the dots of a cell.

    Args:
        bits: The dots, as `plot` sets them.
        glyphs: The characters that the terminal can show.
        mark: How the series is drawn.

    Returns:
        One character, a space if no dot is set.
    """
    if not bits:
        return " "
    if glyphs == "braille":
        return _BRAILLE[bits]
    if glyphs == "block":
        if mark == "area":
            return _EIGHTHS[bits.bit_length()]
        return "│" if bits.bit_count() > 4 else "─"
    if mark == "area":
        return "#" if bits & 2 else "."
    return " .':"[bits]


def _braille(bits: int) -> str:
    pattern = 0
    for across in range(2):
        for dot in range(4):
            if bits >> (across * 4 + dot) & 1:
                pattern |= _BRAILLE_BITS[across][dot]
    return chr(0x2800 + pattern)


_BRAILLE = [_braille(bits) for bits in range(256)]
