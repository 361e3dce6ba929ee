"""Bars: one that shows what a whole is made of, and the plain kind for cells of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len

from sparktop.model.text import one_line
from sparktop.ui.widgets.labels import fit, unavailable_rows
from sparktop.ui.widgets.line_widget import LineWidget, Span, SpanRow, merge_spans

FILLS = "█▓▒░"
ASCII_FILLS = "#=+-"
_PARTIAL = " ▏▎▍▌▋▊▉"


def fraction_bar(fraction: float | None, width: int, *, ascii_only: bool = False) -> str:
    """Draw a bar in eighths of a cell.

    Args:
        fraction: How much is done, from 0 to 1; what lies outside counts as the nearest end. None is not known.
        width: The cells of the whole.
        ascii_only: Whether to draw with `#` and `.`.

    Returns:
        A text of exactly `width` cells; `n/a` if the fraction is not known. Something always shows for more than
        nothing, and only the whole fills the bar.
    """
    if width <= 0:
        return ""
    if fraction is None or fraction != fraction:
        return fit("n/a", width)
    fraction = max(0.0, min(1.0, fraction))
    if ascii_only:
        full = round(fraction * width)
        if 0 < fraction < 1:
            full = max(1, min(width - 1, full)) if width > 1 else full
        return "#" * full + "." * (width - full)
    eighths = round(fraction * width * 8)
    if 0 < fraction < 1:
        eighths = max(1, min(width * 8 - 1, eighths))
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_PARTIAL[rest] if rest else "")).ljust(width)


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
        style_class: `part-1` to `part-4`, `good`, `warn`, `bad` or `free`.
        fill: What it is drawn with; by default each part has its own, so that parts differ without colour.
    """

    name: str
    value: float | None
    text: str = ""
    style_class: str = "part-1"
    fill: str = ""


class StackedBar(LineWidget):
    """A horizontal bar of the parts of a whole, with a legend below it.

    One row is the bar alone. Further rows are the legend, as many as it takes and there are.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"stacked-bar--part-{i}" for i in range(1, 5)),
        "stacked-bar--good",
        "stacked-bar--warn",
        "stacked-bar--bad",
        "stacked-bar--free",
        "stacked-bar--label",
        "stacked-bar--value",
    }

    DEFAULT_CSS = """
    StackedBar {
        height: 2;
        & .stacked-bar--part-1 { color: $series-1; }
        & .stacked-bar--part-2 { color: $series-2; }
        & .stacked-bar--part-3 { color: $series-3; }
        & .stacked-bar--part-4 { color: $series-4; }
        & .stacked-bar--good { color: $success; }
        & .stacked-bar--warn { color: $warning; }
        & .stacked-bar--bad { color: $error; }
        & .stacked-bar--free { color: $muted; }
        & .stacked-bar--label { color: $muted; }
        & .stacked-bar--value { color: $foreground; text-style: bold; }
    }
    """

    component_prefix = "stacked-bar"

    def __init__(
        self,
        *,
        ascii_only: bool = False,
        name: str | None = None,
        id: str | None = None,  # noqa: A002  (the name Textual uses)
        classes: str | None = None,
    ) -> None:
        """Make an empty bar.

        Args:
            ascii_only: Whether to draw with ASCII.
            name: The name of the widget.
            id: The id of the widget in the DOM.
            classes: The CSS classes of the widget.
        """
        super().__init__(name=name, id=id, classes=classes)
        self.ascii_only = ascii_only
        self._parts: Sequence[Part] = ()
        self._total = 0.0
        self._caption = ""
        self._reason: str | None = None

    def show(self, parts: Sequence[Part], total: float, caption: str = "") -> None:
        """Show the parts of a whole.

        Args:
            parts: The parts, left to right; what they leave is blank.
            total: The whole.
            caption: A text at the right end of the bar, such as the whole with its unit.
        """
        self._parts, self._total, self._caption = parts, total, one_line(caption)
        self._reason = None
        self.repaint()

    def show_unavailable(self, reason: str) -> None:
        """Say that there is nothing to measure, and why."""
        self._reason = one_line(reason)
        self.repaint()

    def build(self, width: int, height: int) -> list[SpanRow]:
        """Lay out the bar for a size; see `LineWidget.build`."""
        if self._reason is not None:
            return unavailable_rows(self._reason, width, height)
        fills = [self._fill(i, part) for i, part in enumerate(self._parts)]
        return [self._bar(width, fills), *self._legend(width, height - 1, fills)]

    def _fill(self, index: int, part: Part) -> str:
        if part.fill:
            return part.fill
        if part.style_class == "free":
            return "." if self.ascii_only else "·"
        fills = ASCII_FILLS if self.ascii_only else FILLS
        return fills[index % len(fills)]

    def _bar(self, width: int, fills: Sequence[str]) -> SpanRow:
        caption = f" {self._caption}" if self._caption and cell_len(self._caption) < width // 2 else ""
        left, right = ("[", "]") if self.ascii_only else ("▕", "▏")
        room = max(1, width - cell_len(caption) - 2)
        cells = share_cells([part.value or 0.0 for part in self._parts], self._total, room)
        spans: list[Span] = [(left, "free")]
        for part, fill, length in zip(self._parts, fills, cells, strict=True):
            spans.append((fill * length, part.style_class))
        spans.append((" " * (room - sum(cells)), ""))
        spans.append((right, "free"))
        spans.append((caption, "value"))
        return merge_spans(spans)

    def _legend(self, width: int, height: int, fills: Sequence[str]) -> list[SpanRow]:
        """Lay the entries out row by row; what finds no room is left out from the end."""
        rows: list[list[Span]] = [[]]
        used = 0
        for part, fill in zip(self._parts, fills, strict=True):
            name, text = one_line(part.name), one_line(part.text) if part.value is not None else "n/a"
            length = 2 + cell_len(name) + 1 + cell_len(text)
            if used and used + 2 + length > width:
                rows.append([])
                used = 0
            if used:
                rows[-1].append(("  ", ""))
                used += 2
            rows[-1] += [(f"{fill} ", part.style_class), (f"{name} ", "label"), (text, "value")]
            used += length
        return [merge_spans(row) for row in rows[:height]]
