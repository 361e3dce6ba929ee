"""What stands where a curve ends: its tag at the right edge, or a mark at its last sample if there are no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sparktop.ui.widgets.axis import Axis
from sparktop.ui.widgets.line_widget import Span
from sparktop.ui.widgets.raster import ColumnSpans, Grain, level
from sparktop.ui.widgets.series import Series

MOST_CELLS = 3
"""Cells beside the picture for the tags of curves that end at the same height."""


@dataclass(frozen=True, slots=True)
class End:
    """Where a curve ends.

    Attributes:
        row: The row of the picture, from the top.
        text: What is written there.
        style_class: The style of the curve.
    """

    row: int
    text: str
    style_class: str


Plotted = Sequence[tuple[Series, ColumnSpans]]
"""Curves with their columns."""


def ends(plotted: Plotted, earliest: float, axis: Axis, rows: int, down: int) -> list[End]:
    """Find where the curves that go on reach the right edge.

    Args:
        plotted: The curves; those without a tag are left out.
        earliest: The time at the left edge.
        axis: The axis of values.
        rows: The rows of the picture.
        down: The dots of a row.
    """
    found = []
    for one, columns in plotted:
        row = None if one.over or not one.tag else _last_row(columns, earliest, axis, rows, down)
        if row is not None:
            found.append(End(row, one.tag, one.style_class))
    return found


def last_marks(
    plotted: Plotted, earliest: float, first: int, axis: Axis, rows: int, grain: Grain
) -> dict[tuple[int, int], Span]:
    """Mark the last samples of curves that do not go on.

    Args:
        plotted: The curves.
        earliest: The time at the left edge.
        first: The column at the left edge.
        axis: The axis of values.
        rows: The rows of the picture.
        grain: The dots of a cell.

    Returns:
        The mark by its cell, from the left and from the top.
    """
    marks = {}
    for one, columns in plotted:
        row = _last_row(columns, earliest, axis, rows, grain.down)
        if row is not None:
            # A terminal of dots has the sign too; one of ASCII has a letter that looks like it.
            sign = "x" if grain.across == 1 else "×"
            marks[(max(columns.spans) - first) // grain.across, row] = (sign, one.style_class)
    return marks


def _last_row(columns: ColumnSpans, earliest: float, axis: Axis, rows: int, down: int) -> int | None:
    """Return the row of a curve's newest column; None if it has none, or it has left the picture."""
    newest = max(columns.spans, default=None)
    if newest is None or newest < earliest / columns.step:
        return None
    return rows - 1 - level(columns.spans[newest][1], axis.low, axis.high, rows * down) // down


def tag_cells(count: int) -> int:
    """Return the cells beside a picture for the tags of some curves; they do not follow the values."""
    return min(count, MOST_CELLS)


def tag_rows(ends: Sequence[End], rows: int, cells: int) -> list[list[Span]]:
    """Write each tag beside the end of its curve, or as near as there is room.

    Args:
        ends: Where curves end, the most important first.
        rows: The rows of the picture.
        cells: What there is beside it.

    Returns:
        The spans of each row.
    """
    written: list[list[Span]] = [[] for _ in range(rows)]
    for end in ends:
        near = sorted(range(rows), key=lambda row: abs(row - end.row))
        free = next((row for row in near if len(written[row]) + len(end.text) <= cells), None)
        if free is not None:
            written[free].append((end.text, end.style_class))
    return written
