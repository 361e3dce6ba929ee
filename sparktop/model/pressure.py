"""How short a machine is of memory: one judgement from all that can be read of it.

No single figure tells. A healthy pair of Sparks rests at 4 % available with no task waiting, and a machine with half of
its memory free can still stall where a limit was set on a group of processes. So the amount that is left, the kernel's
stall figures (PSI) and what comes back from swap are judged together. docs/verdicts.md explains the thresholds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sparktop.model import channels

GIB: Final = 2**30
MIB: Final = 2**20

FLOOR: Final = 8 * GIB
"""Bytes of MemAvailable below which a Spark may come to a stand without the kernel ending anything: where owners set
their watchdogs."""

FLOOR_SHARE: Final = 0.10
"""On machines with less than 80 GiB the floor is this share of MemTotal."""

LAST_SHARE: Final = 0.25
"""Below this share of the floor (2 GiB on a Spark) memory is short even while nothing waits yet."""

FELT_FULL: Final = 1.0
"""Percent of the last 10 s in which every task waited, above which a figure is changed by more than noise."""

FELT_SOME: Final = 10.0
"""Percent of the last 10 s in which some task waited. Any program counts, so it takes more of this than of `full`."""

FELT_SWAP_IN: Final = 1 * MIB
"""Bytes a second read back from swap; a few pages now and then are usual on every machine."""

SEVERE_FULL: Final = 5.0
"""Percent of the last 10 s in which every task waited: figures are too low by as much."""

SEVERE_SWAP_IN: Final = 32 * MIB
"""Bytes a second read back from swap: about what one task gets that does nothing but wait, 4 KiB every 0.1 ms."""


class Level(StrEnum):
    """How short memory is."""

    OK = "ok"
    TIGHT = "tight"
    """Little is left and tasks feel it, or next to nothing is left."""
    CRITICAL = "critical"
    """Tasks wait so much that figures are wrong, and the machine may come to a stand."""
    UNKNOWN = "unknown"
    """What was read does not tell."""


@dataclass(frozen=True, slots=True)
class Pressure:
    """A judgement of memory.

    Attributes:
        level: How short it is.
        reason: One sentence of at most 59 characters for people, without the machine's name.
        evidence: The readings that it rests on, by name: bytes, percent, bytes per second.
        brief: The same as the reason in at most 53 characters, for a line of a narrow screen.
    """

    level: Level
    reason: str
    evidence: dict[str, float] = field(default_factory=dict)
    brief: str = ""


def floor_bytes(total: float | None) -> float:
    """Returns how many bytes should stay available on a machine with `total` bytes of memory."""
    return min(FLOOR, FLOOR_SHARE * total) if total else FLOOR


def pressure(
    available: float | None,
    total: float | None,
    psi_some: float | None,
    psi_full: float | None,
    swap_in: float | None,
) -> Pressure:
    """Judges how short a machine is of memory; None stands for what was not read.

    Args:
        available: MemAvailable in bytes.
        total: MemTotal in bytes; without it the floor is that of a large machine.
        psi_some: Percent of the last 10 s in which some task waited for memory.
        psi_full: Percent of the last 10 s in which every task did.
        swap_in: Bytes a second that came back from swap.
    """
    limit = floor_bytes(total)
    given = {"available": available, "psi_some": psi_some, "psi_full": psi_full, "swap_in": swap_in}
    evidence = {name: value for name, value in given.items() if value is not None} | {"floor": limit}
    some, full, back = psi_some or 0.0, psi_full or 0.0, swap_in or 0.0
    left = _left(available, limit)

    def felt(level: Level) -> Pressure:
        brief = _left(available, limit, brief=True) + _stalls(some, full, back, brief=True)
        return Pressure(level, left + _stalls(some, full, back), evidence, brief)

    if full > SEVERE_FULL:
        return felt(Level.CRITICAL)
    if available is None:
        return Pressure(Level.UNKNOWN, "how much memory is left was not read", evidence)
    if available >= limit:
        if back > SEVERE_SWAP_IN:
            return felt(Level.TIGHT)
        return Pressure(Level.OK, f"{_gib(available)} left", evidence)
    if back > SEVERE_SWAP_IN:
        return felt(Level.CRITICAL)
    if full > FELT_FULL or some > FELT_SOME or back > FELT_SWAP_IN:
        return felt(Level.TIGHT)
    if available < LAST_SHARE * limit:
        brief = f"{_left(available, limit, brief=True)}next to nothing"
        return Pressure(Level.TIGHT, f"{left}next to nothing", evidence, brief)
    if psi_some is None and psi_full is None and swap_in is None:
        return Pressure(Level.UNKNOWN, f"{left}whether tasks wait was not read", evidence)
    return Pressure(Level.OK, f"{left}nothing waits for it", evidence)


def read_pressure(read: Callable[[str], float | None]) -> Pressure:
    """Judges how short a machine is of memory.

    Args:
        read: Returns the reading of a channel; None if it was not read.
    """
    names = (channels.MEMORY_AVAILABLE, channels.MEMORY_TOTAL, channels.PSI_SOME, channels.PSI_FULL, channels.SWAP_IN)
    available, total, some, full, back = (read(name) for name in names)
    return pressure(available, total, some, full, back)


def _left(available: float | None, limit: float, *, brief: bool = False) -> str:
    if available is None:
        return ""
    if available >= limit:
        return f"{_gib(available)} left, but "
    floor = f"{limit / GIB:,.1f}"
    return f"{_gib(available)} left, floor {floor}: " if brief else f"{_gib(available)} left (floor {floor}), "


def _stalls(some: float, full: float, back: float, *, brief: bool = False) -> str:
    """What is felt of it, the worst first."""
    when = "time" if brief else "the time"
    if full > FELT_FULL:
        return f"all tasks wait {full:.0f} % of {when}"
    if back > FELT_SWAP_IN:
        return f"{back / MIB:,.0f} MiB/s {'' if brief else 'come '}back from swap"
    return f"some task waits {some:.0f} % of {when}"


def _gib(size: float) -> str:
    return f"{size / GIB:,.1f} GiB"
