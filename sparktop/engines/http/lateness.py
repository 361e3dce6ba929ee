"""How long this process may have left unread what had arrived, for want of a processor."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

_STATISTICS: Final = Path("/proc/self/schedstat")
"""Of its main thread, which reads: time on a processor, time spent waiting for one (both in ns), and turns (kernel
Documentation/scheduler/sched-stats.rst)."""


class Lateness:
    """Looked at every so often.

    The kernel's stamp of what was read is that of its last bytes: what came before them in the same read may have lain
    there for longer, and nothing tells. But it can have done so no longer than this process was kept from reading.
    That is a bound: many short waits count as one long one.

    Args:
        every_ns: Nanoseconds from one look to the next, where nothing is late.
    """

    def __init__(self, every_ns: int) -> None:
        self._every = every_ns
        self._looked, self._waited = time.monotonic_ns(), _waiting()

    def look(self) -> int:
        """Returns for how many nanoseconds reading may have been late at most, since the last look."""
        now, waited = time.monotonic_ns(), _waiting()
        overdue = now - self._looked - self._every
        late = max(overdue, waited - self._waited, 0)
        self._looked, self._waited = now, waited
        return late


def _waiting() -> int:
    """Nanoseconds that this process has waited for a processor so far; 0 where the system does not count them."""
    try:
        return int(_STATISTICS.read_bytes().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
