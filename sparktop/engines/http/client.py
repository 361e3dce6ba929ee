"""Connections to one server: kept and used again, one for each stream, and with stamped sockets."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import aiohttp
import msgspec
import orjson
from aiohttp.abc import AbstractStreamWriter

import sparktop
from sparktop.engines.http.failures import RequestLost, explain, redirected
from sparktop.engines.http.stamps import StampedSocket, Stamps

_CONNECT_S: Final = 10.0
_ASK_S: Final = 20.0
"""For what is no stream: a server that is alive knows its models at once."""

_DOCUMENT: Final = 4 << 20
"""Bytes of a document; lists of models, with their settings, are far smaller."""

_KEEP_S: Final = 30.0
_BUFFER: Final = 1 << 16
"""Bytes that are read ahead of a stream: at most twice as many."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is no stream.

    Attributes:
        status: HTTP status.
        kind: Content type.
        server: What the server calls itself.
        body: All of it.
    """

    status: int
    kind: str
    server: str
    body: bytes

    @property
    def document(self) -> Any:
        """The body as JSON; None if it is none."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None


class Client:
    """Sends requests to one server.

    Args:
        base: Where its API begins ("http://127.0.0.1:8000/v1").
        key: API key; empty for none.
        silence_s: Seconds after which a server that says nothing is given up; where little is asked it is sooner.

    Attributes:
        base: Where its API begins, without a slash at the end.
        root: The server's own address, without the API's path.
        where: The same for people.
        host: Name or address of the machine.
    """

    def __init__(self, base: str, key: str = "", silence_s: float = math.inf) -> None:
        parts = urlsplit(base)
        self._connect_s, self._ask_s = min(_CONNECT_S, silence_s), min(_ASK_S, silence_s)
        self.base = base.rstrip("/")
        self._key = key
        self._stamps = Stamps()
        self._session: aiohttp.ClientSession | None = None
        self.root = self.base.removesuffix("/v1")
        self.where = f"{parts.scheme}://{parts.netloc}"
        self.host = parts.hostname or ""

    async def __aenter__(self) -> Self:
        headers = {"User-Agent": f"sparktop/{sparktop.__version__}", "Accept-Encoding": "identity"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_S, socket_factory=self._stamps.make),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_s),
            read_bufsize=_BUFFER,
            auto_decompress=False,  # nothing compressed is asked for, and a little of it could become a lot
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    def clean(self, text: str) -> str:
        """Returns a text without the API key, should a server have repeated it."""
        return text.replace(self._key, "[API key]") if self._key else text

    async def ask(self, url: str, fields: dict[str, Any] | None = None, patience_s: float | None = None) -> Reply:
        """Sends a request whose answer is a document; with `fields`, a POST.

        Args:
            url: A whole address, or a path behind the API's base.
            patience_s: How long the answer may take; None for as long as little takes.

        Raises:
            RequestLost: There is no answer, it is no document, or it is elsewhere.
        """
        assert self._session is not None
        try:
            async with asyncio.timeout(self._ask_s if patience_s is None else patience_s):
                async with self._session.request(
                    "GET" if fields is None else "POST",
                    url if "://" in url else self.base + url,
                    data=None if fields is None else orjson.dumps(fields),
                    headers={} if fields is None else {"Content-Type": "application/json"},
                    allow_redirects=False,
                ) as response:
                    return await self.reply(response)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise explain(error, self.where) from None

    async def reply(self, response: aiohttp.ClientResponse) -> Reply:
        """Reads an answer that is no stream.

        Raises:
            RequestLost: It is too long, or is elsewhere.
        """
        if 300 <= response.status < 400:
            raise redirected(response.headers.get("Location", ""), self.where)
        body = bytearray()
        while piece := await response.content.readany():
            body += piece
            if len(body) > _DOCUMENT:
                raise RequestLost(f"{self.where} sends a document that does not end")
        kind, server = response.headers.get("Content-Type", ""), response.headers.get("Server", "")
        return Reply(response.status, kind, server, bytes(body))

    @asynccontextmanager
    async def stream(
        self, path: str, fields: dict[str, Any], sent: Callable[[StampedSocket | None], None]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Sends a request and gives its answer when the head of it is here.

        Args:
            path: Behind the API's base.
            sent: Called right before the first byte goes out, with the socket that it goes through.

        Raises:
            RequestLost: There is no answer.
        """
        assert self._session is not None
        body = _Body(orjson.dumps(fields), lambda writer: sent(self._socket(writer)))
        try:
            async with self._session.post(self.base + path, data=body, allow_redirects=False) as response:
                yield response
        except (aiohttp.ClientError, OSError) as error:
            raise explain(error, self.where) from None

    def _socket(self, writer: AbstractStreamWriter) -> StampedSocket | None:
        transport = getattr(writer, "transport", None)
        inner = transport.get_extra_info("socket") if transport is not None else None
        return self._stamps.of(inner.fileno()) if inner is not None else None


class _Body(aiohttp.BytesPayload):
    """A JSON body that says when it goes out: its head waits for it and goes with it."""

    def __init__(self, value: bytes, sent: Callable[[AbstractStreamWriter], None]) -> None:
        super().__init__(value, content_type="application/json")
        self._sent = sent

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        self._sent(writer)
        await super().write_with_length(writer, content_length)
