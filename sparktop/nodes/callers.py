"""Whoever connects over the network and has not shown a token yet: few at a time, so that they can't take much."""

from __future__ import annotations

import asyncio
from typing import Final

from websockets.asyncio.server import ServerConnection

MOST_CALLERS: Final = 32
"""Each may have sent a megabyte of headers."""


class Callers:
    """Those who are in their handshake. One too many costs the place of who has been in it for the longest."""

    def __init__(self) -> None:
        self._waiting: dict[ServerConnection, None] = {}

    def connections(self) -> type[ServerConnection]:
        """Returns what websockets makes for each that comes."""
        those = self

        class Caller(ServerConnection):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                those._came(self)

            def connection_lost(self, exc: Exception | None) -> None:
                super().connection_lost(exc)
                those.known(self)

        return Caller

    def _came(self, caller: ServerConnection) -> None:
        self._waiting[caller] = None
        if len(self._waiting) > MOST_CALLERS:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.transport.abort()

    def known(self, caller: ServerConnection) -> None:
        """Forgets one who was let in, or has gone."""
        self._waiting.pop(caller, None)
