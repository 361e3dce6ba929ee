"""Runs that were deleted: moved aside whole, so that they can be brought back."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sparktop.store.journal import lock
from sparktop.store.names import SUFFIXES, journal_path, run_of
from sparktop.store.runs import RunEntry, find_run, list_runs

FOLDER: Final = ".trash"
"""Folder among the runs, which puts it on the same file system: nothing is copied."""

_LOGS: Final = "logs"


class CannotMove(ValueError):
    """A run can't be deleted or brought back; the message is one sentence for the person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trashed:
    """A run in the trash.

    Attributes:
        id: Name of the run.
        folder: Where its files are.
        deleted: When it was deleted.
        entry: The run itself.
    """

    id: str
    folder: Path
    deleted: datetime
    entry: RunEntry


def trash(entry: RunEntry, logs: Path) -> Trashed:
    """Moves a run's journal, snapshot and logs into the trash.

    Args:
        entry: The run.
        logs: Folder of the engines' logs.

    Raises:
        CannotMove: It goes on, or another sparktop rates it.
        OSError: A file can't be moved; what was moved before is in the trash.
    """
    files = [path for ending in SUFFIXES if (path := entry.folder / f"{entry.id}{ending}").is_file()]
    if not files:
        raise CannotMove(f"{entry.id} is gone already")
    with _held_still(entry):
        folder = _new_folder(entry.folder / FOLDER, entry.id)
        for log in _logs(entry, logs):
            (folder / _LOGS).mkdir(mode=0o700, exist_ok=True)
            shutil.move(log, folder / _LOGS / log.name)
        # The snapshot goes last: until then the run is listed, and can be deleted again.
        for path in files:
            path.rename(folder / path.name)
    return _trashed(folder, find_run(folder, entry.id))


def list_trash(runs: Path) -> list[Trashed]:
    """Returns what is in the trash of a folder of runs, last deleted first.

    Raises:
        OSError: It can't be listed.
    """
    try:
        folders = [path for path in (runs / FOLDER).iterdir() if path.is_dir()]
    except FileNotFoundError:
        return []
    found = [_trashed(folder, entry) for folder in folders for entry in list_runs(folder)]
    return sorted(found, key=lambda one: (one.deleted, one.id), reverse=True)


def restore(trashed: Trashed, runs: Path, logs: Path) -> None:
    """Brings a run back to where it was.

    Raises:
        CannotMove: There is a run of that name again.
        OSError: A file can't be moved.
    """
    files = [path for path in trashed.folder.iterdir() if run_of(path.name) == trashed.id]
    if there := [path.name for path in files if (runs / path.name).exists()]:
        raise CannotMove(f"{runs / there[0]} is there again: move it away first")
    for path in files:
        path.rename(runs / path.name)
    kept = trashed.folder / _LOGS
    if kept.is_dir():
        logs.mkdir(parents=True, exist_ok=True)
        for log in kept.iterdir():
            shutil.move(log, logs / log.name)
    shutil.rmtree(trashed.folder)


def purge(trashed: Trashed) -> None:
    """Removes a run for good.

    Raises:
        OSError: A file can't be removed.
    """
    shutil.rmtree(trashed.folder)


@contextlib.contextmanager
def _held_still(entry: RunEntry) -> Iterator[None]:
    """Keeps others from writing to a run's journal."""
    journal = journal_path(entry.folder, entry.id)
    if not journal.is_file():
        yield
        return
    fd = os.open(journal, os.O_RDONLY | os.O_CLOEXEC)
    try:
        lock(fd)
        yield
    except BlockingIOError:
        raise CannotMove(f"{entry.id} goes on, or is being rated by another sparktop: end that first") from None
    finally:
        os.close(fd)


def _new_folder(trash: Path, identity: str) -> Path:
    trash.mkdir(mode=0o700, exist_ok=True)
    number = 1
    while True:
        folder = trash / (identity if number == 1 else f"{identity}~{number}")
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            number += 1
        else:
            return folder


def _logs(entry: RunEntry, logs: Path) -> list[Path]:
    """The logs of a run's engines; not those of a run whose name begins with this one's."""
    others = {run_of(path.name) or "" for path in entry.folder.iterdir()} - {entry.id}
    longer = [other for other in others if other.startswith(f"{entry.id}-")]
    try:
        found = [path for path in logs.iterdir() if _is_log_of(entry.id, path.name)]
    except OSError:
        return []
    return [path for path in found if not any(_is_log_of(other, path.name) for other in longer)]


def _is_log_of(identity: str, name: str) -> bool:
    """Whether a log is called as a run calls them: `<id>-<number of the contender>-<its name>.log`."""
    return re.fullmatch(re.escape(identity) + r"-\d+-.*\.log", name) is not None


def _trashed(folder: Path, entry: RunEntry) -> Trashed:
    deleted = datetime.fromtimestamp(folder.stat().st_mtime).astimezone()
    return Trashed(id=entry.id, folder=folder, deleted=deleted, entry=entry)
