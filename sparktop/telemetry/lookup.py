"""Whose the processes are that hold memory of a GPU: looked up as they come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from sparktop.model import channels
from sparktop.model.events import ProcessSeen
from sparktop.telemetry.ancestry import command, is_descendant
from sparktop.telemetry.reading import Files, Reading, Unreadable


class Lookup:
    """Tells whose the processes are that come to hold memory of a GPU.

    Args:
        node: Name of the machine.
        proc: Its folder of processes.
        files: Where that is read.
        me: Number of this process.
    """

    def __init__(self, node: str, proc: Path, files: Files, me: int) -> None:
        self._node = node
        self._proc = proc
        self._files = files
        self._own = is_descendant(proc, files, me)
        self._here: frozenset[int] = frozenset()
        self._told: dict[int, tuple[str, bool | None]] = {}

    def look(self, t: float, reading: Reading) -> Iterator[ProcessSeen]:
        """Yields what is to be told of the processes that came with a reading.

        Args:
            t: The events' time.
            reading: The newest one.
        """
        holding = _pids(reading.values)
        # A number is given again once its process has ended: whoever comes anew is looked up anew.
        for pid in sorted((holding | _pids(reading.missing)) - self._here):
            try:
                name = command(self._proc, self._files, pid)
            except Unreadable:
                name = ""
            found = (name, self._own(pid))
            if self._told.get(pid) != found:
                self._told[pid] = found
                yield ProcessSeen(t=t, node=self._node, pid=pid, name=name, own=found[1])
        # They are not listed every time.
        if channels.lists_processes(reading.values):
            self._here = holding
            there = holding | _pids(reading.missing)
            self._told = {pid: told for pid, told in self._told.items() if pid in there}


def _pids(names: Iterable[str]) -> frozenset[int]:
    return frozenset(int(pid) for pid in channels.things(names, "process") if pid.isdecimal())
