"""llama.cpp's own sockets, found among this process's descriptors and set up for what goes over them."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from sparktop.engines.tcp import retry_soon

_DESCRIPTORS: Final = "/proc/self/fd"

_SILENCE_S: Final = 5
_PROBES: Final = 3

GONE_S: Final = 60
"""A link that carries nothing for this long ends the connection, at both ends: as long as heads and nodes wait for
each other. llama.cpp itself would wait for ever. Much less would not do: a machine that computes part of a long prompt
on its processor takes nothing meanwhile, and to the kernel that is the same."""

_UNPACED: Final = (b"cubic", b"reno")
"""Congestion control that sends an answer at once as far as its window lets it. BBR spreads it over the time that it
takes the link for busy with it, which after every pause is about a round trip: half a round trip more for every token,
measured at 15 and at 40 ms."""

_ESTABLISHED: Final = 1
"""TCP_ESTABLISHED."""

_RECEIVED_AT: Final = 128
"""Place of tcpi_bytes_received in tcp_info (linux/tcp.h); tcpi_state is its first byte."""


def own_sockets() -> Iterator[socket.socket]:
    """Yields a duplicate of each IPv4 stream socket of this process; whoever does not close it keeps it open."""
    for name in os.listdir(_DESCRIPTORS):
        try:
            # Nothing else is touched: closing a duplicate of a file lets go of the locks on it.
            if not os.readlink(f"{_DESCRIPTORS}/{name}").startswith("socket:"):
                continue
            copy = os.dup(int(name))
        except OSError:
            continue  # closed meanwhile
        try:
            found = socket.socket(fileno=copy)
        except OSError:
            os.close(copy)  # of a kind that Python does not know
            continue
        if found.family == socket.AF_INET and found.type == socket.SOCK_STREAM:
            yield found
        else:
            found.close()


def set_up(connection: socket.socket) -> None:
    """Has the kernel notice a link that is down, and TCP hold nothing back that the other side waits for.

    A link that is down is noticed also where RDMA carries the data, whose other end looks at this. Of a listening
    socket, those that it accepts inherit it all. Congestion control stays as it is where the kernel grants no other.
    """
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _SILENCE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _SILENCE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)
    retry_soon(connection, GONE_S)
    with suppress(OSError):
        if connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0") in _UNPACED:
            return
    for name in _UNPACED:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, name)
        except OSError:
            continue
        return


def received(connection: socket.socket) -> int | None:
    """Returns how many bytes have come over a connection; None if it is over, or the kernel does not count them."""
    try:
        told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    except OSError:
        return None
    if not told or told[0] != _ESTABLISHED or len(told) < _RECEIVED_AT + 8:
        return None
    return int(struct.unpack_from("=Q", told, _RECEIVED_AT)[0])
