"""Carries Ethernet frames between two interfaces, each way with its delay and at most at its rate.

Stands where the kernel has no netem: `python slow_line.py ONE OTHER DELAY_THERE_S DELAY_BACK_S BYTES_PER_S`, with 0
bytes for any rate. Says "ready" once it carries. What comes in is stamped then, and leaves when it is due: frames
overtake none of their way, and their bytes are never looked at.
"""

from __future__ import annotations

import heapq
import os
import selectors
import socket
import sys
import time
from contextlib import suppress

EVERYTHING = 0x0003
"""ETH_P_ALL."""

OUTGOING = 4
"""PACKET_OUTGOING: what this socket sent itself."""


def bound(interface: str) -> socket.socket:
    """A packet socket that gets every frame of an interface, also those that are meant for others."""
    found = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERYTHING))
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
    found.bind((interface, 0))
    # SOL_PACKET, PACKET_ADD_MEMBERSHIP with PACKET_MR_PROMISC (packet(7)).
    index = socket.if_nametoindex(interface)
    found.setsockopt(263, 1, index.to_bytes(4, "little") + (1).to_bytes(2, "little") + bytes(10))
    found.setblocking(False)
    return found


def carry(ends: tuple[socket.socket, socket.socket], delays: tuple[float, float], rate: float) -> None:
    """Carries for ever."""
    due: list[tuple[float, int, int, bytes]] = []
    free = [0.0, 0.0]
    count = 0
    waiting = selectors.DefaultSelector()
    for way, end in enumerate(ends):
        waiting.register(end, selectors.EVENT_READ, way)
    while True:
        for key, _ in waiting.select(max(0.0, due[0][0] - time.monotonic()) if due else None):
            now = time.monotonic()
            for _ in range(64):
                try:
                    frame, (_, _, kind, *_) = ends[key.data].recvfrom(1 << 16)
                except BlockingIOError:
                    break
                if kind == OUTGOING:
                    continue
                # A line that is busy sends one frame after the other.
                free[key.data] = max(now, free[key.data]) + (len(frame) / rate if rate else 0.0)
                count += 1
                heapq.heappush(due, (free[key.data] + delays[key.data], count, key.data, frame))
        while due and due[0][0] <= time.monotonic():
            _, _, way, frame = heapq.heappop(due)
            try:
                ends[1 - way].send(frame)
            except OSError:
                # An interface that is down loses what is sent, as a cable does.
                continue


if __name__ == "__main__":
    one, other, there, back, rate = sys.argv[1:]
    ends = bound(one), bound(other)
    # Whoever computes on all cores must not be able to make the line slower than it is. Not every container allows it.
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    print("ready", flush=True)
    carry(ends, (float(there), float(back)), float(rate))
