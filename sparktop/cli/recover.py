"""`sparktop recover`: snapshots for the runs that a crash broke off."""

from __future__ import annotations

import argparse

from sparktop.cli.console import Console, Exit, Refused
from sparktop.cli.library import places
from sparktop.model.text import one_line
from sparktop.store.recovery import recover


def execute(arguments: argparse.Namespace, console: Console) -> int:
    """Recovers what can be; prints one line for each run that was found.

    Raises:
        Refused: The folder of the runs can't be read.
    """
    runs = places(console).runs
    try:
        found = recover(runs)
    except OSError as error:
        raise Refused(f"{runs} can't be read: {error.strerror or error}") from error
    for run in found:
        if run.snapshot is not None:
            console.say(f"{one_line(run.id)}: {run.status}, {one_line(str(run.snapshot))}")
        if run.problem:
            console.note(f"sparktop: {one_line(run.problem)}")
    if not found:
        console.note(f"nothing to recover in {one_line(str(runs))}")
    return Exit.FAILED if any(run.snapshot is None for run in found) else Exit.OK
