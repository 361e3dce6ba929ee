"""The fold: events in, the state of the run out.

`RunState.apply` reads nothing but its argument and its own fields, so the same events always give
the same state: live, replayed, or recovered from a journal.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import singledispatchmethod
from typing import Final

from sparktop.model.channels import PROCESS_LEFT
from sparktop.model.events import (
    BaselineFound,
    ClockMeasured,
    ContenderFailed,
    Event,
    FootprintKnown,
    ModelLoading,
    ModelReady,
    ModelUnloaded,
    NodeSeen,
    Notice,
    PrefillProgress,
    ProcessSeen,
    RequestDone,
    RequestFailed,
    RequestQueued,
    RequestSent,
    RunEnded,
    RunStarted,
    SampleTaken,
    ServerSeen,
    Status,
    TokenKind,
    Tokens,
)
from sparktop.model.rating_events import OPINIONS
from sparktop.model.rating_log import RatingLog
from sparktop.model.records import Node
from sparktop.model.split_events import LinkMeasured, ModelSplit, RpcReady
from sparktop.model.standing import ContenderState, Phase, RequestState
from sparktop.model.timeseries import Gauge, TokenRate
from sparktop.model.watch import Watch, Work

__all__ = ["ContenderState", "Phase", "RequestState", "RunState", "fold"]

MOST_LEFT: Final = 256
"""Processes of a machine whose series are kept though they have left its GPUs: a monitor that is open for weeks sees
any number of them."""


class RunState:
    """A run as its events so far tell it.

    Attributes:
        started: The run's first event; None before it came.
        status: How the run stands.
        nodes: The machines that are read, by name.
        contenders: By name, in the order they run.
        requests: By number, in the order they were queued, warm-up included.
        gauges: Readings by node, then by channel name.
        missing: Why a channel is not read, by node, then by channel name.
        watches: What takes several readings of the same moment to tell, by node.
        clocks: How the clock of each other node stands to the run's, by node: the last measurement, as uncertain as
            the worst one, since every time that was told rests on one of them.
        processes: Processes that hold or held memory of a GPU, by node, then by number.
        notices: What the person should know, oldest first.
        ratings: What people and models think of the answers.
        rate: Tokens of all contenders together.
        now: Time of the newest event, seconds since the run began.
    """

    def __init__(self) -> None:
        self.started: RunStarted | None = None
        self.status = Status.RUNNING
        self.nodes: dict[str, Node] = {}
        self.contenders: dict[str, ContenderState] = {}
        self.requests: dict[int, RequestState] = {}
        self.gauges: dict[str, dict[str, Gauge]] = {}
        self.missing: dict[str, dict[str, str]] = {}
        self.watches: dict[str, Watch] = {}
        self.clocks: dict[str, ClockMeasured] = {}
        self.processes: dict[str, dict[int, ProcessSeen]] = {}
        self._left: dict[str, dict[str, None]] = {}
        self.servers: dict[str, dict[str, str]] = {}
        self.notices: list[Notice] = []
        self.ratings = RatingLog()
        self.rate = TokenRate()
        self.now = 0.0
        self.ended: float | None = None

    def extend(self, events: Iterable[Event]) -> None:
        """Applies several events in order."""
        for event in events:
            self.apply(event)

    def apply(self, event: Event) -> None:
        """Takes one event into the state; events about unknown requests are ignored."""
        if isinstance(event, OPINIONS):
            # A run does not get longer because somebody reads it.
            self.ratings.apply(event)
            return
        self.now = max(self.now, event.t)
        _rule(type(event))(self, event)

    def active(self) -> list[RequestState]:
        """Requests that were sent and have not ended, warm-up included."""
        return [r for r in self.requests.values() if r.sent is not None and r.ended is None]

    @property
    def unreachable(self) -> bool:
        """Whether nothing could be measured because no contender's engine was there."""
        return bool(self.contenders) and all(contender.unreachable for contender in self.contenders.values())

    @property
    def all_answered(self) -> bool:
        """Whether everything that was asked for came: no contender failed, and every request has an answer."""
        return not any(c.error for c in self.contenders.values()) and all(
            request.ok and (request.answer.strip() or not request.queued.prompt) for request in self.measured()
        )

    @property
    def answerers(self) -> dict[int, str]:
        """Who answers each request, by its number; without warm-up."""
        return {number: r.queued.contender for number, r in self.requests.items() if not r.queued.warmup}

    def measured(self, contender: str | None = None) -> list[RequestState]:
        """Requests that count: without warm-up, of one contender or of all."""
        return [r for r in self.requests.values() if not r.queued.warmup and contender in (None, r.queued.contender)]

    def _process_left(self, node: str, name: str) -> None:
        """Notes that a process holds nothing any more, and forgets the one that left longest ago of too many."""
        left = self._left.setdefault(node, {})
        left.pop(name, None)
        left[name] = None
        if len(left) <= MOST_LEFT:
            return
        oldest = next(iter(left))
        del left[oldest]
        # Its number may be another process's by now.
        if self.missing[node].get(oldest) == PROCESS_LEFT:
            del self.missing[node][oldest]
            self.gauges[node].pop(oldest, None)
            pid = oldest.split(".")[1]
            if pid.isdecimal():
                self.processes.get(node, {}).pop(int(pid), None)

    def _work(self) -> list[Work]:
        return [
            Work(
                contender=name,
                nodes=tuple(c.contender.node.split("+")),
                lacking=c.contender.size * (1 - c.fraction) if c.phase is Phase.LOADING else None,
                tokens=c.rate.total,
            )
            for name, c in self.contenders.items()
            if c.phase in (Phase.LOADING, Phase.READY)
        ]

    @singledispatchmethod
    def _apply(self, event: Event) -> None:
        raise TypeError(f"no rule for {type(event).__name__}")

    @_apply.register
    def _(self, event: RunStarted) -> None:
        self.started = event
        self.nodes = {node.name: node for node in event.nodes}
        self.contenders = {c.name: ContenderState(c) for c in event.contenders}

    @_apply.register
    def _(self, event: NodeSeen) -> None:
        known = self.nodes.get(event.node.name)
        # Whoever describes one machine knows nothing of the others.
        links = event.node.links or (known.links if known is not None else ())
        self.nodes[event.node.name] = replace(event.node, links=links)

    @_apply.register
    def _(self, event: ModelLoading) -> None:
        if contender := self.contenders.get(event.contender):
            contender.phase = Phase.LOADING
            contender.fraction = event.fraction

    @_apply.register
    def _(self, event: ModelReady) -> None:
        if contender := self.contenders.get(event.contender):
            contender.phase = Phase.READY
            contender.fraction = 1.0
            contender.info = event.model
            if contender.contender.url and event.model.name:
                # What was asked, where the server has one alone or a part of its name was given.
                contender.contender = replace(contender.contender, model=event.model.name)
            contender.load_s = event.load_s
            contender.ready = event.t

    @_apply.register
    def _(self, event: FootprintKnown) -> None:
        if contender := self.contenders.get(event.contender):
            contender.footprint = event.footprint
            contender.ceilings = event.ceilings

    @_apply.register
    def _(self, event: BaselineFound) -> None:
        if contender := self.contenders.get(event.contender):
            contender.baselines[event.batch] = event

    @_apply.register
    def _(self, event: ModelSplit) -> None:
        if contender := self.contenders.get(event.contender):
            contender.parts = event.parts

    @_apply.register
    def _(self, event: LinkMeasured) -> None:
        if contender := self.contenders.get(event.contender):
            contender.links[event.link.node] = event.link

    @_apply.register
    def _(self, event: RpcReady) -> None:
        """Said to whoever had the server started; it tells nothing of the run."""

    @_apply.register
    def _(self, event: ModelUnloaded) -> None:
        contender = self.contenders.get(event.contender)
        if contender and contender.phase is not Phase.FAILED:
            contender.phase = Phase.DONE

    @_apply.register
    def _(self, event: ContenderFailed) -> None:
        if contender := self.contenders.get(event.contender):
            contender.phase = Phase.FAILED
            contender.error = event.error
            contender.log = event.log
            contender.unreachable = event.unreachable

    @_apply.register
    def _(self, event: RequestQueued) -> None:
        self.requests[event.request] = RequestState(event)

    @_apply.register
    def _(self, event: RequestSent) -> None:
        if request := self.requests.get(event.request):
            request.sent = event.t
            request.phase = Phase.PREFILL
            request.changed += 1

    @_apply.register
    def _(self, event: PrefillProgress) -> None:
        if request := self.requests.get(event.request):
            request.prefilled = event.done
            request.prompt_tokens = event.total
            request.cached_tokens = event.cached
            request.changed += 1

    @_apply.register
    def _(self, event: Tokens) -> None:
        request = self.requests.get(event.request)
        if request is None or request.ended is not None:
            return
        reasoning = event.kind is TokenKind.REASONING
        request.phase = Phase.REASONING if reasoning else Phase.ANSWERING
        (request.reasoning_parts if reasoning else request.answer_parts).append(event.text)
        contender = self.contenders.get(request.queued.contender)
        for time, count in zip(event.times, event.counts, strict=True):
            gap = time - request.times[-1] if request.times else None
            if reasoning:
                request.reasoning_chunks.append(len(request.times))
            request.times.append(time)
            request.counts.append(count)
            request.output_tokens += count
            self.rate.add(time, count, gap)
            if contender:
                contender.rate.add(time, count, gap)
        request.changed += 1

    @_apply.register
    def _(self, event: RequestDone) -> None:
        if request := self.requests.get(event.request):
            request.done(event)

    @_apply.register
    def _(self, event: RequestFailed) -> None:
        if request := self.requests.get(event.request):
            request.failed(event)

    @_apply.register
    def _(self, event: SampleTaken) -> None:
        gauges = self.gauges.setdefault(event.node, {})
        missing = self.missing.setdefault(event.node, {})
        for name, value in event.values.items():
            gauges.setdefault(name, Gauge()).add(event.t, value)
            if missing:
                missing.pop(name, None)
                missing.pop(name.partition(".")[0], None)
        for name, reason in event.missing.items():
            missing[name] = reason
            if name in gauges:
                gauges[name].add(event.t, None)
            if reason == PROCESS_LEFT:
                self._process_left(event.node, name)
        self.watches.setdefault(event.node, Watch()).take(event.t, event.node, event.values, self._work())

    @_apply.register
    def _(self, event: ClockMeasured) -> None:
        before = self.clocks.get(event.node, event)
        self.clocks[event.node] = replace(event, uncertainty_s=max(before.uncertainty_s, event.uncertainty_s))

    @_apply.register
    def _(self, event: ProcessSeen) -> None:
        self.processes.setdefault(event.node, {})[event.pid] = event

    @_apply.register
    def _(self, event: ServerSeen) -> None:
        self.servers.setdefault(event.node, {})[event.server] = event.kind

    @_apply.register
    def _(self, event: Notice) -> None:
        self.notices.append(event)

    @_apply.register
    def _(self, event: RunEnded) -> None:
        self.status = event.status
        self.ended = event.t


# Called as a method, singledispatchmethod makes a function for every event: a fifth of the time of a fold.
_rule = vars(RunState)["_apply"].dispatcher.dispatch


def fold(events: Iterable[Event]) -> RunState:
    """Returns the state that the events lead to."""
    state = RunState()
    state.extend(events)
    return state
