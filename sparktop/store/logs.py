"""The engines' logs: kept for a while, not for ever."""

from __future__ import annotations

from pathlib import Path
from typing import Final

KEPT_LOGS: Final = 100
"""Logs that stay; one a contender and run, a few kilobytes each."""


def prune_logs(folder: Path, keep: int = KEPT_LOGS) -> None:
    """Removes the oldest logs of a folder until `keep` are left.

    Files that go away meanwhile, and folders that can't be read, are left to whoever has them.
    """
    try:
        aged = sorted((path.stat().st_mtime_ns, path) for path in folder.glob("*.log"))
        for _, path in aged[: max(0, len(aged) - keep)]:
            path.unlink(missing_ok=True)
    except OSError:
        return
