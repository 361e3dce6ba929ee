"""`sparktop replay`: a run that is over, on the screens of a run."""

from __future__ import annotations

import argparse

from sparktop.cli.console import Console, Exit, Refused
from sparktop.cli.left import tell
from sparktop.cli.library import library, places
from sparktop.cli.machines import in_menu
from sparktop.cli.runs import snapshot_of, the_run
from sparktop.store.opening import BadRun, open_tape


def execute(arguments: argparse.Namespace, console: Console) -> int:
    """Plays the run; without a terminal, prints what it came to.

    Raises:
        Refused: There is no such run, it can't be read, or it was shorter than --at.
    """
    entry = the_run(arguments.run, console)
    if not console.interactive:
        from sparktop.headless.results import results

        console.say("\n".join(results(snapshot_of(entry), entry.snapshot or entry.journal)))
        return Exit.OK
    try:
        tape = open_tape(entry)
    except BadRun as error:
        raise Refused(str(error)) from error
    if arguments.at > tape.length_s:
        raise Refused(f"--at {arguments.at:g} s is after the end of this run, which took {tape.length_s:.1f} s")
    from sparktop.ui.app import replay

    speed, at_s, fps = arguments.speed, arguments.at, arguments.fps
    with in_menu(console, begin=False) as (others, _):
        left = replay(library(console), places(console), tape, entry, speed=speed, at_s=at_s, fps=fps, others=others)
        return tell(left, console)
