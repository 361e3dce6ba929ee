"""TCP over a link that may be down for a while."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Final, Protocol

_RTO_MAX_MS: Final = 44
"""TCP_RTO_MAX_MS (linux/tcp.h), known to kernels from 6.15 on."""

_ATTEMPTS: Final = 10
"""Attempts that the time is divided by. Where its own end of the link is down the kernel gives up after fifteen
(net.ipv4.tcp_retries2), whatever time it was given, and the first few come sooner."""

_PATIENT_S: Final = 60
"""As long as a head and a node wait for each other."""


class Options(Protocol):
    """A socket, as far as it is set up here."""

    def setsockopt(self, level: int, option: int, value: int, /) -> None:
        """See `socket.socket.setsockopt`."""


def retry_soon(connection: Options, give_up_s: int = _PATIENT_S) -> None:
    """Has the kernel send again every few seconds what was not acknowledged, where it can.

    By default the pauses double: a link that was down for 30 s is tried again after 51, and until then neither side
    knows that it is back, or that the other one has gone meanwhile.

    Args:
        connection: Its socket.
        give_up_s: Seconds without any acknowledgement after which the connection is over; a tenth of it is the longest
            pause.
    """
    with suppress(OSError):  # a unix socket, or an older kernel
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, give_up_s * 1000)
        connection.setsockopt(socket.IPPROTO_TCP, _RTO_MAX_MS, give_up_s * 1000 // _ATTEMPTS)
