"""The screens of a run, for one that is played again."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from sparktop.model.moment import read_moment
from sparktop.ui.actions import Scope, bindings
from sparktop.ui.chrome import Chrome
from sparktop.ui.format import clock
from sparktop.ui.replay import Replay
from sparktop.ui.screens.answers import AnswersScreen
from sparktop.ui.screens.base import Dialog, RunScreen
from sparktop.ui.screens.dashboard import DashboardScreen
from sparktop.ui.screens.results import ResultsScreen
from sparktop.ui.widgets.chart import TimeChart
from sparktop.ui.widgets.labels import cut


class Replaying(RunScreen):
    """What a replay adds to a screen of a run: going about in it.

    It comes second among the bases: style sheets go by the first.
    """

    if TYPE_CHECKING:
        # The screens of a replay are made with one.
        shown: Replay

    def _moved(self) -> None:
        self.sparktop.poll()
        self.show()

    def action_step(self, seconds: float) -> None:
        """Goes back or on."""
        self.shown.step(seconds)
        self._moved()

    def action_place(self, step: int) -> None:
        """Goes to where something began."""
        if step > 0:
            self.shown.next_place()
        else:
            self.shown.previous_place()
        self._moved()

    def action_edge(self, edge: int) -> None:
        """Goes to the beginning or the end."""
        self.shown.seek(0.0 if edge < 0 else self.shown.tape.length_s)
        self._moved()

    def action_go_to(self) -> None:
        """Asks for a time and goes there."""

        def answered(seconds: float | None) -> None:
            if seconds is not None:
                self.shown.seek(seconds)
                self._moved()

        self.app.push_screen(AskTime(self.shown.tape.length_s), answered)


class ReplayDashboard(DashboardScreen, Replaying):
    """The dashboard of a replay."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.REPLAY, Scope.TAPE)
    scopes = (Scope.REPLAY, Scope.TAPE, *DashboardScreen.scopes)  # type: ignore[assignment]  # a tuple of another length

    def __init__(self, run: Replay) -> None:
        super().__init__(run)
        self._jumps = 0

    def draw(self) -> None:
        """Draws the run as it is at this place."""
        if self.shown.at_rest:
            # Nothing follows that would draw later what is put off now.
            self._drawn_at = -1.0
        super().draw()

    def draw_panels(self) -> None:
        """Draws the panels; curves begin anew where the run does not go on from what they show."""
        if self.shown.behind:
            return
        if self._jumps != self.shown.jumps:
            self._jumps = self.shown.jumps
            self._curves.by_name.clear()
            for chart in self.query(TimeChart):
                chart.clear()
        super().draw_panels()

    def action_back(self) -> None:
        """Shows all panels again; from there, leaves the replay."""
        if not self.show_all():
            self.sparktop.past.leave()


class ReplayAnswers(AnswersScreen, Replaying):
    """The answers of a replay."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.REPLAY)
    scopes = (Scope.REPLAY, *AnswersScreen.scopes)  # type: ignore[assignment]  # a tuple of another length


class ReplayResults(ResultsScreen, Replaying):
    """The results of a replay, as far as it has come."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.REPLAY)
    scopes = (Scope.REPLAY, *ResultsScreen.scopes)  # type: ignore[assignment]  # a tuple of another length


class AskTime(Dialog[float | None]):
    """Asks for a time of the run.

    Args:
        length_s: How long the run was.
    """

    CSS_PATH = "question.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", show=False)]

    def __init__(self, length_s: float) -> None:
        super().__init__()
        self._length = clock(length_s)
        self._problem = ""

    def compose(self) -> ComposeResult:
        """Makes the box."""
        with Vertical(classes="panel ask") as box:
            box.border_title = "Go to which time?"
            yield Input(id="time", placeholder=f"90 or 1:30; the run took {self._length}", compact=True)
            yield Chrome(lambda width, height: [((cut(self._problem, width), "warn"),)], id="problem")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Goes there, or says why not."""
        event.stop()
        if not event.value.strip():
            self.dismiss(None)
            return
        seconds = read_moment(event.value)
        if seconds is None:
            self._problem = "That is no time: type seconds, or 1:30, or 1:02:45."
            self.query_one("#problem", Chrome).repaint()
        else:
            self.dismiss(seconds)

    def action_give_up(self) -> None:
        """Stays where it is."""
        self.dismiss(None)
