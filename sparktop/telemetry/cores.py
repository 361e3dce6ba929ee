"""Which processor is of which kind: a GB10 has two kinds, in four groups."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sparktop.telemetry.reading import Files, Unreadable

_NAMES: Final = {"0xd85": "x925", "0xd87": "a725"}
"""Part numbers of Arm Ltd. (MIDR) that make up a GB10: its ten fast and its ten thrifty cores."""


def core_kinds(proc: Path, files: Files) -> dict[int, str]:
    """Returns the kind of each processor by its number; empty where the kernel names no parts (x86).

    Kinds go by the part number, since the numbers of the processors say nothing: on a GB10 0-4 and
    10-14 are of one kind and 5-9 and 15-19 of the other.
    """
    kinds: dict[int, str] = {}
    number: int | None = None
    try:
        lines = files.lines(proc / "cpuinfo")
    except Unreadable:
        return {}
    for line in lines:
        key, _, value = (part.strip() for part in line.partition(":"))
        if key == "processor":
            number = int(value) if value.isdecimal() else None
        elif key == "CPU part" and number is not None:
            kinds[number] = _NAMES.get(value, value)
    return kinds


def is_gb10(kinds: dict[int, str]) -> bool:
    """Whether these are the cores of a GB10, whoever built the machine around it."""
    return set(kinds.values()) == set(_NAMES.values())
