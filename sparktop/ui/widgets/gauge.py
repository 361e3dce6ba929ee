"""Bars: one that shows what a whole is made of, and a thin gauge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from sparktop.model.text import one_line
from sparktop.ui.widgets.line_widget import Span, SpanRow, merge_spans, row_width

FILLS = "█▓▒░"
ASCII_FILLS = "#=+-"


def meter(fraction: float | None, width: int, style: str, *, ascii_only: bool = False) -> list[Span]:
    """Draw a thin gauge: a heavy line on a light one.

    Args:
        fraction: How much, from 0 to 1; what lies outside counts as the nearest end. None leaves the track bare.
        width: The cells of the whole.
        style: The style of the heavy part; the light one is `track`.
        ascii_only: Whether to draw with `=` and `-`.

    Returns:
        Spans of exactly `width` cells. Something always shows for more than nothing, and only the whole fills it.
    """
    width = max(0, width)
    known = fraction is not None and fraction == fraction
    share = max(0.0, min(1.0, fraction)) if known and fraction is not None else 0.0
    full = round(share * width)
    if 0 < share < 1 and width > 1:
        full = max(1, min(width - 1, full))
    heavy, light = ("=", "-") if ascii_only else ("━", "─")
    return [(heavy * full, style), (light * (width - full), "track")]


def share_cells(values: Sequence[float], total: float, width: int) -> list[int]:
    """Divide cells among the parts of a whole.

    Args:
        values: The parts.
        total: The whole.
        width: The cells of the whole.

    Returns:
        The cells of each part. They end where the running sum ends, so rounding never adds up; a part that is there
        gets at least one cell if there is room for it.
    """
    if total <= 0:
        return [0] * len(values)
    cells: list[int] = []
    running = 0.0
    used = 0
    for value in values:
        running += max(0.0, value)
        end = min(width, round(running / total * width))
        if value > 0 and end <= used:
            end = min(width, used + 1)
        end = max(end, used)
        cells.append(end - used)
        used = end
    return cells


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a whole.

    Attributes:
        name: What it is.
        value: How much, in the unit of the whole; None is not known, which takes no room and reads `n/a`.
        text: The amount as the legend shows it.
        style_class: A style of whoever draws it; `muted` is drawn with dots, as what is left over.
        fill: What it is drawn with; by default each part has its own, so that parts differ without colour.
    """

    name: str
    value: float | None
    text: str = ""
    style_class: str = "series-1"
    fill: str = ""


def stacked_bar(parts: Sequence[Part], total: float, width: int, caption: str = "", *, ascii_only: bool) -> SpanRow:
    """Lay out a bar of the parts of a whole on one row.

    Args:
        parts: The parts, left to right; what they leave is blank.
        total: The whole.
        width: The cells there are, those of the caption included.
        caption: A text at the right end, such as the whole with its unit; left out where it would take half the row.
        ascii_only: Whether to draw with ASCII.
    """
    caption = f" {one_line(caption)}" if caption and cell_len(caption) < width // 2 else ""
    left, right = ("[", "]") if ascii_only else ("▕", "▏")
    room = max(1, width - cell_len(caption) - 2)
    cells = share_cells([part.value or 0.0 for part in parts], total, room)
    spans: list[Span] = [(left, "muted")]
    for index, (part, length) in enumerate(zip(parts, cells, strict=True)):
        spans.append((_fill(index, part, ascii_only) * length, part.style_class))
    spans += [(" " * (room - sum(cells)), ""), (right, "muted"), (caption, "value")]
    return merge_spans(spans)


def legend_row(parts: Sequence[Part], width: int, *, ascii_only: bool) -> SpanRow:
    """Name the parts of a bar on one row; those that find no room are left out from the end."""
    spans: list[Span] = []
    for index, part in enumerate(parts):
        text = one_line(part.text) if part.value is not None else "n/a"
        entry: list[Span] = [("  " if spans else "", ""), (f"{_fill(index, part, ascii_only)} ", part.style_class)]
        entry += [(f"{one_line(part.name)} ", "label"), (text, "value")]
        if row_width([*spans, *entry]) > width:
            break
        spans += entry
    return merge_spans(spans)


def _fill(index: int, part: Part, ascii_only: bool) -> str:
    if part.fill:
        return part.fill
    if part.style_class == "muted":
        return "." if ascii_only else "·"
    fills = ASCII_FILLS if ascii_only else FILLS
    return fills[index % len(fills)]
