"""The Textual application: one run at a time, its screens, and how the program is left."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from textual.worker import Worker, WorkerState, get_current_worker

from sparktop.model.records import Options
from sparktop.ui import ending, suspending
from sparktop.ui.ending import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    HANG_UP_S,
    HUNG_UP,
    LAST_RESORT_S,
    STOP_S,
    UNREAD_S,
)
from sparktop.ui.feed import MachineFeed
from sparktop.ui.painted import FORGET_S, forget_painted
from sparktop.ui.past import PastRuns
from sparktop.ui.ports import Ports
from sparktop.ui.screens.base import RunScreen
from sparktop.ui.screens.question import Question
from sparktop.ui.shell import Shell
from sparktop.ui.watched import WatchedMachine

if TYPE_CHECKING:
    # The menu waits for a person, and holds nothing of runs until there is one.
    from sparktop.runner.plan import Plan
    from sparktop.ui.rating import Sitting
    from sparktop.ui.replay import Replay
    from sparktop.ui.run import Run

POLL_S: Final = 0.2
"""How often events are drained; tokens are not waited for one by one."""

SOON_S: Final = 0.01
"""How soon more is taken in of a replay that has a long way to go."""


class SparktopApp(Shell):
    """sparktop on a terminal.

    Args:
        ports: The ways out to the rest of the program.
        options: What the menu's options say at first.
        plan: A run to start without asking.
        machine: A machine to watch; then there is neither a menu nor a run.
        replay: A run that is over, to show at once.
        seconds: For how long it is watched; None until the person leaves.
        fps: Most paints a second.
        rating: How answers are rated, if that is what the person came for.
        environ: Where TERM, LANG, NO_COLOR and USER are read.
        problem: A sentence to begin with, on what is wrong; empty if nothing is.

    Attributes:
        signalled: The signal that came to end the program; 0 while none did.
    """

    def __init__(
        self,
        ports: Ports,
        *,
        options: Options | None = None,
        plan: Plan | None = None,
        machine: MachineFeed | None = None,
        replay: Replay | None = None,
        seconds: float | None = None,
        fps: int = 10,
        rating: Sitting | None = None,
        environ: Mapping[str, str] = os.environ,
        problem: str = "",
    ) -> None:
        super().__init__(ports, environ)
        self._problem = problem
        self.rating = rating
        self.rater = (rating and rating.rater) or environ.get("USER") or environ.get("LOGNAME") or "somebody"
        self.options = options or Options()
        self.current: Run | None = None
        self.machine = WatchedMachine(self)
        self.past = PastRuns(self)
        self._plan = plan
        self._feed = machine
        self._replay = replay
        self._seconds = seconds
        self._poll_s = max(POLL_S, 1 / max(1, fps))
        self._run_screens: tuple[RunScreen, ...] = ()
        self._leaving = False
        self.signalled = 0

    async def on_mount(self) -> None:
        """Shows the menu, and starts the run that was asked for; or shows the machine alone."""
        if self._feed is None:
            from sparktop.ui.screens.menu import MenuScreen

            await self.push_screen(MenuScreen(self.ports, self.options))
        else:
            self.machine.show(self._feed, alone=True)
            if self._seconds is not None:
                self.set_timer(self._seconds, lambda: self.leave(0))
        for problem in (*self.theme_problems, *((self._problem,) if self._problem else ())):
            self.say(problem, "warning")
        if self._plan is not None:
            self.begin(self._plan)
        if self._replay is not None:
            self.past.show(self._replay, "dashboard" if self.rating is None else "answers")
        self.set_interval(self._poll_s, self.poll)
        self.set_interval(FORGET_S, forget_painted)
        if self._feed is None:
            self.run_worker(self._recover, thread=True, exit_on_error=False)

    def _recover(self) -> None:
        sentences = self.ports.recover()
        if get_current_worker().is_cancelled:
            return
        for sentence in sentences:
            self.call_from_thread(self.say, sentence)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Tells of a thread that failed, which would otherwise go unseen."""
        if event.state is WorkerState.ERROR:
            self.say(f"Something failed in the background: {event.worker.error}", "error")

    # -- the run ---------------------------------------------------------------------------------------------------

    def begin(self, plan: Plan) -> None:
        """Starts a run and shows its dashboard."""
        from sparktop.ui.run import Run
        from sparktop.ui.screens.answers import AnswersScreen
        from sparktop.ui.screens.dashboard import DashboardScreen
        from sparktop.ui.screens.results import ResultsScreen

        if self.current and self.current.active:
            self.say("A run goes on; cancel it first (c on its dashboard).", "warning")
            return
        try:
            feed = self.ports.open(plan)
            feed.start()
        except (OSError, ValueError) as error:
            self.say(f"The run could not be started: {error}", "error")
            return
        self._let_go()
        for old in self._run_screens:
            self.uninstall_screen(old)
            old.remove()
        self.current = run = Run(feed)
        self._run_screens = (DashboardScreen(run), AnswersScreen(run), ResultsScreen(run))
        for name, screen in zip(("dashboard", "answers", "results"), self._run_screens, strict=True):
            self.install_screen(screen, name)
        self.action_go("dashboard")

    def _let_go(self) -> None:
        """Lets the files of a run go whose answers were rated after it."""
        if self.current is not None and (problem := self.current.close()):
            self.say(problem, "warning")

    def poll(self) -> None:
        """Takes in what the run and the machine did and shows it, unless the view is frozen."""
        # All are taken in, whatever comes of the first.
        moved = [self._take_in(run) for run in (self.current, self.machine.run, self.past.replay) if run is not None]
        if self.past.replay is not None and self.past.replay.behind:
            self.set_timer(SOON_S, self.poll)
        if not any(moved):
            return
        with self.batch_update():
            for screen in reversed(self.screen_stack):
                if isinstance(screen, RunScreen):
                    screen.show()
                if not screen.is_modal:
                    break

    def _take_in(self, run: Run) -> bool:
        ended_before = run.outcome is not None
        replay = self.past.replay
        goes_on = not replay.at_rest if replay is not None and run is replay else run.active or run.frozen
        if not (run.pull() or goes_on):
            return False
        for sentence, severity in run.news():
            self.say(sentence, severity)
        if run.outcome is not None and not ended_before:
            for problem in run.outcome.problems:
                self.say(problem, "error")
        return True

    def action_go(self, name: str) -> None:
        """Shows the menu, or a screen of the run."""
        if isinstance(self.screen, RunScreen) and not self.screen.may_leave_for(name):
            return
        if name == "menu":
            from sparktop.ui.screens.menu import MenuScreen

            self.past.leave()
            while not isinstance(self.screen, MenuScreen) and len(self.screen_stack) > 1:
                self.pop_screen()
        elif self.past.on_top:
            self.past.go(name)
        elif self.current is None:
            self.say("No run yet: enter starts one.")
        elif isinstance(self.screen, RunScreen):
            self.switch_screen(name)
        else:
            self.push_screen(name)

    def go_back(self) -> None:
        """Leaves the answers or the results, for where the person came from."""
        if self.past.entered:
            self.past.leave()
        else:
            self.action_go("dashboard")

    def action_history(self) -> None:
        """Shows the runs so far."""
        self.past.history()

    @property
    def shown(self) -> Run | None:
        """The run that the person looks at, or would go back to."""
        return self.past.replay if self.past.on_top else self.current

    def action_freeze(self) -> None:
        """Stops the view or the replay, or lets it go on."""
        if self.shown:
            self.shown.freeze()
            self.poll()
            for screen in self.screen_stack:
                if isinstance(screen, RunScreen):
                    screen.show()

    def action_snapshot(self) -> None:
        """Writes the run so far, in a thread."""
        if run := self.shown:
            self.write_snapshot(run.feed.snapshot_now, "No snapshot was written")

    def action_report(self) -> None:
        """Writes the report of the run that is looked at, so far or at its end, in a thread."""
        from sparktop.store.runs import find_run
        from sparktop.ui.reports import begin_report

        run, replay = self.shown, self.past.replay
        if run is not None:
            word = str(replay.tape.path) if replay is not None and run is replay else run.feed.id
            begin_report(self, lambda: [find_run(self.ports.places.runs, word)])

    def action_cancel_run(self) -> None:
        """Stops the run after asking."""
        run = self.shown
        if run is None or run is self.past.replay or not run.active:
            self.say("No run goes on.")
            return

        def answered(yes: bool | None) -> None:
            if yes and run.active:
                run.cancelling = True
                run.feed.cancel()

        self.push_screen(Question("Stop the run?", "What was measured so far is kept.", "Stop it", "Go on"), answered)

    def action_monitor(self) -> None:
        """Shows what the machine is doing, above the menu."""
        if self.machine.run is None:
            self.machine.show(self.ports.watch(), alone=False)

    # -- leaving ---------------------------------------------------------------------------------------------------

    def action_leave(self) -> None:
        """Leaves; asks first while a run goes on."""
        if isinstance(self.screen, Question):
            # ctrl+c twice means it.
            self.screen.dismiss(True)
            return
        if self.current and self.current.active:
            question = Question(
                "Quit while the run goes on?", "It is stopped; what was measured so far is kept.", "Quit", "Go on"
            )
            self.push_screen(question, lambda yes: self.leave(EXIT_INTERRUPTED) if yes else None)
            return
        self.leave(ending.exit_code(self.current))

    def action_suspend_process(self) -> None:
        """Gives the terminal back to the shell for a while, unless something is measured."""
        if reason := suspending.reason_against(self):
            self.say(reason, "warning")
        else:
            suspending.suspend(self)

    def leave(self, code: int, within_s: float = STOP_S) -> None:
        """Stops the run, waits until it is written, and ends the program."""
        if self._leaving:
            return
        self._leaving = True
        self.past.close()
        self._let_go()
        if self._watch_signals:
            ending.end_within(within_s + UNREAD_S, code)
        going_on = [run for run in self._going_on() if run.outcome is None]
        if not going_on:
            self.exit(code)
            return
        for run in going_on:
            run.cancelling = True

        def stop() -> None:
            ending.stop(going_on, within_s)
            self.call_from_thread(self.exit, code)

        # Not a worker: the wait must go on while the screens are being taken down.
        threading.Thread(target=stop, name="leave", daemon=True).start()

    def _going_on(self) -> list[Run]:
        """The run and what is read of the machine: what would go on without its screens."""
        return [run for run in (self.current, self.machine.run) if run is not None]

    def run_until_left(self) -> int:
        """Runs on the terminal and returns the exit code."""
        self._watch_signals = True
        result = self.run()
        # Textual would go on to answer these with a screen that is no more.
        for number in (signal.SIGTSTP, signal.SIGCONT):
            signal.signal(number, signal.SIG_DFL)
        if self._exception is not None:
            self._drop_runs()
            raise self._exception
        if result == HUNG_UP:
            ending.silence()
        return EXIT_FAILED if result is None else result

    _watch_signals = False

    def _fatal_error(self) -> None:
        # Whoever called the program tells of a defect of ours, in one line; Textual would print a traceback.
        self._close_messages_no_wait()

    def _drop_runs(self) -> None:
        """Keeps what was measured, since the screens are gone."""
        ending.stop(self._going_on(), HANG_UP_S)

    def _on_signal(self, number: int, frame: object) -> None:
        self.signalled = number
        # With the terminal gone or not read, Textual waits for ever, here or when it takes the screen down.
        ending.end_within(LAST_RESORT_S, 128 + number)
        threading.Thread(target=self._drop_runs, name="signal", daemon=True).start()
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self.leave, 128 + number, HANG_UP_S)

    def on_load(self) -> None:
        """Hears signals from the beginning."""
        if self._watch_signals:
            # The loop's own handlers would wait with it, for a terminal that is not read.
            for number in (signal.SIGHUP, signal.SIGTERM):
                signal.signal(number, self._on_signal)
