"""Whoever connects over the network and has not shown a token yet: few at a time, so that they can't take much."""

from __future__ import annotations

import asyncio
from typing import Final

from websockets.asyncio.server import ServerConnection

MOST_CALLERS: Final = 32

_MOST_BYTES: Final = 1 << 16
"""What one may send before it is let in: a head sends less than a thousand, and websockets would take a megabyte."""


class Callers:
    """Those who are in their handshake. One too many costs the place of who has been in it for the longest."""

    def __init__(self) -> None:
        self._waiting: dict[ServerConnection, int] = {}

    def connections(self) -> type[ServerConnection]:
        """Returns what websockets makes for each that comes."""
        those = self

        class Caller(ServerConnection):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                those._came(self)

            def data_received(self, data: bytes) -> None:
                if those._may_send(self, len(data)):
                    super().data_received(data)

            def connection_lost(self, exc: Exception | None) -> None:
                super().connection_lost(exc)
                those.known(self)

        return Caller

    def _came(self, caller: ServerConnection) -> None:
        self._waiting[caller] = 0
        if len(self._waiting) > MOST_CALLERS:
            self._send_away(next(iter(self._waiting)))

    def _may_send(self, caller: ServerConnection, size: int) -> bool:
        if caller in self._waiting:
            self._waiting[caller] += size
            if self._waiting[caller] > _MOST_BYTES:
                self._send_away(caller)
        return not caller.transport.is_closing()

    def _send_away(self, caller: ServerConnection) -> None:
        del self._waiting[caller]
        caller.transport.abort()

    def known(self, caller: ServerConnection) -> None:
        """Forgets one who was let in, or has gone."""
        self._waiting.pop(caller, None)
