"""Another machine, as this one sees it: its events, what it is ordered, whatever happens to the connection."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sparktop.model.events import Event, Notice
from sparktop.model.records import Node
from sparktop.nodes.line import DEAD_S, Line
from sparktop.nodes.orders import PATIENCE_S
from sparktop.nodes.place import Lost, Place, Unreachable
from sparktop.nodes.protocol import Hello
from sparktop.nodes.work import Work

if TYPE_CHECKING:
    from sparktop.nodes.link import Link

_BACKOFF_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
_BUSY_S: Final = 0.5
"""The pause between attempts while something runs there: it ends soon if it is not held again."""

_LOOK_S: Final = 0.25


class RemoteNode:
    """A machine elsewhere.

    It has a thread of its own. Events come in the order of their times, and their times are converted: seconds since
    the run began, here. While there is no connection its channels are missing for that reason; when it is back, what
    the agent recorded meanwhile comes after.

    Args:
        place: Where it is.
        patience_s: How long it may be silent before what runs there is given up.

    Attributes:
        name: What it is called; known once it was connected to.
        hello: What it told of itself.
        work: What runs there for this program.
    """

    def __init__(self, place: Place, *, patience_s: float = PATIENCE_S) -> None:
        self._place = place
        self.name = place.name
        self.hello: Hello | None = None
        self._known: Node | None = None
        self._listen: Callable[[Event], None] = lambda event: None
        self._origin = 0.0
        self._met: Future[Hello] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._go: asyncio.Event | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name=f"node {place.shown}", daemon=True)
        self._started = self._stopped = False
        self._news: asyncio.Event | None = None
        self.work = Work(lambda: self.name, self._wake, patience_s)

    def begin(self) -> None:
        """Begins to connect, if it has not; returns at once."""
        if self._thread.ident is None:
            self._thread.start()

    def again(self) -> RemoteNode:
        """Returns the same machine by the same name, not connected to."""
        node = RemoteNode(self._place)
        node.name, node._known = self.name, self._known
        return node

    @property
    def url(self) -> str:
        """The address that it is at; empty for one over ssh or at a socket."""
        return self._place.url

    @property
    def described(self) -> Node | None:
        """What it is, by the name that it has here; None until that is known."""
        return replace(self._known, name=self.name) if self._known is not None else None

    def among(self, others: Sequence[RemoteNode]) -> str:
        """Says that it has the same agent as one of these that are connected to, by another way; empty if not."""
        those = {other.hello.instance: other.name for other in others if other.hello is not None}
        if self.hello is None or self.hello.instance not in those:
            return ""
        return f"{self._place.shown} is {those[self.hello.instance]} once more: name that machine once"

    @property
    def tried(self) -> bool:
        """Whether it is known if it can be connected to; `connect` does not wait then."""
        return self._met.done()

    def connect(self) -> Hello:
        """Waits until it is connected and returns what the node told of itself.

        Raises:
            Unreachable: It can't be connected to.
        """
        self.begin()
        return self._met.result()

    def start(self, listen: Callable[[Event], None], origin: float) -> None:
        """Begins to hand on events, and to connect if it has not; returns at once. Give it a name first if it has none.

        Args:
            listen: Called with every event, from the node's thread; must not raise.
            origin: Monotonic time, in seconds, of the run's t = 0.
        """
        self._listen, self._origin, self._started = listen, origin, True
        self.begin()
        if self._loop is not None and self._go is not None:
            # RuntimeError: it was stopped already.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._go.set)

    def stop(self, timeout: float = 5.0) -> None:
        """Ends the connection, and ssh if it was made over that.

        Args:
            timeout: Most seconds to wait.
        """
        self._stopped = True
        loop, task = self._loop, self._task
        if loop is not None and task is not None:
            # RuntimeError: it has ended by itself.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(task.cancel)
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _wake(self) -> None:
        """Lets the connection look for something to send; called from any thread."""
        if self._loop is not None and self._news is not None:
            # RuntimeError: it was stopped already.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._news.set)

    def _run(self) -> None:
        async def main() -> None:
            self._go, self._news = asyncio.Event(), asyncio.Event()
            self._loop = asyncio.get_running_loop()
            if self._started:
                self._go.set()
            self._task = asyncio.create_task(self._keep())
            if self._stopped:
                self._task.cancel()
            try:
                await self._task
            except asyncio.CancelledError:
                return

        try:
            asyncio.run(main())
        finally:
            if not self._met.done():
                self._met.set_exception(Unreachable(f"{self._place.shown} was not waited for"))

    async def _keep(self) -> None:
        """Connects, follows, and connects again, for ever."""
        looking = asyncio.create_task(self._look())
        try:
            await self._connect_again_and_again()
        finally:
            looking.cancel()
            self.work.end()

    async def _connect_again_and_again(self) -> None:
        # Sockets are heavy, and a run on this machine alone needs none of them.
        from sparktop.nodes.link import Link

        line: Line | None = None
        failed = 0
        while True:
            try:
                async with Link(self._place) as link:
                    if line is None:
                        self._welcome(link.hello)
                        # No thread waits for it: the interpreter could not end before that thread does.
                        await self._wanted()
                        line = Line(self.name, self._listen, self._origin)
                    began = time.monotonic()
                    try:
                        await self._follow(link, line)
                    finally:
                        if time.monotonic() - began > DEAD_S:
                            failed = 0
            except Unreachable as error:
                if line is None:
                    self._never_met(error)
                    return
                line.cut(str(error) if error.final else "")
                if error.nobody:
                    self.work.nobody(str(error))
                if error.final:
                    self.work.fail(str(error))
            except Lost as error:
                if line is not None:
                    line.cut(str(error))
                if error.nonsense:
                    self.work.fail(f"{self.name} can't be understood: {error}; install the same sparktop on both")
            except Exception as error:  # a thread that ended without a word would be waited for in vain
                sentence = f"sparktop made an error with {self._place.shown} ({error!r})"
                if line is None:
                    self._never_met(Unreachable(sentence))
                    return
                line.cut(sentence)
                self.work.fail(sentence)
            pause = _BACKOFF_S[min(failed, len(_BACKOFF_S) - 1)]
            await asyncio.sleep(min(pause, _BUSY_S) if self.work.live else pause)
            failed += 1

    def _never_met(self, error: Unreachable) -> None:
        if not self._met.done():
            self._met.set_exception(error)
        self._listen(Notice(t=max(0.0, time.monotonic() - self._origin), text=str(error)))

    async def _follow(self, link: Link, line: Line) -> None:
        """Hands on what comes, and sends what is ordered, until the connection ends.

        Raises:
            Lost: It has.
        """
        assert self._news is not None
        await line.begin(link)
        serving = asyncio.create_task(self.work.serve(link, line, self._news))
        reading = asyncio.create_task(line.read(link, self.work.take, self._dead_s))
        # Who reads knows best why it ended.
        those = (reading, serving, asyncio.create_task(line.ask(link)))
        try:
            done, _ = await asyncio.wait(those, return_when=asyncio.FIRST_COMPLETED)
            next(task for task in those if task in done).result()
        finally:
            for task in those:
                task.cancel()
            await asyncio.gather(*those, return_exceptions=True)
            if self._stopped:
                await self.work.release(link)
                if self.work.cut_off:
                    link.hang_up()

    def _dead_s(self) -> float:
        # ssh ends by itself when the link is down, and what was started over it ends with it: where it lives, an agent
        # that stands still for a while (memory is short as a model is loaded) may still come back to its run.
        return PATIENCE_S if self._place.ssh and self.work.live else DEAD_S

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            self.work.look()

    async def _wanted(self) -> None:
        assert self._go is not None
        await self._go.wait()

    def _welcome(self, hello: Hello) -> None:
        self.hello, self._known = hello, hello.node
        self.name = self.name or hello.node.name
        self._met.set_result(hello)
