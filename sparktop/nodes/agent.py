"""The agent: serves what this machine is, has and does to heads that connect. docs/node-protocol.md is its contract."""

from __future__ import annotations

import asyncio
import http
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from websockets.asyncio.server import Server, ServerConnection, serve, unix_serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from sparktop import __version__
from sparktop.engines.tcp import retry_soon
from sparktop.model.codec import encode
from sparktop.model.events import Event
from sparktop.model.text import one_line
from sparktop.nodes import token as tokens
from sparktop.nodes.callers import Callers
from sparktop.nodes.desk import Desk
from sparktop.nodes.orders import PATIENCE_S, BadOrder, Fits, Hold, Order, Release, Taken
from sparktop.nodes.protocol import (
    MOST_FROM_HEAD,
    PATH,
    PROGRAM_HEADER,
    VERSION,
    VERSION_HEADER,
    BadFrame,
    Bye,
    Follow,
    Hello,
    ModelFile,
    Ping,
    Pong,
    events_frame,
    frame,
    read_from_head,
)
from sparktop.nodes.quiet import SILENT
from sparktop.nodes.recorder import Recorder
from sparktop.nodes.ring import Feed
from sparktop.nodes.shelf import Shelf
from sparktop.telemetry.interfaces import own_interfaces

MOST_HEADS: Final = 8
"""Connections at once."""

SLOW_S: Final = 15.0
"""A head that takes nothing for this long is dropped."""

_TLS_S: Final = 10.0
"""Longest handshake of TLS, which comes before the one of WebSocket."""

_PIECE: Final = 1 << 17
"""Bytes of events that go out in one message, about."""


class Agent:
    """Serves one machine.

    Args:
        recorder: Reads it.
        shelf: Its models.
        clock: Seconds; the recorder's.
        log: Called with a sentence about what happened.
        feed: What is kept for heads that were away.
        desk: Takes their orders; None for a node that runs nothing.
        slow_s: Seconds after which a head that takes nothing is dropped.
    """

    def __init__(
        self,
        recorder: Recorder,
        shelf: Shelf,
        *,
        clock: Callable[[], float] = time.monotonic,
        log: Callable[[str], None] = lambda sentence: None,
        feed: Feed | None = None,
        desk: Desk | None = None,
        slow_s: float = SLOW_S,
    ) -> None:
        self._recorder = recorder
        self._shelf = shelf
        self._clock = clock
        self._log = log
        self._feed = feed if feed is not None else Feed()
        self._desk = desk
        self._slow_s = slow_s
        self._instance = secrets.token_hex(8)
        self._heads: set[ServerConnection] = set()
        self._callers = Callers()

    @asynccontextmanager
    async def recording(self) -> AsyncIterator[None]:
        """Reads the machine as long as the context lasts."""
        loop = asyncio.get_running_loop()

        def listen(event: Event) -> None:
            line = encode(event)
            try:
                loop.call_soon_threadsafe(self._feed.add, line)
            except RuntimeError:
                # The loop has ended, and with it everybody who could be told.
                return

        self._recorder.start(listen)
        try:
            yield
        finally:
            await asyncio.to_thread(self._recorder.stop)

    async def listen_unix(self, path: Path) -> Server:
        """Serves at a socket that belongs to this person alone; the folder must keep others out."""
        return await unix_serve(
            self._serve,
            str(path),
            process_request=self._examine_local,
            process_response=_with_version,
            logger=SILENT,
            compression=None,
            max_size=MOST_FROM_HEAD,
            server_header=None,
            close_timeout=2,
            ping_timeout=PATIENCE_S,
        )

    async def listen_tcp(self, host: str, port: int, token: str, tls: ssl.SSLContext | None = None) -> Server:
        """Serves at an address, to those who have the token.

        Raises:
            OSError: The address is not this machine's or is in use.
        """

        def examine(connection: ServerConnection, request: Request) -> Response | None:
            return self._examine_remote(connection, request, token)

        return await serve(
            self._serve,
            host,
            port,
            ssl=tls,
            process_request=examine,
            process_response=_with_version,
            # Pages in a browser send an origin; no head does.
            origins=[None],
            create_connection=self._callers.connections(),
            ssl_handshake_timeout=_TLS_S if tls is not None else None,
            logger=SILENT,
            compression=None,
            max_size=MOST_FROM_HEAD,
            server_header=None,
            close_timeout=2,
            ping_timeout=PATIENCE_S,
        )

    async def end(self, reason: str) -> None:
        """Tells every head why it is left alone now, and closes."""
        heads = list(self._heads)
        async with asyncio.TaskGroup() as group:
            for head in heads:
                group.create_task(self._dismiss(head, reason))
        if self._desk is not None:
            await self._desk.end()

    async def _dismiss(self, head: ServerConnection, reason: str) -> None:
        try:
            async with asyncio.timeout(2):
                await head.send(frame(Bye(reason=reason)))
                await head.close(1001, _short(reason))
        except (ConnectionClosed, TimeoutError):
            head.transport.abort()

    def _examine_local(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path != PATH:
            return _refusal(connection, http.HTTPStatus.NOT_FOUND, "there is nothing here but a node of sparktop")
        spoken = request.headers.get_all(VERSION_HEADER)
        if spoken != [str(VERSION)]:
            theirs = one_line(spoken[0])[:20] if spoken else "none"
            return _refusal(
                connection,
                http.HTTPStatus.UPGRADE_REQUIRED,
                f"this node speaks version {VERSION} of the protocol (sparktop {__version__}), you speak {theirs}",
            )
        if len(self._heads) >= MOST_HEADS:
            return _refusal(
                connection, http.HTTPStatus.SERVICE_UNAVAILABLE, f"{MOST_HEADS} heads are connected already"
            )
        return None

    def _examine_remote(self, connection: ServerConnection, request: Request, token: str) -> Response | None:
        # The token first: nothing else is told to whoever has none.
        given = request.headers.get_all("Authorization")
        kind, _, secret = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        if kind != "Bearer" or not tokens.matches(secret, token):
            whose, own = tokens.owner(secret), tokens.owner(token)
            why = "no token was sent" if not given else "the token is not this node's"
            if whose and whose != own:
                why = f"the token is that of another node ({one_line(whose)[:64]})"
            self._log(f"refused a connection from {_peer(connection)}: {why}")
            return _refusal(connection, http.HTTPStatus.UNAUTHORIZED, why)
        return self._examine_local(connection, request)

    async def _serve(self, head: ServerConnection) -> None:
        self._callers.known(head)
        self._heads.add(head)
        retry_soon(head.transport.get_extra_info("socket"))
        followers: dict[int | None, asyncio.Task[None]] = {}
        self._log(f"a head connected from {_peer(head)}")
        why, cut = "it left", True
        try:
            models = await asyncio.to_thread(self._shelf.models)
            await self._send(head, frame(self._hello(models)))
            async for message in head:
                received = self._clock()
                content = read_from_head(message)
                if self._desk is not None:
                    self._desk.heard(head)
                match content:
                    case Ping(id=number):
                        await self._send(head, frame(Pong(id=number, received=received, answered=self._clock())))
                    case Follow(start=start, job=job):
                        if job in followers:
                            raise BadFrame("events were asked for twice")
                        feed = self._feed if job is None else self._ordered_from().feed(job, head)
                        followers[job] = asyncio.create_task(self._follow(head, feed, start, job))
                    case Bye():
                        break
                    case _:
                        await self._obey(content, head)
        except (BadFrame, BadOrder) as error:
            why = f"it sent {error}"
            await head.close(1002, _short(why))
        except TimeoutError:
            cut = False
            await self._drop(head)
        except ConnectionClosed as error:
            # Whatever this side closed, it closed because nothing came or went any more, and the kernel likewise.
            cut = (error.sent is None or error.rcvd_then_sent is True) and _closed_there(error.__cause__)
        except Exception as error:  # for which websockets would close the connection without a word
            why = f"sparktop made an error ({error!r})"
            await head.close(1011, _short(why))
        finally:
            self._heads.discard(head)
            for follower in followers.values():
                follower.cancel()
            if self._desk is not None:
                self._desk.left(head, cut=cut)
            self._log(f"the head from {_peer(head)} is gone: {why}")

    def _ordered_from(self) -> Desk:
        if self._desk is None:
            raise BadOrder("an order to a node that runs nothing")
        return self._desk

    async def _obey(self, content: Fits | Hold | Order | Taken | Release, head: ServerConnection) -> None:
        desk = self._ordered_from()
        match content:
            case Fits():
                await self._send(head, frame(await desk.fits(content)))
            case Hold():
                await self._send(head, frame(await desk.hold(content, head)))
            case Taken():
                desk.taken(content, head)
            case Release():
                desk.release(head)
            case _:
                await desk.order(content, head)

    def _hello(self, models: tuple[ModelFile, ...]) -> Hello:
        return Hello(
            instance=self._instance,
            sparktop=__version__,
            node=self._recorder.node,
            models=models,
            processes=self._recorder.processes,
            first=self._feed.ring.first,
            next=self._feed.ring.next,
            interfaces=own_interfaces(),
        )

    async def _follow(self, head: ServerConnection, feed: Feed, start: int, job: int | None) -> None:
        """Sends events from a number on, as they come.

        Nothing is queued for a head: each has its place in the ring, and one that can't keep up falls off its end.
        """
        try:
            while True:
                start, lines = feed.ring.since(start, _PIECE)
                if lines:
                    await self._send(head, events_frame(start, lines, job))
                    start += len(lines)
                else:
                    await feed.beyond(start)
        except TimeoutError:
            await self._drop(head)
        except ConnectionClosed:
            return

    async def _send(self, head: ServerConnection, message: str) -> None:
        async with asyncio.timeout(self._slow_s):
            await head.send(message)

    async def _drop(self, head: ServerConnection) -> None:
        why = f"it took nothing for {self._slow_s:g} s"
        self._log(f"the head from {_peer(head)} is dropped: {why}")
        # The reason goes out behind what it has not taken yet, if it ever takes it.
        await head.close(1013, _short(f"too slow: {why}"))


def _refusal(connection: ServerConnection, status: http.HTTPStatus, sentence: str) -> Response:
    return _with_version(connection, None, connection.respond(status, sentence + "\n"))


def _with_version(connection: ServerConnection, request: Request | None, response: Response) -> Response:
    # Some versions of the library pass refusals through here as well, and a header that is set twice is there twice.
    if VERSION_HEADER not in response.headers:
        response.headers[VERSION_HEADER] = str(VERSION)
        response.headers[PROGRAM_HEADER] = __version__
    return response


def _closed_there(cause: BaseException | None) -> bool:
    """Whether a connection ended because the other side's machine closed it; else it can't be reached."""
    return not isinstance(cause, OSError) or isinstance(cause, ConnectionError)


def _peer(connection: ServerConnection) -> str:
    address = connection.remote_address
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) and len(address) >= 2 else "this machine"


def _short(reason: str) -> str:
    # A close frame holds 123 bytes of reason.
    return reason.encode()[:120].decode(errors="ignore")
