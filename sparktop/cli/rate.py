"""`sparktop rate`: the answers of a run, for a person to rate."""

from __future__ import annotations

import argparse

from sparktop.cli.console import Console, Exit, Refused
from sparktop.cli.left import tell
from sparktop.cli.library import library, places
from sparktop.cli.machines import in_menu
from sparktop.cli.runs import snapshot_of, the_run
from sparktop.model.text import one_line
from sparktop.store.opening import BadRun, open_tape
from sparktop.store.recovery import recover
from sparktop.store.runs import RunEntry


def execute(arguments: argparse.Namespace, console: Console) -> int:
    """Opens the answers on the screen; without a terminal, prints what was said of them.

    Raises:
        Refused: There is no such run, it can't be read, goes on, or has no answers.
    """
    rater = " ".join(arguments.rater.split())
    if arguments.rater and not rater:
        raise Refused("--as needs a name")
    entry = _finished(arguments.run, console)
    if not console.interactive:
        from sparktop.headless.ratings import rating_lines

        console.say("\n".join(rating_lines(snapshot_of(entry))))
        return Exit.OK
    beside = [_finished(word, console) for word in arguments.beside]
    for other in beside:
        if other.scenario != entry.scenario:
            raise Refused(
                f"{one_line(other.id)} asked {one_line(other.scenario)}, and {one_line(entry.id)}"
                f" {one_line(entry.scenario)}: answers to other questions can't be held against each other"
            )
    try:
        return _open(entry, beside, rater, arguments, console)
    except BadRun as error:
        raise Refused(str(error)) from error


def _finished(word: str, console: Console) -> RunEntry:
    entry = the_run(word, console)
    if entry.running:
        raise Refused(f"{one_line(entry.id)} goes on: rate its answers on its own screen, or when it is over")
    if entry.folder != places(console).runs:
        return entry
    try:
        # A crash may have left a snapshot that lacks what is in the journal.
        recover(entry.folder)
    except OSError:
        return entry  # what is wrong with the folder is said when something is kept in it
    return the_run(word, console)


def _open(entry: RunEntry, beside: list[RunEntry], rater: str, arguments: argparse.Namespace, console: Console) -> int:
    from sparktop.ui.app import rate
    from sparktop.ui.rating import Sitting
    from sparktop.ui.run import Run
    from sparktop.ui.saved import SavedFeed

    guests = tuple(Run(SavedFeed(other)) for other in beside)
    for guest in guests:
        guest.pull()
    sitting = Sitting(rater=rater, blind=arguments.blind, voting=arguments.vote, beside=guests)
    with in_menu(console, begin=False) as (others, _):
        left = rate(library(console), places(console), open_tape(entry), entry, sitting, arguments.fps, others)
        return tell(left, console)
