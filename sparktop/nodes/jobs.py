"""What a node runs for a head: how it begins, and how it ends."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sparktop.engines.protocol import Clock
from sparktop.model.records import Node
from sparktop.nodes.no_job import NoJob
from sparktop.nodes.orders import Load, ServeRpc, shown
from sparktop.nodes.shelf import Shelf

if TYPE_CHECKING:
    from sparktop.nodes.job import Job
    from sparktop.nodes.rpc_job import RpcJob

    AnyJob = Job | NoJob | RpcJob

_KILL_S: Final = 1.0
"""How long what is ended may take to go by itself."""


@dataclass(kw_only=True)
class Maker:
    """Begins jobs. All methods are called in the agent's event loop.

    Attributes:
        shelf: The models.
        node: What this machine is, when that is asked.
        logs: Folder for the engines' logs.
        state: Folder of what was measured about this machine.
        clock: The agent's clock, in seconds.
        origin_ns: CLOCK_MONOTONIC at its 0, in nanoseconds.
        environ: Environment of the engines.
        wall: Wall-clock time.
        begun: How many jobs there were.
    """

    shelf: Shelf
    node: Callable[[], Node]
    logs: Path
    state: Path
    clock: Clock
    origin_ns: int
    environ: Mapping[str, str]
    wall: Callable[[], datetime] = datetime.now
    begun: int = 0

    async def load(self, order: Load) -> Job | NoJob:
        """Begins to load a model; where there is none, that is the job's only event."""
        path = await asyncio.to_thread(self.shelf.path, order.model)
        if path is None:
            return NoJob(order.contender, await self.unknown(order.model), self.clock())
        try:
            size = path.stat().st_size
        except OSError as error:
            why = f'the model "{shown(order.model)}" can\'t be read: {error.strerror or error}'
            return NoJob(order.contender, why, self.clock())
        job, processor_threads = await asyncio.to_thread(_engines)
        return job(
            order,
            path,
            node=self.node,
            log=self._log_file(order.model),
            state=self.state,
            clock=self.clock,
            origin_ns=self.origin_ns,
            environ=self.environ,
            threads=order.room.threads or processor_threads(size, order.beside),
        )

    async def serve_rpc(self, order: ServeRpc) -> RpcJob:
        """Begins to serve llama.cpp's RPC."""
        job, processor_threads = await asyncio.to_thread(_servers)
        return job(
            order,
            node=self.node(),
            log=self._log_file("rpc"),
            state=self.state,
            clock=self.clock,
            environ=self.environ,
            threads=processor_threads(order.weights, 1),
        )

    def _log_file(self, what: str) -> Path:
        self.begun += 1
        name = re.sub(r"[^\w.-]", "-", what).encode()[:80].decode("utf-8", "ignore")
        return self.logs / f"node-{self.wall():%Y%m%d-%H%M%S}-{self.begun}-{name}.log"

    async def unknown(self, model: str) -> str:
        """Says that there is no such model, and which there are."""
        known = ", ".join(one.name for one in await asyncio.to_thread(self.shelf.models))
        return f'there is no model "{shown(model)}" in the folders of {self.node().name}: it has {known or "none"}'


def _engines() -> tuple[type[Job], Callable[[int, int], int]]:
    """Imports what runs models: it is half as large as an agent that only reads its machine."""
    from sparktop.engines.threads import processor_threads
    from sparktop.nodes.job import Job

    return Job, processor_threads


def _servers() -> tuple[type[RpcJob], Callable[[int, int], int]]:
    """Imports what serves llama.cpp's RPC; see `_engines`."""
    from sparktop.engines.threads import processor_threads
    from sparktop.nodes.rpc_job import RpcJob

    return RpcJob, processor_threads


async def finish(jobs: list[AnyJob]) -> None:
    """Ends jobs: as they end by themselves, then by force."""
    for job in jobs:
        job.cancel()
        job.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(_KILL_S):
            await _over(jobs)
    for job in jobs:
        if not job.over:
            job.kill()
    # The kernel takes back at once what was killed; what it can't kill, nobody can wait for.
    with suppress(TimeoutError):
        async with asyncio.timeout(5 * _KILL_S):
            await _over(jobs)


async def _over(jobs: list[AnyJob]) -> None:
    for job in jobs:
        while not job.over:
            await job.feed.beyond(job.feed.ring.next)
