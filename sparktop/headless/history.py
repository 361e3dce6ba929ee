"""The runs so far, as a table of text and as records for programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sparktop.headless.columns import Align, cut, table
from sparktop.model.text import one_line
from sparktop.store.choosing import standing, validity
from sparktop.store.runs import RunEntry
from sparktop.store.trash import Trashed

_CONTENDERS: Final = 48
"""Cells that the names of the contenders take at most."""

_UNITS: Final = ("B", "KiB", "MiB", "GiB")

_HEAD: Final = ["RUN", "WHEN", "SCENARIO", "CONTENDERS", "STATUS", "tok/s", "VALID", "SIZE"]
_ALIGNS: Final = [*[Align.LEFT] * 5, Align.RIGHT, Align.LEFT, Align.RIGHT]


def history_lines(entries: Sequence[RunEntry]) -> list[str]:
    """Returns a table of runs, in their order."""
    return table(_HEAD, _ALIGNS, [_row(entry) for entry in entries])


def trash_lines(found: Sequence[Trashed]) -> list[str]:
    """Returns a table of deleted runs."""
    rows = [[_when(one.deleted), *_row(one.entry)] for one in found]
    return table(["DELETED", *_HEAD], [Align.LEFT, *_ALIGNS], rows)


def entry_record(entry: RunEntry) -> dict[str, Any]:
    """Returns what is known of a run without opening it; what is not known is None."""
    return {
        "id": entry.id,
        "created": entry.created.isoformat(timespec="milliseconds") if entry.created is not None else None,
        "scenario": entry.scenario or None,
        "contenders": list(entry.contenders),
        "status": entry.status.value if entry.status is not None else None,
        "duration_s": entry.duration_s,
        "valid": entry.valid,
        "faults": entry.faults if entry.valid is not None else None,
        "figures": [
            {
                "contender": row.contender,
                "batch": row.batch,
                "requests": row.n,
                "completed": row.completed,
                "tok_s": row.tok_s,
                "ttft_ms": row.ttft_ms.median,
                "mean_response_ms": row.mean_response_ms,
            }
            for row in entry.rows
        ],
        "bytes": entry.bytes,
        "snapshot": str(entry.snapshot) if entry.snapshot is not None else None,
        "journal": str(entry.journal) if entry.journal is not None else None,
        "problem": entry.problem or None,
    }


def _row(entry: RunEntry) -> list[str]:
    return [
        one_line(entry.id),
        _when(entry.created),
        one_line(entry.scenario),
        cut(one_line(", ".join(entry.placed)), _CONTENDERS),
        standing(entry),
        _speeds(entry),
        _trust(entry) if entry.readable else "",
        _size(entry.bytes),
    ]


def _trust(entry: RunEntry) -> str:
    if entry.faults == 0:
        return validity(entry)
    return "1 fault" if entry.faults == 1 else f"{entry.faults} faults"


def _speeds(entry: RunEntry) -> str:
    """Decode speed of each contender, at its smallest batch."""
    if not entry.rows:
        return ""
    speeds = [entry.tok_s(name) for name in entry.contenders]
    return " / ".join("n/a" if speed is None else f"{speed:.1f}" for speed in speeds)


def _when(time: datetime | None) -> str:
    return f"{time.astimezone():%Y-%m-%d %H:%M}" if time is not None else ""


def _size(count: int) -> str:
    value = float(count)
    for unit in _UNITS[:-1]:
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} {_UNITS[-1]}"
