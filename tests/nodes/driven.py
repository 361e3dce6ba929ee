"""An engine on a node, driven by a test."""

from __future__ import annotations

from collections.abc import Callable

from sparktop.engines.protocol import Emit, Room
from sparktop.nodes.remote import RemoteNode
from sparktop.nodes.remote_engine import RemoteEngine


def engine_on(node: RemoteNode, emit: Emit, clock: Callable[[], float] = lambda: 0.0) -> RemoteEngine:
    """Returns the contender "c", a toy model with little room."""
    return RemoteEngine(
        node.work,
        node=node.name,
        contender="c",
        model="demo-base",
        room=Room(slots=1, context=64),
        beside=1,
        emit=emit,
        clock=clock,
    )
