"""The other machines of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from sparktop.engines.protocol import Clock, Emit, Engine, Room
from sparktop.model.events import Event
from sparktop.model.records import Contender, Node
from sparktop.nodes.fit import Fit
from sparktop.nodes.remote import RemoteNode
from sparktop.nodes.remote_engine import RemoteEngine


class Fleet:
    """Machines elsewhere that take part in one run; they are connected to.

    Args:
        nodes: They, each with a name of its own.
    """

    def __init__(self, nodes: Sequence[RemoteNode] = ()) -> None:
        self._nodes = {node.name: node for node in nodes}

    def __contains__(self, name: str) -> bool:
        return name in self._nodes

    def __bool__(self) -> bool:
        return bool(self._nodes)

    @property
    def described(self) -> tuple[Node, ...]:
        """What they are."""
        return tuple(
            replace(node.hello.node, name=name) for name, node in self._nodes.items() if node.hello is not None
        )

    def start(self, listen: Callable[[Event], None], origin: float) -> None:
        """Lets them hand on events; returns at once.

        Args:
            listen: Called with every event, from several threads; must not raise.
            origin: Monotonic time, in seconds, of the run's t = 0.
        """
        for node in self._nodes.values():
            node.start(listen, origin)

    def stop(self) -> None:
        """Ends the connections, and what still runs there."""
        if self._nodes:
            with ThreadPoolExecutor(len(self._nodes)) as pool:
                list(pool.map(RemoteNode.stop, self._nodes.values()))

    def fits(self, contender: Contender, room: Room, reserve: int | None) -> Future[Fit]:
        """Asks a contender's node whether it fits there; the answer always comes."""
        return self._nodes[contender.node].work.fits(contender.model, room, reserve)

    def engine(self, contender: Contender, room: Room, beside: int, emit: Emit, clock: Clock) -> Engine:
        """Returns a contender's engine, which loads nothing yet.

        Args:
            contender: It is placed on one of these nodes.
            room: What its context must hold.
            beside: Engines that run there at once, this one included.
            emit: Takes events, from any thread.
            clock: Seconds since the run began.
        """
        return RemoteEngine(
            self._nodes[contender.node].work,
            node=contender.node,
            contender=contender.name,
            model=contender.model,
            room=room,
            beside=beside,
            emit=emit,
            clock=clock,
        )
