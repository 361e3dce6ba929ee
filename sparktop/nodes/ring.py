"""What an agent has seen lately: events by number, the oldest dropped when they grow too many."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

MOST_BYTES: Final = 8 << 20
"""About half an hour of a DGX Spark, read twice a second."""


class Ring:
    """Encoded events, numbered from 0 without a gap.

    Used by one thread.

    Args:
        most_bytes: What all of them may take.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self.first = 0

    @property
    def next(self) -> int:
        """Number that the next event will have."""
        return self.first + len(self._lines)

    def add(self, line: bytes) -> None:
        """Appends an event, as `sparktop.model.codec.encode` wrote it."""
        self._lines.append(line)
        self._bytes += len(line)
        while self._bytes > self._most and len(self._lines) > 1:
            self._bytes -= len(self._lines.popleft())
            self.first += 1

    def forget(self, until: int) -> None:
        """Drops events before a number: whoever wanted them has them."""
        while self._lines and self.first < until:
            self._bytes -= len(self._lines.popleft())
            self.first += 1

    def since(self, start: int, most_bytes: int) -> tuple[int, list[bytes]]:
        """Returns events from a number on, or from the oldest that is kept.

        Args:
            start: Number of the first one.
            most_bytes: Where to stop; one event comes in any case if there is one.

        Returns:
            The number of the first one that is returned, and the events.
        """
        start = min(max(start, self.first), self.next)
        chosen: list[bytes] = []
        size = 0
        for index in range(start - self.first, len(self._lines)):
            size += len(self._lines[index])
            if chosen and size > most_bytes:
                break
            chosen.append(self._lines[index])
        return start, chosen


class Feed:
    """A ring that can be waited for.

    Used by one event loop.

    Attributes:
        ring: The events.
    """

    def __init__(self, ring: Ring | None = None) -> None:
        self.ring = ring if ring is not None else Ring()
        self._arrived = asyncio.Event()

    def add(self, line: bytes) -> None:
        """Appends an event, and wakes whoever waits."""
        self.ring.add(line)
        self._arrived.set()
        self._arrived = asyncio.Event()

    async def beyond(self, number: int) -> None:
        """Waits until there is an event of that number or a later one."""
        while self.ring.next <= number:
            await self._arrived.wait()
