"""Whose process is it? sparktop's own workers must not count as strangers on the GPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sparktop.telemetry.reading import Files, Unreadable


def is_descendant(proc: Path, files: Files, ancestor: int) -> Callable[[int], bool | None]:
    """Returns a function that tells whether a process is `ancestor` or was started under it.

    It returns None for a process that can't be seen: in a container the driver may name processes
    by numbers that are not valid here.
    """

    def tell(pid: int) -> bool | None:
        first = True
        seen = set()
        while pid > 1 and pid not in seen:
            if pid == ancestor:
                return True
            seen.add(pid)
            try:
                pid = _parent(proc, files, pid)
            except Unreadable:
                return None if first else False
            first = False
        return False

    return tell


def command(proc: Path, files: Files, pid: int) -> str:
    """Returns the name of a process's command, of which the kernel keeps 15 bytes.

    Raises:
        Unreadable: The process can't be seen.
    """
    return "".join(files.lines(proc / str(pid) / "stat")).partition("(")[2].rpartition(")")[0]


def _parent(proc: Path, files: Files, pid: int) -> int:
    path = proc / str(pid) / "stat"
    # pid (command) state parent ...; the command may hold spaces and brackets.
    words = "".join(files.lines(path)).rpartition(")")[2].split()
    if len(words) < 2 or not words[1].isdecimal():
        raise Unreadable(f"{path} has no parent process")
    return int(words[1])
