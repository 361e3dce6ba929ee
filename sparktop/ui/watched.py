"""The machine that is watched without a run."""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sparktop.ui.feed import MachineFeed

if TYPE_CHECKING:
    from sparktop.model.readout import Readout
    from sparktop.ui.application import SparktopApp
    from sparktop.ui.run import Run


class WatchedMachine:
    """What the app shows of a machine, beside a run that may go on.

    Args:
        app: The app.

    Attributes:
        run: What was read so far; None while nobody looks.
        feed: Where that comes from.
    """

    def __init__(self, app: SparktopApp) -> None:
        self._app = app
        self.run: Run | None = None
        self.feed: MachineFeed | None = None

    @property
    def recording(self) -> bool:
        """Whether what is read is kept as well."""
        return self.feed is not None and self.feed.recorded_to is not None

    def show(self, feed: MachineFeed, *, alone: bool) -> None:
        """Shows a machine.

        Args:
            feed: What is read of it.
            alone: Whether there is no menu to go back to.
        """
        from sparktop.ui.run import Run
        from sparktop.ui.screens.monitor import MonitorScreen

        self.run, self.feed = Run(feed), feed
        self._app.push_screen(MonitorScreen(self.run, feed, alone=alone))

    def stop(self) -> None:
        """Stops reading the machine, as nobody looks any more."""
        if self.feed is not None:
            feed, self.run, self.feed = self.feed, None, None
            # A source that hangs would hold the screen.
            threading.Thread(target=feed.cancel, name="unwatch", daemon=True).start()

    def keep(self, readout: Readout) -> None:
        """Writes what is known of a machine, in a thread."""
        path = self._app.beside_runs("readings", f"{datetime.now():%Y%m%d-%H%M%S}.json")

        def write() -> Path:
            from sparktop.store.snapshots import write_snapshot

            write_snapshot(readout, path)
            return path

        self._app.write_snapshot(write, "The readings could not be written")
