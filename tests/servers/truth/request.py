"""Reading requests from a socket."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from dataclasses import dataclass
from typing import Any, Final

_MOST_HEAD: Final = 1 << 16
_MOST_BODY: Final = 1 << 26


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A whole request.

    Attributes:
        method: Such as "GET".
        target: The path as it came.
        headers: Names in small letters.
        content: Its body.
        received_ns: When its last byte was read.
    """

    method: str
    target: str
    headers: dict[str, str]
    content: bytes
    received_ns: int

    def json(self) -> Any:
        """Returns the body as JSON; None if it is none."""
        try:
            return json.loads(self.content)
        except ValueError:
            return None


class Requests:
    """The requests of one connection, one after another."""

    def __init__(self, sock: socket.socket) -> None:
        self.buffer = b""
        self._sock = sock

    async def next(self) -> Request | None:
        """Returns the next; None when the client has gone or sends nonsense."""
        try:
            while (end := self.buffer.find(b"\r\n\r\n")) < 0:
                await self._more(_MOST_HEAD)
            first, *rest = self.buffer[:end].decode("latin-1").split("\r\n")
            self.buffer = self.buffer[end + 4 :]
            method, target, _ = first.split(" ")
            pairs = (line.partition(":") for line in rest)
            headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
            content = await (self._chunked() if "transfer-encoding" in headers else self._sized(headers))
        except (OSError, EOFError, ValueError):
            return None
        return Request(method=method, target=target, headers=headers, content=content, received_ns=time.monotonic_ns())

    async def _sized(self, headers: dict[str, str]) -> bytes:
        return await self._take(int(headers.get("content-length", 0)))

    async def _chunked(self) -> bytes:
        parts = []
        while True:
            while (end := self.buffer.find(b"\r\n")) < 0:
                await self._more(_MOST_BODY)
            size = int(self.buffer[:end], 16)
            self.buffer = self.buffer[end + 2 :]
            parts.append((await self._take(size + 2))[:-2])
            if not size:
                return b"".join(parts)

    async def _take(self, size: int) -> bytes:
        while len(self.buffer) < size:
            await self._more(_MOST_BODY)
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    async def _more(self, most: int) -> None:
        data = await asyncio.get_running_loop().sock_recv(self._sock, 1 << 16)
        if not data or len(self.buffer) > most:
            raise EOFError
        self.buffer += data
