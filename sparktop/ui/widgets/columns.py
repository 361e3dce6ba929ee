"""Dividing the width of a table among its columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Align = Literal["left", "right", "center"]

FLEXIBLE_MIN = 12
"""The cells that a flexible column keeps unless it says otherwise; with fewer, other columns are dropped first."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        label: What the header says.
        align: Where text stands in the column.
        priority: The higher, the longer the column stays when it gets narrow; of equals the right one goes first.
        min_width: The cells below which the column is dropped; by default a fixed column needs what its texts need.
        max_width: The cells it never exceeds.
        flexible: Whether it takes what room is left, and gives it up first.
    """

    label: str
    align: Align = "left"
    priority: int = 0
    min_width: int | None = None
    max_width: int | None = None
    flexible: bool = False


def column_widths(columns: Sequence[Column], wanted: Sequence[int], width: int, gap: int = 2) -> dict[int, int]:
    """Choose which columns show, and how wide.

    Args:
        columns: The columns.
        wanted: The cells each would like, its header included.
        width: The cells there are.
        gap: The cells between two columns.

    Returns:
        The width of each column that shows, by its index, in order. At least one shows.
    """
    ceiling = [min(want, column.max_width or want) for column, want in zip(columns, wanted, strict=True)]
    floor = []
    for column, most in zip(columns, ceiling, strict=True):
        least = (
            column.min_width if column.min_width is not None else (min(FLEXIBLE_MIN, most) if column.flexible else most)
        )
        floor.append(max(1, min(least, most)))
    shown = list(range(len(columns)))
    while len(shown) > 1 and sum(floor[i] for i in shown) + gap * (len(shown) - 1) > width:
        shown.remove(min(shown, key=lambda i: (columns[i].priority, -i)))
    if not shown:
        return {}
    widths = {i: floor[i] for i in shown}
    room = width - gap * (len(shown) - 1) - sum(widths.values())
    if room < 0:
        return {shown[0]: max(1, width)}
    # Fixed columns first get what they want, the most important first; then the flexible ones share what is left.
    for i in sorted(shown, key=lambda i: (columns[i].flexible, -columns[i].priority, i)):
        more = min(room, ceiling[i] - widths[i])
        widths[i] += more
        room -= more
    flexible = [i for i in shown if columns[i].flexible and columns[i].max_width is None]
    for nth, i in enumerate(flexible):
        more = room // (len(flexible) - nth)
        widths[i] += more
        room -= more
    return widths
