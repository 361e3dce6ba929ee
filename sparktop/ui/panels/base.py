"""What the panels of the dashboard have in common."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import App
from textual.containers import Vertical

from sparktop.ui.actions import PANELS
from sparktop.ui.chrome import Chrome, glyphs_of, whole
from sparktop.ui.run import Run
from sparktop.ui.widgets.line_widget import Span, SpanRow
from sparktop.ui.widgets.raster import GlyphSet, LineMark


class Panel(Vertical):
    """A framed part of the dashboard.

    Args:
        name: One of `PANELS`.
        title: What the frame says.
    """

    def __init__(self, name: str, title: str) -> None:
        super().__init__(id=name, classes="panel")
        self.border_title = f"{PANELS.index(name) + 1} {title}"

    def show(self, run: Run) -> None:
        """Draws the run as it is now."""
        raise NotImplementedError

    def subtitle(self, text: str) -> None:
        """Writes into the lower frame; an unchanged text costs nothing."""
        if self.border_subtitle != text:
            self.border_subtitle = text

    @property
    def chart_glyphs(self) -> GlyphSet:
        """What charts are drawn with on this terminal."""
        return "ascii" if glyphs_of(self.app).ascii else "braille"


class Figures(Chrome):
    """One line of figures with their names.

    It is a line and no text in the frame, since a change of the frame paints the whole panel anew.
    """

    def show(self, figures: Sequence[tuple[str, str]]) -> None:
        """Shows (name, value) pairs, as many as fit whole."""

        def layout(width: int, height: int) -> list[SpanRow]:
            groups: list[list[Span]] = []
            for name, value in figures:
                gap = "  " if groups else ""
                groups.append([(gap + name, "muted"), (f" {value}" if value else "", "value")])
            return [tuple(whole(groups, width))]

        self.draw(layout)


def series_mark(index: int, app: App[object]) -> LineMark:
    """How a contender's curve is drawn; dots tell curves apart where colour can't."""
    return "dots" if index % 2 and (app.no_color or glyphs_of(app).ascii) else "line"


def series_style(index: int) -> str:
    """The style of a contender, by its place among the contenders."""
    return f"series-{index % 4 + 1}"
