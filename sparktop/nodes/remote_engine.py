"""A model on another machine as an engine: an ordinary one there, driven by its agent."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sparktop.engines.protocol import Clock, Emit, Generation, Room
from sparktop.engines.wire import Split
from sparktop.model.events import (
    ContenderFailed,
    Event,
    FootprintKnown,
    ModelLoading,
    ModelReady,
    ModelUnloaded,
    Notice,
    PrefillProgress,
    RequestDone,
    RequestFailed,
    RequestSent,
    Tokens,
)
from sparktop.model.split_events import LinkMeasured, ModelSplit
from sparktop.nodes.client import told_by
from sparktop.nodes.orders import Cancel, Close, Kill, Submit
from sparktop.nodes.place import Lost
from sparktop.nodes.work import Make, Work

_KILL_S: Final = 3.0
"""How long a node may take to say that what was killed is gone."""

_TOKEN: Final = 1024
"""Characters of an answer for each token that was asked for, at most; the longest of usual vocabularies have 128."""

_CHUNK: Final = 256
"""What a chunk counts for beside its characters."""


class RemoteEngine:
    """A model that a node has.

    Args:
        work: What this head has running there.
        node: What the node is called.
        contender: Name that events carry.
        model: What the node calls the model.
        room: What its context must hold.
        beside: Engines that run there at once, this one included.
        emit: Takes events, from the node's own thread.
        clock: Seconds since the run began.
        split: The other machines that the model is split over; None where it stays whole.
    """

    def __init__(
        self,
        work: Work,
        *,
        node: str,
        contender: str,
        model: str,
        room: Room,
        beside: int,
        emit: Emit,
        clock: Clock,
        split: Split | None = None,
    ) -> None:
        self._work = work
        self._node = node
        self._contender = contender
        self._model = model
        self._room = room
        self._beside = beside
        self._emit = emit
        self._clock = clock
        self._split = split
        self._lock = threading.Lock()
        self._outstanding: dict[int, int] = {}
        self._at_work: set[int] = set()
        self._last: dict[int, float] = {}
        self._offset: float | None = None
        self._job = -1
        self._reason = ""
        self._over = False
        self._closing = False
        self._killed: float | None = None

    def open(self) -> None:
        """Orders that the model is loaded."""
        self._job = self._work.load(self, self._contender, self._model, self._room, self._beside, self._split)

    def submit(self, generations: Sequence[Generation]) -> None:
        """Hands on requests; where the engine has failed, they fail."""
        requests = tuple(generations)
        with self._lock:
            over = self._over
            if not over:
                # Characters that may come.
                self._outstanding |= {one.request: _TOKEN * (64 + one.sampling.max_tokens) for one in requests}
        if over:
            for generation in requests:
                self._emit(RequestFailed(t=self._clock(), request=generation.request, error=self._reason))
            return
        self._order(lambda order: Submit(order=order, job=self._job, generations=requests))

    def cancel(self) -> None:
        """Orders that all requests end."""
        self._order(lambda order: Cancel(order=order, job=self._job))

    def close(self) -> None:
        """Orders that the model is unloaded."""
        self._closing = True
        self._order(lambda order: Close(order=order, job=self._job))

    def kill(self) -> None:
        """Orders that the engine ends by force; it counts as gone a moment later, whatever the node says."""
        self._closing = True
        if self._killed is None:
            self._killed = time.monotonic()
            self._order(lambda order: Kill(order=order, job=self._job))

    def take(self, event: Event, offset: float) -> None:
        """Takes an event of the engine there.

        Raises:
            Lost: It can't be true.
        """
        if isinstance(event, PrefillProgress | Tokens | RequestSent | RequestDone | RequestFailed):
            self._take_request(event, offset)
            return
        if not isinstance(event, Notice) and getattr(event, "contender", "") != self._contender:
            raise Lost("it told of a contender that it does not run", nonsense=True)
        event = self._placed(event, offset)
        if isinstance(event, ContenderFailed):
            self._fail(replace(event, error=f"on {self._node}: {event.error}", unreachable=False))
        elif isinstance(event, ModelUnloaded):
            if self._closing:
                self._end(event, "the run was stopped")
            else:
                why = f"{self._node} has unloaded {self._contender} by itself: its agent was stopped; run again"
                self._fail(ContenderFailed(t=event.t, contender=self._contender, error=why, unreachable=True))
        elif isinstance(event, ModelLoading | ModelReady | FootprintKnown | ModelSplit | LinkMeasured):
            self._emit(event)
        elif isinstance(event, Notice):
            self._emit(replace(event, text=told_by(self._node, event.text)))

    def fail(self, why: str, *, unreachable: bool) -> None:
        """Takes that nothing more will come."""
        failed = ContenderFailed(t=self._clock(), contender=self._contender, error=why, unreachable=unreachable)
        if self._killed is None:
            self._fail(failed)
        else:
            self._end(ModelUnloaded(t=failed.t, contender=self._contender, exit=why), "the run was stopped")

    def look(self) -> None:
        """Counts what was killed as gone once it had time to go."""
        if self._killed is not None and (self._work.cut_off or time.monotonic() - self._killed > _KILL_S):
            self._work.drop(self._job)
            gone = f"{self._node} did not say that it is gone"
            self._end(ModelUnloaded(t=self._clock(), contender=self._contender, exit=gone), "the run was stopped")

    def _order(self, make: Make) -> None:
        if self._job >= 0 and not self._over:
            self._work.order(self._job, make)

    def _take_request(
        self, event: PrefillProgress | Tokens | RequestSent | RequestDone | RequestFailed, offset: float
    ) -> None:
        with self._lock:
            left = self._outstanding.get(event.request)
            if left is not None and isinstance(event, Tokens):
                left -= len(event.text) + _CHUNK * len(event.times)
                self._outstanding[event.request] = left
        if left is None:
            raise Lost("it told of a request that it was not given", nonsense=True)
        if left < 0:
            raise Lost("it told more of an answer than was asked for", nonsense=True)
        if isinstance(event, RequestSent) is (event.request in self._at_work) and not isinstance(event, RequestFailed):
            raise Lost("it told of a request in an impossible order", nonsense=True)
        if isinstance(event, Tokens) and event.times:
            if event.times[0] < self._last.get(event.request, event.times[0]):
                raise Lost("it told tokens at impossible times", nonsense=True)
            self._last[event.request] = event.times[-1]
        if isinstance(event, RequestSent):
            if not self._at_work:
                # One for all that is worked on together: how it is refined meanwhile must not look like a pause.
                self._offset = offset
            self._at_work.add(event.request)
            # No token is older than its request: the time to the first one would be negative.
            self._last[event.request] = event.t
        if isinstance(event, RequestDone | RequestFailed):
            self._at_work.discard(event.request)
            self._last.pop(event.request, None)
            with self._lock:
                self._outstanding.pop(event.request, None)
        self._emit(self._placed(event, self._offset or offset))

    def _placed(self, event: Event, offset: float) -> Event:
        """The event on the run's time line: never later than now, nor before the run."""
        now = self._clock()
        t = min(max(0.0, event.t + offset), now)
        if isinstance(event, Tokens):
            return replace(event, t=t, times=tuple(min(max(0.0, one + offset), now) for one in event.times))
        if isinstance(event, ModelReady):
            # Nor did it begin before the run.
            return replace(event, t=t, load_s=min(event.load_s, t))
        return replace(event, t=t)

    def _fail(self, event: ContenderFailed) -> None:
        self._end(event, event.error)

    def _end(self, event: Event, reason: str) -> None:
        with self._lock:
            if self._over:
                return
            self._over, self._reason = True, reason
            left, self._outstanding = sorted(self._outstanding), {}
        for request in left:
            self._emit(RequestFailed(t=event.t, request=request, error=reason))
        self._emit(event)
