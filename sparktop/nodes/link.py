"""The head's end of a connection to a node: opened, compared, and read frame by frame."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import struct
import time
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus

from sparktop import __version__
from sparktop.engines.tcp import retry_soon
from sparktop.model.text import one_line
from sparktop.nodes import token as tokens
from sparktop.nodes.orders import PATIENCE_S, FitTold, Held, Refused
from sparktop.nodes.place import Lost, Place, Unreachable
from sparktop.nodes.protocol import (
    MOST_FROM_NODE,
    PATH,
    PROGRAM_HEADER,
    VERSION,
    VERSION_HEADER,
    BadFrame,
    Bye,
    Events,
    FromHead,
    Hello,
    Pong,
    frame,
    read_from_node,
)
from sparktop.nodes.quiet import SILENT
from sparktop.nodes.tunnel import Tunnel

_OPEN_S: Final = 10.0
_DIAL_S: Final = 1.5
"""An attempt to connect; more than any round trip."""

_CLOSE_S: Final = 1.0
"""How long the node may take to answer that the connection is closed."""

_HUNG_UP_S: Final = 0.2
"""The same where no answer is expected."""


class _Connect(connect):
    """Goes where it was sent and nowhere else: a redirection would take the token along."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class Link:
    """A connection to a node, as an asynchronous context.

    Args:
        place: Where the node is.

    Attributes:
        hello: What the node told of itself; set when the context is entered.
    """

    hello: Hello

    def __init__(self, place: Place) -> None:
        self._place = place
        self._stack = AsyncExitStack()
        self._tunnel: Tunnel | None = None
        self._patience_s = _CLOSE_S
        self._socket: ClientConnection

    async def __aenter__(self) -> Self:
        """Connects.

        Raises:
            Unreachable: It can't.
        """
        try:
            if self._place.ssh:
                self._tunnel = await self._stack.enter_async_context(Tunnel(self._place))
                self._socket = await self._tunnel.connected(self._open)
            else:
                self._socket = await self._open(self._place)
            self._stack.push_async_callback(self._close)
            retry_soon(self._socket.transport.get_extra_info("socket"))
            self.hello = await self._greeting()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes, and ends ssh."""
        await self._stack.aclose()

    async def send(self, content: FromHead) -> None:
        """Sends a frame.

        Raises:
            Lost: The connection has ended.
        """
        try:
            await self._socket.send(frame(content))
        except ConnectionClosed as error:
            raise _lost(error) from None

    async def receive(self, timeout: float) -> tuple[float, Pong | Events | Held | Refused | FitTold] | None:
        """Returns the next frame and when it came, in seconds of the monotonic clock; None if none came.

        Args:
            timeout: Most seconds to wait.

        Raises:
            Lost: The connection has ended, or what came can't be trusted.
        """
        try:
            async with asyncio.timeout(timeout):
                message = await self._socket.recv()
        except TimeoutError:
            return None
        except ConnectionClosed as error:
            raise _lost(error) from None
        now = time.monotonic()
        try:
            content = read_from_node(message)
        except BadFrame as error:
            raise Lost(f"it sent what is not understood here: {error}", nonsense=True) from None
        if isinstance(content, Bye):
            raise Lost(content.reason)
        if isinstance(content, Hello):
            raise Lost("it greeted twice")
        return now, content

    def hang_up(self) -> None:
        """Has the connection closed without waiting for an answer; what was sent still goes out, if it can."""
        self._patience_s = _HUNG_UP_S
        if self._tunnel is not None:
            self._tunnel.end_s = _HUNG_UP_S

    def abandon(self) -> None:
        """Gives the connection up without a word, which would come late and be taken for the end of what runs there."""
        raw = self._socket.transport.get_extra_info("socket")
        if raw is not None and self._place.url:
            with suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.transport.abort()

    async def _close(self) -> None:
        try:
            async with asyncio.timeout(self._patience_s):
                await self._socket.close()
        except TimeoutError:
            self._socket.transport.abort()

    async def _open(self, place: Place) -> ClientConnection:
        headers = {VERSION_HEADER: str(VERSION), PROGRAM_HEADER: __version__}
        if place.url:
            headers |= _authorization(place)
        tls = _tls(place)
        shown = place.shown
        try:
            more: dict[str, Any] = {"unix": True, "path": str(place.socket)}
            if place.socket is None:
                more = {"sock": await _dial(place.url)}
            return await _Connect(
                (place.url or "ws://localhost") + PATH,
                ssl=tls,
                additional_headers=headers,
                compression=None,
                max_size=MOST_FROM_NODE,
                open_timeout=_OPEN_S,
                ping_timeout=PATIENCE_S,  # who follows the node gives it up earlier
                logger=SILENT,
                proxy=None,
                **more,
            )
        except InvalidStatus as error:
            raise _refused(place, error) from None
        except InvalidMessage as error:
            if isinstance(error.__cause__, EOFError):
                raise Unreachable(
                    f"{shown} broke the connection off as it was made{_other_scheme(place)}", unheard=True
                ) from None
            raise Unreachable(f"what answers at {shown} is no node of sparktop", final=True) from None
        except InvalidHandshake as error:
            raise Unreachable(f"{shown} can't be connected to: {one_line(str(error))[:200]}") from None
        except TimeoutError:
            raise Unreachable(f"{shown} did not answer within {_OPEN_S:.0f} s: is the machine on?") from None
        except ssl.SSLCertVerificationError as error:
            raise Unreachable(
                f"the certificate of {shown} is not trusted ({one_line(error.verify_message)}): "
                "name a file with its issuer as ca_file in config.toml",
                final=True,
            ) from None
        except (OSError, ConnectionClosed, EOFError) as error:
            number = getattr(error, "errno", None)
            # asyncio puts the address in the place of the reason; where a name was looked up, the number is no errno.
            why = os.strerror(number) if number and number > 0 else getattr(error, "strerror", "") or str(error)
            why = why or type(error).__name__
            nobody = isinstance(error, ConnectionRefusedError | FileNotFoundError)
            told = isinstance(error, ConnectionResetError | EOFError | ssl.SSLError)
            advice = (told and _other_scheme(place)) or ': start "sparktop node" there'
            raise Unreachable(
                f"{shown} can't be connected to ({one_line(why)}){advice}", nobody=nobody, unheard=True
            ) from None

    async def _greeting(self) -> Hello:
        headers = self._socket.response.headers if self._socket.response is not None else Headers()
        _compare(self._place, headers)
        try:
            async with asyncio.timeout(_OPEN_S):
                content = read_from_node(await self._socket.recv())
        except TimeoutError:
            raise Unreachable(f"{self._place.shown} did not say who it is within {_OPEN_S:.0f} s") from None
        except ConnectionClosed as error:
            raise Unreachable(f"{self._place.shown} ended the connection: {_why(error)}") from None
        except BadFrame as error:
            raise Unreachable(f"{self._place.shown} sent what is not understood here: {error}", final=True) from None
        if not isinstance(content, Hello):
            raise Unreachable(f"{self._place.shown} did not say who it is", final=True)
        return content


async def _dial(url: str) -> socket.socket:
    """Connects to an address, with attempts that begin anew: the kernel's own pauses double.

    When a link is back, a head that waits for it is there before its node takes it for gone.

    Raises:
        OSError: It can't be reached; TimeoutError where nobody says that.
    """
    parts, loop = urlsplit(url), asyncio.get_running_loop()
    async with asyncio.timeout(_OPEN_S):
        # "%25" before the interface of a link-local address is how addresses write "%" (RFC 6874).
        host = (parts.hostname or "").replace("%25", "%")
        found = await loop.getaddrinfo(host, parts.port, type=socket.SOCK_STREAM)
    deadline = time.monotonic() + _OPEN_S
    while True:
        failed: OSError = TimeoutError()
        for family, kind, protocol, _, address in found:
            connection = socket.socket(family, kind, protocol)
            try:
                connection.setblocking(False)
                async with asyncio.timeout(_DIAL_S):
                    await loop.sock_connect(connection, address)
                return connection
            except OSError as error:
                connection.close()
                failed = error
            except BaseException:
                connection.close()
                raise
        if not isinstance(failed, TimeoutError) or time.monotonic() > deadline:
            raise failed


def _other_scheme(place: Place) -> str:
    """Returns what to try where somebody listens who is not understood."""
    if place.url.startswith("wss:"):
        return ": where it serves without a certificate, its address begins with ws://"
    return ": where it serves with a certificate, its address begins with wss://" if place.url else ""


def _authorization(place: Place) -> dict[str, str]:
    if place.token_file is None:
        raise Unreachable(
            f"{place.shown} wants a token: name a copy of its file with --token-file, or token_file in config.toml",
            final=True,
        )
    try:
        return {"Authorization": f"Bearer {tokens.read(place.token_file)}"}
    except tokens.BadToken as error:
        raise Unreachable(str(error), final=True) from None


def _tls(place: Place) -> ssl.SSLContext | None:
    if not place.url.startswith("wss:"):
        return None
    try:
        return ssl.create_default_context(cafile=str(place.ca_file) if place.ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise Unreachable(f"{place.ca_file} holds no certificates: {error.strerror or error}", final=True) from None


def _compare(place: Place, headers: Headers) -> None:
    """Compares the versions.

    Raises:
        Unreachable: They differ, or it is something else that answers.
    """
    spoken = headers.get_all(VERSION_HEADER)
    if len(spoken) != 1 or not (spoken[0].isascii() and spoken[0].isdigit() and len(spoken[0]) < 6):
        raise Unreachable(f"what answers at {place.shown} is no node of sparktop", final=True)
    if int(spoken[0]) == VERSION:
        return
    theirs = one_line(" ".join(headers.get_all(PROGRAM_HEADER)))[:40] or "unknown"
    where = "here" if int(spoken[0]) > VERSION else "there"
    raise Unreachable(
        f"{place.shown} speaks version {spoken[0]} of the protocol (sparktop {theirs}), this program version {VERSION} "
        f"(sparktop {__version__}): update sparktop {where}",
        final=True,
    )


def _refused(place: Place, error: InvalidStatus) -> Unreachable:
    try:
        _compare(place, error.response.headers)
    except Unreachable as different:
        return different
    why = one_line((error.response.body or b"")[:400].decode("utf-8", "replace")).strip()[:200]
    if error.response.status_code == 401:
        return Unreachable(
            f"{place.shown} refused the token in {place.token_file}: {why}; copy the token file of that node again",
            final=True,
        )
    return Unreachable(f"{place.shown} refused the connection: {why or error.response.status_code}")


def _lost(error: ConnectionClosed) -> Lost:
    # 1002 and 1009: what it does not take, it will not take on another connection either.
    return Lost(_why(error), nonsense=error.rcvd is not None and error.rcvd.code in (1002, 1009))


def _why(error: ConnectionClosed) -> str:
    if error.rcvd is not None and error.rcvd.reason:
        return one_line(error.rcvd.reason)
    return "the connection was cut"
