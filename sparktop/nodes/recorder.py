"""An agent reads its machine all the time, so that a head that was away can be told what it missed."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from sparktop.model.channels import lists_processes
from sparktop.model.events import Event, NodeSeen, ProcessSeen, SampleTaken
from sparktop.model.records import Node
from sparktop.nodes.local import describe_local
from sparktop.nodes.nvidia import Gpus, gpus
from sparktop.telemetry.lookup import Lookup
from sparktop.telemetry.machine import Inputs, sources
from sparktop.telemetry.reading import Reading, Source
from sparktop.telemetry.sampler import Sampler

INTERVAL_S = 0.5
"""Seconds between readings."""


class Recorder:
    """This machine as events, whose times are seconds of the given clock.

    Unlike those of a run, its readings give every reason every time: a head may begin with any of them.

    Args:
        name: What this node calls itself; empty takes the host name.
        clock: The agent's clock, in seconds.
        inputs: What the sources read; None takes this machine's.
        those: What is read in their place, for machines that are not here.
        ask_gpus: Asks the driver for the names of the GPUs.
    """

    def __init__(
        self,
        name: str,
        clock: Callable[[], float],
        *,
        inputs: Inputs | None = None,
        those: Sequence[Source] | None = None,
        ask_gpus: Callable[[], Gpus] = gpus,
    ) -> None:
        self._inputs = inputs if inputs is not None else Inputs()
        self._sources = those if those is not None else sources(self._inputs.root)
        self._clock = clock
        self._name = name
        self._ask_gpus = ask_gpus
        # A driver that hangs must not keep the agent from answering.
        self.node = self._described(Gpus)
        self._lookup = Lookup(self.node.name, self._inputs.root / "proc", self._inputs.files, self._inputs.me)
        self._processes: dict[int, ProcessSeen] = {}
        self._sampler: Sampler | None = None

    @property
    def processes(self) -> tuple[ProcessSeen, ...]:
        """Those that hold memory of a GPU, as far as they were looked up."""
        return tuple(self._processes.values())

    def start(self, listen: Callable[[Event], None]) -> None:
        """Begins; returns at once.

        Args:
            listen: Called with every event, from several threads; must not raise.
        """

        def emit(reading: Reading) -> None:
            t = reading.t
            for process in self._lookup.look(t, reading):
                # A new one, since another thread may be looking through the old one.
                self._processes = {**self._processes, process.pid: process}
                listen(process)
            if lists_processes(reading.values):
                here = {
                    name.split(".")[1] for name in (*reading.values, *reading.missing) if name.startswith("process.")
                }
                self._processes = {pid: seen for pid, seen in self._processes.items() if str(pid) in here}
            listen(_sample(self.node.name, reading))

        def describe() -> None:
            node = self._described(self._ask_gpus)
            if node != self.node:
                self.node = node
                listen(NodeSeen(t=self._clock(), node=node))

        self._sampler = Sampler(self._sources, emit=emit, clock=self._clock, interval_s=INTERVAL_S)
        self._sampler.start()
        threading.Thread(target=describe, name="describe", daemon=True).start()

    def stop(self) -> None:
        """Ends; takes a second at most."""
        if self._sampler is not None:
            self._sampler.stop()

    def _described(self, ask_gpus: Callable[[], Gpus]) -> Node:
        node = describe_local(self._inputs.root, ask_gpus=ask_gpus)
        return replace(node, name=self._name) if self._name else node


def _sample(node: str, reading: Reading) -> SampleTaken:
    # JSON has no NaN: a source that gives one has read nothing.
    odd = {name: "not a number" for name, value in reading.values.items() if not math.isfinite(value)}
    return SampleTaken(
        t=reading.t,
        node=node,
        values={name: float(value) for name, value in reading.values.items() if name not in odd},
        missing={**reading.missing, **odd},
    )
