"""What an engine's log ends with, as far as it says anything to people."""

from __future__ import annotations

from typing import Final

from sparktop.model.text import printable

_DUMP: Final = "Fatal Python error: "
"""What Python's faulthandler begins with, which lists where every thread was and all modules."""


def log_end(log: str, count: int) -> list[str]:
    """Returns the last lines of a log, without what Python itself says of a process that was aborted.

    Args:
        log: The log, or its end.
        count: Most lines.
    """
    lines = printable(log).rstrip().splitlines()
    dump = next((at for at, line in enumerate(lines) if line.startswith(_DUMP)), len(lines))
    # Where nothing is before it, it is all there is.
    return [line for line in lines[:dump] or lines if line.strip()][-count:]
