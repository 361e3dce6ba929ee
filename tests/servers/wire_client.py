"""A client of bare sockets: what arrived, in which pieces, and when."""

from __future__ import annotations

import json
import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit


@dataclass(slots=True)
class Arrived:
    """An answer as it came.

    Attributes:
        pieces: (CLOCK_MONOTONIC ns, bytes) of every read.
        how: "open" (the time was up), "closed" or "reset".
    """

    pieces: list[tuple[int, bytes]] = field(default_factory=list)
    how: str = "open"

    @property
    def raw(self) -> bytes:
        """Everything."""
        return b"".join(piece for _, piece in self.pieces)

    @property
    def head(self) -> str:
        """The status line and the headers."""
        return self.raw.partition(b"\r\n\r\n")[0].decode()

    @property
    def status(self) -> int:
        """Such as 200."""
        return int(self.head.split()[1])

    def header(self, name: str) -> str | None:
        """Returns a header's value."""
        pairs = (line.split(": ", 1) for line in self.head.splitlines()[1:])
        return next((value for key, value in pairs if key.lower() == name.lower()), None)

    @property
    def body(self) -> bytes:
        """The body, taken out of its chunked transfer; of one that broke off, what there is."""
        body = self.raw.partition(b"\r\n\r\n")[2]
        return b"".join(_chunks(body)) if "Transfer-Encoding: chunked" in self.head else body

    @property
    def whole(self) -> bool:
        """Whether the body came to its end."""
        if (length := self.header("Content-Length")) is not None:
            return len(self.body) == int(length)
        return self.raw.endswith(b"\r\n0\r\n\r\n")

    @property
    def events(self) -> list[Any]:
        """The JSON of every `data:` line but [DONE]."""
        lines = [line[5:].strip() for line in self.body.splitlines() if line.startswith(b"data:")]
        return [json.loads(line) for line in lines if line != b"[DONE]"]


def _chunks(body: bytes) -> Iterator[bytes]:
    place = 0
    while (end := body.find(b"\r\n", place)) > 0 and (size := int(body[place:end], 16)):
        yield body[end + 2 : end + 2 + size]
        place = end + 2 + size + 2


def completion(model: str, content: str = "Hello there", **more: Any) -> bytes:
    """Returns a request for a streamed chat completion."""
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": content}], **more}
    return post("/v1/chat/completions", body)


def post(path: str, body: Any) -> bytes:
    """Returns a request of JSON."""
    content = json.dumps(body).encode()
    return b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (path.encode(), len(content), content)


def get(path: str) -> bytes:
    """Returns a request for a path."""
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def connect(url: str) -> socket.socket:
    """Returns a connection to a server."""
    split = urlsplit(url)
    return socket.create_connection((split.hostname, split.port))


def exchange(sock: socket.socket, request: bytes, seconds: float = 10.0, most: int = 1 << 30) -> Arrived:
    """Sends a request and reads until its answer is whole, the connection ends, or the time or `most` bytes are up."""
    sock.sendall(request)
    arrived, size, tail, deadline = Arrived(), 0, b"", time.monotonic() + seconds
    while size < most:
        sock.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            data = sock.recv(1 << 18)
        except TimeoutError:
            return arrived
        except ConnectionResetError:
            arrived.how = "reset"
            return arrived
        if not data:
            arrived.how = "closed"
            return arrived
        arrived.pieces.append((time.monotonic_ns(), data))
        size += len(data)
        tail = (tail + data)[-7:]
        # Of a long answer only the end is looked at, lest the looking take longer than the answer.
        if (tail == b"\r\n0\r\n\r\n" or size < 1 << 16) and b"\r\n\r\n" in arrived.raw and arrived.whole:
            return arrived
    return arrived


def drain(url: str, request: bytes, streams: int) -> int:
    """Sends a request over several connections at once, throws away what comes, and returns how many bytes that was.

    Raises:
        EOFError: A connection ended before its answer did.
    """
    total = 0
    with selectors.DefaultSelector() as selector, ExitStack() as stack:
        tails: dict[socket.socket, bytes] = {}
        for _ in range(streams):
            sock = stack.enter_context(connect(url))
            sock.sendall(request)
            tails[sock] = b""
            selector.register(sock, selectors.EVENT_READ)
        while tails:
            for key, _ in selector.select():
                sock = cast(socket.socket, key.fileobj)
                if not (data := sock.recv(1 << 18)):
                    raise EOFError
                total += len(data)
                tails[sock] = (tails[sock] + data)[-7:]
                if tails[sock] == b"\r\n0\r\n\r\n":
                    selector.unregister(sock)
                    del tails[sock]
    return total
