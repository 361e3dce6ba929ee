"""After a crash: runs that were left without a snapshot get one from their journal."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sparktop.model.events import Notice, Status
from sparktop.store.glance import is_finished, is_rated_since
from sparktop.store.journal import lock
from sparktop.store.names import BROKEN, snapshot_path


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """A run that was found without a snapshot.

    Attributes:
        id: Name of the run.
        snapshot: The snapshot that was made; None if none could be.
        status: How the run ended; None if that is not known.
        problem: One sentence on what went wrong; empty if nothing did.
    """

    id: str
    snapshot: Path | None
    status: Status | None
    problem: str = ""


def recover(runs: Path) -> list[Recovered]:
    """Makes the snapshots that a crash prevented; the next call finds nothing more to do.

    A run that is going on holds the lock of its journal and is left alone. A file that is no
    journal is renamed to `<id>.jsonl.broken`, so that it is reported once.

    Args:
        runs: Folder of the runs; it need not exist.

    Raises:
        OSError: The folder can't be listed.
    """
    try:
        journals = sorted(path for path in runs.iterdir() if path.suffix == ".jsonl")
    except FileNotFoundError:
        return []
    found = []
    for path in journals:
        try:
            result = _recover(path)
        except OSError as error:
            problem = f"cannot recover {path}: {error.strerror or error}"
            result = Recovered(id=path.stem, snapshot=None, status=None, problem=problem)
        except Exception as error:
            # A journal with contents that no version writes must not keep sparktop from starting.
            problem = f"cannot recover {path}: its events make no sense ({type(error).__name__}: {error})"
            result = Recovered(id=path.stem, snapshot=None, status=None, problem=problem)
        if result:
            found.append(result)
    return found


def _recover(path: Path) -> Recovered | None:
    snapshot = snapshot_path(path.parent, path.stem)
    # An empty journal belongs to a run that has not begun: its writer may be about to lock it.
    if path.stat().st_size == 0:
        return None
    if is_finished(snapshot):
        if is_rated_since(path, snapshot):
            _take_over_ratings(path, snapshot)
        return None
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        lock(fd)
        # Its program may have ended it between the first look and the lock.
        return None if is_finished(snapshot) else _finish(path, snapshot)
    except BlockingIOError:
        return None
    finally:
        os.close(fd)


def _take_over_ratings(path: Path, snapshot: Path) -> None:
    """Puts ratings into the snapshot that a crash kept out of it."""
    # What reads whole runs is imported when there is one to read: this looks on at every start.
    from sparktop.store.rating_book import RatingBook
    from sparktop.store.reading import BadJournal

    try:
        RatingBook(path, snapshot).close()
    except (BlockingIOError, BadJournal):
        return  # somebody rates it now, or it is no journal: the snapshot is whole in itself


def _finish(path: Path, snapshot: Path) -> Recovered:
    from sparktop.model.snapshot import take_snapshot
    from sparktop.store.reading import BadJournal, fold_journal
    from sparktop.store.snapshots import write_snapshot

    try:
        read = fold_journal(path)
    except BadJournal as error:
        broken = path.with_suffix(BROKEN)
        path.rename(broken)
        return Recovered(id=path.stem, snapshot=None, status=None, problem=f"{error}; kept as {broken.name}")
    state = read.state
    status = Status.INTERRUPTED if state.ended is None else state.status
    if read.problem:
        state.apply(Notice(t=state.now, text=read.problem))
    write_snapshot(take_snapshot(state, status), snapshot)
    return Recovered(id=path.stem, snapshot=snapshot, status=status, problem=read.problem)
