"""A contender that is split over machines: who takes part, and how they reach each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sparktop.engines.llama import rpc_cache
from sparktop.engines.llama.rpc import Endpoint, RpcFailed
from sparktop.engines.llama.rpc_host import RpcServer
from sparktop.engines.llama.split_engine import Lender, LocalLender, SplitEngine
from sparktop.engines.protocol import Clock, Emit, Engine, Room
from sparktop.engines.threads import processor_threads
from sparktop.engines.wire import Split
from sparktop.model.events import Notice
from sparktop.model.interfaces import NodeLink, links
from sparktop.model.records import Contender
from sparktop.runner.fleet import Fleet
from sparktop.runner.split_fit import machines


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitMaker:
    """Makes the engine of a split contender.

    Attributes:
        fleet: The other machines.
        emit: Takes events, from any thread.
        clock: Seconds since the run began.
        local: Makes an engine on this machine, from the split and from what takes its events.
        log: File that this machine's part of it logs to.
        environ: Environment of this machine's server, if it has one.
    """

    fleet: Fleet
    emit: Emit
    clock: Clock
    local: Callable[[Split, Emit], Engine]
    log: Path
    environ: Mapping[str, str]

    def make(self, contender: Contender, room: Room, shares: Sequence[float]) -> Engine:
        """Returns the engine, which loads nothing yet."""
        first, *others = machines(contender)

        def make(split: Split, emit: Emit) -> Engine:
            if first in self.fleet:
                return self.fleet.engine(first, contender, room, 1, emit, self.clock, split)
            return self.local(split, emit)

        lenders = [_Late(partial(self._lender, contender, first, name)) for name in others]
        return SplitEngine(contender.name, first, lenders, shares, make, self.emit, self.clock)

    def _lender(self, contender: Contender, first: str, name: str) -> Lender:
        link = find_link(self.fleet, first, name)
        if name in self.fleet:
            return self.fleet.lender(name, contender, link.there.address, self._say)
        return LocalLender(
            RpcServer(
                name,
                link.there.address,
                log=self.log.with_name(f"{self.log.stem}-rpc.log"),
                cache=rpc_cache.usual_folder(self.environ),
                coming=contender.size,
                threads=processor_threads(contender.size, 1),
                environ=self.environ,
                say=self._say,
            )
        )

    def _say(self, sentence: str) -> None:
        self.emit(Notice(t=self.clock(), text=sentence))


def find_link(fleet: Fleet, first: str, name: str) -> NodeLink:
    """Returns how the first machine of a split reaches another one: by their best network.

    Raises:
        RpcFailed: They have none in common.
    """
    if fleet.host(first) == fleet.host(name):
        raise RpcFailed(f"{first} and {name} are the same machine: a model is split over different ones")
    if found := links(fleet.interfaces(first), fleet.interfaces(name)):
        return found[0]
    raise RpcFailed(
        f"{first} and {name} have no network in common in which both have an IPv4 address and a link that is up,"
        " and a model that is split needs one"
    )


class _Late:
    """A lender that is found when it is needed: what stands in its way is then an event of the engine."""

    def __init__(self, find: Callable[[], Lender]) -> None:
        self._find = find
        self._found: Lender | None = None

    def lend(self) -> Endpoint:
        """See `Lender`."""
        self._found = self._find()
        return self._found.lend()

    def end(self) -> None:
        """See `Lender`."""
        if self._found is not None:
            self._found.end()
