"""What of a source can be read, and what not and why, in one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from sparktop.model.channels import ROCE_HEALTH
from sparktop.telemetry.reading import Reading

_HEALTH: Final = frozenset(channel.name for channel in ROCE_HEALTH)


def coverage(reading: Reading) -> str:
    """Returns what a source's reading holds and lacks, numbers left out.

    Args:
        reading: Of one source.
    """
    parts = [f"reads {found}"] if (found := _found(reading.values)) else []
    if reading.missing:
        parts.append(f"not read: {not_read(reading.missing)}")
    return "; ".join(parts) or "there is nothing to read"


def not_read(missing: Mapping[str, str]) -> str:
    """Returns what is missing, by reason."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in missing.items():
        by_reason.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(names)} ({reason})" for reason, names in by_reason.items())


def _found(names: Iterable[str]) -> str:
    """Returns the things that there are, and of those alike what is read, once."""
    quantities: dict[str, list[str]] = {}
    for name in names:
        thing, _, quantity = name.rpartition(".")
        quantities.setdefault(thing, []).append(quantity)
    alike: dict[tuple[str, ...], list[str]] = {}
    for thing, those in quantities.items():
        # Processes come and go: they say nothing of the machine.
        if not thing.startswith("process."):
            counters = sum(quantity in _HEALTH for quantity in those)
            told = sorted(quantity for quantity in those if quantity not in _HEALTH)
            alike.setdefault((*told, *([f"{counters} error counters"] if counters else [])), []).append(thing)
    return "; ".join(f"{', '.join(things)} ({', '.join(told)})" for told, things in alike.items())
