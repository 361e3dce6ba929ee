"""Who may order on this node, and what runs here for them: one head at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sparktop.nodes.fit import Fit, assess_model, assess_nothing
from sparktop.nodes.jobs import Maker, finish
from sparktop.nodes.orders import (
    PATIENCE_S,
    BadOrder,
    Cancel,
    Close,
    Fits,
    FitTold,
    Held,
    Hold,
    Kill,
    Load,
    Order,
    Refused,
    ServeRpc,
    Submit,
    Taken,
    shown,
)
from sparktop.nodes.ring import Feed
from sparktop.store.logs import prune_logs

if TYPE_CHECKING:
    from sparktop.nodes.jobs import AnyJob

CUT_S: Final = 3.0
"""How long a head whose connection was closed without a word may take to come back: its process may be gone."""

AWAY_S: Final = 20.0
"""A head that lives and can reach the node is back within this time: it gives up after 12 s, and tries every 8 s."""

_TICK_S: Final = 0.25


@dataclass
class _Holding:
    """The head that has the node.

    Attributes:
        head: Its connection; None while it has none.
        heard: When something last came from it.
        cut: When its connection was closed without a word; None if it was not.
    """

    session: str
    who: str
    since: str
    head: object | None
    heard: float
    cut: float | None = None
    orders: int = 0
    jobs: dict[int, AnyJob] = field(default_factory=dict)


class Desk:
    """Takes heads' orders. All methods are called in the agent's event loop.

    Args:
        make: Begins what they order.
        log: Called with a sentence about what happened.
        patience_s: How long a head may be silent before what it runs ends.
    """

    def __init__(
        self,
        make: Maker,
        *,
        log: Callable[[str], None] = lambda sentence: None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._make = make
        self._clock = make.clock
        self._log = log
        self._patience_s = patience_s
        self._holding: _Holding | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._watching: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._ended = False

    async def fits(self, asked: Fits) -> FitTold:
        """Holds what a model needs against what this machine has; of no model, tells what it has."""
        if not asked.model:
            return FitTold(id=asked.id, fit=await asyncio.to_thread(assess_nothing, asked.reserve))
        path = await asyncio.to_thread(self._make.shelf.path, asked.model)
        if path is None:
            return FitTold(id=asked.id, fit=Fit(0, 0, 0, None, 0, "", problem=await self._make.unknown(asked.model)))
        fit = await asyncio.to_thread(assess_model, path, asked.room, asked.reserve, split=asked.split)
        return FitTold(id=asked.id, fit=fit)

    async def hold(self, asked: Hold, head: object) -> Held | Refused:
        """Gives the node to a head, unless another one has it."""
        while self._may_be_gone(asked.session):
            # Known within a moment: nobody is sent away for a head that was killed.
            await asyncio.sleep(_TICK_S)
        # At once, and not only when the other one's order was carried out.
        if (refused := self._refused(asked)) is not None:
            return refused
        # After an order that is still being carried out: it may be this head's own, by the connection of before.
        async with self._turn:
            return await self._hold(asked, head)

    def _may_be_gone(self, session: str) -> bool:
        """Whether the node is held by another session, whose head's connection was closed a moment ago."""
        holding = self._holding
        return holding is not None and holding.session != session and holding.cut is not None

    def _refused(self, asked: Hold) -> Refused | None:
        """Returns why the node can't be had; None if it can."""
        if self._ended:
            return Refused(reason=f"the agent of {self._make.node().name} was stopped")
        holding = self._holding
        if holding is None or holding.session == asked.session:
            return None
        silent = self._clock() - holding.heard
        # The same person on the same machine reaches the node again, and the run of before does not come back.
        if silent >= AWAY_S and holding.who == shown(asked.who):
            return None
        return Refused(reason=self._taken_by(holding, silent, asked))

    async def _hold(self, asked: Hold, head: object) -> Held | Refused:
        while True:
            while self._leaving:
                # What the last head ran has to be gone: its memory is counted on.
                await asyncio.wait(self._leaving)
            if (refused := self._refused(asked)) is not None:
                return refused
            holding = self._holding
            if holding is None or holding.session == asked.session:
                break
            self._end("it was not heard of any more, and begins anew")
        now = self._clock()
        if holding is None:
            holding = _Holding(asked.session, shown(asked.who), f"{self._make.wall():%H:%M:%S}", head, now)
            self._holding = holding
            self._watching = asyncio.create_task(self._watch(holding))
            self._log(f"held by {holding.who}")
            await asyncio.to_thread(prune_logs, self._make.logs)
        holding.head, holding.heard, holding.cut = head, now, None
        return Held(orders=holding.orders)

    async def order(self, order: Order, head: object) -> None:
        """Does what is ordered, once.

        Raises:
            BadOrder: The head does not hold the node, or leaves an order out.
        """
        async with self._turn:
            await self._carry_out(order, head)

    async def _carry_out(self, order: Order, head: object) -> None:
        holding = self._held_by(head)
        if order.order < holding.orders:
            return
        if order.order > holding.orders:
            raise BadOrder(f"order {order.order}, where {holding.orders} was due")
        holding.orders += 1
        if isinstance(order, Load | ServeRpc):
            if order.job in holding.jobs:
                raise BadOrder(f"job {order.job} twice")
            begun = await (self._make.load(order) if isinstance(order, Load) else self._make.serve_rpc(order))
            holding.jobs[order.job] = begun
            if self._holding is not holding:
                # It was ended meanwhile, and this began after that.
                self._leave([begun])
            return
        job = holding.jobs.get(order.job)
        match order, job:
            case _, None:
                raise BadOrder(f"an order for job {order.job}, which there is not")
            case Submit(generations=generations), _:
                job.submit(generations)
            case Cancel(), _:
                job.cancel()
            case Close(), _:
                job.close()
            case Kill(), _:
                job.kill()

    def feed(self, number: int, head: object) -> Feed:
        """Returns the events of a job.

        Raises:
            BadOrder: The head has no such job.
        """
        job = self._held_by(head).jobs.get(number)
        if job is None:
            raise BadOrder(f"the events of job {number}, which there is not")
        return job.feed

    def taken(self, taken: Taken, head: object) -> None:
        """Forgets events that the head has.

        Raises:
            BadOrder: The head has no such job.
        """
        self.feed(taken.job, head).ring.forget(taken.next)

    def heard(self, head: object) -> None:
        """Notes that something came from a head."""
        if self._holding is not None and self._holding.head is head:
            self._holding.heard = self._clock()

    def release(self, head: object) -> None:
        """Ends what a head runs here, as it wishes."""
        if self._holding is not None and self._holding.head is head:
            self._end("it is done")

    def left(self, head: object, *, cut: bool) -> None:
        """Notes that a connection has ended.

        Args:
            head: Its head.
            cut: The other side's machine closed it; else nothing came through it any more.
        """
        if self._holding is not None and self._holding.head is head:
            self._holding.head = None
            self._holding.cut = self._clock() if cut else None

    async def end(self) -> None:
        """Ends everything that runs here, and waits for it."""
        self._ended = True
        if self._holding is not None:
            self._end("the agent ends")
        # What is being begun at this moment has to end as well.
        async with self._turn:
            while self._leaving:
                await asyncio.wait(self._leaving)

    def _taken_by(self, holding: _Holding, silent: float, asked: Hold) -> str:
        sentence = f"{self._make.node().name} runs models for {holding.who}, since {holding.since} by its clock: "
        if silent < CUT_S:
            return sentence + "wait until that run is over, or end it"
        free = max(1.0, (AWAY_S if holding.who == shown(asked.who) else self._patience_s) - silent)
        return sentence + f"nothing came from there for {silent:.0f} s, try again in {free:.0f} s"

    def _held_by(self, head: object) -> _Holding:
        if self._holding is None or self._holding.head is not head:
            raise BadOrder("an order from a head that does not hold the node")
        return self._holding

    async def _watch(self, holding: _Holding) -> None:
        """Ends what a head runs that does not come back."""
        while self._holding is holding:
            await asyncio.sleep(_TICK_S)
            now = self._clock()
            if holding.cut is not None and now - holding.cut > CUT_S:
                self._end("its connection was closed, and it did not come back")
            elif now - holding.heard > self._patience_s:
                self._end(f"nothing came from it for {self._patience_s:.0f} s")

    def _end(self, why: str) -> None:
        holding, self._holding = self._holding, None
        assert holding is not None
        self._log(f"no longer held by {holding.who}: {why}")
        self._leave(holding.jobs.values())

    def _leave(self, jobs: Iterable[AnyJob]) -> None:
        task = asyncio.create_task(finish([job for job in jobs if not job.over]))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
