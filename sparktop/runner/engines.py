"""Which engine runs a contender, and how it is set up for a plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sparktop.engines.http.engine import HttpEngine
from sparktop.engines.llama.engine import LlamaEngine
from sparktop.engines.protocol import Clock, Emit, Engine
from sparktop.engines.threads import processor_threads
from sparktop.engines.wire import Split
from sparktop.engines.worker_engine import Wiring
from sparktop.model.records import Contender
from sparktop.runner.fleet import Fleet
from sparktop.runner.plan import Plan
from sparktop.runner.split import SplitMaker
from sparktop.runner.split_fit import is_split


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """Makes the engines of a run.

    Attributes:
        plan: What is to run on them.
        emit: Takes their events, from any thread.
        clock: Seconds since the run began.
        origin_ns: CLOCK_MONOTONIC at t = 0 of that clock.
        environ: Environment of their processes; also holds the API keys that contenders name.
        fleet: The other machines.
        shares: Tells by what shares a split contender is split, once its memory was summed up.
    """

    plan: Plan
    emit: Emit
    clock: Clock
    origin_ns: int
    environ: Mapping[str, str]
    fleet: Fleet = field(default_factory=Fleet)
    shares: Callable[[str], Sequence[float]] = lambda name: ()

    def make(self, contender: Contender, log: Path) -> Engine:
        """Returns a contender's engine, which loads nothing yet."""
        options, room = self.plan.options, self.plan.room()
        wiring = Wiring(
            contender=contender.name,
            log=log,
            emit=self.emit,
            clock=self.clock,
            origin_ns=self.origin_ns,
            environ=self.environ,
        )
        if contender.url:
            key = self.environ.get(contender.key_env, "") if contender.key_env else ""
            return HttpEngine(
                wiring, url=contender.url, model=contender.model, key=key, silence_s=options.silence_s, room=room
            )
        beside = sum(one.node == contender.node for one in self.plan.contenders) if options.together else 1
        if contender.node in self.fleet:
            return self.fleet.engine(contender.node, contender, room, beside, self.emit, self.clock)
        here = replace(room, threads=processor_threads(contender.size, beside))
        if not is_split(contender):
            return LlamaEngine(wiring, path=Path(contender.model), room=here)

        def make(split: Split, emit: Emit) -> Engine:
            return LlamaEngine(replace(wiring, emit=emit), path=Path(contender.model), room=here, split=split)

        maker = SplitMaker(
            fleet=self.fleet, emit=self.emit, clock=self.clock, local=make, log=log, environ=self.environ
        )
        return maker.make(contender, room, self.shares(contender.name))
