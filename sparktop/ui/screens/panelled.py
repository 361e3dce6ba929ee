"""A screen of panels: all of them, or one alone."""

from __future__ import annotations

from typing import ClassVar

from textual import events

from sparktop.ui.panels.base import Panel
from sparktop.ui.run import Run
from sparktop.ui.screens.arrangement import COLUMNS, Arrangement, alone
from sparktop.ui.screens.base import RunScreen

SHORT_ROWS = 20
"""Fewer rows are shared out so that each panel keeps its first figures."""


class PanelScreen(RunScreen):
    """A screen whose panels lie in a container "grid".

    Args:
        run: What is shown.

    Attributes:
        panels: Names of the panels, in the order of the numbers that maximise them.
    """

    panels: ClassVar[tuple[str, ...]] = ()

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._alone: str | None = None
        self._offered: tuple[str, ...] = ()

    def draw_panels(self) -> None:
        """Draws the panels that are on screen, and finds room for those that have come to be needed."""
        if self._wanted() != self._offered:
            self._arrange()
        for panel in self.query(Panel):
            if panel.display:
                panel.show(self.shown)

    def on_mount(self) -> None:
        """Numbers the panels, and shows those that there is room for."""
        for panel in self.query(Panel):
            panel.number(self.panels.index(panel.id or "") + 1)
        self._arrange()

    def on_resize(self, event: events.Resize) -> None:
        """Shows the panels that there is room for."""
        self._arrange()

    @property
    def _cramped(self) -> bool:
        """Whether there is room for one panel only."""
        return self.size.width < 60 or self.size.height < 16

    def _wanted(self) -> tuple[str, ...]:
        by_name = {panel.id: panel for panel in self.query(Panel)}
        return tuple(name for name in self.panels if name in by_name and by_name[name].wanted(self.shown))

    def arrangement(self, wanted: tuple[str, ...]) -> Arrangement:
        """Says which panels stand where on a screen of this size."""
        raise NotImplementedError

    @property
    def hidden(self) -> tuple[str, ...]:
        """Panels that have something to show and no room."""
        return tuple(name for name in self._offered if not self.query_one(f"#{name}").display)

    def _arrange(self) -> None:
        self._offered = offered = self._wanted()
        shown = self._alone or (next(iter(offered), None) if self._cramped else None)
        arranged = alone(shown) if shown else self.arrangement(offered)
        for panel in self.query(Panel):
            panel.display = panel.id in arranged.shown
        self._place(arranged)
        # A panel that was hidden has to catch up, also in a frozen view: what it shows then is its newest state.
        self.call_after_refresh(self._catch_up)

    def _place(self, arranged: Arrangement) -> None:
        grid = self.query_one("#grid")
        grid.styles.grid_size_columns = COLUMNS
        grid.styles.grid_size_rows = len(arranged.rows)
        grid.styles.grid_columns = "1fr"
        grid.styles.grid_rows = " ".join(arranged.rows)
        for name, span in arranged.spans:
            self.query_one(f"#{name}").styles.column_span = span

    def _catch_up(self) -> None:
        if self.is_running:
            self.draw_panels()

    def action_maximise_panel(self, name: str) -> None:
        """Shows one panel alone, or all of them again."""
        self._alone = None if self._alone == name and not self._cramped else name
        self._arrange()

    def action_next_panel(self) -> None:
        """Shows the next panel, where only one is shown; where several are, the first that finds no room."""
        if self._alone is None and not self._cramped:
            self._alone = next(iter(self.hidden), None)
            self._arrange()
        elif self._offered:
            shown = self._alone or self._offered[0]
            # One that was asked for may have nothing to show.
            at = self._offered.index(shown) if shown in self._offered else -1
            self._alone = self._offered[(at + 1) % len(self._offered)]
            self._arrange()

    def show_all(self) -> bool:
        """Shows all panels again; returns whether only one was shown."""
        if self._alone is None:
            return False
        self._alone = None
        self._arrange()
        return True

    def action_zoom(self, step: int) -> None:
        """Shows a longer or shorter stretch of time."""
        self.shown.zoom(step)
        if not self.shown.frozen:
            self.draw_panels()
