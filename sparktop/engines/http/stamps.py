"""When bytes arrived: told by the kernel, not by when this program came round to reading them.

Linux notes the time at which it took a TCP segment in, if asked to (SO_TIMESTAMPNS, see socket(7)),
and hands it over with the bytes. So sixty streams that are served in one go are not stamped one after
another, and a busy machine that wakes this process late does not make a server look slow. Where the
kernel gives no stamp - another system, or the first segments after the option was set - the moment of
reading takes its place.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import time
from typing import Any, Final
from weakref import WeakValueDictionary

_SO_TIMESTAMPNS: Final = 35
"""From asm-generic/socket.h, which x86-64 and aarch64 share; Python has no name for it."""

_TIMESPEC: Final = struct.Struct("@qq")
_ANCILLARY: Final = socket.CMSG_SPACE(_TIMESPEC.size)
_MIN_RTT: Final = 148
"""Where tcpi_min_rtt lies in struct tcp_info, in bytes (linux/tcp.h since Linux 4.6): microseconds, 32 bits."""

_UNKNOWN_RTT: Final = 0xFFFFFFFF
"""Nothing was measured yet."""

_STALE_NS: Final = 60_000_000_000
"""Older than that is no stamp but a wall clock that was set in between."""


class StampedSocket(socket.socket):
    """A stream socket that knows when its last bytes arrived.

    Attributes:
        arrived_ns: CLOCK_MONOTONIC at which the newest of the bytes that were read last arrived; 0
            before the first.
        unread_ns: How long they had lain in the kernel by then; 0 where it did not say when they came.
    """

    arrived_ns = 0
    unread_ns = 0

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Reads as its base does, and notes when what it read arrived."""
        data, ancillary, _, _ = self.recvmsg(size, _ANCILLARY, flags)
        self._note(ancillary)
        return data

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        """Reads as its base does, and notes when what it read arrived."""
        view = memoryview(buffer)[:size] if size else buffer
        count, ancillary, _, _ = self.recvmsg_into([view], _ANCILLARY, flags)
        self._note(ancillary)
        return count

    def rtt_ms(self) -> float | None:
        """Returns the least round trip of the last minutes, of TCP alone and in ms; None where it is not told.

        The least: a server that answers late acknowledges late, and the usual figure would hold its delay.
        """
        try:
            info = self.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _MIN_RTT + 4)
        except (OSError, AttributeError):  # closed by now; or another system than Linux
            return None
        if len(info) < _MIN_RTT + 4:
            return None
        least = int.from_bytes(info[_MIN_RTT:], sys.byteorder)
        return least / 1e3 if 0 < least < _UNKNOWN_RTT else None

    def _note(self, ancillary: list[tuple[int, int, bytes]]) -> None:
        now = time.monotonic_ns()
        self.unread_ns = 0
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) == _TIMESPEC.size:
                seconds, nanoseconds = _TIMESPEC.unpack(data)
                # The stamp is of the wall clock; how long ago it was is the same on both.
                ago = time.time_ns() - (seconds * 1_000_000_000 + nanoseconds)
                if 0 <= ago < _STALE_NS:
                    now = max(now - ago, self.arrived_ns)
                    self.unread_ns = ago
        self.arrived_ns = now


class Stamps:
    """Makes the sockets of one client, and finds them again by their descriptor."""

    def __init__(self) -> None:
        self._sockets: WeakValueDictionary[int, StampedSocket] = WeakValueDictionary()

    def make(self, address: tuple[Any, ...]) -> StampedSocket:
        """Returns a new socket for an address as `socket.getaddrinfo` gives it."""
        family, kind, protocol = address[:3]
        made = StampedSocket(family, kind, protocol)
        with contextlib.suppress(OSError):  # the moment of reading has to do
            made.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._sockets[made.fileno()] = made
        return made

    def of(self, descriptor: int) -> StampedSocket | None:
        """Returns the socket with a descriptor; None if it was not made here."""
        return self._sockets.get(descriptor)
