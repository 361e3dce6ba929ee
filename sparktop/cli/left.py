"""What is said once the screen is gone: where its run was kept, and how to see it again."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from sparktop.cli.console import Console
from sparktop.model.text import one_line

if TYPE_CHECKING:
    from sparktop.ui.app import Left


def tell(left: Left, console: Console) -> int:
    """Tells of the last run that was begun on the screen; returns the exit code."""
    if (outcome := left.outcome) is None:
        return left.code
    for problem in outcome.problems:
        # The screen said it, for some seconds.
        console.note(f"sparktop: {one_line(problem)}")
    path = outcome.snapshot
    if path is not None and path.exists():  # it may have been deleted in the list of runs
        shown = shlex.quote(one_line(str(path)))
        console.note(f"kept in {shown}; to see it again: sparktop report {_word(path)}")
    return left.code


def _word(path: Path) -> str:
    """What names the run: the shortest that is true now, since its id is in the line anyhow."""
    # The menu holds nothing of runs that are over.
    from sparktop.store.runs import LAST

    # An id begins with the time; of another sparktop there may be a later one.
    newer = any(other.stem > path.stem for other in path.parent.glob("*.jsonl"))
    return shlex.quote(one_line(path.stem)) if newer else LAST
