"""The run and the machine on one screen."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container

from sparktop.ui.actions import PANELS, Scope, bindings, footer
from sparktop.ui.chrome import Chrome, KeyBar, glyphs_of
from sparktop.ui.panels.base import Panel
from sparktop.ui.panels.contenders import ContendersPanel
from sparktop.ui.panels.curves import Curves
from sparktop.ui.panels.latency import LatencyPanel
from sparktop.ui.panels.memory import MemoryPanel
from sparktop.ui.panels.status import ending_rows, progress_row, title_row
from sparktop.ui.panels.streams import StreamsPanel
from sparktop.ui.panels.throughput import ThroughputPanel
from sparktop.ui.run import Run
from sparktop.ui.screens.base import RunScreen
from sparktop.ui.widgets.line_widget import SpanRow

PANELS_S = 0.45
"""How often panels are drawn; the status line follows faster."""

SHORT_ROWS = 20
"""Fewer rows are shared out so that each panel keeps its first figures."""


class DashboardScreen(RunScreen):
    """The run and the machine on one screen.

    Args:
        run: What is shown.
    """

    CSS_PATH = "dashboard.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.RUN, Scope.DASHBOARD)
    scopes = (Scope.DASHBOARD, Scope.RUN, Scope.EVERYWHERE)

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._curves = Curves()
        self._alone: str | None = None
        self._drawn_at = -1.0

    def compose(self) -> ComposeResult:
        """Makes the panels."""
        yield Chrome(self._title, id="title")
        yield Chrome(self._progress, id="progress")
        with Container(id="grid"):
            yield ThroughputPanel(self._curves)
            yield LatencyPanel(self._curves)
            yield MemoryPanel()
            yield ContendersPanel(self.sparktop.ports.places.logs)
            yield StreamsPanel()
        yield Chrome(lambda width, height: ending_rows(self.shown, width), id="ending")
        yield KeyBar([a for a in footer(*self.scopes) if a.id != "dashboard"])

    def on_mount(self) -> None:
        """Shows the panels that there is room for."""
        self._arrange()

    def on_resize(self, event: events.Resize) -> None:
        """Shows the panels that there is room for."""
        self._arrange()

    def draw(self) -> None:
        """Draws the run as it is now; panels less often than the status."""
        self.query_one("#title", Chrome).repaint()
        if self.shown.frozen:
            return
        self.query_one("#progress", Chrome).repaint()
        ending = self.query_one("#ending", Chrome)
        ending.display = not self.shown.active
        ending.repaint()
        clock = self.sparktop.ports.clock()
        if 0 <= clock - self._drawn_at < PANELS_S and self.shown.active:
            return
        self._drawn_at = clock
        self._draw_panels()

    def _draw_panels(self) -> None:
        self._curves.follow(self.shown.state, self.shown.now)
        for panel in self.query(Panel):
            if panel.display:
                panel.show(self.shown)

    def _title(self, width: int, height: int) -> list[SpanRow]:
        return [title_row(self.shown, "dashboard", width, glyphs_of(self.app))]

    def _progress(self, width: int, height: int) -> list[SpanRow]:
        return [progress_row(self.shown, width, glyphs_of(self.app))]

    # -- one panel or all ------------------------------------------------------------------------------------------

    @property
    def _cramped(self) -> bool:
        """Whether there is room for one panel only."""
        return self.size.width < 60 or self.size.height < 16

    def _arrange(self) -> None:
        shown = self._alone or (PANELS[0] if self._cramped else None)
        grid = self.query_one("#grid")
        grid.set_class(shown is not None, "-one")
        grid.set_class(shown is None and self.size.height < SHORT_ROWS, "-short")
        for panel in self.query(Panel):
            panel.set_class(panel.id == shown, "-shown")
            panel.display = shown in (None, panel.id)
        # A panel that was hidden has to catch up, also in a frozen view: what it shows then is its newest state.
        self.call_after_refresh(self._catch_up)

    def _catch_up(self) -> None:
        if self.is_running:
            self._draw_panels()

    def action_maximise_panel(self, name: str) -> None:
        """Shows one panel alone, or all of them again."""
        self._alone = None if self._alone == name and not self._cramped else name
        self._arrange()

    def action_next_panel(self) -> None:
        """Shows the next panel, where only one is shown."""
        if self._alone or self._cramped:
            at = PANELS.index(self._alone or PANELS[0])
            self._alone = PANELS[(at + 1) % len(PANELS)]
            self._arrange()

    def action_back(self) -> None:
        """Shows all panels again; from there, goes to the menu once the run has ended."""
        if self._alone:
            self._alone = None
            self._arrange()
        elif self.shown.active:
            self.sparktop.say("The run goes on: m goes to the menu, c stops the run, q quits.")
        else:
            self.sparktop.action_go("menu")

    def action_zoom(self, step: int) -> None:
        """Shows a longer or shorter stretch of time."""
        self.shown.zoom(step)
        if not self.shown.frozen:
            self._draw_panels()
