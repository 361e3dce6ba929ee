"""An app that plays the recorded run, for tests in a process of their own."""

from __future__ import annotations

from pathlib import Path
from time import monotonic

import recorded
from fakes import Bench

from sparktop.runner.plan import Plan
from sparktop.ui.application import SparktopApp
from sparktop.ui.feed import Feed
from tests.replay_feed import ReplayFeed


class TellingFeed(ReplayFeed):
    """A replay that leaves a file behind when it is cancelled."""

    def __init__(self, home: Path) -> None:
        super().__init__("replay", recorded.record(), monotonic, skip_s=8.0)
        self._home = home

    def cancel(self) -> None:
        """Cancels, and tells so."""
        super().cancel()
        (self._home / "cancelled").touch()


def broken(app: SparktopApp) -> None:
    """A defect."""
    raise RuntimeError("broken on purpose")


def replayed_app(home: Path, runs: bool) -> SparktopApp:
    """Makes the app; `runs` starts the run at once."""
    import os

    def open_feed(plan: Plan) -> Feed:
        return TellingFeed(home)

    bench = Bench(home, open=open_feed, clock=monotonic)
    if "BREAK" in os.environ:
        SparktopApp.action_help = broken  # type: ignore[assignment, method-assign]
    return bench.app(bench.default_plan() if runs else None, environ=dict(os.environ))
