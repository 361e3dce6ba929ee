"""The events of a run as they happened, where only its snapshot is left.

A snapshot keeps when each chunk came and how many tokens were in it, but not which part of the text. So tokens are
counted at their times, and the text comes with the last chunk of its kind: nothing is made up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from sparktop.model.events import (
    ContenderFailed,
    Event,
    ModelLoading,
    ModelReady,
    ModelUnloaded,
    RequestDone,
    RequestFailed,
    RequestQueued,
    RequestSent,
    SampleTaken,
    Tokens,
)


def paced(events: Iterable[Event]) -> list[Event]:
    """Returns events with every chunk at its time, and what was read at one moment as one reading.

    Args:
        events: Those of a snapshot (see `sparktop.model.unfold`). Folded, they lead to the same state.
    """
    made: list[Event] = []
    readings: dict[tuple[float, str], SampleTaken] = {}
    ends = _ends(events := list(events))
    for event in events:
        match event:
            case Tokens():
                made += _chunks(event)
            case SampleTaken():
                key = (event.t, event.node)
                before = readings.get(key)
                readings[key] = event if before is None else _together(before, event)
            case ModelReady():
                made += (ModelLoading(t=event.t - event.load_s, contender=event.contender, fraction=0.0), event)
            case ModelUnloaded() | ContenderFailed():
                made.append(replace(event, t=min(event.t, ends.get(event.contender, event.t))))
            case _:
                made.append(event)
    # The sort is stable: what happened at once stays in order, and the run's start and its end where they are.
    return sorted([*made[:1], *readings.values(), *made[1:]], key=lambda event: event.t)


def _chunks(event: Tokens) -> Iterator[Tokens]:
    last = len(event.times) - 1
    for at, (time, count) in enumerate(zip(event.times, event.counts, strict=True)):
        # A chunk that seems to have come after the end, for being rounded, has the event's time.
        yield replace(
            event, t=min(time, event.t), text=event.text if at == last else "", times=(time,), counts=(count,)
        )


def _together(one: SampleTaken, other: SampleTaken) -> SampleTaken:
    return replace(one, values={**one.values, **other.values}, missing={**one.missing, **other.missing})


def _ends(events: Iterable[Event]) -> dict[str, float]:
    """When the last request of each contender ended."""
    asked = {event.request: event.contender for event in events if isinstance(event, RequestQueued)}
    found: dict[str, float] = {}
    for event in events:
        if isinstance(event, RequestSent | RequestDone | RequestFailed) and event.request in asked:
            name = asked[event.request]
            found[name] = max(found.get(name, 0.0), event.t)
    return found
