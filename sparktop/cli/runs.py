"""The run that a word on the command line means."""

from __future__ import annotations

from sparktop.cli.console import Console, Refused
from sparktop.cli.library import places
from sparktop.model.snapshot import Snapshot
from sparktop.store.opening import BadRun, load_snapshot
from sparktop.store.runs import NoSuchRun, RunEntry, find_run


def the_run(word: str, console: Console) -> RunEntry:
    """Returns the run that is meant, in whatever state its files are.

    Raises:
        Refused: There is none, or the word could mean several.
    """
    runs = places(console).runs
    try:
        return find_run(runs, word)
    except NoSuchRun as error:
        raise Refused(str(error)) from error
    except OSError as error:
        raise Refused(f"{runs} can't be read: {error.strerror or error}") from error


def the_snapshot(word: str, console: Console) -> Snapshot:
    """Returns the document of the run that is meant.

    Raises:
        Refused: There is no such run, or its files can't be read.
    """
    return snapshot_of(the_run(word, console))


def snapshot_of(entry: RunEntry) -> Snapshot:
    """Returns the document of a run.

    Raises:
        Refused: Its files can't be read.
    """
    try:
        return load_snapshot(entry)
    except BadRun as error:
        raise Refused(str(error)) from error
