"""The ribbon above a chart that says what went on when."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.cells import cell_len

from sparktop.model.text import one_line
from sparktop.ui.widgets.labels import fit
from sparktop.ui.widgets.line_widget import Span
from sparktop.ui.widgets.series import Phase

MIN_CUT_LABEL = 8
"""Cells of a phase from which on a label that does not fit is cut rather than left out."""


def ribbon(
    phases: Sequence[Phase], first: int, cells: int, cell_seconds: float, *, ascii_only: bool = False
) -> list[Span]:
    """Draw phases: a tick where one begins, its name, and a rule for as long as it lasts.

    Args:
        phases: The phases, in any order.
        first: The number of the leftmost cell, counted from time zero.
        cells: The cells across.
        cell_seconds: The seconds in a cell.
        ascii_only: Whether to draw with ASCII.

    Returns:
        Spans of at most `cells` cells.
    """
    tick, rule = ("|", "-") if ascii_only else ("┝", "━")
    spans: list[Span] = []
    used = 0
    for phase in sorted(phases, key=lambda phase: phase.start):
        start = math.floor(phase.start / cell_seconds) - first
        end = cells if phase.end is None else math.floor(phase.end / cell_seconds) - first
        left, right = max(used, start), min(cells, max(end, start + 1))
        if right <= left:
            continue
        spans.append((" " * (left - used), ""))
        length = right - left
        head = tick if start >= 0 else rule
        label = one_line(phase.label)
        if cell_len(label) <= length - 2 or length >= MIN_CUT_LABEL:
            text = f"{head} {fit(label, min(cell_len(label), length - 2))}"
            rest = length - cell_len(text)
            text += f" {rule * (rest - 1)}" if rest else ""
        else:
            text = head + rule * (length - 1)
        spans.append((text, phase.style_class))
        used = right
    return spans
