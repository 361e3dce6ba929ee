"""Frames about what runs on a node: who holds it, what is ordered, what fits; docs/node-protocol.md explains them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from sparktop.engines.llama.rpc import RpcFailed, check_address
from sparktop.engines.protocol import Generation, Room
from sparktop.engines.wire import Split
from sparktop.model.text import one_line
from sparktop.nodes.fit import Fit

PATIENCE_S: Final = 60.0
"""How long head and node may hear nothing of each other, as when the link is down, before what runs there ends."""

MOST_JOBS: Final = 64
"""Jobs in a session."""

_SESSION: Final = re.compile(r"[0-9a-f]{32}")
_MOST_NAME: Final = 200
_MOST_SLOTS: Final = 256
_MOST_CONTEXT: Final = 1 << 24
_MOST_THREADS: Final = 4096
_MOST_BYTES: Final = 1 << 50
_MOST_NODES: Final = 16
"""GGML_RPC_MAX_SERVERS, this node included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fits:
    """A head asks whether a model fits into the node's memory.

    Attributes:
        id: Any number, which the answer has too.
        model: Its name in `models`; empty asks for the memory alone, as for a part of a model that another node has.
        room: What its context is to hold.
        reserve: Bytes that must stay free; None for the node's default.
        split: Whether it is to be split over machines.
    """

    id: int
    model: str
    room: Room
    reserve: int | None = None
    split: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FitTold:
    """The answer to `Fits`."""

    id: int
    fit: Fit


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A head wants to give orders, or goes on to.

    Attributes:
        session: What its orders are counted by; a secret of the head.
        who: What other heads are told.
    """

    session: str
    who: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The head has the node.

    Attributes:
        orders: How many of this session's orders were carried out.
    """

    orders: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Another head has the node; `reason` is one sentence."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Load a model.

    Attributes:
        order: Number of the order in its session, from 0.
        job: What the head calls it from now on.
        contender: Name that its events carry.
        model: Its name in `models`.
        room: What its context is to hold.
        beside: Engines that run on the node at once, this one included.
        split: The other machines that it is split over; None where it stays whole.
    """

    order: int
    job: int
    contender: str
    model: str
    room: Room
    beside: int = 1
    split: Split | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeRpc:
    """Serve llama.cpp's RPC to a model that runs on another machine.

    Attributes:
        order: Number of the order in its session, from 0.
        job: What the head calls it from now on.
        contender: Name that its events carry.
        address: IPv4 address of this node that the server is to listen at.
        weights: Bytes of tensors that may come at most.
    """

    order: int
    job: int
    contender: str
    address: str
    weights: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """Take requests that are to be worked on together."""

    order: int
    job: int
    generations: tuple[Generation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """End all requests of a job."""

    order: int
    job: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """Unload a job's model."""

    order: int
    job: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """End a job by force."""

    order: int
    job: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Events of a job before the number `next` are not needed any more."""

    job: int
    next: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The head is done: its jobs end, and the node is free for others."""


Order = Load | ServeRpc | Submit | Cancel | Close | Kill
"""What is counted, and done once."""


class BadOrder(ValueError):
    """An order holds what can't be meant; the text says what."""


def check(content: object) -> None:
    """Raises BadOrder where a head's frame holds what no head sends."""
    if isinstance(content, Order) and not (content.order >= 0 and 0 <= content.job < MOST_JOBS):
        raise BadOrder("an order or a job with an impossible number")
    if isinstance(content, Hold) and not _SESSION.fullmatch(content.session):
        raise BadOrder("a session that is none")
    if isinstance(content, Load | Fits):
        _check_room(content.room)
    if isinstance(content, Load) and not 1 <= content.beside <= MOST_JOBS:
        raise BadOrder(f"{content.beside} engines at once")
    if isinstance(content, Load | ServeRpc) and (len(content.contender) > _MOST_NAME or not content.contender):
        raise BadOrder("a contender with an impossible name")
    if isinstance(content, ServeRpc):
        _check_address(content.address)
        if not 0 <= content.weights < _MOST_BYTES:
            raise BadOrder("an impossible size")
    if isinstance(content, Load) and content.split is not None:
        _check_split(content.split)
    if isinstance(content, Fits) and content.reserve is not None and content.reserve < 0:
        raise BadOrder("a negative reserve")
    if isinstance(content, Submit) and any(one.request < 0 for one in content.generations):
        raise BadOrder("a request with a negative number")


def shown(who: str) -> str:
    """Returns what a head says it is, safe to show."""
    return one_line(who[: 4 * _MOST_NAME])[:_MOST_NAME] or "another head"


def safe_fit(fit: Fit, text: Callable[[str], str], count: Callable[[int], int]) -> Fit:
    """Returns what a node says of its memory, safe to show and to count with."""
    return replace(
        fit,
        weights=count(fit.weights),
        kv=count(fit.kv),
        compute=count(fit.compute),
        allocatable=None if fit.allocatable is None else count(fit.allocatable),
        reserve=count(fit.reserve),
        rule=text(fit.rule),
        problem=text(fit.problem),
        elsewhere="",
    )


def _check_address(address: str) -> None:
    try:
        check_address(address)
    except RpcFailed as error:
        raise BadOrder(str(error)) from None


def _check_split(split: Split) -> None:
    if not 1 <= len(split.servers) < _MOST_NODES or len(split.shares) != len(split.servers) + 1:
        raise BadOrder(f"a split over {len(split.servers)} servers by {len(split.shares)} shares")
    if not all(math.isfinite(share) and share > 0 for share in split.shares):
        raise BadOrder("a share that is none")
    for server in split.servers:
        _check_address(server.host)
        if not 0 < server.port < 65536 or len(server.node) > _MOST_NAME:
            raise BadOrder("a server that is nowhere")


def _check_room(room: Room) -> None:
    if not (1 <= room.slots <= _MOST_SLOTS and 1 <= room.context <= _MOST_CONTEXT):
        raise BadOrder(f"room for {room.slots} sequences of {room.context} tokens")
    if not 0 <= room.threads <= _MOST_THREADS or not math.isfinite(room.sampling.temperature):
        raise BadOrder("room that nobody can have")
