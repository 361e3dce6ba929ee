"""What a look at a run's files tells of them, without reading them through."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from sparktop.model.codec import EVENT_TYPES
from sparktop.model.events import Status
from sparktop.model.rating_events import OPINIONS

OPINION_LINES: Final = tuple(f'{{"event":"{name}"'.encode() for name, cls in EVENT_TYPES.items() if cls in OPINIONS)
"""How the lines of a journal begin that hold what somebody thinks of an answer."""

_HEAD_BYTES: Final = 1024
_TAIL_BYTES: Final = 1 << 16
_STATUS: Final = re.compile(rb'^  "status": "([a-z]+)"', re.MULTILINE)


def is_finished(snapshot: Path) -> bool:
    """Whether the file is the snapshot of a run that has ended; reads no more than its head.

    Raises:
        OSError: The file is there and can't be read.
    """
    try:
        with snapshot.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except FileNotFoundError:
        return False
    status = _STATUS.search(head)
    return status is not None and status[1] != Status.RUNNING.encode()


def is_rated_since(journal: Path, snapshot: Path) -> bool:
    """Whether a journal may hold ratings that its snapshot lacks; reads no more than the journal's end.

    Raises:
        OSError: A file can't be read.
    """
    if journal.stat().st_mtime_ns < snapshot.stat().st_mtime_ns:
        return False
    with journal.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
        end = file.read()
    # Of a last line that is longer than that, only the end was read.
    return any(name in end for name in OPINION_LINES) or (len(end) == _TAIL_BYTES and b"\n" not in end[:-1])
