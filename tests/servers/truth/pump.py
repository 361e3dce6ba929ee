"""Sends an answer's steps when they are due, and notes when it did."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Iterator
from typing import Final

from tests.servers.truth.answer import Step, frame
from tests.servers.truth.record import Record

_AT_ONCE: Final = 8
"""Steps sent in one go when they are all due; then others have their turn."""


class Pump:
    """One answer on its way. Callbacks, not a task: a task's turn costs more than a send.

    Attributes:
        early: What the client sent in the meantime, which belongs to its next request.
    """

    def __init__(self, sock: socket.socket, record: Record, steps: Iterator[Step]) -> None:
        self.early = b""
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._record = record
        self._steps = steps
        self._begin_ns = record.received_ns
        self._due_ns = record.received_ns
        self._ended: asyncio.Future[str] = self._loop.create_future()
        self._timer: asyncio.Handle | None = None
        self._step = Step(0, b"", "")
        self._left = memoryview(b"")
        self._before_ns = 0

    async def run(self) -> str:
        """Sends everything; returns how it ended: "complete", "cut" or "left"."""
        self._loop.add_reader(self._sock, self._readable)
        self._forward(_AT_ONCE)
        try:
            end = await self._ended
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._loop.remove_reader(self._sock)
            self._loop.remove_writer(self._sock)
        self._record.end, self._record.ended_ns = end, time.monotonic_ns()
        return end

    def _forward(self, turns: int) -> None:
        """Goes on with the next step: at once if it is due, otherwise when it is."""
        while not self._ended.done():
            step = next(self._steps, None)
            if step is None:
                self._end("complete")
                return
            if step.kind == "stall":
                return
            self._step = step
            self._left = memoryview(step.data if step.framed or not step.data else frame(step.data))
            self._due_ns = max(self._due_ns, self._begin_ns + round(step.at * 1e9))
            turns -= 1
            if time.monotonic_ns() < self._due_ns:
                self._timer = self._loop.call_at(self._due_ns / 1e9, self._send)
                return
            if not turns:
                self._timer = self._loop.call_soon(self._send)
                return
            if not self._push(first=True):
                return

    def _send(self) -> None:
        if self._push(first=True):
            self._forward(_AT_ONCE)

    def _resume(self) -> None:
        self._loop.remove_writer(self._sock)
        if self._push(first=False):
            self._forward(_AT_ONCE)

    def _push(self, first: bool) -> bool:
        """Sends what is left of the step; returns whether that was all."""
        if self._step.kind in ("cut", "reset"):
            if self._step.kind == "reset":
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._end("cut")
            return False
        before = time.monotonic_ns()
        try:
            sent = self._sock.send(self._left)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._end("left")
            return False
        after = time.monotonic_ns()
        if first:
            self._before_ns = before
        if sent < len(self._left):
            self._left = self._left[sent:]
            self._loop.add_writer(self._sock, self._resume)
            return False
        self._note(after)
        return True

    def _note(self, after: int) -> None:
        step, record = self._step, self._record
        record.sent.append((self._due_ns, self._before_ns, after, step.tokens, step.kind))
        if step.text:
            (record.reasoning if step.kind == "reasoning" else record.text).append(step.text)

    def _readable(self) -> None:
        try:
            data = self._sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.early += data
        else:
            self._end("left")

    def _end(self, how: str) -> None:
        if not self._ended.done():
            self._ended.set_result(how)
