"""The other machines of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from sparktop.engines.protocol import Clock, Emit, Engine, Room
from sparktop.engines.wire import Split
from sparktop.model.events import Event
from sparktop.model.interfaces import Interface, links_from
from sparktop.model.records import Contender, Node
from sparktop.model.roofline import Ceilings
from sparktop.nodes.fit import Fit
from sparktop.nodes.lender import RemoteLender
from sparktop.nodes.local import own_identity
from sparktop.nodes.place import Unreachable
from sparktop.nodes.remote import RemoteNode
from sparktop.nodes.remote_engine import RemoteEngine
from sparktop.telemetry.interfaces import own_interfaces


class Fleet:
    """Machines elsewhere that take part in one run.

    Args:
        nodes: They, each with a name of its own.
    """

    def __init__(self, nodes: Sequence[RemoteNode] = ()) -> None:
        self._nodes = {node.name: node for node in nodes}
        self._lost: dict[str, str] = {}
        self._lent: dict[str, Ceilings] = {}

    def connect(self) -> None:
        """Waits until all are connected to that can be; what is placed on others is refused with the reason."""
        for node in self._nodes.values():
            node.begin()
        for name, node in self._nodes.items():
            try:
                node.connect()
            except Unreachable as error:
                self._lost[name] = str(error)

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

    def linked(self, here: Node) -> tuple[Node, ...]:
        """Returns all machines of the run, this one first, each with its links to the others."""
        nodes = (here, *self.described)
        if len(nodes) < 2:
            return nodes
        interfaces = {node.name: self.interfaces(node.name) for node in nodes}
        return tuple(replace(node, links=links_from(node.name, interfaces)) for node in nodes)

    def start(self, listen: Callable[[Event], None], origin: float) -> None:
        """Lets them hand on events; returns at once.

        Args:
            listen: Called with every event, from several threads; must not raise.
            origin: Monotonic time, in seconds, of the run's t = 0.
        """
        for name, node in self._nodes.items():
            if name not in self._lost:
                node.start(listen, origin)

    def stop(self) -> None:
        """Ends the connections, and what still runs there."""
        if self._nodes:
            with ThreadPoolExecutor(len(self._nodes)) as pool:
                list(pool.map(RemoteNode.stop, self._nodes.values()))

    def interfaces(self, name: str) -> tuple[Interface, ...]:
        """Network interfaces of one of these nodes, or of this machine where it is none of them."""
        if (node := self._nodes.get(name)) is None:
            return own_interfaces()
        return node.hello.interfaces if node.hello is not None else ()

    def identity(self, name: str) -> str:
        """What tells one of these nodes from others, or this machine where it is none of them; see `Node`."""
        if (node := self._nodes.get(name)) is None:
            return own_identity()
        return node.hello.node.identity if node.hello is not None else ""

    def host(self, name: str) -> str:
        """Returns the first name of the machine that one of these nodes is; empty for this machine."""
        identity = self.identity(name)
        if name not in self._nodes or (identity and identity == own_identity()):
            return ""
        return next(one for one in self._nodes if one == name or (identity and self.identity(one) == identity))

    def away(self, names: Sequence[str]) -> tuple[str, ...]:
        """Returns those of some machines that can't be reached now."""
        return tuple(name for name in names if (node := self._nodes.get(name)) is not None and node.work.cut_off)

    def fits(self, node: str, model: str, room: Room, reserve: int | None, *, split: bool = False) -> Future[Fit]:
        """Asks a node whether a model fits there, or of no model, what it has; see `assess_model`.

        The answer always comes.
        """
        if node in self._lost:
            told: Future[Fit] = Future()
            told.set_result(Fit(0, 0, 0, None, 0, "", problem=self._lost[node]))
            return told
        return self._nodes[node].work.fits(model, room, reserve, split=split)

    def lender(self, node: str, contender: Contender, address: str, say: Callable[[str], None]) -> RemoteLender:
        """Returns a node as a further machine of a split contender.

        Args:
            node: One of these nodes.
            contender: What is split.
            address: Where the node is to listen.
            say: Takes sentences that stop nothing.
        """
        return RemoteLender(
            self._nodes[node].work,
            node=node,
            contender=contender.name,
            address=address,
            weights=contender.size,
            say=say,
            learn=partial(self._lent.__setitem__, node),
        )

    def ceilings(self, node: str) -> Ceilings | None:
        """Returns how fast what a node lends can be read; None if it did not tell."""
        return self._lent.get(node)

    def engine(
        self,
        node: str,
        contender: Contender,
        room: Room,
        beside: int,
        emit: Emit,
        clock: Clock,
        split: Split | None = None,
    ) -> Engine:
        """Returns a contender's engine, which loads nothing yet.

        Args:
            node: One of these nodes, which runs it.
            contender: It.
            room: What its context must hold.
            beside: Engines that run there at once, this one included.
            emit: Takes events, from any thread.
            clock: Seconds since the run began.
            split: The other machines that it is split over; None where it stays whole.
        """
        return RemoteEngine(
            self._nodes[node].work,
            node=node,
            contender=contender.name,
            model=contender.model,
            room=room,
            beside=beside,
            emit=emit,
            clock=clock,
            split=split,
        )
