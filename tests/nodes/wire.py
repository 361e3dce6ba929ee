"""A line between a head and an agent that takes its time, and that can be cut."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Wire:
    """Forwards TCP, in a thread of its own.

    Args:
        url: Where the agent listens.
        there: Seconds from the head to the agent.
        back: Seconds from the agent to the head.
    """

    def __init__(self, url: str, *, there: float = 0.0, back: float = 0.0) -> None:
        self._target = urlsplit(url).hostname, urlsplit(url).port
        self.there, self.back = there, back
        self.url = ""
        self._open = True
        self._connections: set[asyncio.StreamWriter] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(5)

    def cut(self) -> None:
        """Breaks every connection and takes no more."""
        self._open = False
        self._loop.call_soon_threadsafe(self._break)

    def mend(self) -> None:
        """Takes connections again."""
        self._open = True

    def _break(self) -> None:
        for writer in self._connections:
            writer.transport.abort()
        self._connections.clear()

    async def _run(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._ended.wait()
        server.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._connections |= {writer, far_writer}
        with suppress(asyncio.CancelledError):
            await asyncio.gather(
                self._carry(reader, far_writer, lambda: self.there), self._carry(far_reader, writer, lambda: self.back)
            )

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: object) -> None:
        assert callable(delay)
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def deliver() -> None:
            while True:
                due, piece = await on_the_way.get()
                await asyncio.sleep(due - self._loop.time())
                if not piece:
                    writer.close()
                    return
                writer.write(piece)

        delivering = asyncio.create_task(deliver())
        piece = b"-"
        while piece:
            try:
                piece = await reader.read(65536)
            except OSError:
                piece = b""
            on_the_way.put_nowait((self._loop.time() + delay(), piece))
        await delivering
