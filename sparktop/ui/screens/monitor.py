"""The machine alone: what it is doing, without a run."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container

import sparktop
from sparktop.ui.actions import MACHINE_PANELS, Scope, bindings, footer
from sparktop.ui.chrome import Chrome, KeyBar, glyphs_of
from sparktop.ui.feed import MachineFeed
from sparktop.ui.panels.gpu import GpuPanel
from sparktop.ui.panels.links import LinksPanel
from sparktop.ui.panels.memory import MemoryPanel
from sparktop.ui.panels.processes import ProcessesPanel
from sparktop.ui.panels.processor import ProcessorPanel
from sparktop.ui.panels.server import ServerPanel
from sparktop.ui.panels.watching import WatchedAlerts, machine_title_row, tape_row
from sparktop.ui.run import Run
from sparktop.ui.screens.arrangement import COLUMNS, Arrangement
from sparktop.ui.screens.panelled import SHORT_ROWS, PanelScreen
from sparktop.ui.widgets.line_widget import SpanRow

PANELS_S: Final = 0.45
"""How often panels are drawn; the title follows faster."""

STRIP: Final = "processes"
"""The panel that is as wide as the screen, and below the others."""

SERVER: Final = "server"
"""The panel that stands first, where a server is watched."""

STRIP_ROWS, LOW_STRIP_ROWS = 8, 3
"""Rows that it has at most, its header among them, on screens of 30 rows and more, and on others."""

FRAME_ROWS: Final = 2


class MonitorScreen(PanelScreen):
    """The machine alone.

    Args:
        run: What was read so far.
        feed: Where it comes from.
        alone: Whether there is no menu to go back to.
    """

    CSS_PATH = "monitor.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.MONITOR, Scope.PANELS)
    scopes = (Scope.MONITOR, Scope.PANELS, Scope.EVERYWHERE)
    panels = MACHINE_PANELS

    def __init__(self, run: Run, feed: MachineFeed, *, alone: bool) -> None:
        super().__init__(run)
        self._feed = feed
        self._lonely = alone
        self._drawn_at = -1.0
        self._strip = FRAME_ROWS

    def compose(self) -> ComposeResult:
        """Makes the panels."""
        yield Chrome(self._title, id="title")
        yield WatchedAlerts()
        with Container(id="grid"):
            yield ServerPanel()
            yield MemoryPanel()
            yield GpuPanel()
            yield LinksPanel()
            yield ProcessorPanel()
            yield ProcessesPanel()
        if self._feed.recorded_to is not None or self._feed.played_from:
            yield Chrome(self._tape, id="tape")
        yield KeyBar([a for a in footer(*self.scopes) if not (self._lonely and a.id == "from-monitor")])

    def on_mount(self) -> None:
        """Begins to read, so that there are figures as soon as there are panels."""
        self._feed.start()
        super().on_mount()

    def on_unmount(self) -> None:
        """Reads no more."""
        self.sparktop.machine.stop()

    def draw(self) -> None:
        """Draws the machine as it is now; panels less often than the title."""
        self.query_one("#title", Chrome).repaint()
        if self.shown.frozen:
            return
        for tape in self.query("#tape").results(Chrome):
            tape.repaint()
        clock = self.sparktop.ports.clock()
        if 0 <= clock - self._drawn_at < PANELS_S and self.shown.active:
            return
        if self.shown.state.gauges:
            self._drawn_at = clock
        self.draw_panels()

    def draw_panels(self) -> None:
        """Draws the panels that are on screen, and what is wrong."""
        super().draw_panels()
        bar = self.query_one(WatchedAlerts)
        bar.more = "  ".join(f"{self.panels.index(name) + 1} {name}" for name in self.hidden)
        bar.show(self.shown)
        strip = self._strip_rows()
        if strip != self._strip:
            self._strip = strip
            self._arrange()

    def arrangement(self, wanted: tuple[str, ...]) -> Arrangement:
        """Two columns of panels, and below them a strip as high as there are processes."""
        # Who names a server came for it.
        main = sorted((name for name in wanted if name != STRIP), key=lambda name: name != SERVER)
        pairs = [main[at : at + 2] for at in range(0, len(main), 2)]
        rows = ["1fr"] * len(pairs)
        spans = [(name, COLUMNS // len(pair)) for pair in pairs for name in pair]
        if STRIP in wanted and not self.size.height < SHORT_ROWS:
            rows.append(str(self._strip))
            spans.append((STRIP, COLUMNS))
        return Arrangement(tuple(rows), tuple(spans))

    def _strip_rows(self) -> int:
        most = STRIP_ROWS if self.has_class("-tall") else LOW_STRIP_ROWS
        return FRAME_ROWS + min(most, max(1, self.query_one(ProcessesPanel).rows))

    def _title(self, width: int, height: int) -> list[SpanRow]:
        return [machine_title_row(self.shown, self._feed, width, glyphs_of(self.app))]

    def _tape(self, width: int, height: int) -> list[SpanRow]:
        return [tape_row(self.shown, self._feed, width, glyphs_of(self.app))]

    def action_pause(self) -> None:
        """Stops the recording that is played; else freezes the view. Both go on with the next press."""
        if not self.shown.active:
            self.sparktop.say("The recording is at its end.")
        elif not self._feed.pause():
            self.shown.freeze()
        self.show()

    def action_keep(self) -> None:
        """Writes what was read so far."""
        from sparktop.model.readout import read_out

        now = datetime.now().astimezone().isoformat(timespec="milliseconds")
        try:
            readout = read_out(
                self.shown.state,
                now=self.shown.now,
                sparktop=sparktop.__version__,
                taken=now,
                recording=self._feed.played_from,
            )
        except ValueError as error:
            self.sparktop.say(f"There is no snapshot yet: {error}", "warning")
        else:
            self.sparktop.machine.keep(readout)

    def action_menu(self) -> None:
        """Goes back to the menu, where there is one."""
        if self._lonely:
            self.sparktop.say('There is nothing behind the monitor: q quits. "sparktop" alone opens the menu.')
        else:
            self.sparktop.action_go("menu")

    def action_back(self) -> None:
        """Shows all panels again; from there, goes back to the menu."""
        if not self.show_all():
            self.action_menu()
