"""The runs so far: opening them, playing them again, comparing two, deleting them, running them once more."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from textual import on
from textual.worker import get_current_worker

from sparktop.store.runs import RunEntry
from sparktop.store.trash import CannotMove, Trashed, restore, trash
from sparktop.ui.again import Again, plan_again
from sparktop.ui.chrome import safe
from sparktop.ui.replay import Replay
from sparktop.ui.screens.question import Question
from sparktop.ui.screens.run_list import RunList
from sparktop.ui.widgets.table import GridTable

_T = TypeVar("_T")


class HistoryScreen(RunList):
    """The runs so far, and what can be done with them."""

    def __init__(self) -> None:
        super().__init__()
        self._deleted: list[Trashed] = []

    @on(GridTable.Selected)
    def _selected(self) -> None:
        self.action_open("results")

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
        entry = self.entry
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
        if entry.id in self.marked:
            self.marked.remove(entry.id)
        else:
            self.marked = [*self.marked[-1:], entry.id]
        self.show_rows()

    def action_compare(self) -> None:
        """Compares the two marked runs, or the marked one with that under the cursor."""
        from sparktop.store.opening import load_snapshot
        from sparktop.ui.screens.comparison import ComparisonScreen

        under = self.entry
        wanted = [*self.marked]
        if len(wanted) == 1 and under is not None and under.id not in wanted:
            wanted.append(under.id)
        chosen = [entry for entry in self.entries if entry.id in wanted and entry.readable]
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

        entry = None if self.marked else self._readable()
        chosen = [one for one in self.entries if one.id in self.marked] or ([entry] if entry is not None else [])
        if chosen:
            begin_report(self.sparktop, lambda: chosen[::-1])

    # -- deleting --------------------------------------------------------------------------------------------------

    def action_delete(self) -> None:
        """Moves the run under the cursor to the trash, after asking."""
        entry = self.entry
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
