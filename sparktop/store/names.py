"""How a run's files are called: `<id>.jsonl` is its journal, `<id>.json` its snapshot."""

from __future__ import annotations

import itertools
import os
from datetime import datetime
from pathlib import Path
from typing import Final


def new_run_id(runs: Path, scenario: str, created: datetime) -> str:
    """Returns a name that no other run has, and takes it by creating an empty journal.

    Where the folder can't be written to, the name is given all the same: the journal then says
    what is wrong, and the run goes on.

    Args:
        runs: Folder of the runs; it is made if it is not there.
        scenario: Name of the scenario.
        created: When the run begins, in the time zone that the name is to show.
    """
    base = f"{created:%Y-%m-%dT%H-%M-%S}-{scenario}"
    for number in itertools.count(1):
        identity = base if number == 1 else f"{base}-{number}"
        try:
            if snapshot_path(runs, identity).exists():
                continue
            runs.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(journal_path(runs, identity), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            if not runs.is_dir():
                return identity
        except OSError:
            return identity
        else:
            os.close(fd)
            return identity
    raise AssertionError("itertools.count ended")


BROKEN: Final = ".jsonl.broken"
"""What a file that was called a journal and is none is renamed to."""

SUFFIXES: Final = (BROKEN, ".jsonl", ".json")
"""How the names of a run's files end; a longer one before its own ending."""


def run_of(name: str) -> str | None:
    """Returns the id of the run that a file belongs to, by the file's name; None if it is no run's."""
    suffix = next((suffix for suffix in SUFFIXES if name.endswith(suffix)), None)
    return name.removesuffix(suffix) if suffix and not name.startswith(".") else None


def journal_path(runs: Path, run_id: str) -> Path:
    """Returns the file of a run's journal."""
    return runs / f"{run_id}.jsonl"


def snapshot_path(runs: Path, run_id: str) -> Path:
    """Returns the file of a run's snapshot."""
    return runs / f"{run_id}.json"
