"""A machine elsewhere on this one's time line: what it is and reads, over as many connections as it takes."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sparktop.model.channels import PROCESS_LEFT, lists_processes, things
from sparktop.model.clocks import ClockFilter, Exchange
from sparktop.model.events import ClockMeasured, Event, NodeSeen, Notice, ProcessSeen, SampleTaken
from sparktop.model.records import Node
from sparktop.nodes.orders import FitTold, Held, Refused
from sparktop.nodes.place import Lost
from sparktop.nodes.protocol import Events, Follow, Ping, Pong
from sparktop.telemetry.changes import Changes
from sparktop.telemetry.latest import Latest
from sparktop.telemetry.reading import Reading

if TYPE_CHECKING:
    from sparktop.nodes.link import Link

Told = Events | Held | Refused | FitTold
"""What a node says of what runs there."""

_BURST: Final = 8
"""Exchanges before the first event is placed in time."""

_PING_S: Final = 1.0
_LOOK_S: Final = 0.5
_SILENT_S: Final = 3.0
"""A node that is not heard of for this long is shown as cut off: its readings come twice a second."""

DEAD_S: Final = 12.0
"""A connection that brings nothing for this long is given up for a new one."""

_STOOD_S: Final = 0.5
"""A wait that takes longer than it should by this much: this program stood still meanwhile, and not the node."""

_TELL_S: Final = 10.0
"""How often the measured clock is told."""

_KNOWN_S: Final = 0.25
"""A reading that is older than the newest one by more than this was told before, by another agent."""

_BEFORE: Final = 24
"""Events before the present that are asked for at first: what is read every five seconds is among them."""


_MOST_NAMES: Final = 1 << 16
"""Channels, or processes, that a node may have told of; each costs the head memory for as long as it runs."""

_FIRST_EVENTS: Final = 50_000
_EVENTS_S: Final = 50.0
"""Events a second that a node may tell of itself beyond the first; an agent makes two, and keeps fewer than those."""


class Line:
    """A node's events on the run's time line.

    Attributes:
        heard: When something last came, in seconds of the monotonic clock.
    """

    def __init__(self, name: str, listen: Callable[[Event], None], origin: float) -> None:
        self._name = name
        self._listen = listen
        self._origin = origin
        self.heard = time.monotonic()
        self._instance = ""
        self._next = 0
        self._live_from = 0
        self._clock = ClockFilter()
        self._changes = Changes(name)
        self._latest = Latest()
        self._current = Reading(t=0.0)
        self._node: Node | None = None
        self._told = ""
        self._began = False
        self._last_t = 0.0
        self._is_cut = False
        self._told_clock = float("-inf")
        self._asked: dict[int, float] = {}
        self._count = 0
        self._channels: set[str] = set()
        self._processes: set[int] = set()
        self._unlisted: set[str] = set()

    async def begin(self, link: Link) -> None:
        """Holds the clocks against each other, and asks for events.

        Raises:
            Lost: The connection has ended.
        """
        hello = link.hello
        self._node_seen(hello.node)
        for process in hello.processes:
            self._process_seen(process, self._now())
        if hello.instance != self._instance:
            # Another agent: it counts anew, and its clock is another one.
            first_ever = not self._instance
            self._instance = hello.instance
            self._clock = ClockFilter()
            self._told_clock = float("-inf")
            self._next = max(hello.first, hello.next - _BEFORE) if first_ever else hello.first
            self._live_from = hello.next if first_ever else 0
        await self._measure(link)
        await link.send(Follow(start=self._next))

    def cut(self, why: str) -> None:
        """Marks all channels as missing, from the last reading on.

        Args:
            why: Said to the person as well; empty for nothing new.
        """
        if not self._is_cut:
            self._is_cut = True
            self._gap(f"no connection to {self._name}")
        if why and why != self._told:
            self._told = why
            self._listen(Notice(t=self._now(), text=f"{self._name} is cut off: {why}"))

    @property
    def offset(self) -> float:
        """What to add to the agent's time to get seconds since the run began, as far as is known now."""
        known = self._clock.at(time.monotonic())
        return (known.offset_s if known else 0.0) - self._origin

    def _now(self) -> float:
        return time.monotonic() - self._origin

    async def _measure(self, link: Link) -> None:
        for number in range(_BURST):
            sent = time.monotonic()
            await link.send(Ping(id=number))
            while True:
                got = await link.receive(DEAD_S)
                if got is None:
                    raise Lost(f"it did not answer for {DEAD_S:.0f} s")
                returned, content = got
                if not isinstance(content, Pong):
                    raise Lost("it told events before it was asked")
                if content.id == number:
                    break
            self._exchanged(sent, returned, content)
        if self._clock.at(time.monotonic()) is None:
            raise Lost("its clock makes no sense")
        self._tell_clock()

    @property
    def silent(self) -> bool:
        """Whether the node was not heard of for so long that it counts as cut off."""
        return time.monotonic() - self.heard > _SILENT_S

    async def read(
        self, link: Link, take: Callable[[Told], None], dead_s: Callable[[], float] = lambda: DEAD_S
    ) -> None:
        """Hands on events until the connection ends.

        Args:
            link: It.
            take: Called with what is not about the machine itself, when it comes.
            dead_s: For how long nothing may come.

        Raises:
            Lost: The connection has ended.
        """
        self.heard = time.monotonic()
        while True:
            asked = time.monotonic()
            got = await link.receive(_LOOK_S)
            if (stood := time.monotonic() - asked) > _LOOK_S + _STOOD_S:
                # What came meanwhile waits to be read; to give the connection up would end what runs there over ssh.
                self.heard += stood
            if got is not None:
                self.heard = got[0]
                match got[1]:
                    case Events(job=None):
                        self._take(got[1])
                    case Pong(id=answered):
                        if (began := self._asked.pop(answered, None)) is not None:
                            self._exchanged(began, self.heard, got[1])
                    case _:
                        take(got[1])
            now = time.monotonic()
            if now - self.heard > (most := dead_s()):
                link.abandon()
                raise Lost(f"nothing came for {most:.0f} s")
            if self.silent:
                self.cut(f"nothing came for {_SILENT_S:.0f} s")

    async def ask(self, link: Link) -> None:
        """Asks for the time every second until the connection ends.

        Apart from `read`: what is sent has to wait where the other side takes nothing, and that it is silent must be
        seen all the same.

        Raises:
            Lost: The connection has ended.
        """
        self._asked = {}
        for number in itertools.count(_BURST):
            await asyncio.sleep(_PING_S)
            now = time.monotonic()
            # Answers that never came are forgotten; those that are due stay few.
            self._asked = {one: t for one, t in self._asked.items() if now - t < DEAD_S}
            self._asked[number] = now
            await link.send(Ping(id=number))
            self._tell_clock()

    def _exchanged(self, sent: float, returned: float, pong: Pong) -> None:
        self._clock.add(Exchange(sent=sent, received=pong.received, answered=pong.answered, returned=returned))

    def _tell_clock(self) -> None:
        now = time.monotonic()
        known = self._clock.at(now)
        if known is not None and now - self._told_clock >= _TELL_S:
            self._told_clock = now
            self._listen(
                ClockMeasured(
                    t=max(0.0, now - self._origin),
                    node=self._name,
                    offset_s=known.offset_s - self._origin,
                    uncertainty_s=known.uncertainty_s,
                    rtt_s=known.rtt_s,
                )
            )

    def _take(self, frame: Events) -> None:
        if frame.start < self._next:
            raise Lost("it told events twice")
        self._count += len(frame.events)
        if self._count > _FIRST_EVENTS + _EVENTS_S * self._now():
            raise Lost("it told more events than any machine makes", nonsense=True)
        if frame.start > self._next:
            self._hole()
        self._next = frame.start
        for event in frame.events:
            self._next += 1
            if isinstance(event, SampleTaken):
                self._sample(event)
            elif isinstance(event, NodeSeen):
                self._node_seen(event.node)
            elif isinstance(event, ProcessSeen):
                self._process_seen(event, self._placed(event.t))

    def _hole(self) -> None:
        """What happened here is not kept any more: a gap that nothing fills."""
        self._gap(f"not kept by {self._name}")

    def _gap(self, reason: str) -> None:
        names = dict.fromkeys([*self._current.values, *self._current.missing], reason)
        self._unlisted.update(name for name in names if name.startswith("process."))
        self._listen(self._changes.sample(Reading(t=self._last_t, missing=names)))

    def _node_seen(self, node: Node) -> None:
        node = replace(node, name=self._name)
        if node != self._node:
            self._node = node
            self._listen(NodeSeen(t=self._now(), node=node))

    def _process_seen(self, process: ProcessSeen, t: float) -> None:
        if process.pid in self._processes or len(self._processes) < _MOST_NAMES:
            self._processes.add(process.pid)
            self._listen(replace(process, t=t, node=self._name))

    def _with_who_left(self, event: SampleTaken) -> SampleTaken:
        """The reading, with the end of processes that left during a gap: that is told once, and to nobody then."""
        if not self._unlisted or not lists_processes(event.values):
            return event
        left = self._unlisted - event.values.keys() - event.missing.keys()
        self._unlisted = set()
        return replace(event, missing={**event.missing, **dict.fromkeys(left, PROCESS_LEFT)})

    def _forget_who_left(self, event: SampleTaken) -> None:
        """Processes that have left cost little memory: `RunState` forgets them as well."""
        gone = {name for name, why in event.missing.items() if why == PROCESS_LEFT}
        self._channels -= gone
        self._processes -= {int(pid) for pid in things(gone, "process") if pid.isdecimal()}

    def _bounded(self, event: SampleTaken) -> SampleTaken:
        """The reading without channels that are too many."""
        told = event.values.keys() | event.missing.keys()
        if told <= self._channels:
            return event
        if len(self._channels) + len(told) <= _MOST_NAMES:
            self._channels |= told
            return event
        return replace(
            event,
            values={name: value for name, value in event.values.items() if name in self._channels},
            missing={name: why for name, why in event.missing.items() if name in self._channels},
        )

    def _sample(self, event: SampleTaken) -> None:
        event = self._bounded(self._with_who_left(event))
        self._forget_who_left(event)
        t = self._here(event.t)
        if t < self._last_t - _KNOWN_S:
            # Another agent of that machine has told of this time already.
            return
        self._last_t = max(t, self._last_t)
        self._current = self._latest.add(Reading(t=self._last_t, values=event.values, missing=event.missing))
        if self._next < self._live_from:
            return
        # The first one holds what is read less often too, from the readings before it.
        news = self._current if self._is_cut or not self._began else event
        self._began = True
        if self._is_cut:
            self._is_cut, self._told = False, ""
            self._listen(Notice(t=self._now(), text=f"{self._name} is back"))
        self._listen(self._changes.sample(Reading(t=self._last_t, values=news.values, missing=news.missing)))

    def _placed(self, t: float) -> float:
        self._last_t = max(self._here(t), self._last_t)
        return self._last_t

    def _here(self, t: float) -> float:
        """A time of the agent's clock on the run's time line, as far as the clock is known."""
        # Nothing comes before it has happened, nor belongs to the time before the run.
        return min(max(0.0, t + self.offset), self._now())
