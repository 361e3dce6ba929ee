"""Legends and labels that give up their least important part first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from sparktop.ui.widgets.labels import fit
from sparktop.ui.widgets.line_widget import Span, row_width

SHORTEST_NAME = 4
"""Cells below which the rest of a name says nothing."""


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
        Spans of at most `width` cells. Where there is too little room the last facts go first, then the ends of names,
        then names, then the last entries: the value of each curve is worth most.
    """
    shown = list(entries)
    facts = max((len(entry.facts) for entry in shown), default=0)
    names = max((cell_len(entry.name) for entry in shown), default=0)
    while shown:
        spans = _spans(shown, facts, names)
        if row_width(spans) <= width:
            return spans
        if facts > 1:
            facts -= 1
        elif names > SHORTEST_NAME:
            names -= 1
        elif names and len(shown) > 1:
            names = 0
        elif len(shown) > 1:
            shown.pop()
        else:
            value = shown[0].facts[0] if shown[0].facts else shown[0].name
            return [(fit(value, min(width, cell_len(value))), "value")]
    return []


def _spans(entries: Sequence[LegendEntry], facts: int, names: int) -> list[Span]:
    spans: list[Span] = []
    for entry in entries:
        if spans:
            spans.append(("   " if names else "  ", ""))
        spans.append((entry.marker, entry.style_class))
        name = fit(entry.name, min(names, cell_len(entry.name))).rstrip()
        if name and (names or not entry.facts):
            spans.append((f" {name}", "label"))
        for i, fact in enumerate(entry.facts[:facts]):
            spans.append((f" {fact}" if i == 0 else f"  {fact}", "value" if i == 0 else "label"))
    return spans
