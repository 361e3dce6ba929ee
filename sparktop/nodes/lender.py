"""A node as a lender: it serves llama.cpp's RPC for a model that runs on another machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from typing import Final

from sparktop.engines.llama.rpc import Endpoint, RpcFailed
from sparktop.model.events import ContenderFailed, Event, ModelUnloaded, Notice
from sparktop.model.roofline import Ceilings
from sparktop.model.split_events import RpcReady
from sparktop.nodes.client import told_by
from sparktop.nodes.orders import Close, Kill
from sparktop.nodes.place import Lost
from sparktop.nodes.work import Work

_READY_S: Final = 70.0
"""Longer than the node itself waits for its server."""

_END_S: Final = 5.0


class RemoteLender:
    """A server of llama.cpp's RPC on a node.

    Args:
        work: What this head has running there.
        node: What the node is called.
        contender: Name of the model that is split.
        address: Address of the node, in the network of whoever will use it.
        weights: Bytes of tensors that may come at most.
        say: Takes sentences that stop nothing.
        learn: Takes how fast what it lends can be read, where it tells.
    """

    def __init__(
        self,
        work: Work,
        *,
        node: str,
        contender: str,
        address: str,
        weights: int,
        say: Callable[[str], None],
        learn: Callable[[Ceilings], None] = lambda ceilings: None,
    ) -> None:
        self._work = work
        self._node = node
        self._contender = contender
        self._address = address
        self._weights = weights
        self._say = say
        self._learn = learn
        self._job = -1
        self._ready: Future[Endpoint] = Future()
        self._gone = threading.Event()
        self._killed: float | None = None

    def lend(self) -> Endpoint:
        """See `Lender`."""
        self._job = self._work.serve_rpc(self, self._contender, self._address, self._weights)
        try:
            return self._ready.result(_READY_S)
        except NotInTime:
            raise RpcFailed(f"{self._node} did not start an RPC server within {_READY_S:.0f} s") from None

    def end(self) -> None:
        """See `Lender`."""
        if self._job < 0:
            return
        self._work.order(self._job, lambda order: Close(order=order, job=self._job))
        # Who is cut off ends it by itself, soon after it learns of this or misses its head.
        if not self._gone.wait(0.0 if self._work.cut_off else _END_S):
            self._killed = time.monotonic()
            self._work.order(self._job, lambda order: Kill(order=order, job=self._job))

    def take(self, event: Event, offset: float) -> None:
        """Takes an event of the server there.

        Raises:
            Lost: It can't be true.
        """
        if isinstance(event, RpcReady):
            # Whatever it says: it was told where to listen.
            if event.address != self._address or not 0 < event.port < 65536:
                raise Lost("it serves where it was not told to", nonsense=True)
            if event.ceilings is not None:
                self._learn(event.ceilings)
            if not self._ready.done():
                self._ready.set_result(Endpoint(node=self._node, host=event.address, port=event.port))
        elif isinstance(event, ContenderFailed):
            self._over(f"on {self._node}: {event.error}")
        elif isinstance(event, ModelUnloaded):
            self._over(f"{self._node} has ended its RPC server: its agent was stopped; run again")
        elif isinstance(event, Notice):
            self._say(told_by(self._node, event.text))

    def fail(self, why: str, *, unreachable: bool) -> None:
        """Takes that nothing more will come."""
        self._over(why)

    def look(self) -> None:
        """Counts what does not answer as gone."""
        if self._killed is not None and time.monotonic() - self._killed > _END_S:
            self._work.drop(self._job)
            self._gone.set()

    def _over(self, why: str) -> None:
        if not self._ready.done():
            self._ready.set_exception(RpcFailed(why))
        self._gone.set()
