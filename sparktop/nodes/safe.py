"""What a node sends, made safe to show and to count with."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass, replace
from itertools import pairwise
from typing import Any, Final, TypeVar

from sparktop.model.events import (
    ContenderFailed,
    Event,
    FootprintKnown,
    ModelLoading,
    ModelReady,
    ModelUnloaded,
    NodeSeen,
    Notice,
    PrefillProgress,
    ProcessSeen,
    RequestDone,
    RequestFailed,
    RequestSent,
    SampleTaken,
    Tokens,
)
from sparktop.model.records import Node
from sparktop.model.split_events import LinkMeasured, ModelSplit, RpcReady
from sparktop.model.text import one_line, printable

_MOST_TEXT: Final = 400
_MOST_LOG: Final = 8192
_MOST_LIST: Final = 4096
_MOST_CHANNELS: Final = 4096
_MOST_NAME: Final = 120
_MOST_GPUS: Final = 64
MOST_NUMBER: Final = 1 << 62
"""Beyond it nothing is counted: JSON as it is written here ends at 64 bits, and numbers are added up."""

MOST_FIGURE: Final = 1e18
"""An exabyte, as bytes are the smallest unit."""

_MOST_MS: Final = 1e11
"""Three years: a run with longer times in it would be refused by its own report."""

_LEAST_FIGURE: Final = 1e-9
"""A nanosecond, as seconds are the largest."""

_JOB_EVENTS: Final = (
    *(ModelLoading, ModelReady, FootprintKnown, ModelUnloaded, ContenderFailed, Notice),
    *(ModelSplit, LinkMeasured, RpcReady),
    *(RequestSent, PrefillProgress, Tokens, RequestDone, RequestFailed),
)

_Kept = TypeVar("_Kept")


class Unsafe(ValueError):
    """What came can't be what it is said to be; the text says why."""


def text(found: str) -> str:
    """Returns a text in one line, without anything that acts on a terminal, and not too long."""
    return one_line(found[: 4 * _MOST_TEXT])[:_MOST_TEXT]


def count(found: int) -> int:
    """Returns a number of things that can be counted with."""
    return min(max(0, found), MOST_NUMBER)


def machine_event(event: Event) -> Event:
    """Returns an event about a machine elsewhere, safe to show and to count with.

    Raises:
        Unsafe: No agent sends this.
    """
    if not math.isfinite(event.t):
        raise Unsafe("an event without a time")
    if isinstance(event, SampleTaken):
        return _sample(event)
    if isinstance(event, NodeSeen):
        return replace(event, node=safe_node(event.node))
    if isinstance(event, ProcessSeen):
        return safe_process(event)
    raise Unsafe(f"an event that no agent sends: {type(event).__name__}")


def safe_process(process: ProcessSeen) -> ProcessSeen:
    """Returns what a node says of a process, safe to show."""
    return replace(process, name=text(process.name)[:64], node="")


def safe_node(node: Node) -> Node:
    """Returns what a node says it is, safe to show and to count with."""
    return Node(
        # "+" stands between the names of several.
        name=text(node.name)[:64].replace("+", "-") or "node",
        os=text(node.os),
        machine=text(node.machine),
        cpu=text(node.cpu),
        cores=count(node.cores),
        memory=count(node.memory),
        gpus=tuple(text(name) for name in node.gpus[:_MOST_GPUS]),
        driver=text(node.driver)[:40],
        llama_cpp=text(node.llama_cpp),
        identity=text(node.identity)[:64],
    )


def _figure(found: float) -> float:
    """Returns a figure that can have been measured: it will be drawn, summed and divided by.

    Raises:
        Unsafe: It can't.
    """
    if not (math.isfinite(found) and abs(found) <= MOST_FIGURE):
        raise Unsafe("a figure that no machine has")
    # What is no zero and next to it makes infinity of what is divided by it.
    return found if abs(found) >= _LEAST_FIGURE else 0.0


def _sample(event: SampleTaken) -> SampleTaken:
    if len(event.values) + len(event.missing) > _MOST_CHANNELS:
        raise Unsafe(f"a reading of {len(event.values) + len(event.missing)} channels")
    for name in (*event.values, *event.missing):
        if not name or len(name) > _MOST_NAME or one_line(name) != name:
            raise Unsafe("a channel with an impossible name")
    values = {name: _figure(value) for name, value in event.values.items()}
    return replace(event, node="", values=values, missing={name: text(why) for name, why in event.missing.items()})


def job_event(event: Event) -> Event:
    """Returns an event of an engine elsewhere, safe to show and to count with.

    What the model wrote stays as it is: that is made safe wherever it is shown, as that of every model.

    Raises:
        Unsafe: No engine sends this.
    """
    if not isinstance(event, _JOB_EVENTS):
        raise Unsafe(f"an event that no engine sends: {type(event).__name__}")
    if isinstance(event, Tokens):
        return _tokens(event)
    log = printable(event.log[-4 * _MOST_LOG :])[-_MOST_LOG:] if isinstance(event, ContenderFailed) else ""
    clean = _clean(event)
    if isinstance(clean, RequestDone) and any(count < 0 for count in clean.counts):
        raise Unsafe("a negative number of tokens")
    if isinstance(clean, RequestDone) and max(clean.prefill_ms or 0.0, clean.decode_ms or 0.0) > _MOST_MS:
        raise Unsafe("a time that no clock shows")
    if (isinstance(clean, ModelLoading) and clean.fraction > 1) or (
        isinstance(clean, PrefillProgress) and max(clean.cached, clean.done) > clean.total
    ):
        raise Unsafe("more than all of it")
    if isinstance(clean, ContenderFailed):
        return replace(clean, log=log)
    return clean


def _tokens(event: Tokens) -> Tokens:
    if not all(map(math.isfinite, (event.t, *event.times))) or any(
        late < early for early, late in pairwise(event.times)
    ):
        raise Unsafe("tokens at impossible times")
    if any(not 0 <= count < MOST_NUMBER for count in event.counts):
        raise Unsafe("a negative number of tokens")
    return event


def _clean(value: _Kept) -> _Kept:
    """Goes through a record: texts are made safe, numbers must be some."""
    found: Any = value
    if isinstance(found, float):
        found = _figure(found)
        if found < 0:
            raise Unsafe("an impossible number")
    if isinstance(found, int) and not isinstance(found, bool) and not 0 <= found < MOST_NUMBER:
        raise Unsafe("an impossible number")
    if type(found) is str:
        found = text(found)
    elif isinstance(found, tuple):
        if len(found) > _MOST_LIST and not all(type(one) is int for one in found):
            raise Unsafe(f"a list of {len(found)}")
        found = tuple(map(_clean, found))
    elif is_dataclass(found) and not isinstance(found, type):
        found = replace(found, **{field.name: _clean(getattr(found, field.name)) for field in fields(found)})
    kept: _Kept = found
    return kept
