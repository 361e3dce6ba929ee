"""A server of llama.cpp's RPC that a node runs for a head: its events are when it listens, and how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sparktop.engines.llama import rpc_cache
from sparktop.engines.llama.rpc import RpcFailed
from sparktop.engines.llama.rpc_host import RpcServer
from sparktop.engines.protocol import Clock, Generation
from sparktop.model.codec import encode
from sparktop.model.events import ContenderFailed, Event, ModelUnloaded, Notice
from sparktop.model.records import Node
from sparktop.model.split_events import RpcReady
from sparktop.nodes.ceilings import find_lent
from sparktop.nodes.orders import ServeRpc
from sparktop.nodes.ring import Feed

_LOOK_S: Final = 0.25


class RpcJob:
    """One server.

    All methods are called in the agent's event loop.

    Args:
        order: Where it is to listen.
        node: What this machine is.
        log: File of the server's log.
        state: Folder of what was measured about this machine.
        clock: The agent's clock, in seconds.
        environ: Environment of the server's process.
        threads: Processor threads, where the processor is what is lent.

    Attributes:
        feed: Its events.
        over: Its last event has come.
    """

    def __init__(
        self,
        order: ServeRpc,
        *,
        node: Node,
        log: Path,
        state: Path,
        clock: Clock,
        environ: Mapping[str, str],
        threads: int,
    ) -> None:
        self.feed = Feed()
        self.over = False
        self._contender = order.contender
        self._machine, self._node = node, node.name
        self._weights = order.weights
        self._state = state
        self._clock = clock
        self._closing = False
        self._ending: asyncio.Task[None] | None = None
        loop = asyncio.get_running_loop()

        def say(sentence: str) -> None:
            loop.call_soon_threadsafe(self._notice, sentence)

        self._server = RpcServer(
            node.name,
            order.address,
            log=log,
            cache=rpc_cache.usual_folder(environ),
            coming=order.weights,
            threads=threads,
            environ=environ,
            say=say,
        )
        self._task = asyncio.create_task(self._run())

    def submit(self, generations: tuple[Generation, ...]) -> None:
        """Does nothing: no request is for a server."""

    def cancel(self) -> None:
        """Does nothing."""

    def close(self) -> None:
        """Ends the server, also while it starts."""
        self._closing = True
        self._ending = asyncio.create_task(asyncio.to_thread(self._server.stop))

    def kill(self) -> None:
        """Ends the server."""
        self.close()

    async def _run(self) -> None:
        try:
            version = await asyncio.to_thread(self._server.start)
        except RpcFailed as error:
            if self._closing:
                self._take(ModelUnloaded(t=self._clock(), contender=self._contender))
            else:
                self._take(ContenderFailed(t=self._clock(), contender=self._contender, error=str(error)))
            return
        where = self._server.endpoint
        # Before anything of it is timed: a processor is measured, once on each machine.
        ceilings = await asyncio.to_thread(find_lent, self._machine, self._weights, self._state)
        dotted = ".".join(map(str, version))
        ready = RpcReady(t=self._clock(), address=where.host, port=where.port, version=dotted, ceilings=ceilings)
        self._take(ready)
        while not self._closing and self._server.alive:
            await asyncio.sleep(_LOOK_S)
        await asyncio.to_thread(self._server.stop)
        # Whom it served may be gone before whoever had it started.
        if self._closing or self._server.done:
            self._take(ModelUnloaded(t=self._clock(), contender=self._contender))
            return
        why = f"the RPC server of {self._node} at {where} ended by itself: {self._server.last_words}"
        log = self._server.log_text()[-4096:]
        self._take(ContenderFailed(t=self._clock(), contender=self._contender, error=why, log=log))

    def _notice(self, sentence: str) -> None:
        self._take(Notice(t=self._clock(), text=sentence))

    def _take(self, event: Event) -> None:
        self.feed.add(encode(event))
        self.over = self.over or isinstance(event, ContenderFailed | ModelUnloaded)
