"""What goes over the connections of a split model, and how long llama.cpp waits for the other machines.

Bytes are the kernel's own count of the connection's socket; where RDMA carries the data, that of the RDMA device's
port, which counts everybody's. Waiting is told by samples: the thread of llama.cpp that talks to a server either sleeps
until there is something to do, or it sends, or it waits for that server's answer (with RDMA by spinning). /proc says
which system call it is in, and the one that it is in while nothing runs is the one in which it sleeps.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sparktop.engines.llama.rpc import Transport
from sparktop.engines.llama.rpc_client import Server
from sparktop.engines.protocol import Clock, Emit
from sparktop.model.parts import LinkUse
from sparktop.model.split_events import LinkMeasured

_SAMPLE_S: Final = 0.01
_TELL_S: Final = 1.0

_LEAST_SAMPLES: Final = 100
"""A share of fewer samples is off by more than a tenth."""

_RTT_AT: Final = 68
_ACKED_AT: Final = 120
"""Places of tcpi_rtt, and of tcpi_bytes_acked with tcpi_bytes_received behind it, in tcp_info (linux/tcp.h)."""

_WORD: Final = 4
"""Bytes in what an RDMA port counts."""


@dataclass(slots=True)
class _Link:
    server: Server
    transport: Transport
    told: int
    idle: str
    reason: str
    decode_bytes: int = 0
    prompt_bytes: int = 0
    before: int | None = None
    samples: int = 0
    waiting: int = 0
    uncounted: bool = field(default=False)


class LinkMeter:
    """Watches the connections to the servers of one split model.

    Made when nothing runs. `step` is called after each step of the batch loop, `rest` when no request is left.

    Args:
        contender: Name of the model that is split.
        servers: The further machines.
        transport: How their connections carry their data.
        emit: Takes the measurements.
        clock: Seconds since the run began.
        root: Folder that proc and sys are in.
    """

    def __init__(
        self,
        contender: str,
        servers: Sequence[Server],
        transport: Sequence[Transport],
        emit: Emit,
        clock: Clock,
        root: Path = Path("/"),
    ) -> None:
        self._contender = contender
        self._emit = emit
        self._clock = clock
        self._root = root
        self._links = [_Link(server, way, *self._idle(server)) for server, way in zip(servers, transport, strict=True)]
        self._tokens = {True: 0, False: 0}
        self._decoding: bool | None = None
        self._told = 0.0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        threading.Thread(target=self._sample, name="links", daemon=True).start()

    def begin(self, decoding: bool) -> None:
        """A step begins: of decoding alone, or one that reads prompts."""
        if decoding is self._decoding:
            return
        self._count()
        self._decoding = decoding
        self._wake.set() if decoding else self._wake.clear()

    def step(self, tokens: int) -> None:
        """The step has ended, and as many tokens went through the model."""
        if self._decoding is None:
            return
        self._tokens[self._decoding] += tokens
        if self._clock() - self._told >= _TELL_S:
            self._count()
            self._tell()

    def rest(self) -> None:
        """Nothing runs any more."""
        if self._decoding is None:
            return
        self._wake.clear()
        self._count()
        self._decoding = None
        self._tell()

    def _count(self) -> None:
        """Adds what has gone over each connection since it was last looked at to what was going on until now."""
        for link in self._links:
            now = self._bytes(link)
            if now is None:
                link.uncounted = True
                continue
            more = max(0, now - link.before) if link.before is not None else 0
            link.before = now
            if self._decoding is True:
                link.decode_bytes += more
            elif self._decoding is False:
                link.prompt_bytes += more

    def _bytes(self, link: _Link) -> int | None:
        if not link.transport.rdma:
            found = _tcp_info(link.server.connection)
            return None if found is None else sum(struct.unpack_from("=QQ", found, _ACKED_AT))
        counters = self._root / "sys/class/infiniband" / link.transport.device / "ports/1/counters"
        try:
            return _WORD * sum(int((counters / name).read_text()) for name in ("port_xmit_data", "port_rcv_data"))
        except (OSError, ValueError):
            return None

    def _idle(self, server: Server) -> tuple[int, str, str]:
        """Opens what tells a thread's system call; returns it, the call in which the thread sleeps, or why not."""
        if not server.thread:
            return -1, "", "the thread that talks to it is not known"
        try:
            # Opened once: a sample is then one system call, and a hundred of them a second cost next to nothing.
            told = os.open(self._root / f"proc/self/task/{server.thread}/syscall", os.O_RDONLY | os.O_CLOEXEC)
            call = _call(told)
        except OSError:
            return -1, "", "the kernel does not tell what system call a thread is in"
        return told, call, "" if call.isdigit() else "the thread that talks to it never sleeps"

    def _sample(self) -> None:
        pause = threading.Event()
        while True:
            self._wake.wait()
            pause.wait(_SAMPLE_S)
            if not self._wake.is_set():
                continue
            for link in self._links:
                if link.reason:
                    continue
                try:
                    call = _call(link.told)
                except OSError:
                    continue  # it has ended, and with it this process in a moment
                with self._lock:
                    link.samples += 1
                    link.waiting += call != link.idle

    def _tell(self) -> None:
        self._told = now = self._clock()
        for link in self._links:
            with self._lock:
                samples, waiting = link.samples, link.waiting
            reason = link.reason
            if not reason and samples < _LEAST_SAMPLES:
                reason = f"{samples} samples were taken, and it takes {_LEAST_SAMPLES}"
            found = _tcp_info(link.server.connection)
            rtt = struct.unpack_from("=I", found, _RTT_AT)[0] / 1e3 if found is not None else 0.0
            self._emit(
                LinkMeasured(
                    t=now,
                    contender=self._contender,
                    link=LinkUse(
                        node=link.server.endpoint.node,
                        rdma=link.transport.rdma,
                        proof=self._proof(link, found),
                        rtt_ms=round(rtt, 3) if rtt else None,
                        decode_tokens=self._tokens[True],
                        decode_bytes=None if link.uncounted else link.decode_bytes,
                        prompt_tokens=self._tokens[False],
                        prompt_bytes=None if link.uncounted else link.prompt_bytes,
                        waiting=None if reason else round(waiting / samples, 4),
                        samples=samples,
                        reason=reason,
                    ),
                )
            )

    @staticmethod
    def _proof(link: _Link, found: bytes | None) -> str:
        sent = (
            f"{sum(struct.unpack_from('=QQ', found, _ACKED_AT)):,} bytes" if found is not None else "an unknown amount"
        )
        if link.transport.rdma:
            return f'llama.cpp: "{link.transport.line}"; its TCP connection carried {sent}'
        return f"its TCP connection carried {sent}, as the kernel counts them"


def _call(told: int) -> str:
    """Number of the system call that a thread is in; "running" in none."""
    return os.pread(told, 32, 0).split(b" ", 1)[0].strip().decode("ascii", "replace")


def _tcp_info(connection: socket.socket) -> bytes | None:
    try:
        found = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    except OSError:
        return None
    return found if len(found) >= _ACKED_AT + 16 else None
