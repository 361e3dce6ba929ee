"""The Textual application: one run at a time, its screens, and what can be done from every one of them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.screen import Screen
from textual.theme import Theme
from textual.worker import Worker, WorkerState, get_current_worker

from sparktop.model.events import Status
from sparktop.model.records import Options
from sparktop.resources import themes_dir
from sparktop.runner.plan import Plan
from sparktop.ui import ending, glyphs, theme
from sparktop.ui.actions import Scope, bindings, of
from sparktop.ui.chrome import safe
from sparktop.ui.ending import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_UNREACHABLE,
    HANG_UP_S,
    HUNG_UP,
    LAST_RESORT_S,
    STOP_S,
    UNREAD_S,
)
from sparktop.ui.feed import MachineFeed
from sparktop.ui.past import PastRuns
from sparktop.ui.ports import Ports
from sparktop.ui.rating import Sitting
from sparktop.ui.replay import Replay
from sparktop.ui.run import Run
from sparktop.ui.screens.base import RunScreen, ScopedScreen
from sparktop.ui.screens.menu import MenuScreen
from sparktop.ui.screens.question import Question
from sparktop.ui.widgets.line_widget import ASCII_CLASS

if TYPE_CHECKING:
    from sparktop.model.readout import Readout

POLL_S: Final = 0.2
"""How often events are drained; tokens are not waited for one by one."""

SOON_S: Final = 0.01
"""How soon more is taken in of a replay that has a long way to go."""


class SparktopApp(App[int]):
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
    """

    TITLE = "sparktop"
    CSS_PATH = "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.EVERYWHERE)
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"

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
    ) -> None:
        colourless = "NO_COLOR" in environ
        super().__init__(ansi_color=True if colourless else None)
        self.ports = ports
        self.glyphs = glyphs.choose(environ)
        self.chinese = glyphs.locale(environ).startswith("zh")
        self.rating = rating
        self.rater = (rating and rating.rater) or environ.get("USER") or environ.get("LOGNAME") or "somebody"
        self.options = options or Options()
        self.current: Run | None = None
        self.watched: Run | None = None
        self.past = PastRuns(self)
        self._plan = plan
        self._machine = machine
        self._replay = replay
        self._seconds = seconds
        self._poll_s = max(POLL_S, 1 / max(1, fps))
        self._run_screens: tuple[RunScreen, ...] = ()
        self._leaving = False
        folders = (themes_dir(), ports.places.config / "themes")
        self.our_themes, self._theme_problems = theme.read_themes(folders)
        for one in self.our_themes:
            self.register_theme(one)
        names = {one.name for one in self.our_themes}
        wanted = theme.COLOURLESS if colourless or glyphs.poor(environ) else theme.DEFAULT
        if wanted in names:
            self.theme = wanted
        self.set_class(self.glyphs.ascii, ASCII_CLASS)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Gives every CSS variable of our own to themes that do not set it."""
        return theme.defaults()

    async def on_mount(self) -> None:
        """Shows the menu, and starts the run that was asked for; or shows the machine alone."""
        if self._machine is None:
            await self.push_screen(MenuScreen(self.ports, self.options))
        else:
            self._watch(self._machine)
            if self._seconds is not None:
                self.set_timer(self._seconds, lambda: self.leave(0))
        for problem in self._theme_problems:
            self.say(problem, "warning")
        if self._plan is not None:
            self.begin(self._plan)
        if self._replay is not None:
            self.past.show(self._replay, "dashboard" if self.rating is None else "answers")
        self.set_interval(self._poll_s, self.poll)
        if self._machine is None:
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
        moved = [self._take_in(run) for run in (self.current, self.watched, self.past.replay) if run is not None]
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
        goes_on = not run.at_rest if isinstance(run, Replay) else run.active or run.frozen
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
        if name == "menu":
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

            def write() -> None:
                try:
                    path = run.feed.snapshot_now()
                except OSError as error:
                    self.call_from_thread(self.say, f"No snapshot was written: {error}", "error")
                else:
                    self.call_from_thread(self.say, f"Snapshot: {path}")

            self.run_worker(write, thread=True, exclusive=True, group="snapshot", exit_on_error=False)

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

    # -- the machine alone -----------------------------------------------------------------------------------------

    def action_monitor(self) -> None:
        """Shows what the machine is doing, above the menu."""
        if self.watched is None:
            self._watch(self.ports.watch())

    def _watch(self, feed: MachineFeed) -> None:
        from sparktop.ui.screens.monitor import MonitorScreen

        self.watched = Run(feed)
        self.push_screen(MonitorScreen(self.watched, feed, alone=feed is self._machine))

    def unwatch(self) -> None:
        """Stops reading the machine, as nobody looks any more."""
        if self.watched is not None:
            feed, self.watched = self.watched.feed, None
            # A source that hangs would hold the screen.
            threading.Thread(target=feed.cancel, name="unwatch", daemon=True).start()

    def keep(self, readout: Readout) -> None:
        """Writes what is known of a machine, in a thread."""
        path = self.beside_runs("readings", f"{datetime.now():%Y%m%d-%H%M%S}.json")

        def write() -> None:
            from sparktop.store.snapshots import write_snapshot

            try:
                write_snapshot(readout, path)
            except OSError as error:
                self.call_from_thread(self.say, f"The readings could not be written: {error}", "error")
            else:
                self.call_from_thread(self.say, f"Snapshot: {path}")

        self.run_worker(write, thread=True, exclusive=True, group="snapshot", exit_on_error=False)

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
        state = self.current.state if self.current is not None else None
        # As without a screen: a run of which something was not answered has failed.
        failed = state is not None and (
            state.status is Status.FAILED or (state.status is Status.COMPLETED and not state.all_answered)
        )
        unreachable = state is not None and state.unreachable
        self.leave(EXIT_UNREACHABLE if unreachable else EXIT_FAILED if failed else 0)

    def leave(self, code: int, within_s: float = STOP_S) -> None:
        """Stops the run, waits until it is written, and ends the program."""
        if self._leaving:
            return
        self._leaving = True
        self.past.close()
        self._let_go()
        if self._watch_signals:
            ending.end_within(within_s + UNREAD_S, code)
        going_on = [run for run in (self.current, self.watched) if run is not None and run.outcome is None]
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

    def run_until_left(self) -> int:
        """Runs on the terminal and returns the exit code."""
        self._watch_signals = True
        result = self.run()
        if self._exception is not None:
            self._drop_run()
            raise self._exception
        if result == HUNG_UP:
            ending.silence()
        return EXIT_FAILED if result is None else result

    _watch_signals = False

    def _fatal_error(self) -> None:
        # Whoever called the program tells of a defect of ours, in one line; Textual would print a traceback.
        self._close_messages_no_wait()

    def _drop_run(self) -> None:
        """Keeps what was measured, since the screens are gone."""
        ending.stop([run for run in (self.current, self.watched) if run is not None], HANG_UP_S)

    def _on_signal(self, number: int, frame: object) -> None:
        # With the terminal gone or not read, Textual waits for ever, here or when it takes the screen down.
        ending.end_within(LAST_RESORT_S, 128 + number)
        threading.Thread(target=self._drop_run, name="signal", daemon=True).start()
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self.leave, 128 + number, HANG_UP_S)

    def on_load(self) -> None:
        """Hears signals from the beginning."""
        if self._watch_signals:
            # The loop's own handlers would wait with it, for a terminal that is not read.
            for number in (signal.SIGHUP, signal.SIGTERM):
                signal.signal(number, self._on_signal)

    # -- everywhere ------------------------------------------------------------------------------------------------

    def say(self, sentence: str, severity: str = "information") -> None:
        """Shows a sentence for a while; it may come from anywhere and is never markup."""
        level = {"warning": "warning", "error": "error"}.get(severity, "information")
        timeout = 12 if level == "error" else 7
        self.notify(safe(sentence), severity=level, timeout=timeout, markup=False)  # type: ignore[arg-type]

    def action_help(self) -> None:
        """Shows every key."""
        from sparktop.ui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            scopes = self.screen.scopes if isinstance(self.screen, ScopedScreen) else ()
            self.push_screen(HelpScreen(scopes))

    def action_next_theme(self) -> None:
        """Changes to the next theme."""
        names = [one.name for one in self.our_themes]
        if names:
            at = names.index(self.theme) if self.theme in names else -1
            self.theme = names[(at + 1) % len(names)]
            self.say(f"Theme: {self.theme}")

    def action_keep_screenshot(self) -> None:
        """Writes the screen to an SVG file."""
        path = self.beside_runs("screenshots", f"sparktop-{datetime.now():%Y%m%d-%H%M%S}.svg")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.picture(), encoding="utf-8")
        except OSError as error:
            self.say(f"The screenshot could not be written: {error}", "error")
        else:
            self.say(f"Screenshot: {path}")

    def picture(self) -> str:
        """The screen as SVG."""
        from sparktop.ui.svg import position_words

        return position_words(self.export_screenshot(title="sparktop"))

    def beside_runs(self, folder: str, name: str) -> Path:
        """Where a file that is no run is written."""
        return self.ports.places.runs.parent / folder / name

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Fills the palette from the table of actions, and with the themes."""
        scopes = screen.scopes if isinstance(screen, ScopedScreen) else (Scope.EVERYWHERE,)
        for action in of(scopes):
            if action.id not in ("palette", "interrupt"):
                # The palette covers the screen: the action has to run where it was asked for.
                yield SystemCommand(action.label, action.tooltip, lambda a=action: self._run_on(screen, a.handler))
        for one in self.our_themes:
            yield SystemCommand(f"Theme: {one.name}", "Change to this theme", lambda t=one: self._take_theme(t))

    def _run_on(self, screen: Screen[object], handler: str) -> None:
        self.call_later(screen.run_action, handler)

    def _take_theme(self, chosen: Theme) -> None:
        self.theme = chosen.name
