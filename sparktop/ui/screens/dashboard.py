"""The run and the machine on one screen."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container

from sparktop.ui.actions import PANELS, Scope, bindings, footer
from sparktop.ui.chrome import Chrome, KeyBar, glyphs_of
from sparktop.ui.panels.alerts import AlertBar
from sparktop.ui.panels.contenders import ContendersPanel
from sparktop.ui.panels.curves import Curves
from sparktop.ui.panels.gpu import GpuPanel
from sparktop.ui.panels.latency import LatencyPanel
from sparktop.ui.panels.links import LinksPanel
from sparktop.ui.panels.memory import MemoryPanel
from sparktop.ui.panels.processor import ProcessorPanel
from sparktop.ui.panels.status import ending_rows, progress_row, title_row
from sparktop.ui.panels.streams import StreamsPanel
from sparktop.ui.panels.throughput import ThroughputPanel
from sparktop.ui.replay import Replay
from sparktop.ui.run import Run
from sparktop.ui.screens.arrangement import LOW, TALL, Arrangement, arrange
from sparktop.ui.screens.panelled import PanelScreen
from sparktop.ui.widgets.line_widget import SpanRow

ROOMY = 50
"""Screen rows from which on alerts have two lines."""

PANELS_S = 0.45
"""How often panels are drawn; the status line follows faster."""


class DashboardScreen(PanelScreen):
    """The run and the machine on one screen.

    Args:
        run: What is shown.
    """

    CSS_PATH = "dashboard.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.RUN, Scope.DASHBOARD, Scope.PANELS)
    scopes = (Scope.DASHBOARD, Scope.PANELS, Scope.RUN, Scope.EVERYWHERE)
    panels = PANELS

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._curves = Curves()
        self._drawn_at = -1.0

    def compose(self) -> ComposeResult:
        """Makes the panels."""
        yield Chrome(self._title, id="title")
        yield Chrome(self._progress, id="progress")
        with Container(id="grid"):
            yield ThroughputPanel(self._curves)
            yield LatencyPanel(self._curves)
            yield GpuPanel()
            yield MemoryPanel()
            yield LinksPanel()
            yield ProcessorPanel()
            yield ContendersPanel(self.sparktop.ports.places.logs)
            yield StreamsPanel()
        yield Chrome(lambda width, height: ending_rows(self.shown, width), id="ending")
        yield AlertBar()
        yield KeyBar([a for a in footer(*self.scopes) if a.id != "dashboard"])

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
        self.draw_panels()

    def draw_panels(self) -> None:
        """Draws the panels that are on screen, and what is wrong."""
        self._curves.follow(self.shown.state, self.shown.now)
        super().draw_panels()
        bar = self.query_one(AlertBar)
        bar.more = "  ".join(f"{PANELS.index(name) + 1} {name}" for name in self.hidden)
        # Alerts come and go: the height of their line must not follow them.
        bar.lines = 2 if self.size.height >= (TALL if self._alone else ROOMY) else 1
        bar.show(self.shown)
        # On a low screen the two share a row.
        low = self.size.height < LOW
        bar.display = bar.urgent or not low
        self.query_one("#ending").styles.margin = (0, 0, 1 + bar.lines * bar.display, 0)
        # So does the progress of a run that has ended, which its last line tells; a replay's tells where it is.
        over = not self.shown.active and not isinstance(self.shown, Replay)
        self.query_one("#progress").display = not (low and (bar.urgent or over))

    def arrangement(self, wanted: tuple[str, ...]) -> Arrangement:
        """See `PanelScreen.arrangement`."""
        return arrange(self.size.width, self.size.height, wanted)

    def _title(self, width: int, height: int) -> list[SpanRow]:
        return [title_row(self.shown, "dashboard", width, glyphs_of(self.app))]

    def _progress(self, width: int, height: int) -> list[SpanRow]:
        return [progress_row(self.shown, width, glyphs_of(self.app))]

    def action_back(self) -> None:
        """Shows all panels again; from there, goes to the menu once the run has ended."""
        if self.show_all():
            return
        if self.shown.active:
            self.sparktop.say("The run goes on: m goes to the menu, c stops the run, q quits.")
        else:
            self.sparktop.action_go("menu")
