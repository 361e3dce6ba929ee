"""Which panels a dashboard shows at a size, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

COLUMNS: Final = 24
"""Every row of the grid is shared out among its panels in so many parts."""

MACHINE: Final = ("gpu", "memory", "links", "processor")
"""Panels about the machine, the most important first."""

WIDE: Final = 190
"""Columns from which on all panels about the machine stand side by side."""

LOW: Final = 20
"""Screen rows below which each panel keeps its first figures only."""

TALL: Final = 30
"""Screen rows from which on contenders and streams stand side by side below one row of panels about the machine."""

FULL: Final = 36
"""Screen rows from which on there are two such rows."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Where panels stand.

    Attributes:
        rows: Height of each row as Textual writes it ("9", "2fr").
        spans: The panels that are shown, each with its share of `COLUMNS`, row by row.
    """

    rows: tuple[str, ...]
    spans: tuple[tuple[str, int], ...]

    @property
    def shown(self) -> frozenset[str]:
        """The panels that are shown."""
        return frozenset(name for name, _ in self.spans)


def alone(name: str) -> Arrangement:
    """One panel on the whole screen."""
    return Arrangement(("1fr",), ((name, COLUMNS),))


def arrange(width: int, height: int, wanted: Sequence[str]) -> Arrangement:
    """Chooses the panels of the dashboard, and their places.

    Args:
        width: Columns of the screen.
        height: Rows of the screen.
        wanted: Panels that have something to show.
    """
    machine = [name for name in MACHINE if name in wanted]
    first = _even(("throughput", "latency"))
    if height < TALL:
        pair = [*machine[:2], "contenders"][:2] if "gpu" in machine else [*machine[:1], "contenders"]
        rows = ("1fr", "5", "4") if height < LOW else ("9fr", "6", "6fr")
        return Arrangement(rows, (*first, *_even(pair), ("streams", COLUMNS)))
    if width >= WIDE:
        middle = "9fr" if height >= 50 else "10"
        return Arrangement(("12fr", middle, "10fr"), (*first, *_beside(machine), *_below(width)))
    if height < FULL:
        return Arrangement(("11fr", "9", "8fr"), (*first, *_even(machine[:2]), *_below(width)))
    second = "8" if height < 44 else "9"
    if len(machine) <= 2:
        return Arrangement(("13fr", "10", "10fr"), (*first, *_even(machine), *_below(width)))
    if len(machine) == 3:
        pairs = [*_even(machine[:2]), *_even([machine[2], "contenders"])]
        return Arrangement(("11fr", "10", second, "7fr"), (*first, *pairs, ("streams", COLUMNS)))
    return Arrangement(
        ("11fr", "10", second, "7fr"), (*first, *_even(machine[:2]), *_even(machine[2:]), *_below(width))
    )


def _even(names: Sequence[str]) -> list[tuple[str, int]]:
    return [(name, COLUMNS // len(names)) for name in names]


def _beside(machine: Sequence[str]) -> list[tuple[str, int]]:
    """All panels about the machine; tables and legends take more room than gauges do."""
    if len(machine) < len(MACHINE):
        return _even(machine)
    return [(name, 7 if name in ("memory", "links") else 5) for name in machine]


def _below(width: int) -> tuple[tuple[str, int], ...]:
    share = 10 if width < 100 else 8
    return (("contenders", share), ("streams", COLUMNS - share))
