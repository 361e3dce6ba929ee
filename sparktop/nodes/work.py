"""What this head has running on one node: its orders, and what comes of them, over as many connections as it takes."""

from __future__ import annotations

import asyncio
import getpass
import itertools
import platform
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sparktop.engines.protocol import Room
from sparktop.engines.wire import Split
from sparktop.model.events import ContenderFailed, ModelUnloaded
from sparktop.nodes.client import Client, OrderedJob
from sparktop.nodes.fit import Fit
from sparktop.nodes.line import Line, Told
from sparktop.nodes.orders import (
    PATIENCE_S,
    Cancel,
    Fits,
    FitTold,
    Held,
    Hold,
    Kill,
    Load,
    Order,
    Refused,
    Release,
    ServeRpc,
    Submit,
    Taken,
)
from sparktop.nodes.place import Lost
from sparktop.nodes.protocol import MOST_FROM_HEAD, Events, Follow, frame

if TYPE_CHECKING:
    from sparktop.nodes.link import Link

_NOBODY_S: Final = 3.0
"""How long no agent may run there: what was loaded went with the one that did."""

_FITS_S: Final = 10.0
_TAKEN_S: Final = 1.0
_RELEASE_S: Final = 1.0


Make = Callable[[int], Order]
"""Makes an order with its number."""


class Work:
    """One head's orders to one node.

    `order`, `load` and `fits` are called from any thread, the rest in the node's event loop.

    Args:
        name: What the node is called.
        wake: Lets `serve` look for something to send; called from any thread.
        patience_s: How long the node may be silent before what runs there is given up.
    """

    def __init__(self, name: Callable[[], str], wake: Callable[[], None], patience_s: float = PATIENCE_S) -> None:
        self._name = name
        self._wake = wake
        self._patience_s = patience_s
        self._who = f"{getpass.getuser()} on {platform.node()}"
        self._lock = threading.RLock()
        self._session = secrets.token_hex(16)
        self._orders: list[Order] = []
        self._jobs: dict[int, OrderedJob] = {}
        self._asked: dict[int, tuple[Fits, float, Future[Fit]]] = {}
        self._numbers = itertools.count()
        self._answer: asyncio.Future[Held | Refused] | None = None
        self._instance = ""
        self._line: Line | None = None
        self._nobody: float | None = None
        self._why = ""

    @property
    def live(self) -> bool:
        """Whether something runs there, as far as is known."""
        return any(not job.over for job in self._jobs.values())

    @property
    def cut_off(self) -> bool:
        """Whether the node is silent for so long that it will hardly tell soon that it did what it was told."""
        return self._line is None or self._line.silent

    def load(
        self, client: Client, contender: str, model: str, room: Room, beside: int, split: Split | None = None
    ) -> int:
        """Orders that a model is loaded; returns the job's number."""
        return self._begin(
            client,
            lambda order, job: Load(
                order=order, job=job, contender=contender, model=model, room=room, beside=beside, split=split
            ),
        )

    def serve_rpc(self, client: Client, contender: str, address: str, weights: int) -> int:
        """Orders that llama.cpp's RPC is served; returns the job's number."""
        return self._begin(
            client,
            lambda order, job: ServeRpc(order=order, job=job, contender=contender, address=address, weights=weights),
        )

    def _begin(self, client: Client, make: Callable[[int, int], Load | ServeRpc]) -> int:
        with self._lock:
            number = len(self._jobs)
            order = make(len(self._orders), number)
            self._jobs[number] = OrderedJob(client, order.order)
            self._orders.append(order)
        self._wake()
        return number

    def order(self, job: int, make: Make) -> None:
        """Gives the order that is made with a number; none to a job that is over."""
        with self._lock:
            if self._jobs[job].over:
                return
            self._orders.append(make(len(self._orders)))
        self._wake()

    def fits(self, model: str, room: Room, reserve: int | None, *, split: bool = False) -> Future[Fit]:
        """Asks whether a model fits there; the answer always comes, in ten seconds at most."""
        asked = Fits(id=next(self._numbers), model=model, room=room, reserve=reserve, split=split)
        answer: Future[Fit] = Future()
        self._asked[asked.id] = (asked, time.monotonic(), answer)
        self._wake()
        return answer

    async def serve(self, link: Link, line: Line, news: asyncio.Event) -> None:
        """Sends what there is to send, as long as a connection lasts.

        Args:
            link: The connection.
            line: Knows the node's clock.
            news: Set by `wake`.

        Raises:
            Lost: The connection has ended.
        """
        self._line, self._nobody = line, None
        if self._instance not in ("", link.hello.instance):
            self._begin_anew(f"the agent of {self._name()} was started anew, and what it had loaded is gone: run again")
        self._instance = link.hello.instance
        asked: set[int] = set()
        sent: int | None = None
        while True:
            news.clear()
            for number in list(self._asked.keys() - asked):
                asked.add(number)
                # It may have been given up while the one before was on its way.
                if (waiting := self._asked.get(number)) is not None:
                    await link.send(waiting[0])
            if sent is None and self._orders:
                sent = await self._hold(link)
            while sent is not None and sent < len(self._orders):
                order = self._sendable(self._orders[sent])
                await link.send(order)
                if isinstance(order, Load | ServeRpc):
                    await link.send(Follow(start=0, job=order.job))
                sent += 1
            for number, job in list(self._jobs.items()):
                if sent is not None and job.told < job.next and job.load < sent:
                    job.told = job.next
                    await link.send(Taken(job=number, next=job.next))
            # Not wait_for, which may take a cancellation for itself (bpo-37658).
            with suppress(TimeoutError):
                async with asyncio.timeout(_TAKEN_S):
                    await news.wait()

    def _sendable(self, order: Order) -> Order:
        """Returns the order, or where it is longer than a node takes one that does nothing, and ends its job."""
        if not isinstance(order, Submit) or len(frame(order)) <= MOST_FROM_HEAD // 4:
            return order
        self._give_up(
            order.job,
            f"the prompts of one batch are longer than {self._name()} takes at once ({MOST_FROM_HEAD >> 22} million"
            " characters): ask with fewer streams or shorter prompts",
            unreachable=False,
        )
        return Cancel(order=order.order, job=order.job)

    async def _hold(self, link: Link) -> int | None:
        """Takes hold of the node; returns the number of the order that is due, or None if it can't be had."""
        self._answer = asyncio.get_running_loop().create_future()
        await link.send(Hold(session=self._session, who=self._who))
        try:
            async with asyncio.timeout(self._patience_s):
                answer = await self._answer
        except TimeoutError:
            self._begin_anew(
                f"{self._name()} did not say within {self._patience_s:.0f} s whether it can be had: see what its agent"
                " does there, then run again"
            )
            return None
        if isinstance(answer, Refused):
            self._begin_anew(answer.reason, unreachable=False)
            return None
        begun = [job for job in self._jobs.values() if job.next and not job.over]
        if any(job.load >= answer.orders for job in begun):
            self._begin_anew(
                f"{self._name()} has unloaded the model, since it did not hear of this machine: "
                "look at the link between them, then run again"
            )
            return None
        if not answer.orders:
            self._forget_what_is_over()
        if not 0 <= answer.orders <= len(self._orders):
            raise Lost("it says that it did what nobody ordered", nonsense=True)
        for number, job in list(self._jobs.items()):
            if not job.over and job.load < answer.orders:
                await link.send(Follow(start=job.next, job=number))
        return answer.orders

    async def release(self, link: Link) -> None:
        """Lets the node go, and what still runs there."""
        if self._orders:
            with suppress(Lost, TimeoutError):
                async with asyncio.timeout(_RELEASE_S):
                    await link.send(Release())

    def take(self, told: Told) -> None:
        """Takes what the node says of what runs there.

        Raises:
            Lost: It can't be true.
        """
        match told:
            case FitTold(id=number, fit=fit):
                if (asked := self._asked.pop(number, None)) is not None:
                    asked[2].set_result(fit)
            case Held() | Refused():
                if self._answer is None or self._answer.done():
                    raise Lost("it answered what was not asked", nonsense=True)
                self._answer.set_result(told)
            case Events(job=int(number)):
                self._take_events(number, told)

    def _take_events(self, number: int, told: Events) -> None:
        job = self._jobs.get(number)
        if job is None or self._line is None or told.start < job.next:
            raise Lost("it told events that nobody waits for", nonsense=True)
        if job.over:
            return
        if told.start > job.next:
            self._give_up(number, f"{self._name()} could not keep all that came while it was not heard of: run again")
            return
        for event in told.events:
            job.next += 1
            job.over = isinstance(event, ContenderFailed | ModelUnloaded)
            job.client.take(event, self._line.offset)
            if job.over:
                return

    def nobody(self, why: str) -> None:
        """Notes that no agent runs there."""
        self._why = why
        if self._nobody is None:
            self._nobody = time.monotonic()

    def fail(self, why: str, *, unreachable: bool = True) -> None:
        """Ends everything that is under way."""
        for number in list(self._jobs):
            self._give_up(number, why, unreachable=unreachable)

    def end(self) -> None:
        """Ends everything: the node is let go."""
        self.fail(f"{self._name()} was let go")
        for number in list(self._asked):
            self._answer_fits(number, f"{self._name()} was let go")

    def look(self) -> None:
        """Gives up what has taken too long; to be called a few times a second."""
        now = time.monotonic()
        for number, (_, since, _) in list(self._asked.items()):
            if now - since > _FITS_S:
                self._answer_fits(number, f"{self._name()} did not say within {_FITS_S:.0f} s whether the model fits")
        if self.live and self._line is not None:
            if now - self._line.heard > self._patience_s:
                self.fail(
                    f"nothing came from {self._name()} for {self._patience_s:.0f} s: see whether the machine and the"
                    " link to it are up, then run again; what had come is kept"
                )
            elif self._nobody is not None and now - self._nobody > _NOBODY_S:
                self.fail(
                    f"the agent of {self._name()} has gone, and what it had loaded with it: {self._why},"
                    " then run again; what had come is kept"
                )
        for job in list(self._jobs.values()):
            if not job.over:
                job.client.look()

    def drop(self, number: int) -> None:
        """Forgets a job whose end was not told in time."""
        self._jobs[number].over = True

    def _answer_fits(self, number: int, problem: str) -> None:
        if (asked := self._asked.pop(number, None)) is not None:
            asked[2].set_result(Fit(0, 0, 0, None, 0, "", problem=problem))

    def _begin_anew(self, why: str, *, unreachable: bool = True) -> None:
        with self._lock:
            self._session, self._orders = secrets.token_hex(16), []
            for job in list(self._jobs.values()):
                job.told = job.next
                self._end(job, why, unreachable=unreachable)

    def _forget_what_is_over(self) -> None:
        """Keeps the orders that a node still needs which knows of none: it must not load what was given up."""
        with self._lock:
            kept = [order for order in self._orders if not self._jobs[order.job].over]
            self._orders = [replace(order, order=number) for number, order in enumerate(kept)]
            for order in self._orders:
                if isinstance(order, Load | ServeRpc):
                    self._jobs[order.job].load = order.order
            for job in self._jobs.values():
                job.told = job.next

    def _give_up(self, number: int, why: str, *, unreachable: bool = True) -> None:
        """Ends a job here; should the node be back with it, it ends there too, and runs beside nothing else."""
        with self._lock:
            if not self._jobs[number].over:
                self._orders.append(Kill(order=len(self._orders), job=number))
                self._end(self._jobs[number], why, unreachable=unreachable)

    def _end(self, job: OrderedJob, why: str, *, unreachable: bool = True) -> None:
        if not job.over:
            job.over = True
            job.client.fail(why, unreachable=unreachable)
