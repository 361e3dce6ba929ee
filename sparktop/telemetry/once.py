"""Reads a machine once, for good: with rates, and without waiting for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from sparktop.telemetry.latest import Latest
from sparktop.telemetry.reading import Reading, Source

_APART_S: Final = 0.5
_PATIENCE_S: Final = 5.0
"""A driver that nobody has open takes seconds to wake; what takes longer than this hangs."""


def read_once(
    sources: Sequence[Source],
    *,
    clock: Callable[[], float] = time.monotonic,
    apart_s: float = _APART_S,
    patience_s: float = _PATIENCE_S,
) -> dict[str, Reading]:
    """Returns what each source tells, by the source's name.

    Each is read twice, since a rate needs two readings, and in a thread of its own: one that hangs
    is left behind with a reason in its channels.

    Args:
        sources: What is read.
        clock: Seconds, for the readings' `t`.
        apart_s: Between the two.
        patience_s: Most seconds that all of it may take.
    """
    done: dict[str, Reading] = {}

    def read(source: Source) -> None:
        latest = Latest()
        try:
            latest.add(source.read(clock()))
            time.sleep(apart_s)
            done[source.name] = latest.add(source.read(clock()))
        except Exception as error:
            # A source promises not to raise; if one does, that is a defect of it alone.
            done[source.name] = _gap(source, clock(), f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=read, args=(source,), daemon=True) for source in sources]
    deadline = time.monotonic() + patience_s
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    # Taken out one by one: a thread that was too slow may still add its own.
    return {
        source.name: done.get(source.name) or _gap(source, clock(), f"no answer for {patience_s:g} s")
        for source in sources
    }


def together(readings: Iterable[Reading]) -> Reading:
    """Returns the readings of several sources as one, taken when the last of them was.

    Args:
        readings: At least one.
    """
    values: dict[str, float] = {}
    missing: dict[str, str] = {}
    t = float("-inf")
    for reading in readings:
        t = max(t, reading.t)
        values.update(reading.values)
        missing.update(reading.missing)
    return Reading(t=t, values=values, missing=missing)


def _gap(source: Source, t: float, reason: str) -> Reading:
    return Reading(t=t, missing=dict.fromkeys(source.channels, reason))
