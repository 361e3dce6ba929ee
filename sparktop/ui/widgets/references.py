"""Horizontal lines behind the curves of a chart, with their names."""

from __future__ import annotations

from collections.abc import Sequence

from sparktop.model.text import one_line
from sparktop.ui.widgets.axis import Axis
from sparktop.ui.widgets.raster import level
from sparktop.ui.widgets.series import Reference


def reference_rows(
    references: Sequence[Reference], axis: Axis, rows: int, down: int, *, ascii_only: bool
) -> dict[int, tuple[str, str, str]]:
    """Find where reference lines lie.

    Args:
        references: The lines.
        axis: The axis of values.
        rows: The rows of the picture.
        down: The dots of a row.
        ascii_only: Whether to draw with ASCII.

    Returns:
        What a line is drawn with, its label and its style, by row; one above the axis is named in the first row.
    """
    marked: dict[int, tuple[str, str, str]] = {}
    for reference in references:
        label = one_line(reference.label)
        if reference.value > axis.high:
            marked.setdefault(0, (" ", f" {'^' if ascii_only else '▲'} {label} ", reference.style_class))
        else:
            dot = level(reference.value, axis.low, axis.high, rows * down)
            rule = "-" if ascii_only else "╌"
            marked[rows - 1 - dot // down] = (rule, f" {label} ", reference.style_class)
    return marked
