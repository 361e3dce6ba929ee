"""Marks laid over a text: matches of a search, and parts that a judge pointed at."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from sparktop.ui.widgets.line_widget import Span


class Mark(NamedTuple):
    """A part of a text that is shown in another style.

    Attributes:
        start: Offset of the first character.
        end: Offset after the last character.
        name: The style it is shown in.
    """

    start: int
    end: int
    name: str


def cut_at_marks(text: str, start: int, name: str, layers: Sequence[Sequence[Mark]]) -> list[Span]:
    """Cut a row of text where marks begin and end.

    Args:
        text: The row.
        start: The offset of its first character.
        name: The style of the row.
        layers: Lists of marks, each sorted by start; the marks of later lists lie on top.

    Returns:
        The row as spans, whose styles name the row's style and the marks' after it.
    """
    end = start + len(text)
    touching: list[list[Mark]] = []
    edges = {start, end}
    for layer in layers:
        # Marks of one list may overlap, so one that began far above can still reach here: only the end can be cut off.
        last = bisect_right(layer, end, key=lambda mark: mark.start)
        marks = [mark for mark in layer[:last] if mark.end > start and mark.start < end]
        touching.append(marks)
        for mark in marks:
            edges.add(max(start, mark.start))
            edges.add(min(end, mark.end))
    spans: list[Span] = []
    cuts = sorted(edges)
    for left, right in pairwise(cuts):
        names = [name]
        for marks in touching:
            names.extend(mark.name for mark in marks if mark.start <= left and mark.end >= right)
        spans.append((text[left - start : right - start], " ".join(names)))
    return spans
