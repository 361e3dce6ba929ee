"""How the program ends in time, whatever the terminal and what goes on do."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from sparktop.model.events import Status

if TYPE_CHECKING:
    from sparktop.ui.run import Run

STOP_S: Final = 5.0
"""How long leaving waits for the run to be stopped and written."""

HANG_UP_S: Final = 1.2
"""The same when the terminal is gone, or TERM came: somebody is waiting."""

LAST_RESORT_S: Final = 1.8
"""How long the program may take to go after a signal."""

UNREAD_S: Final = 3.0
"""How long taking the screen down may take; a terminal that nobody reads would hold it for ever."""

EXIT_FAILED: Final = 1
EXIT_UNREACHABLE: Final = 3
EXIT_INTERRUPTED: Final = 130
HUNG_UP: Final = 128 + signal.SIGHUP


def exit_code(run: Run | None) -> int:
    """The exit code when a person leaves after a run; as without a screen."""
    state = run.state if run is not None else None
    if state is None:
        return 0
    if state.unreachable:
        return EXIT_UNREACHABLE
    # A run of which something was not answered has failed.
    unanswered = state.status is Status.COMPLETED and not state.all_answered
    return EXIT_FAILED if state.status is Status.FAILED or unanswered else 0


def stop(runs: Iterable[Run], within_s: float) -> None:
    """Stops what goes on, and waits until it is on disk, though no longer than so many seconds for each."""
    stopped = list(runs)
    for run in stopped:
        run.feed.cancel()
    for run in stopped:
        run.feed.wait(within_s)


def end_within(seconds: float, code: int) -> None:
    """Ends the process by force unless it has gone by itself."""
    last = threading.Timer(seconds, os._exit, [code])
    last.daemon = True
    last.start()


def silence() -> None:
    """Sends what is printed from now on nowhere.

    Python flushes its streams on its way out; with the terminal gone that fails and changes the exit code.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
