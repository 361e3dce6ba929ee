"""A model that is split over machines, as one engine: servers on the further ones, llama.cpp on the first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol

from sparktop.engines.llama.rpc import Endpoint, RpcFailed
from sparktop.engines.llama.rpc_host import RpcServer
from sparktop.engines.protocol import Clock, Emit, Engine, Generation
from sparktop.engines.wire import Split
from sparktop.model.events import ContenderFailed, Event, ModelLoading, ModelUnloaded, RequestFailed


class Lender(Protocol):
    """A machine that lends its devices to a llama.cpp elsewhere."""

    def lend(self) -> Endpoint:
        """Starts a server there; returns where it listens, once it does.

        Raises:
            RpcFailed: It can't.
        """

    def end(self) -> None:
        """Ends the server; may be called where there is none. Returns when it is gone, as far as can be told."""


class SplitEngine:
    """Starts the servers, then the engine that uses them; they go when it does, whatever ended it.

    Args:
        contender: Name that events carry.
        node: Name of the machine that runs llama.cpp.
        lenders: The further machines.
        shares: One number a machine, in proportion to the layers that it takes; the first is for `node`.
        make: Makes the engine on `node`, which loads nothing yet, from the split and from what takes its events.
        emit: Takes events, from threads of the engine's own.
        clock: Seconds since the run began.
    """

    def __init__(
        self,
        contender: str,
        node: str,
        lenders: Sequence[Lender],
        shares: Sequence[float],
        make: Callable[[Split, Emit], Engine],
        emit: Emit,
        clock: Clock,
    ) -> None:
        self._contender = contender
        self._node = node
        self._lenders = tuple(lenders)
        self._shares = tuple(shares)
        self._make = make
        self._emit = emit
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: list[Generation] = []
        self._engine: Engine | None = None
        self._closing = False
        self._over = False
        self._reason = "the run was stopped"

    def open(self) -> None:
        """Begins to start the servers; the model is loaded once they listen."""
        self._emit(ModelLoading(t=self._clock(), contender=self._contender, fraction=0.0))
        threading.Thread(target=self._start, name=f"split-{self._contender}", daemon=True).start()

    def submit(self, generations: Sequence[Generation]) -> None:
        """Hands on requests; where the engine has ended, they fail."""
        with self._lock:
            engine, over = self._engine, self._over
            if engine is None and not over:
                self._waiting += generations
                return
        if engine is not None:
            engine.submit(generations)
            return
        self._refuse(generations, self._reason)

    def cancel(self) -> None:
        """Ends all requests."""
        if (engine := self._engine) is not None:
            engine.cancel()

    def close(self) -> None:
        """Unloads the model, then ends the servers."""
        self._stop(lambda engine: engine.close())

    def kill(self) -> None:
        """Ends the model's process, then the servers."""
        self._stop(lambda engine: engine.kill())

    def _stop(self, how: Callable[[Engine], None]) -> None:
        with self._lock:
            self._closing, engine = True, self._engine
        if engine is not None:
            how(engine)
        else:
            # What is still being started need not be waited for.
            threading.Thread(target=self._end_servers, name=f"end-{self._contender}", daemon=True).start()

    def _end_servers(self) -> None:
        for lender in self._lenders:
            with suppress(RpcFailed):
                lender.end()

    def _start(self) -> None:
        try:
            with ThreadPoolExecutor(max_workers=len(self._lenders)) as together:
                # All are waited for, also where one fails: none must come up after its end.
                started = [together.submit(lender.lend) for lender in self._lenders]
            split = Split(node=self._node, servers=tuple(one.result() for one in started), shares=self._shares)
        except RpcFailed as error:
            last: Event = ContenderFailed(t=self._clock(), contender=self._contender, error=str(error))
            if self._closing:
                last = ModelUnloaded(t=self._clock(), contender=self._contender)
            self._pass_on(last)
            return
        with self._lock:
            if not self._closing:
                self._engine = engine = self._make(split, self._pass_on)
                waiting, self._waiting = self._waiting, []
        if self._closing:
            self._pass_on(ModelUnloaded(t=self._clock(), contender=self._contender))
            return
        engine.open()
        if waiting:
            engine.submit(waiting)

    def _pass_on(self, event: Event) -> None:
        """Takes the engine's events: its last one is told when the servers are gone too."""
        if isinstance(event, ContenderFailed | ModelUnloaded):
            self._end_servers()
            with self._lock:
                self._over = True
                if isinstance(event, ContenderFailed):
                    self._reason = event.error
                waiting, self._waiting = self._waiting, []
            self._refuse(waiting, self._reason)
        self._emit(event)

    def _refuse(self, generations: Sequence[Generation], why: str) -> None:
        for generation in generations:
            self._emit(RequestFailed(t=self._clock(), request=generation.request, error=why))


class LocalLender:
    """This machine as a lender.

    Args:
        server: Its server, not yet started.
    """

    def __init__(self, server: RpcServer) -> None:
        self._server = server

    def lend(self) -> Endpoint:
        """See `Lender`."""
        self._server.start()
        return self._server.endpoint

    def end(self) -> None:
        """See `Lender`."""
        self._server.stop()
