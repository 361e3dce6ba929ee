"""When the machine itself stood still.

The machines that tests run on are often virtual, and share their processors: for milliseconds one of them may not
run at all, and whatever was due then is late, however good. A clock on each processor that does nothing but wake a
thousand times a second, before everything else (SCHED_FIFO above what the tests start), tells those moments, so that
a test can leave them out and be strict about the rest.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.servers.process import serving

EVERY_NS = 1_000_000
LATE_NS = 200_000
PRIORITY = 2
"""Of SCHED_FIFO: above the ground-truth server's 1, which must not count as a machine that stands still."""


@dataclass(slots=True)
class Stalls:
    """Spans in which a processor did nothing.

    Attributes:
        spans: Their (start, end) on the monotonic clock, in nanoseconds, in order of their ends.
    """

    spans: list[tuple[int, int]] = field(default_factory=list)

    def within(self, start: float, end: float) -> bool:
        """Whether the machine stood still at some moment of a span."""
        at = bisect_left(self.spans, start, key=lambda span: span[1])
        return any(began <= end for began, _ in self.spans[at:])


@contextmanager
def stalls() -> Iterator[Stalls]:
    """Watches the machine; what it saw is there when the block has been left.

    Without the right to go before other processes nothing is seen.
    """
    seen = Stalls()
    with serving("tests.servers.stalls") as (_, process):
        yield seen
        told, _ = process.communicate()
    seen.spans += sorted(((began, ended) for began, ended in json.loads(told)), key=lambda span: span[1])


def _watch(core: int, ended: threading.Event, seen: list[tuple[int, int]]) -> None:
    os.sched_setaffinity(0, {core})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    due = time.monotonic_ns() + EVERY_NS
    while not ended.is_set():
        time.sleep(max(0, due - time.monotonic_ns()) / 1e9)
        if (now := time.monotonic_ns()) > due + LATE_NS:
            # It may have begun to stand still as soon as it was last seen awake.
            seen.append((due - EVERY_NS, now))
        due = max(due + EVERY_NS, now)


def _main() -> None:
    # One thread waits for another's lock otherwise, for as long as an interpreter's turn takes.
    sys.setswitchinterval(1e-5)
    ended = threading.Event()
    seen: list[tuple[int, int]] = []
    threads = []
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except PermissionError:
        pass
    else:
        threads = [
            threading.Thread(target=_watch, args=(core, ended, seen), daemon=True) for core in os.sched_getaffinity(0)
        ]
    for thread in threads:
        thread.start()
    print(json.dumps({"processors": len(threads)}), flush=True)
    sys.stdin.read()
    ended.set()
    for thread in threads:
        thread.join()
    print(json.dumps(seen))


if __name__ == "__main__":
    _main()
