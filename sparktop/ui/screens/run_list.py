"""The list of the runs so far: which of them, in which order, and what is told of the one under the cursor."""

from __future__ import annotations

from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Input
from textual.worker import Worker, get_current_worker

from sparktop.store.choosing import Choice, choose
from sparktop.store.runs import RunEntry, list_runs
from sparktop.ui.actions import Scope, bindings, footer
from sparktop.ui.chrome import Chrome, KeyBar, glyphs_of, safe, spread_out
from sparktop.ui.format import plural, size
from sparktop.ui.panels.past_runs import COLUMNS, columns, detail_rows, falling, in_order, run_row
from sparktop.ui.screens.base import ScopedScreen
from sparktop.ui.widgets.line_widget import Span, SpanRow
from sparktop.ui.widgets.table import GridTable

AGAIN_S: Final = 2.0
"""Seconds between two looks at runs that go on."""


class RunList(ScopedScreen):
    """A list of the runs so far; what is done with them is told by whoever inherits it.

    Attributes:
        entries: The runs, newest first.
        marked: Ids of those that are marked, in the order in which they were.
    """

    CSS_PATH = "history.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.HISTORY)
    scopes = (Scope.HISTORY, Scope.EVERYWHERE)
    AUTO_FOCUS = "#runs"

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[RunEntry] = []
        self._rows: list[RunEntry] = []
        self.marked: list[str] = []
        self._words: tuple[str, ...] = ()
        self._sorted_by = 0
        self._downwards = True
        self._problem = ""
        self._read = False

    def compose(self) -> ComposeResult:
        """Makes the list."""
        yield Chrome(self._title, id="title")
        yield Input(id="filter", placeholder="words of its name, its models, its date, how it ended", compact=True)
        signs = self.sparktop.glyphs
        table = GridTable((), ascii_only=signs.ascii, empty="Reading the runs" + signs.ellipsis, id="runs")
        table.add_class("panel")
        table.border_title = "Runs"
        yield table
        detail = Chrome(self._detail, id="detail", classes="panel")
        detail.border_title = "This run"
        yield detail
        yield KeyBar(footer(*self.scopes))

    def on_mount(self) -> None:
        """Shows the columns; while a run goes on, how it stands is read again and again."""
        self._head()
        self.set_interval(AGAIN_S, self._look_again)

    def _look_again(self) -> None:
        if self.is_current and any(entry.running for entry in self.entries):
            self.reload()

    def on_screen_resume(self) -> None:
        """Reads the runs, as there may be others than before."""
        self.reload()

    def reload(self) -> None:
        """Reads the runs, in a thread."""
        runs = self.sparktop.ports.places.runs

        def read() -> None:
            problem = ""
            try:
                entries = list_runs(runs)
            except OSError as error:
                entries, problem = [], f"{runs} can't be read: {error.strerror or error}"
            if not get_current_worker().is_cancelled:
                self.app.call_from_thread(self._take, entries, problem)

        self.run_worker(read, thread=True, exclusive=True, group="runs", exit_on_error=False)

    def _take(self, entries: list[RunEntry], problem: str) -> None:
        self.entries, self._problem, self._read = entries, problem, True
        there = {entry.id for entry in entries}
        self.marked = [identity for identity in self.marked if identity in there]
        self.show_rows()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Tells of a thread that failed."""
        self.sparktop.on_worker_state_changed(event)

    # -- what is shown ---------------------------------------------------------------------------------------------

    @property
    def _table(self) -> GridTable:
        return self.query_one("#runs", GridTable)

    def _head(self) -> None:
        self._table.set_columns(columns(self._sorted_by, self._downwards, self.sparktop.glyphs))

    def show_rows(self) -> None:
        """Shows the runs that have the words, in their order."""
        # They come newest first, broken ones by the date in their name.
        oldest_first = choose(reversed(self.entries), Choice(words=self._words))
        self._rows = in_order(oldest_first, self._sorted_by, self._downwards)
        table = self._table
        table.say_if_empty(self._nothing())
        signs = self.sparktop.glyphs
        table.show([run_row(entry, entry.id in self.marked, signs) for entry in self._rows])
        self._redraw()

    def _redraw(self) -> None:
        for chrome in self.query(Chrome):
            chrome.repaint()

    def _nothing(self) -> str:
        if self._problem:
            return safe(self._problem)
        if self.entries:
            return "No run has all these words: esc shows every run."
        return "There is no run yet: esc goes to the menu, and enter starts one there."

    def _title(self, width: int, height: int) -> list[SpanRow]:
        left: list[Span] = [("sparktop ", "title"), (" history ", "muted")]
        if self._words:
            left.append((f" {len(self._rows)} of {plural(len(self.entries), 'run')}", "value"))
            left.append((f' with "{safe(" ".join(self._words))}"', "muted"))
        elif self._read:
            left.append((f" {plural(len(self.entries), 'run')}", "value"))
        marked: list[Span] = [(f"{len(self.marked)} marked ", "key")] if self.marked else []
        total: Span = (size(sum(entry.bytes for entry in self.entries)), "muted")
        return [spread_out(left, [*marked, total], width)]

    def _detail(self, width: int, height: int) -> list[SpanRow]:
        return detail_rows(self.entry, width, height, glyphs_of(self.app))

    @property
    def entry(self) -> RunEntry | None:
        """The run under the cursor."""
        key = self._table.cursor_key
        return next((entry for entry in self._rows if entry.id == key), None)

    @on(GridTable.Highlighted)
    def _moved(self) -> None:
        self.query_one("#detail", Chrome).repaint()

    # -- which runs, and in which order ----------------------------------------------------------------------------

    def action_filter(self) -> None:
        """Asks for words."""
        self.add_class("-asked")
        self.set_focus(self.query_one("#filter", Input))

    @on(Input.Changed, "#filter")
    def _filtered(self, event: Input.Changed) -> None:
        self._words = tuple(event.value.split())
        self.show_rows()

    @on(Input.Submitted, "#filter")
    def _chosen(self) -> None:
        self._close_filter()

    def _close_filter(self) -> None:
        self.remove_class("-asked")
        self.set_focus(self._table)

    def action_sort(self) -> None:
        """Sorts by the next column."""
        self._sorted_by = (self._sorted_by + 1) % len(COLUMNS)
        self._downwards = falling(self._sorted_by)
        self._head()
        self.show_rows()

    def action_turn_round(self) -> None:
        """Turns the order round."""
        self._downwards = not self._downwards
        self._head()
        self.show_rows()

    def action_back(self) -> None:
        """Leaves the filter, then the screen."""
        field = self.query_one("#filter", Input)
        if field.value or self.has_class("-asked"):
            field.value = ""
            self._close_filter()
        else:
            self.sparktop.action_go("menu")
