"""Threads that share the rows of one batch.

A pool of `concurrent.futures` makes a future with a condition for every part of the work, all of it
under Python's lock: for eight rows of 152,000 logits that took longer than choosing among them.
Here a part costs its thread one wake-up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

Part = Callable[[int, int], None]
"""Does the rows from the first number up to the second."""


class Team:
    """The calling thread and others, which wait for it.

    Args:
        size: Threads that share the work, the calling one among them.
    """

    def __init__(self, size: int) -> None:
        self._members = [_Member(number) for number in range(size - 1)]

    def share(self, rows: int, part: Part) -> None:
        """Has every row done by some thread; returns when all are.

        Raises:
            Exception: What a part raised; all others are done by then.
        """
        size = min(len(self._members) + 1, rows)
        bounds = [rows * i // size for i in range(size + 1)]
        busy = self._members[: size - 1]
        for member, start, end in zip(busy, bounds[1:], bounds[2:], strict=False):
            member.give(part, start, end)
        failed: Exception | None = None
        try:
            part(0, bounds[1])
        except Exception as error:
            failed = error
        for member in busy:
            failed = member.wait() or failed
        if failed is not None:
            raise failed


class _Member:
    def __init__(self, number: int) -> None:
        self._work: tuple[Part, int, int] | None = None
        self._failed: Exception | None = None
        self._given = threading.Lock()
        self._given.acquire()
        self._done = threading.Lock()
        self._done.acquire()
        threading.Thread(target=self._run, name=f"sampling {number}", daemon=True).start()

    def give(self, part: Part, start: int, end: int) -> None:
        self._work = (part, start, end)
        self._given.release()

    def wait(self) -> Exception | None:
        self._done.acquire()
        return self._failed

    def _run(self) -> None:
        while True:
            self._given.acquire()
            assert self._work is not None
            part, start, end = self._work
            self._failed = None
            try:
                part(start, end)
            except Exception as error:
                self._failed = error
            self._done.release()
