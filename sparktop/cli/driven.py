"""What remains to be done when a session was driven to its end."""

from __future__ import annotations

import os

from sparktop.cli.console import Console, Exit
from sparktop.headless.drive import Drive


def let_go(done: Drive, console: Console) -> None:
    """Drops the streams of a terminal that has hung up; ends the process where the session goes on nevertheless."""
    if not done.hung_up:
        return
    console.hang_up()
    if done.outcome is None:
        # The session's threads are still at it; what they have written so far is in its files, and
        # nothing that Python does on its way out may keep this process any longer.
        os._exit(Exit.HUNG_UP)


def signalled(done: Drive) -> Exit | None:
    """Returns what the program exits with after a signal; None if there was none."""
    return None if done.signal is None else Exit(128 + done.signal)
