"""Choosing a saved run whose answers are to stand beside those on screen."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import OptionList
from textual.widgets.option_list import Option
from textual.worker import get_current_worker

from sparktop.store.runs import RunEntry, list_runs
from sparktop.ui.chrome import Chrome, plain, safe
from sparktop.ui.run import Run
from sparktop.ui.saved import SavedFeed
from sparktop.ui.screens.base import Dialog


class SavedRuns(Dialog["Run | str | None"]):
    """A list of runs that asked the same; ends with the run that was opened, or the id of one to take away.

    Args:
        runs: Folder of the runs.
        scenario: Name of what has to have been asked.
        own: Id of the run on screen.
        shown: Ids of the runs that are shown beside it.
    """

    CSS_PATH = "saved_runs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "leave", show=False)]

    def __init__(self, runs: Path, scenario: str, own: str, shown: tuple[str, ...]) -> None:
        super().__init__()
        self._runs = runs
        self._scenario = scenario
        self._own = own
        self._shown = shown
        self._entries: list[RunEntry] = []
        self._word = "reading the runs"

    def compose(self) -> ComposeResult:
        """Makes the list."""
        with Vertical(classes="panel") as box:
            box.border_title = plain(f"Saved runs of {self._scenario}")
            box.border_subtitle = "enter adds or takes away, esc leaves"
            yield Chrome(lambda width, height: [((self._word, "muted"),)], id="word")
            yield OptionList(id="saved", markup=False)

    def on_mount(self) -> None:
        """Looks for the runs."""
        self.query_one(OptionList).focus()
        self.run_worker(self._list, thread=True, exit_on_error=False)

    def _list(self) -> None:
        try:
            entries = [
                entry
                for entry in list_runs(self._runs)
                if entry.scenario == self._scenario and entry.readable and not entry.running and entry.id != self._own
            ]
            word = "" if entries else "There is no other run of this scenario yet."
        except OSError as error:
            entries, word = [], f"The runs could not be listed: {error.strerror or error}"
        if not get_current_worker().is_cancelled:
            self.app.call_from_thread(self._fill, entries, word)

    def _fill(self, entries: list[RunEntry], word: str) -> None:
        self._entries = entries
        self._tell(word)
        lines = []
        for entry in entries:
            sign = "+ " if entry.id in self._shown else "  "
            when = entry.created.astimezone().strftime("%Y-%m-%d %H:%M") if entry.created else safe(entry.id)
            who = ", ".join(map(safe, entry.placed))
            status = "" if entry.status == "completed" else f", {entry.status}"
            lines.append(Option(f"{sign}{when}  {who}{status}"))
        options = self.query_one(OptionList)
        options.add_options(lines)
        options.highlighted = 0 if lines else None

    def _tell(self, word: str) -> None:
        self._word = word
        line = self.query_one("#word", Chrome)
        line.display = bool(word)
        line.repaint()

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        entry = self._entries[event.option_index]
        if entry.id in self._shown:
            self.dismiss(entry.id)
            return
        self._tell("reading the answers")
        self.run_worker(lambda: self._open(entry), thread=True, exclusive=True, exit_on_error=False)

    def _open(self, entry: RunEntry) -> None:
        try:
            run = Run(SavedFeed(entry))
            run.pull()
        except ValueError as error:
            self.app.call_from_thread(self._tell, safe(str(error)))
            return
        if not get_current_worker().is_cancelled:
            self.app.call_from_thread(self.dismiss, run)

    def action_leave(self) -> None:
        """Leaves without a choice."""
        self.dismiss(None)
