"""What the panels of the dashboard have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual.app import App
from textual.containers import Vertical

from sparktop.model.state import Phase, RunState
from sparktop.ui.chrome import Chrome, glyphs_of, plain, whole
from sparktop.ui.run import Run
from sparktop.ui.widgets.line_widget import Span, SpanRow, row_width
from sparktop.ui.widgets.raster import GlyphSet, LineMark

ROWS_A_FIGURE = 6
"""Rows of a panel for each line of figures: below that the curve would be too low to read."""


class Panel(Vertical):
    """A framed part of the dashboard.

    Args:
        name: What its screen calls it.
        title: What the frame says.
    """

    def __init__(self, name: str, title: str) -> None:
        super().__init__(id=name, classes="panel")
        self._heading = title
        self._number = self._subtitle = ""
        self.border_title = plain(title)

    def number(self, number: int) -> None:
        """Tells in the frame which key shows the panel alone."""
        self._number = f"{number} "
        self.border_title = plain(self._number + self._heading)

    def head(self, title: str) -> None:
        """Changes the title; the same one again costs nothing."""
        if self._heading != title:
            self._heading = title
            self.border_title = plain(self._number + title)

    def wanted(self, run: Run) -> bool:
        """Whether there is anything to show; a panel without takes no room."""
        return True

    def show(self, run: Run) -> None:
        """Draws the run as it is now."""
        raise NotImplementedError

    def subtitle(self, text: str) -> None:
        """Writes into the lower frame; an unchanged text costs nothing."""
        if self._subtitle != text:
            self._subtitle = text
            self.border_subtitle = plain(text)

    @property
    def chart_glyphs(self) -> GlyphSet:
        """What charts are drawn with on this terminal."""
        return "ascii" if glyphs_of(self.app).ascii else "braille"


@dataclass(frozen=True, slots=True)
class FigureRow:
    """The figures of one contender.

    Attributes:
        who: The contender.
        style: Its style.
        figures: Names and values, the most important first.
    """

    who: str
    style: str
    figures: tuple[tuple[str, str], ...]


class Figures(Chrome):
    """A line of figures for each contender, or for the newest one where there is no room.

    It is a line and no text in the frame, since a change of the frame paints the whole panel anew.
    """

    def show(self, rows: Sequence[FigureRow], room: int) -> None:
        """Shows figures.

        Args:
            rows: The contenders that have figures, the newest last.
            room: Rows of the panel, most of which belong to its chart.
        """
        shown = rows[-max(1, room // ROWS_A_FIGURE) :]
        height = max(1, len(shown))
        if self.size.height != height:
            self.styles.height = height
        # With one contender there is nobody to tell it from.
        wide = max((cell_len(row.who) for row in shown), default=0) if len(rows) > 1 else 0

        def layout(width: int, height: int) -> list[SpanRow]:
            return [_figure_row(row, wide, width) for row in shown]

        self.draw(layout)


def _figure_row(row: FigureRow, wide: int, width: int) -> SpanRow:
    groups: list[list[Span]] = []
    for name, value in row.figures:
        gap = "  " if groups else ""
        groups.append([(gap + name, "muted"), (f" {value:>5}" if value else "", "value")])
    named: list[Span] = [(f"{row.who.ljust(wide)}  ", row.style)]
    # A remark is worth less than the name, and figures are worth more.
    needed = [named, *(group for group, (_, value) in zip(groups, row.figures, strict=True) if value)]
    fits = wide and row_width([span for group in needed for span in group]) <= width
    return tuple(whole([named, *groups] if fits else groups, width))


def several_ready(state: RunState) -> frozenset[str]:
    """The contenders that run at once, as on machines of their own; none where it is but one."""
    ready = frozenset(name for name, one in state.contenders.items() if one.phase is Phase.READY)
    return ready if len(ready) > 1 else frozenset()


COLOURS = 4
"""Colours of curves that a theme has."""


def series_mark(index: int, app: App[object]) -> LineMark:
    """How a curve is drawn, by its place among the curves; dots tell curves apart where colour can't."""
    return "dots" if (index % 2 if app.no_color or glyphs_of(app).ascii else index // COLOURS % 2) else "line"


def series_style(index: int) -> str:
    """The style of a curve and of what is told of it, by its place among the curves."""
    return f"series-{index % COLOURS + 1}"
