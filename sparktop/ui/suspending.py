"""Giving the terminal back to the shell for a while (ctrl+z), until the person brings the program back (fg)."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from sparktop.ui.application import SparktopApp


def reason_against(app: SparktopApp) -> str:
    """Returns why the program may not be stopped now, in one sentence; empty if it may.

    The program's own threads stop with it, and so what they read of the machine and of the tokens that come.
    """
    if app.current is not None and app.current.active:
        return (
            "A run goes on, and what it measures would be spoilt if sparktop were stopped: q quits; in tmux you can "
            "leave the screen while the run goes on."
        )
    if app.machine.recording:
        return (
            "The machine is recorded, and what happens while sparktop is stopped would be missing: q ends the "
            "recording; in tmux you can leave the screen while it goes on."
        )
    if not (app.can_suspend and shell_waits()):
        return 'No shell is there that could bring sparktop back with "fg": q quits.'
    return ""


def suspend(app: SparktopApp) -> None:
    """Stops the program, with the terminal as it was before; returns when it is the person's again.

    Textual's own action starts the screen again from within a handler of SIGCONT, even where the program was
    continued in the background, and stops this process alone: a program that had started it would keep the terminal.
    """
    with standing_still(app), app.suspend():
        stop()
        while not in_foreground():
            if app.signalled or not shell_waits():
                _end(app)
            stop()


def _end(app: SparktopApp) -> NoReturn:
    """Ends the program with the screen as it is: taking it down would touch a terminal that is another's, or gone."""
    app.past.close()
    if app.current is not None:
        app.current.close()
    os._exit(128 + (app.signalled or signal.SIGHUP))


def stop() -> None:
    """Stops all processes of the program's group, as the terminal itself would have done; returns when continued."""
    ours = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    try:
        os.killpg(os.getpgrp(), signal.SIGTSTP)
    finally:
        signal.signal(signal.SIGTSTP, ours)


def in_foreground() -> bool:
    """Whether the terminal is there and the program may use it."""
    try:
        return sys.__stdin__ is not None and os.tcgetpgrp(sys.__stdin__.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False


def shell_waits() -> bool:
    """Whether there is a shell that learns of a stop and can continue the program.

    There is none behind `ssh -t HOST sparktop`, or in a terminal that was opened for the program alone. POSIX calls a
    process group without one orphaned: nobody in it has its parent in another group of the same session.
    """
    try:
        parent = _parent(os.getpgrp())
        return os.getsid(parent) == os.getsid(0) and os.getpgid(parent) != os.getpgrp()
    except (OSError, ValueError):
        return False


def _parent(pid: int) -> int:
    if pid == os.getpid():
        return os.getppid()
    # What started the program, such as a script without job control: it leads the group.
    stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    return int(stat.rpartition(")")[2].split()[1])


@contextmanager
def standing_still(app: SparktopApp) -> Iterator[None]:
    """Lets what is being played go on from where it was."""
    replay, feed = app.past.replay, app.machine.feed
    played = [replay.transport.pause] if replay is not None and not replay.transport.paused else []
    watched = [feed.pause] if feed is not None and feed.played_from and not feed.paused else []
    for pause in (*played, *watched):
        pause()
    yield
    for pause in (*played, *watched):
        pause()
