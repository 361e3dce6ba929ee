"""Legends and labels that give up their least important part first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from sparktop.ui.widgets.labels import fit
from sparktop.ui.widgets.line_widget import Span, row_width
from sparktop.ui.widgets.names import short_names

SHORTEST_NAME = 4
"""Cells below which the rest of a name says nothing."""

WIDE_GAP, GAP = 3, 2
"""Cells between two entries, and where that is too much."""


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """One entry of a legend.

    Attributes:
        marker: The glyph that stands for it in the picture.
        name: What it is.
        facts: Short texts about it, the most important first.
        style_class: The style of the marker.
        tag: The character that stands at the end of its curve.
    """

    marker: str
    name: str
    facts: tuple[str, ...]
    style_class: str
    tag: str = ""


def legend_spans(entries: Sequence[LegendEntry], width: int, note: str = "") -> list[Span]:
    """Lay out a legend on one row.

    Args:
        entries: What to name, the most important first.
        width: The cells there are.
        note: What holds for all of them, shown last where there is room.

    Returns:
        Spans of at most `width` cells. Where there is too little room the note goes first, then the last facts, then
        parts of names, in a way that they still differ. Names go as a whole only where each entry has something else:
        a tag, or a value, which is worth most. Else the last entries go, and their number is told.
    """
    if not entries:
        return []
    for spans in _attempts(entries):
        if row_width(spans) <= width:
            noted: list[Span] = [*spans, (" " * WIDE_GAP, ""), (note, "label")]
            return noted if note and row_width(noted) <= width else spans
    value = next(iter(entries[0].facts), "") or entries[0].name
    return [(fit(value, min(width, cell_len(value))), "value")]


def _attempts(entries: Sequence[LegendEntry]) -> Iterator[list[Span]]:
    """Yields the same legend ever shorter."""
    most = max(len(entry.facts) for entry in entries)
    names = [entry.name for entry in entries]
    longest = max(map(cell_len, names))
    for facts in range(most, 0, -1) if most else (0,):
        yield _spans(entries, names, facts, WIDE_GAP)
    least = min(1, most)
    for cells in range(longest, min(longest, SHORTEST_NAME) - 1, -1):
        yield _spans(entries, short_names(names, cells), least, WIDE_GAP)
        yield _spans(entries, short_names(names, cells), least, GAP)
    if all(entry.facts or entry.tag for entry in entries):
        for count in range(len(entries), 0, -1):
            yield _spans(entries[:count], [""] * count, least, GAP)
        return
    short = short_names(names, min(longest, SHORTEST_NAME))
    for count in range(len(entries) - 1, 0, -1):
        yield [*_spans(entries[:count], short[:count], least, GAP), (f"  +{len(entries) - count}", "label")]


def _spans(entries: Sequence[LegendEntry], names: Sequence[str], facts: int, gap: int) -> list[Span]:
    spans: list[Span] = []
    for entry, name in zip(entries, names, strict=True):
        if spans:
            spans.append((" " * gap, ""))
        spans.append((entry.marker + entry.tag, entry.style_class))
        # A tag is the end of the name in most cases: it need not be said twice.
        if name and name != f"…{entry.tag}":
            spans.append((f" {name}", "label"))
        for i, fact in enumerate(entry.facts[:facts]):
            spans.append((f" {fact}" if i == 0 else f"  {fact}", "value" if i == 0 else "label"))
    return spans
