"""Legends and labels that give up their least important part first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from sparktop.ui.widgets.labels import fit
from sparktop.ui.widgets.line_widget import Span


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """One entry of a legend.

    Attributes:
        marker: The glyph that stands for it in the picture.
        name: What it is.
        facts: Short texts about it, the most important first.
        style_class: The style of the marker.
    """

    marker: str
    name: str
    facts: tuple[str, ...]
    style_class: str


def legend_spans(entries: Sequence[LegendEntry], width: int) -> list[Span]:
    """Lay out a legend on one row.

    Args:
        entries: What to name, the most important first.
        width: The cells there are.

    Returns:
        Spans of at most `width` cells. Where there is too little room the last facts go first, then the last entries.
    """
    shown = list(entries)
    facts = max((len(entry.facts) for entry in shown), default=0)
    while shown:
        spans = _spans(shown, facts)
        used = sum(cell_len(text) for text, _ in spans)
        if used <= width:
            return spans
        if facts > 1:
            facts -= 1
        elif len(shown) > 1:
            shown.pop()
        else:
            return _squeezed(shown[0], width)
    return []


def _spans(entries: Sequence[LegendEntry], facts: int) -> list[Span]:
    spans: list[Span] = []
    for entry in entries:
        if spans:
            spans.append(("   ", ""))
        spans.append((entry.marker, entry.style_class))
        spans.append((f" {entry.name}" if entry.name else "", "label"))
        for i, fact in enumerate(entry.facts[:facts]):
            spans.append((f" {fact}" if i == 0 else f"  {fact}", "value" if i == 0 else "label"))
    return spans


def _squeezed(entry: LegendEntry, width: int) -> list[Span]:
    """Lay out a single entry that does not fit: the value is worth more than the name."""
    value = f" {entry.facts[0]}" if entry.facts else ""
    room = width - cell_len(entry.marker) - 1 - cell_len(value)
    if room >= 3:
        return [(entry.marker, entry.style_class), (f" {fit(entry.name, room).rstrip()}", "label"), (value, "value")]
    text = value.strip() or entry.name
    return [(fit(text, min(width, cell_len(text))), "value")]
