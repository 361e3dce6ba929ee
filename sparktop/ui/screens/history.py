"""The runs so far: finding them, opening them, playing them again, comparing two, deleting them."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Input
from textual.worker import Worker, get_current_worker

from sparktop.store.choosing import Choice, choose
from sparktop.store.runs import RunEntry, list_runs
from sparktop.store.trash import CannotMove, Trashed, restore, trash
from sparktop.ui.actions import Scope, bindings, footer
from sparktop.ui.again import Again, plan_again
from sparktop.ui.chrome import Chrome, KeyBar, glyphs_of, safe, spread_out
from sparktop.ui.format import plural, size
from sparktop.ui.panels.past_runs import COLUMNS, columns, detail_rows, falling, in_order, run_row
from sparktop.ui.replay import Replay
from sparktop.ui.screens.base import ScopedScreen
from sparktop.ui.screens.question import Question
from sparktop.ui.widgets.line_widget import Span, SpanRow
from sparktop.ui.widgets.table import GridTable

_T = TypeVar("_T")

AGAIN_S: Final = 2.0
"""Seconds between two looks at runs that go on."""


class HistoryScreen(ScopedScreen):
    """The runs so far."""

    CSS_PATH = "history.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.HISTORY)
    scopes = (Scope.HISTORY, Scope.EVERYWHERE)
    AUTO_FOCUS = "#runs"

    def __init__(self) -> None:
        super().__init__()
        self._entries: list[RunEntry] = []
        self._rows: list[RunEntry] = []
        self._marked: list[str] = []
        self._words: tuple[str, ...] = ()
        self._sorted_by = 0
        self._downwards = True
        self._deleted: list[Trashed] = []
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
        if self.is_current and any(entry.running for entry in self._entries):
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
        self._entries, self._problem, self._read = entries, problem, True
        there = {entry.id for entry in entries}
        self._marked = [identity for identity in self._marked if identity in there]
        self._show()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Tells of a thread that failed."""
        self.sparktop.on_worker_state_changed(event)

    # -- what is shown ---------------------------------------------------------------------------------------------

    @property
    def _table(self) -> GridTable:
        return self.query_one("#runs", GridTable)

    def _head(self) -> None:
        self._table.set_columns(columns(self._sorted_by, self._downwards, self.sparktop.glyphs))

    def _show(self) -> None:
        # They come newest first, broken ones by the date in their name.
        oldest_first = choose(reversed(self._entries), Choice(words=self._words))
        self._rows = in_order(oldest_first, self._sorted_by, self._downwards)
        table = self._table
        table.say_if_empty(self._nothing())
        signs = self.sparktop.glyphs
        table.show([run_row(entry, entry.id in self._marked, signs) for entry in self._rows])
        self._redraw()

    def _redraw(self) -> None:
        for chrome in self.query(Chrome):
            chrome.repaint()

    def _nothing(self) -> str:
        if self._problem:
            return safe(self._problem)
        if self._entries:
            return "No run has all these words: esc shows every run."
        return "There is no run yet: esc goes to the menu, and enter starts one there."

    def _title(self, width: int, height: int) -> list[SpanRow]:
        left: list[Span] = [("sparktop ", "title"), (" history ", "muted")]
        if self._words:
            left.append((f" {len(self._rows)} of {plural(len(self._entries), 'run')}", "value"))
            left.append((f' with "{safe(" ".join(self._words))}"', "muted"))
        elif self._read:
            left.append((f" {plural(len(self._entries), 'run')}", "value"))
        marked: list[Span] = [(f"{len(self._marked)} marked ", "key")] if self._marked else []
        total: Span = (size(sum(entry.bytes for entry in self._entries)), "muted")
        return [spread_out(left, [*marked, total], width)]

    def _detail(self, width: int, height: int) -> list[SpanRow]:
        return detail_rows(self._entry, width, height, glyphs_of(self.app))

    @property
    def _entry(self) -> RunEntry | None:
        """The run under the cursor."""
        key = self._table.cursor_key
        return next((entry for entry in self._rows if entry.id == key), None)

    @on(GridTable.Highlighted)
    def _moved(self) -> None:
        self.query_one("#detail", Chrome).repaint()

    @on(GridTable.Selected)
    def _selected(self) -> None:
        self.action_open("results")

    # -- which runs, and in which order ----------------------------------------------------------------------------

    def action_filter(self) -> None:
        """Asks for words."""
        self.add_class("-asked")
        self.set_focus(self.query_one("#filter", Input))

    @on(Input.Changed, "#filter")
    def _filtered(self, event: Input.Changed) -> None:
        self._words = tuple(event.value.split())
        self._show()

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
        self._show()

    def action_turn_round(self) -> None:
        """Turns the order round."""
        self._downwards = not self._downwards
        self._head()
        self._show()

    def action_back(self) -> None:
        """Leaves the filter, then the screen."""
        field = self.query_one("#filter", Input)
        if field.value or self.has_class("-asked"):
            field.value = ""
            self._close_filter()
        else:
            self.sparktop.action_go("menu")

    # -- opening ---------------------------------------------------------------------------------------------------

    def action_open(self, where: str) -> None:
        """Shows the run under the cursor, as it was at its end."""
        self._open(where, at_end=True)

    def action_play(self) -> None:
        """Plays it from its beginning."""
        self._open("dashboard", at_end=False)

    def _open(self, where: str, *, at_end: bool) -> None:
        from sparktop.store.opening import open_tape

        entry = self._readable()
        if entry is None:
            return
        current = self.sparktop.current
        if current is not None and current.feed.id == entry.id and current.active:
            # It goes on here: there is nothing to look back at yet.
            self.sparktop.action_go(where)
            return

        def show(replay: Replay) -> None:
            if self.is_current:
                self.sparktop.past.show(replay, where)

        def read() -> Replay:
            tape = open_tape(entry)
            at_s = tape.length_s if at_end else 0.0
            return Replay(tape, self.sparktop.ports.clock, at_s=at_s, entry=entry)

        self._in_background(read, show)

    def _readable(self) -> RunEntry | None:
        entry = self._entry
        if entry is None:
            self.sparktop.say("There is no run under the cursor.")
            return None
        if not entry.readable:
            self.sparktop.say(f"This run can't be read: {entry.problem}", "error")
            return None
        return entry

    def _in_background(self, work: Callable[[], _T], then: Callable[[_T], None]) -> None:
        """Does what reads files in a thread, and shows what came of it."""

        def run() -> None:
            try:
                found = work()
            except ValueError as error:
                # BadRun, NotComparable: sentences for the person.
                self.app.call_from_thread(self.sparktop.say, str(error), "error")
            else:
                if not get_current_worker().is_cancelled:
                    self.app.call_from_thread(then, found)

        self.run_worker(run, thread=True, exclusive=True, group="open", exit_on_error=False)

    # -- comparing -------------------------------------------------------------------------------------------------

    def action_mark(self) -> None:
        """Marks the run under the cursor; of three marks the oldest goes."""
        entry = self._readable()
        if entry is None:
            return
        if entry.id in self._marked:
            self._marked.remove(entry.id)
        else:
            self._marked = [*self._marked[-1:], entry.id]
        self._show()

    def action_compare(self) -> None:
        """Compares the two marked runs, or the marked one with that under the cursor."""
        from sparktop.store.opening import load_snapshot
        from sparktop.ui.screens.comparison import ComparisonScreen

        under = self._entry
        wanted = [*self._marked]
        if len(wanted) == 1 and under is not None and under.id not in wanted:
            wanted.append(under.id)
        chosen = [entry for entry in self._entries if entry.id in wanted and entry.readable]
        if len(chosen) != 2:
            self.sparktop.say("Mark two runs to compare them (space), or one and go to the other.")
            return
        other, one = chosen  # they come newest first

        def read() -> ComparisonScreen:
            return ComparisonScreen(load_snapshot(one), load_snapshot(other))

        def show(screen: ComparisonScreen) -> None:
            if self.is_current:
                self.app.push_screen(screen)

        self._in_background(read, show)

    def action_report(self) -> None:
        """Writes the report of the marked runs, or of the one under the cursor."""
        from sparktop.ui.reports import begin_report

        entry = None if self._marked else self._readable()
        chosen = [one for one in self._entries if one.id in self._marked] or ([entry] if entry is not None else [])
        if chosen:
            begin_report(self.sparktop, lambda: chosen[::-1])

    # -- deleting --------------------------------------------------------------------------------------------------

    def action_delete(self) -> None:
        """Moves the run under the cursor to the trash, after asking."""
        entry = self._entry
        if entry is None:
            self.sparktop.say("There is no run under the cursor.")
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._delete(entry)

        text = f"{safe(entry.id)}: u brings it back."
        self.app.push_screen(Question("Move this run to the trash?", text, "Delete it", "Keep it"), answered)

    def _delete(self, entry: RunEntry) -> None:
        try:
            self._deleted.append(trash(entry, self.sparktop.ports.places.logs))
        except (CannotMove, OSError) as error:
            self.sparktop.say(f"The run could not be deleted: {error}", "error")
        else:
            self.sparktop.say(f"Deleted {entry.id}; u brings it back.")
        self.reload()

    def action_undo(self) -> None:
        """Brings back what was deleted last, since this screen was opened."""
        if not self._deleted:
            self.sparktop.say('Nothing was deleted here; "sparktop history trash" lists what was deleted before.')
            return
        places, last = self.sparktop.ports.places, self._deleted.pop()
        try:
            restore(last, places.runs, places.logs)
        except (CannotMove, OSError) as error:
            self.sparktop.say(f"The run could not be brought back: {error}", "error")
        else:
            self.sparktop.say(f"{last.id} is back.")
        self.reload()

    # -- once more -------------------------------------------------------------------------------------------------

    def action_run_again(self) -> None:
        """Runs the same once more, after asking."""
        entry = self._readable()
        if entry is None:
            return

        def ask(again: Again) -> None:
            if again.problems:
                self.sparktop.say(f"This run can't be repeated: {'; '.join(again.problems)}", "error")
                return

            def answered(yes: bool | None) -> None:
                if yes:
                    self.sparktop.begin(again.plan)

            if self.is_current:
                self.app.push_screen(Question("Run the same again?", again.sentence, "Run it", "Leave it"), answered)

        self._in_background(lambda: plan_again(entry, self.sparktop.ports), ask)
