"""The worker process: talks to one server, and to sparktop over the socket that it inherits.

Run as `python -m sparktop.engines.http.worker FD`. All is done in one asyncio loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any, Final

from sparktop.engines.http.client import Client
from sparktop.engines.http.detect import Loading, Served, detect
from sparktop.engines.http.failures import RequestLost, Unreachable
from sparktop.engines.http.outbox import Outbox
from sparktop.engines.http.requests import TICK_S, Requests
from sparktop.engines.wire import Connect, decode_command
from sparktop.model.events import ContenderFailed, ModelLoading, ModelReady, ModelUnloaded, Notice

_PRIORITY: Final = -10
_AUTOGROUP: Final = Path("/proc/self/autogroup")
_LOADING_S: Final = 0.5
_LONGEST_COMMAND: Final = 1 << 30


def main(argv: list[str]) -> int:
    """Serves until told to close; returns the exit code."""
    # Ctrl+C in the terminal is sparktop's to handle; it tells the worker what to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Whoever stamps what arrives goes before what takes longer, where that is allowed.
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _PRIORITY)
    # Where the kernel shares out time by session (sched_autogroup), that of one process counts within its own alone.
    with contextlib.suppress(OSError):
        _AUTOGROUP.write_text(str(_PRIORITY))
    # What is imported stays for ever: no need to look through it again and again.
    gc.collect()
    gc.freeze()
    return asyncio.run(_main(socket.socket(fileno=int(argv[1]))))


async def _main(channel: socket.socket) -> int:
    reader, writer = await asyncio.open_unix_connection(sock=channel, limit=_LONGEST_COMMAND)
    emit = Outbox(writer)
    line = await _line(reader)
    command = decode_command(line) if line else None
    if command is None or command.connect is None:
        return 0
    connect = command.connect
    async with Client(connect.url, connect.key, connect.silence_s) as client:
        # sparktop may go, or close, while the server still loads.
        commands = asyncio.create_task(_line(reader))
        serving = asyncio.create_task(_Serving(connect, client, emit).serve(reader, commands))
        code = await serving
    await emit.close()
    return code


async def _line(reader: asyncio.StreamReader) -> bytes:
    """Returns the next command's line; nothing when sparktop is gone."""
    try:
        return await reader.readline()
    except OSError:
        return b""


class _Serving:
    """Serves one contender."""

    def __init__(self, connect: Connect, client: Client, emit: Outbox) -> None:
        self._connect = connect
        self._client = client
        self._emit = emit
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def _clock(self) -> float:
        return (time.monotonic_ns() - self._connect.origin_ns) / 1e9

    async def serve(self, reader: asyncio.StreamReader, line: asyncio.Task[bytes]) -> int:
        """Finds the model, says so, and does what is commanded; returns the exit code."""
        begun = self._clock()
        finding = asyncio.create_task(self._find())
        await asyncio.wait({finding, line}, return_when=asyncio.FIRST_COMPLETED)
        if not finding.done():
            finding.cancel()  # closed, or alone, before it began
            self._emit(ModelUnloaded(t=self._clock(), contender=self._connect.contender))
            return 0
        try:
            served = finding.result()
        except RequestLost as error:
            return self._fail(str(error), isinstance(error, Unreachable))
        self._warn(served)
        ready = self._clock()
        contender = self._connect.contender
        self._emit(ModelReady(t=ready, contender=contender, model=served.info, load_s=ready - begun))
        requests = Requests(
            self._client,
            served,
            contender=contender,
            emit=self._emit,
            clock=self._clock,
            origin_ns=self._connect.origin_ns,
            silence_s=self._connect.silence_s,
            gone=lambda error: None if self._lost.done() else self._lost.set_result(error),
        )
        ticking = asyncio.create_task(_tick(requests))
        try:
            return await self._obey(requests, reader, line)
        finally:
            ticking.cancel()
            await requests.cancel()

    async def _obey(self, requests: Requests, reader: asyncio.StreamReader, line: asyncio.Task[bytes]) -> int:
        while True:
            waited: set[asyncio.Future[Any]] = {line, self._lost}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if self._lost.done():
                line.cancel()
                return self._fail(self._lost.result(), False)
            command = decode_command(line.result()) if line.result() else None
            if command is None or command.close:
                await requests.cancel()
                self._emit(ModelUnloaded(t=self._clock(), contender=self._connect.contender))
                return 0
            if command.cancel:
                await requests.cancel()
            requests.submit(command.submit)
            line = asyncio.create_task(_line(reader))

    async def _find(self) -> Served:
        """Waits until the server has loaded its model, as long as it may be silent.

        Raises:
            RequestLost: There is no such server or model.
        """
        deadline = self._clock() + self._connect.silence_s
        while True:
            try:
                return await detect(self._client, self._connect.model)
            except Loading:
                if self._clock() > deadline:
                    raise RequestLost(
                        f"{self._client.where} is not ready after {self._connect.silence_s:g} s: it still says HTTP 503"
                    ) from None
            self._emit(ModelLoading(t=self._clock(), contender=self._connect.contender, fraction=0.0))
            await asyncio.sleep(_LOADING_S)

    def _warn(self, served: Served) -> None:
        slots, needed = served.info.slots, self._connect.room.slots
        if slots is not None and slots < needed:
            text = f"the server answers {slots} requests at a time: of {needed} the others wait in its queue"
            self._emit(Notice(t=self._clock(), text=f"{self._connect.contender}: {text}"))
        host = self._client.host
        if self._connect.key and self._client.where.startswith("http://") and not _is_here(host):
            text = f"the API key goes to {host} unencrypted: anybody on the way can read it"
            self._emit(Notice(t=self._clock(), text=f"{self._connect.contender}: {text}"))

    def _fail(self, error: str, unreachable: bool) -> int:
        error = self._client.clean(error)
        contender = self._connect.contender
        self._emit(ContenderFailed(t=self._clock(), contender=contender, error=error, unreachable=unreachable))
        return 1


async def _tick(requests: Requests) -> None:
    while True:
        await asyncio.sleep(TICK_S)
        requests.tick()


def _is_here(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


if __name__ == "__main__":
    sys.exit(main(sys.argv))
