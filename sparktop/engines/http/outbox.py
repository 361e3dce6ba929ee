"""Events on their way to sparktop: written as they come, in the loop that reads the servers."""

from __future__ import annotations

import asyncio

from sparktop.model.codec import encode
from sparktop.model.events import Event


class Outbox:
    """Writes events to sparktop; what the kernel does not take at once waits in memory."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def __call__(self, *events: Event) -> None:
        """Sends events, in one write."""
        if events:
            self._writer.write(b"".join(encode(event) + b"\n" for event in events))

    async def close(self) -> None:
        """Sends what is left."""
        try:
            await self._writer.drain()
            self._writer.close()
            await self._writer.wait_closed()
        except OSError:
            pass  # nobody listens any more
