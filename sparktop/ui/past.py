"""The runs that are over: their list, and the one of them that is on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparktop.ui.screens.base import RunScreen

if TYPE_CHECKING:
    from sparktop.ui.application import SparktopApp
    from sparktop.ui.replay import Replay


class PastRuns:
    """What the app shows of runs that are over, beside one that may go on.

    Args:
        app: The app.

    Attributes:
        replay: The run on the screen; None if there is none.
    """

    def __init__(self, app: SparktopApp) -> None:
        self._app = app
        self._screens: tuple[RunScreen, ...] = ()
        self._first = ""
        self.replay: Replay | None = None

    def show(self, replay: Replay, where: str) -> None:
        """Shows a run.

        Args:
            replay: The run.
            where: Its screen that is shown first: "dashboard", "answers" or "results".
        """
        from sparktop.ui.screens.replay import ReplayAnswers, ReplayDashboard, ReplayResults

        self.leave()
        self._first = where
        self.replay = replay
        self._screens = (ReplayDashboard(replay), ReplayAnswers(replay), ReplayResults(replay))
        for name, screen in zip(("dashboard", "answers", "results"), self._screens, strict=True):
            self._app.install_screen(screen, _installed(name))
        replay.feed.start()
        self._app.push_screen(_installed(where))
        self._app.poll()

    @property
    def on_top(self) -> bool:
        """Whether its screens are what the person looks at."""
        top = next((screen for screen in reversed(self._app.screen_stack) if not screen.is_modal), None)
        return top in self._screens

    @property
    def entered(self) -> bool:
        """Whether the person looks at the screen of it that was shown first: back leads out."""
        return self.on_top and self._app.screen is self._app.get_screen(_installed(self._first))

    def go(self, name: str) -> None:
        """Shows another screen of the run that is on top."""
        self._app.switch_screen(_installed(name))

    def leave(self) -> None:
        """Takes the run off the screen."""
        if self.replay is None:
            return
        while self._app.screen in self._screens:
            self._app.pop_screen()
        for screen in self._screens:
            self._app.uninstall_screen(screen)
            screen.remove()
        replay, self.replay, self._screens = self.replay, None, ()
        if problem := replay.close():
            self._app.say(problem, "error")

    def close(self) -> None:
        """Lets the files of the run go, as the program ends."""
        if self.replay is not None:
            self.replay.close()

    def history(self) -> None:
        """Shows the list of runs, above the menu."""
        from sparktop.ui.screens.history import HistoryScreen
        from sparktop.ui.screens.menu import MenuScreen

        self.leave()
        while not isinstance(self._app.screen, MenuScreen | HistoryScreen) and len(self._app.screen_stack) > 1:
            self._app.pop_screen()
        if not isinstance(self._app.screen, HistoryScreen):
            self._app.push_screen(HistoryScreen())


def _installed(name: str) -> str:
    return f"replay-{name}"
