"""The machine alone, without a run: this one as it is read, or a recorded one, as events."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

from sparktop.model import channels
from sparktop.model.events import Event, NodeSeen, Notice, RunEnded, SampleTaken, ServerSeen, Status
from sparktop.model.records import Node, named_twice
from sparktop.model.servers import ServerKind
from sparktop.nodes.local import describe_local
from sparktop.nodes.nvidia import Gpus, gpus
from sparktop.telemetry.changes import Changes
from sparktop.telemetry.lookup import Lookup
from sparktop.telemetry.machine import Inputs, sources
from sparktop.telemetry.played import BadRecording, PlayedSource, moments, play
from sparktop.telemetry.reading import Reading, Source, Unreadable
from sparktop.telemetry.recorded import Recording
from sparktop.telemetry.sampler import Sampler

__all__ = ["BadRecording", "LiveMachine", "RecordedMachine", "recorded_node"]

INTERVAL_S: Final = 0.5
"""Seconds between readings."""


class Other(Protocol):
    """A machine elsewhere, connected to."""

    @property
    def described(self) -> Node | None:
        """What it is; None until that is known."""
        ...

    def start(self, listen: Callable[[Event], None], origin: float) -> None:
        """Begins to hand on its events; `origin` is the monotonic time of t = 0."""

    def stop(self) -> None:
        """Ends the connection."""


class Server(Source, Protocol):
    """A server of language models that tells of itself."""

    @property
    def server(self) -> str:
        """Where it is, as in its channels."""
        ...

    @property
    def kind(self) -> ServerKind | None:
        """What it is; None until it has given itself away."""
        ...


class LiveMachine:
    """This machine, read in threads of its own, and others beside it on the same time line.

    Args:
        recording: Where what is read is kept as well; None for nowhere.
        inputs: What the sources read, where it is not recorded; None takes this machine's.
        those: What is read in their place, for machines that are not here.
        servers: Servers of language models that are read beside it.
        ask_gpus: Asks the driver for the names of the GPUs.
        others: Machines elsewhere; they are not recorded.
    """

    def __init__(
        self,
        recording: Recording | None = None,
        *,
        inputs: Inputs | None = None,
        those: Sequence[Source] | None = None,
        servers: Sequence[Server] = (),
        ask_gpus: Callable[[], Gpus] = gpus,
        others: Sequence[Other] = (),
    ) -> None:
        self._recording = recording
        self._others = tuple(others)
        self._inputs = inputs if inputs is not None else Inputs()
        machine = those if those is not None else recording.sources if recording else sources(self._inputs.root)
        self._servers = tuple(servers)
        self._sources = (*machine, *servers)
        self._ask_gpus = ask_gpus
        self._began = self._origin = 0.0
        self._waiting = list(self._others)
        self._told_problem = False
        self._stopped = threading.Event()
        self._sampler: Sampler | None = None

    def start(self, listen: Callable[[Event], None]) -> None:
        """Begins; returns at once.

        Args:
            listen: Called with every event, from several threads; must not raise. Events' times count from now.
        """
        # Recordings have Unix time, which goes on evenly here when the machine's clock is set.
        offset = time.time() - time.monotonic()

        def clock() -> float:
            return offset + time.monotonic()

        self._began, self._origin = clock(), time.monotonic()
        threading.Thread(target=self._run, args=(listen, clock), name="machine", daemon=True).start()

    def stop(self) -> None:
        """Ends; what was read is on disk when this returns: a second at most, with others over ssh three."""
        self._stopped.set()
        # At once: each may have to wait for its connection to end.
        stopping = [threading.Thread(target=other.stop) for other in self._others]
        for thread in stopping:
            thread.start()
        if self._sampler is not None:
            self._sampler.stop()
        if self._recording is not None:
            self._recording.close()
        for thread in stopping:
            thread.join()

    @property
    def problem(self) -> str:
        """Why the recording is not complete; empty if it is, or if there is none."""
        return self._recording.problem if self._recording is not None else ""

    def _run(self, listen: Callable[[Event], None], clock: Callable[[], float]) -> None:
        root = self._inputs.root
        # A driver that hangs must not keep the rest back: what the machine is without it is told first.
        node = describe_local(root, ask_gpus=Gpus)
        listen(NodeSeen(t=0.0, node=node))
        changes = Changes(node.name)
        lookup = Lookup(node.name, root / "proc", self._inputs.files, self._inputs.me)
        told: dict[str, ServerKind] = {}

        def emit(reading: Reading) -> None:
            t = reading.t - self._began
            for server in self._servers:
                if (kind := server.kind) is not None and told.get(server.server) is not kind:
                    told[server.server] = kind
                    listen(ServerSeen(t=t, node=node.name, server=server.server, kind=kind))
            for event in lookup.look(t, reading):
                listen(event)
            listen(_at(t, changes, reading))
            # Machines are shown in the order in which they are first told of: this one, then as the person named them,
            # and not as their first readings come.
            waiting, self._waiting = self._waiting, []
            for other in waiting:
                if other.described is not None:
                    listen(NodeSeen(t=t, node=other.described))
            for sentence in named_twice([node, *(one for other in waiting if (one := other.described) is not None)]):
                listen(Notice(t=t, text=sentence))
            for other in waiting:
                other.start(listen, self._origin)
            if self.problem and not self._told_problem:
                self._told_problem = True
                listen(Notice(t=t, text=self.problem))

        self._sampler = sampler = Sampler(self._sources, emit=emit, clock=clock, interval_s=INTERVAL_S)
        if self._stopped.is_set():
            return
        sampler.start()
        described = describe_local(root, ask_gpus=self._ask_gpus)
        if described != node and not self._stopped.is_set():
            listen(NodeSeen(t=clock() - self._began, node=described))


class RecordedMachine:
    """A machine as a recording has it.

    Args:
        folder: The recording.

    Attributes:
        name: What it is called: a recording does not tell the name of its machine, so that of its folder.
        length_s: Seconds from its first reading to its last.

    Raises:
        BadRecording: It is none, is broken, or holds no reading.
    """

    def __init__(self, folder: Path) -> None:
        self._sources = play(folder)
        times = max((source.times for source in self._sources), key=len)
        if not times:
            raise BadRecording(f"there is no reading in {folder}")
        self.name = folder.resolve().name
        self.length_s = max(times) - times[0]

    def events(self) -> Iterator[Event]:
        """Yields what was read, in order and as it is asked for; times count from the first reading."""
        by_name = {source.name: source for source in self._sources}
        gpu = by_name["gpu"]
        changes = Changes(self.name)
        lookup = Lookup(self.name, gpu.inputs.root / "proc", gpu.inputs.files, gpu.inputs.me)
        began: float | None = None
        t = 0.0
        for reading in moments(self._sources):
            if began is None:
                began = reading.t
                yield NodeSeen(t=0.0, node=recorded_node(self.name, reading, self._sources))
            # The clock of whoever recorded may have been set back.
            t = max(t, reading.t - began)
            yield from lookup.look(t, reading)
            yield _at(t, changes, reading)
        yield RunEnded(t=t, status=Status.COMPLETED)


def _at(t: float, changes: Changes, reading: Reading) -> SampleTaken:
    return changes.sample(Reading(t=t, values=reading.values, missing=reading.missing))


def recorded_node(name: str, reading: Reading, played: Sequence[PlayedSource]) -> Node:
    """Returns what a recording tells of its machine: little, as it holds nothing but what was read.

    Args:
        name: What to call it.
        reading: Its first.
        played: The recording, of which that has been read.
    """
    gpu = next(source for source in played if source.name == "gpu")
    names = []
    for index in channels.things([*reading.values, *reading.missing], "gpu"):
        try:
            names.append(str(gpu.inputs.driver.ask("name", int(index))))
        except (Unreadable, ValueError):
            continue
    return Node(
        name=name,
        os="",
        machine="",
        cpu="",
        cores=0,
        memory=int(reading.values.get(channels.MEMORY_TOTAL, 0)),
        gpus=tuple(names),
        driver="",
        llama_cpp="",
    )
