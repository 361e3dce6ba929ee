"""One run from start to snapshot, in a thread of its own."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import sparktop
from sparktop.engines.gguf import BadModelFile
from sparktop.model import channels
from sparktop.model.events import (
    BaselineFound,
    Event,
    FootprintKnown,
    ModelReady,
    Notice,
    PrefillProgress,
    RequestDone,
    RequestFailed,
    RunEnded,
    RunStarted,
    Status,
    Tokens,
)
from sparktop.model.rating_events import Opinion
from sparktop.model.records import Contender, ModelInfo, named_twice
from sparktop.model.roofline import Ceilings
from sparktop.model.shape import Footprint
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import Phase, RunState
from sparktop.nodes.ceilings import find_ceilings, find_footprint
from sparktop.nodes.local import describe_local
from sparktop.places import Places
from sparktop.runner.background import Background, Outcome
from sparktop.runner.course import Track, in_turn
from sparktop.runner.engines import Engines
from sparktop.runner.fleet import Fleet
from sparktop.runner.lane import Lane
from sparktop.runner.plan import Plan
from sparktop.runner.run_ratings import RunRatings
from sparktop.runner.split_ceilings import of_contender
from sparktop.runner.split_fit import machines
from sparktop.runner.sums import Sums
from sparktop.store.history import find_baselines
from sparktop.store.journal import Journal
from sparktop.store.logs import prune_logs
from sparktop.store.names import journal_path, new_run_id, snapshot_path
from sparktop.store.rating_book import stamped
from sparktop.store.snapshots import write_snapshot
from sparktop.telemetry.changes import Changes
from sparktop.telemetry.machine import sources
from sparktop.telemetry.memory import allocatable
from sparktop.telemetry.reading import Reading, Unreadable
from sparktop.telemetry.sampler import Sampler

__all__ = ["Outcome", "Session"]


class Session(Background):
    """Runs a plan: engines, telemetry, journal and snapshot.

    `listen` is called with every event, in order, from the session's thread: it must be quick and
    must not raise (a `deque.append` is right).

    Args:
        plan: What to run.
        places: Where the journal, the snapshot and the logs go.
        listen: Takes every event.
        fleet: The other machines that take part; they are let go with the run.
        environ: Environment of the engines.
        root: Where /proc and /sys are looked for.
        wall: Wall-clock time, with its zone.
    """

    def __init__(
        self,
        plan: Plan,
        places: Places,
        listen: Callable[[Event], None],
        *,
        fleet: Fleet | None = None,
        environ: Mapping[str, str] = os.environ,
        root: Path = Path("/"),
        wall: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        super().__init__("session")
        self._plan = plan
        self._places = places
        self._listen = listen
        self._fleet = fleet if fleet is not None else Fleet()
        self._environ = environ
        self._root = root
        self._wall = wall
        self._created = wall()
        self._changes = Changes("")
        self.id = new_run_id(places.runs, plan.scenario.name, self._created)
        self._state = RunState()
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._sums = Sums(plan, self._fleet, root / "proc")
        self._journal: Journal | None = None
        self._ratings = RunRatings(places.runs, self.id, wall=wall, during=self._say, listen=listen)

    def snapshot_now(self) -> Path:
        """Writes a snapshot of the run so far and returns its file.

        Raises:
            OSError: It can't be written, or there is nothing to write yet.
        """
        path = snapshot_path(self._places.runs, self.id)
        # Held from the look until it is written: else one asked for in mid-run could replace the last one.
        with self._writing:
            with self._lock:
                if self._state.started is None:
                    raise OSError("the run has not begun yet")
                snapshot = take_snapshot(self._state)
            write_snapshot(snapshot, path)
        return path

    def rate(self, opinion: Opinion) -> Opinion:
        """Keeps what a person says of an answer, during the run or after it; see `RunRatings.add`."""
        return self._ratings.add(opinion)

    def close(self) -> str:
        """Lets the run's files go, once nobody rates any more; see `RunRatings.close`."""
        return self._ratings.close()

    def _say(self, opinion: Opinion) -> Opinion:
        with self._lock:
            t = self._clock() if self._state.ended is None else self._state.ended
            event = stamped(opinion, self._state.ratings, t, self._wall())
        self._publish(event)
        return event

    def _conduct(self) -> Outcome:
        prune_logs(self._places.logs)
        self._journal = Journal(journal_path(self._places.runs, self.id), self._problem)
        sampler = Sampler(sources(self._root), emit=self._sampled, clock=self._clock)
        status = Status.FAILED
        try:
            self._fleet.connect()
            lanes = self._begin()
            sampler.start()
            self._fleet.start(self._events.put, self._origin_ns / 1e9)
            self._drive(lanes)
            status = self._verdict()
        except Exception as error:  # whatever it was, what has been measured is kept
            self._blame(error)
        finally:
            self._fleet.stop()
            sampler.stop()
            self._drain()
            self._publish(RunEnded(t=self._clock(), status=status))
        return self._keep(status)

    def _begin(self) -> list[Lane]:
        plan = self._plan
        node = describe_local(self._root)
        nodes = self._fleet.linked(node)
        self._changes = Changes(node.name)
        self._publish(
            RunStarted(
                t=0.0,
                id=self.id,
                created=self._created.isoformat(timespec="milliseconds"),
                sparktop=sparktop.__version__,
                scenario=plan.scenario,
                options=plan.options,
                nodes=nodes,
                contenders=plan.contenders,
                planned=plan.planned,
            )
        )
        for sentence in named_twice(nodes):
            self._publish(Notice(t=self._clock(), text=sentence))
        lanes: list[Lane] = []
        first = 0
        for contender in plan.contenders:
            lane = self._lane(contender, first)
            lane.announce()
            lanes.append(lane)
            first = lane.after
        return lanes

    def _lane(self, contender: Contender, first: int) -> Lane:
        proc = self._root / "proc"
        number = self._plan.contenders.index(contender) + 1  # names may differ in what no file name keeps
        log = self._places.logs / f"{self.id}-{number}-{_file_name(contender.name)}.log"
        engines = Engines(
            plan=self._plan,
            emit=self._events.put,
            clock=self._clock,
            origin_ns=self._origin_ns,
            environ=self._environ,
            fleet=self._fleet,
            shares=self._sums.shares,
        )
        host = machines(contender)[0]
        elsewhere = host in self._fleet
        return Lane(
            self._plan,
            contender,
            first=first,
            make_engine=partial(engines.make, contender, log),
            assess=partial(self._sums.load, contender),
            available=lambda: self._available_at(host) if elsewhere else _available(proc),
            # What runs elsewhere is examined there.
            examine=(lambda _: None) if elsewhere else partial(self._examine, contender),
            publish=self._publish,
            state=self._state,
            clock=self._clock,
            cancelled=self._cancel.is_set,
            away=partial(self._fleet.away, machines(contender)),
            may_ask=self._all_loaded if self._plan.options.together else lambda: True,
        )

    def _available_at(self, node: str) -> int | None:
        gauge = self._state.gauges.get(node, {}).get(channels.MEMORY_AVAILABLE)
        return None if gauge is None or gauge.last is None else int(gauge.last)

    def _examine(self, contender: Contender, info: ModelInfo) -> tuple[Footprint, Ceilings] | None:
        started = self._state.started
        if contender.url:
            return None  # nobody says how a server's model lies in its memory
        try:
            found = find_footprint(Path(contender.model))
            if found is None or started is None:
                return None
            own = find_ceilings(started.nodes[0], info, found, self._places.state, self._root)
            return found, self._ceilings_of_all(contender.name, own)
        except BadModelFile:
            raise
        except Exception as error:  # a model that runs is measured, whatever is odd about its header
            self._blame(error)
            return None

    def _ceilings_of_all(self, name: str, first: Ceilings) -> Ceilings:
        return of_contender(self._state, name, first, self._fleet, self._places.state, self._root)

    def _all_loaded(self) -> bool:
        return all(c.phase not in (Phase.QUEUED, Phase.LOADING) for c in self._state.contenders.values())

    def _drive(self, lanes: list[Lane]) -> None:
        """Runs the lanes: on each machine one after another, or all at once."""
        places = [
            # Servers and this machine take turns: who waits for a server's tokens must not be busy.
            {number if self._plan.options.together else self._fleet.host(name) for name in machines(lane.contender)}
            for number, lane in enumerate(lanes)
        ]
        running = [Track(lanes[number] for number in one) for one in in_turn(places)]
        try:
            while running := [track for track in running if track.go_on()]:
                self._take_event()
        finally:
            for track in running:
                track.close()

    def _take_event(self) -> None:
        """Publishes what has come; waits a moment if nothing has."""
        event = self._next_event()
        if event is not None and not self._comes_too_late(event):
            if isinstance(event, FootprintKnown):
                # It comes from another machine, which knows its own memory alone.
                event = replace(event, ceilings=self._ceilings_of_all(event.contender, event.ceilings))
            self._publish(event)
            if isinstance(event, ModelReady):
                self._tell_baselines(event.contender)

    def _tell_baselines(self, contender: str) -> None:
        """Says how fast a loaded model was in earlier runs, before its first request."""
        if self._plan.options.together and len(self._plan.contenders) > 1:
            return  # it ran alone then
        try:
            found = find_baselines(self._places.runs, self._state, contender)
        except Exception as error:  # what others left in a folder must not end a run
            self._blame(error)
            return
        for batch, earlier in found.items():
            self._publish(
                BaselineFound(
                    t=self._clock(),
                    contender=contender,
                    batch=batch,
                    runs=earlier.runs,
                    decode_tok_s=earlier.decode_tok_s,
                )
            )

    def _comes_too_late(self, event: Event) -> bool:
        """Whether it is about a request that a lane gave up waiting for: its end has been told."""
        if not isinstance(event, PrefillProgress | Tokens | RequestDone | RequestFailed):
            return False
        request = self._state.requests.get(event.request)
        return request is not None and request.ended is not None

    def _drain(self) -> None:
        while not self._events.empty():
            self._take_event()

    def _publish(self, event: Event) -> None:
        with self._lock:
            self._state.apply(event)
        if self._journal is not None:
            self._journal.append(event)
        self._listen(event)

    def _sampled(self, reading: Reading) -> None:
        self._events.put(self._changes.sample(reading))

    def _problem(self, sentence: str) -> None:
        super()._problem(sentence)
        self._events.put(Notice(t=self._clock(), text=sentence))

    def _verdict(self) -> Status:
        if self._cancel.is_set():
            return Status.CANCELLED
        return Status.COMPLETED if any(request.ok for request in self._state.measured()) else Status.FAILED

    def _keep(self, status: Status) -> Outcome:
        with self._ratings.ending():
            if self._journal is not None:
                self._journal.close()
            path: Path | None = None
            if self._state.started is None:  # it broke before there was anything to keep
                return Outcome(status, None, tuple(self._problems))
            try:
                path = self.snapshot_now()
            except OSError as error:
                where = snapshot_path(self._places.runs, self.id)
                self._problems.append(f"the snapshot can't be written: {error.strerror or error} ({where})")
        return Outcome(status, path, tuple(self._problems))


def _available(proc: Path) -> int | None:
    try:
        return allocatable(proc).bytes
    except Unreadable:
        return None


def _file_name(name: str) -> str:
    # In bytes: file systems take 255 of them, and a Chinese character has three.
    return re.sub(r"[^\w.-]", "-", name).encode()[:80].decode("utf-8", "ignore")
