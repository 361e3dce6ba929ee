"""What goes over the wire between a head and a node's agent; docs/node-protocol.md explains it.

A message is text, one JSON object a line. The first line is the frame; in an `events` frame each further line is an
event, as a journal has it. Everything from the other side is untrusted: what is too long, of another shape or not a
number is refused as a whole, and what is shown is made safe first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
import orjson

from sparktop.model.codec import NotAnEvent, decode, without_surrogates
from sparktop.model.events import Event, ProcessSeen
from sparktop.model.interfaces import Interface
from sparktop.model.records import Node
from sparktop.nodes.orders import (
    BadOrder,
    Cancel,
    Close,
    Fits,
    FitTold,
    Held,
    Hold,
    Kill,
    Load,
    Order,
    Refused,
    Release,
    ServeRpc,
    Submit,
    Taken,
    check,
    safe_fit,
)
from sparktop.nodes.safe import (
    MOST_FIGURE,
    MOST_NUMBER,
    Unsafe,
    count,
    job_event,
    machine_event,
    safe_node,
    safe_process,
    text,
)

VERSION: Final = 2
"""Of the protocol; both sides must speak the same."""

VERSION_HEADER: Final = "Sparktop-Protocol"
PROGRAM_HEADER: Final = "Sparktop-Version"
PATH: Final = "/node"

MOST_FROM_NODE: Final = 4 << 20
"""Bytes in a message from an agent."""

MOST_FROM_HEAD: Final = 1 << 24
"""Bytes in a message from a head."""

_LONGEST_S: Final = 4e9
"""A century, as an agent's clock counts from its beginning."""

_MOST_PROCESSES: Final = 4096
_MOST_MODELS: Final = 1000
_MOST_INTERFACES: Final = 256


class BadFrame(ValueError):
    """A message is not what the protocol allows; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """A model that a node can load.

    Attributes:
        name: What it is asked for by; unique on its node.
        size: Bytes on disk, all parts together.
        toy: One of the demo models that come with the program.
    """

    name: str
    size: int
    toy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The agent's first frame.

    Attributes:
        instance: Differs for every start of an agent; numbers of readings and its clock hold within one.
        sparktop: Version of the program.
        node: What the machine is.
        models: What it can load.
        processes: Those that hold memory of a GPU now, as they were looked up.
        first: Number of the oldest event that is still kept.
        next: Number that the next event will have.
        interfaces: Its network interfaces.
    """

    instance: str
    sparktop: str
    node: Node
    models: tuple[ModelFile, ...]
    processes: tuple[ProcessSeen, ...]
    first: int
    next: int
    interfaces: tuple[Interface, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """The head's question for the time."""

    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong:
    """The answer: when the question came and when this left, in seconds of the agent's clock."""

    id: int
    received: float
    answered: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """The head asks for events, once in a connection.

    Attributes:
        start: Number of the first one; where that is not kept any more, the oldest one is.
        job: Those of a job; None for those of the machine.
    """

    start: int
    job: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Events of the agent, in order.

    Attributes:
        start: Number of the first one.
        events: Their times are seconds of the agent's clock.
        job: Those of a job; None for those of the machine.
    """

    start: int
    events: tuple[Event, ...]
    job: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bye:
    """The last frame of a side that ends the connection; `reason` is one sentence."""

    reason: str


FromNode = Hello | Pong | Events | Bye | Held | Refused | FitTold
FromHead = Ping | Follow | Bye | Fits | Hold | Order | Taken | Release

_FROM_NODE: Final[dict[str, type[Any]]] = {
    "hello": Hello,
    "pong": Pong,
    "bye": Bye,
    "held": Held,
    "refused": Refused,
    "fit": FitTold,
}
_FROM_HEAD: Final[dict[str, type[Any]]] = {
    "ping": Ping,
    "follow": Follow,
    "bye": Bye,
    "fits": Fits,
    "hold": Hold,
    "load": Load,
    "serve-rpc": ServeRpc,
    "submit": Submit,
    "cancel": Cancel,
    "close": Close,
    "kill": Kill,
    "taken": Taken,
    "release": Release,
}
_NAMES: Final = {cls: name for name, cls in (*_FROM_NODE.items(), *_FROM_HEAD.items())}


def frame(content: FromHead | Hello | Pong | Held | Refused | FitTold) -> str:
    """Returns a message of one line."""
    # A scenario's text may hold what JSON can't: lone surrogates.
    fields: Any = msgspec.to_builtins(content)
    try:
        return orjson.dumps({"frame": _NAMES[type(content)], **fields}).decode()
    except (TypeError, orjson.JSONEncodeError):
        return orjson.dumps({"frame": _NAMES[type(content)], **without_surrogates(fields)}).decode()


def events_frame(start: int, lines: Sequence[bytes], job: int | None = None) -> str:
    """Returns a message with events.

    Args:
        start: Number of the first one.
        lines: The events, as `sparktop.model.codec.encode` wrote them.
        job: The job that they are of; None for the machine.
    """
    whose = b"" if job is None else b',"job":%d' % job
    return b"\n".join([b'{"frame":"events","start":%d%s}' % (start, whose), *lines]).decode()


def read_from_node(message: str | bytes) -> FromNode:
    """Returns what an agent sent, safe to show and to count with.

    Raises:
        BadFrame: It is not what an agent may send.
    """
    head, lines = _split(message, MOST_FROM_NODE)
    if head.get("frame") == "events":
        start, job = _number(head.get("start")), head.get("job")
        if job is None:
            return Events(start=start, events=tuple(_event(line, machine_event) for line in lines))
        return Events(start=start, events=tuple(_event(line, job_event) for line in lines), job=_number(job))
    content = _convert(head, _FROM_NODE)
    match content:
        case Hello():
            return _safe_hello(content)
        case Bye() | Refused():
            return replace(content, reason=text(content.reason))
        case FitTold():
            return replace(content, fit=safe_fit(content.fit, text, count))
        case Pong(received=received, answered=answered) if not 0 <= received <= answered <= _LONGEST_S:
            raise BadFrame("a time that no clock shows")
    checked: Pong | Held = content
    return checked


def read_from_head(message: str | bytes) -> FromHead:
    """Returns what a head sent.

    Raises:
        BadFrame: It is not what a head may send.
    """
    head, _ = _split(message, MOST_FROM_HEAD)
    content: FromHead = _convert(head, _FROM_HEAD)
    if (isinstance(content, Follow) and content.start < 0) or (isinstance(content, Taken) and content.next < 0):
        raise BadFrame("a negative number of an event")
    try:
        check(content)
    except BadOrder as error:
        raise BadFrame(str(error)) from None
    return Bye(reason=text(content.reason)) if isinstance(content, Bye) else content


def _split(message: str | bytes, most: int) -> tuple[dict[str, Any], list[str]]:
    if isinstance(message, bytes):
        raise BadFrame("a binary message")
    if len(message) > most:
        raise BadFrame(f"a message of {len(message)} characters")
    # Not splitlines, which takes other characters for the end of a line too.
    first, *lines = message.split("\n")
    try:
        head = orjson.loads(first)
    except orjson.JSONDecodeError as error:
        raise BadFrame(f"not JSON: {error}") from None
    if not isinstance(head, dict):
        raise BadFrame("not an object")
    return head, lines


def _convert(head: dict[str, Any], kinds: dict[str, type[Any]]) -> Any:
    name = head.pop("frame", None)
    if not isinstance(name, str) or name not in kinds:
        raise BadFrame(f'unknown frame "{text(str(name))[:40]}"')
    try:
        return msgspec.convert(head, kinds[name])
    except msgspec.ValidationError as error:
        raise BadFrame(f'frame "{name}": {text(str(error))}') from None


def _number(found: object) -> int:
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < MOST_NUMBER:
        raise BadFrame("events without a number")
    return found


def _event(line: str, safe: Callable[[Event], Event]) -> Event:
    try:
        return safe(decode(line))
    except (NotAnEvent, Unsafe, RecursionError) as error:
        raise BadFrame(text(str(error))) from None


def _safe_hello(hello: Hello) -> Hello:
    if len(hello.models) > _MOST_MODELS:
        raise BadFrame(f"{len(hello.models)} models")
    if len(hello.processes) > _MOST_PROCESSES:
        raise BadFrame(f"{len(hello.processes)} processes")
    return Hello(
        instance=text(hello.instance)[:64],
        sparktop=text(hello.sparktop)[:40],
        node=safe_node(hello.node),
        models=tuple(replace(model, name=text(model.name), size=count(model.size)) for model in hello.models),
        processes=tuple(safe_process(one) for one in hello.processes),
        first=_number(hello.first),
        next=_number(hello.next),
        interfaces=tuple(
            replace(
                one,
                name=text(one.name)[:64],
                address=text(one.address)[:64],
                speed=one.speed if one.speed is not None and 0 < one.speed <= MOST_FIGURE else None,
            )
            for one in hello.interfaces[:_MOST_INTERFACES]
        ),
    )
