"""Connections, and what each path answers."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from itertools import chain
from typing import Any, Final
from urllib.parse import unquote

from tests.servers.truth.answer import Answer, Step, byte_by_byte, frame
from tests.servers.truth.ask import ask, count, ids
from tests.servers.truth.options import BadOption, Options
from tests.servers.truth.pump import Pump
from tests.servers.truth.record import Record, Records
from tests.servers.truth.request import Request, Requests

_PREFIX: Final = re.compile(r"/o/([^/]*)(/.*)")
_HTML: Final = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head><body>Who are you?</body></html>\n"
_LAST: Final = Step(0, b"0\r\n\r\n", "end", framed=True)


class TruthServer:
    """Serves until its loop ends."""

    def __init__(self, options: Options, models: Sequence[str]) -> None:
        """Opens nothing yet.

        Args:
            options: What requests get that say nothing themselves.
            models: Names of the models that it has.
        """
        self._options = options
        self._models = models
        self._records = Records()
        self._busy: Counter[tuple[Options, str]] = Counter()
        self._connections = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, listener: socket.socket) -> None:
        """Accepts connections for ever.

        Args:
            listener: Listens, and does not block.
        """
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(listener)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = loop.create_task(self._converse(sock, time.monotonic_ns()))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _converse(self, sock: socket.socket, accepted_ns: int) -> None:
        connection, requests = next(self._connections), Requests(sock)
        with sock:
            while (request := await requests.next()) is not None:
                record = Record(
                    id="",
                    number=0,
                    connection=connection,
                    method=request.method,
                    target=request.target,
                    headers=request.headers,
                    body=request.json(),
                    accepted_ns=accepted_ns,
                    received_ns=request.received_ns,
                )
                if not request.target.startswith("/truth"):
                    record.number = self._records.number()
                    record.id = request.headers.get("x-request-id", str(record.number))
                    self._records.add(record)
                pump = Pump(sock, record, self._answer(request, record))
                if await pump.run() != "complete":
                    return
                requests.buffer += pump.early

    def _answer(self, request: Request, record: Record) -> Iterator[Step]:
        target = request.target.partition("?")[0]
        if target.startswith("/truth"):
            return self._truth(request.method, target, record)
        options, path = self._options, target
        try:
            if target.startswith("/plain/"):
                options, path = Options(), target.removeprefix("/plain")
            elif match := _PREFIX.fullmatch(target):
                options, path = options.changed(unquote(match[1])), match[2]
            body = record.body if isinstance(record.body, dict) else {}
            name, _, query = str(body.get("model", "")).partition("?")
            options = options.changed(query)
        except BadOption as error:
            return self._refuse(record, 400, str(error))
        if options.has("silent"):
            return iter((Step(0, b"", "stall"),))
        if options.has("html"):
            return self._say(record, 200, _HTML, options, "text/html; charset=utf-8")
        if options.has("redirect"):
            return self._say(record, 307, b"", options, more=f"Location: /plain{path}\r\n")
        if options.has("busy") and self._busy[options, path] < options.times:
            self._busy[options, path] += 1
            busy = _error(options.status, "too much to do")
            return self._say(record, options.status, busy, options, more=f"Retry-After: {options.after:g}\r\n")
        return self._route(request, record, path, options, name, body)

    def _route(
        self, request: Request, record: Record, path: str, options: Options, name: str, body: dict[str, Any]
    ) -> Iterator[Step]:
        match request.method, path:
            case "GET", "/v1/models":
                listed = [{"id": model, "object": "model", "created": 0, "owned_by": "truth"} for model in self._models]
                return self._say(record, 200, _json({"object": "list", "data": listed}), options)
            case "POST", "/tokenize" if options.has("tokenize"):
                text = str(body.get("content", body.get("prompt", "")))
                return self._say(record, 200, _json({"count": count(text), "tokens": ids(text)}), options)
            case "POST", "/v1/chat/completions" | "/v1/completions":
                if name not in self._models:
                    return self._refuse(record, 404, f"The model `{name}` does not exist.")
                return self._complete(record, options, body, chat=path.endswith("/chat/completions"))
        return self._refuse(record, 404, "Not Found")

    def _complete(self, record: Record, options: Options, body: dict[str, Any], chat: bool) -> Iterator[Step]:
        try:
            wanted = ask(body, chat, options)
        except (AttributeError, TypeError) as error:
            return self._refuse(record, 400, f"the request makes no sense: {error}")
        record.prompt_tokens = wanted.prompt_tokens
        answer = Answer(record.id, str(body["model"]), wanted, options)
        if not wanted.stream:
            at, whole = answer.whole()
            return self._say(record, 200, _json(whole), options, at=at)
        record.status = 200
        head = _head(200, "text/event-stream; charset=utf-8", f"X-Request-Id: {record.id}\r\n", None)
        return _together(head, chain(answer.steps(), (_LAST,)), options)

    def _truth(self, method: str, target: str, record: Record) -> Iterator[Step]:
        name = unquote(target.removeprefix("/truth").removeprefix("/"))
        if method == "DELETE":
            self._records.clear()
        if not name:
            return self._say(record, 200, _json(self._records.document()), Options())
        found = self._records.find(name)
        if found is None:
            return self._refuse(record, 404, f"no request {name}")
        return self._say(record, 200, _json(found.document()), Options())

    def _refuse(self, record: Record, status: int, message: str) -> Iterator[Step]:
        return self._say(record, status, _error(status, message), Options())

    def _say(
        self,
        record: Record,
        status: int,
        body: bytes,
        options: Options,
        kind: str = "application/json",
        *,
        at: float = 0,
        more: str = "",
    ) -> Iterator[Step]:
        record.status = status
        if options.has("endless"):
            forever = itertools.repeat(Step(at, frame(b"[" * 4096), "endless", framed=True))
            return _together(_head(status, kind, more, None), forever, options)
        content = iter((Step(at, body, "body", framed=True),))
        return _together(_head(status, kind, more, len(body)), content, options)


def _head(status: int, kind: str, more: str, size: int | None) -> bytes:
    length = "Transfer-Encoding: chunked" if size is None else f"Content-Length: {size}"
    phrase = HTTPStatus(status).phrase
    return f"HTTP/1.1 {status} {phrase}\r\nContent-Type: {kind}\r\n{more}{length}\r\n\r\n".encode()


def _together(head: bytes, content: Iterator[Step], options: Options) -> Iterator[Step]:
    first = iter((Step(0, head, "head", framed=True),))
    if options.has("slowhead"):
        return byte_by_byte(chain(first, content), options.tpot)
    return chain(first, byte_by_byte(content, options.tpot) if options.has("slow") else content)


def _error(status: int, message: str) -> bytes:
    return _json({"error": {"message": message, "type": "TruthError", "param": None, "code": status}})


def _json(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()
