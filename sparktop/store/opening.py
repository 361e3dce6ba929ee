"""Opening a run that was found: as the document that it came to, or as what happened in it."""

from __future__ import annotations

from dataclasses import replace

from sparktop.model.events import Notice, Status
from sparktop.model.snapshot import Snapshot, take_snapshot
from sparktop.store.glance import is_finished
from sparktop.store.reading import BadJournal, fold_journal
from sparktop.store.runs import RunEntry
from sparktop.store.snapshots import BadSnapshot, read_snapshot
from sparktop.store.tape import EventTape, JournalTape, Tape


class BadRun(ValueError):
    """The files of a run can't be read; the message is one sentence for the person."""


def load_snapshot(entry: RunEntry) -> Snapshot:
    """Returns the document of a run; for one without a finished snapshot, what its journal comes to.

    Raises:
        BadRun: There is nothing that can be read.
    """
    problem = entry.problem
    try:
        if entry.snapshot is not None and (entry.journal is None or is_finished(entry.snapshot)):
            try:
                return read_snapshot(entry.snapshot)
            except BadSnapshot as error:
                problem = str(error)
        if entry.journal is not None:
            read = fold_journal(entry.journal)
            state = read.state
            if read.problem:
                state.apply(Notice(t=state.now, text=read.problem))
            return take_snapshot(state, None if state.ended is not None else entry.status)
    except BadJournal as error:
        problem = str(error)
    except OSError as error:
        problem = f"{entry.id} can't be read: {error.strerror or error}"
    except Exception as error:
        # A file with contents that no version writes must not end the program.
        problem = f"{entry.id} makes no sense ({type(error).__name__}: {error})"
    raise BadRun(problem or f"nothing is left of {entry.id}")


def open_tape(entry: RunEntry) -> Tape:
    """Returns what happened in a run: from its journal, or where that is gone from its snapshot.

    Raises:
        BadRun: There is nothing that can be read.
    """
    problem = entry.problem
    if entry.journal is not None:
        try:
            return JournalTape(entry.journal, Status.INTERRUPTED if entry.status is None else entry.status)
        except (BadJournal, OSError) as error:
            problem = str(error)
    if entry.snapshot is not None:
        return EventTape.of_snapshot(load_snapshot(replace(entry, journal=None)), entry.snapshot)
    raise BadRun(problem or f"nothing is left of {entry.id}")
