"""What the panels of the dashboard have in common."""

from __future__ import annotations

from textual.containers import Vertical

from sparktop.ui.actions import PANELS
from sparktop.ui.chrome import glyphs_of
from sparktop.ui.run import Run
from sparktop.ui.widgets.raster import GlyphSet


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


def series_style(index: int) -> str:
    """The style of a contender, by its place among the contenders."""
    return f"series-{index % 4 + 1}"
