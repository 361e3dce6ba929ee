"""Traffic of the physical network interfaces that have no RDMA."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sparktop.model.channels import indexed
from sparktop.telemetry.reading import (
    DISK,
    Counter,
    Files,
    Gathered,
    Pace,
    Reading,
    Unreadable,
    read_count,
    read_text,
)

_ABSENT: Final = "net"
_SLOW_S: Final = 5.0


@dataclass(slots=True)
class _Interface:
    received: Counter = field(default_factory=Counter)
    sent: Counter = field(default_factory=Counter)


class NetworkSource:
    """Bytes received and sent; what belongs to an RDMA device is left to `RoceSource`."""

    name = "network"

    def __init__(self, sys: Path, files: Files = DISK, clock: Callable[[], float] = time.monotonic) -> None:
        """Opens nothing yet.

        Args:
            sys: Usually /sys.
            files: Where it is read.
            clock: Seconds, for the time between the beginning of a read and a counter.
        """
        self._folder = sys / "class/net"
        self._files = files
        self._clock = clock
        self._interfaces: dict[str, _Interface] = {}
        self._slow = Pace(_SLOW_S)
        self._failed: dict[str, str] = {}

    @property
    def channels(self) -> tuple[str, ...]:
        """Four for each interface, or "net" alone."""
        names = (indexed("net", name, q) for name in self._interfaces for q in ("rx", "tx", "up", "capacity"))
        return tuple(names) or (_ABSENT,)

    def forget(self) -> None:
        """Drops the last counters."""
        for interface in self._interfaces.values():
            interface.received.forget()
            interface.sent.forget()

    def read(self, now: float) -> Reading:
        """Reads the counters, and every few seconds which interfaces there are and how fast."""
        began = self._clock()
        gathered = Gathered()
        slow = self._slow.due(now)
        if slow:
            self._list()
        for name, interface in self._interfaces.items():
            statistics = self._folder / name / "statistics"
            for quantity, counter in (("rx", interface.received), ("tx", interface.sent)):

                def rate(path: Path = statistics / f"{quantity}_bytes", counter: Counter = counter) -> float:
                    return counter_rate(self._files, path, counter, lambda: now + self._clock() - began)

                gathered.put(indexed("net", name, quantity), rate)
        if slow:
            for name in self._interfaces:
                self._put_link(name, gathered)
        gathered.missing.update(self._failed)
        return gathered.reading(now)

    def _list(self) -> None:
        self._failed = {}
        try:
            names = [name for name in self._files.names(self._folder) if self._is_plain(name)]
        except Unreadable as reason:
            self._interfaces = {}
            self._failed[_ABSENT] = str(reason)
            return
        self._interfaces = {name: self._interfaces.get(name) or _Interface() for name in names}
        if not names:
            self._failed[_ABSENT] = f"no physical network interface in {self._folder} without RDMA"

    def _is_plain(self, name: str) -> bool:
        try:
            # Bridges, tunnels, containers' ends and the loopback have no device behind them.
            if "/virtual/" in self._files.link(self._folder / name):
                return False
        except Unreadable:
            return False
        try:
            self._files.names(self._folder / name / "device/infiniband")
        except Unreadable:
            return True
        return False

    def _put_link(self, name: str, gathered: Gathered) -> None:
        link = Gathered()
        folder = self._folder / name
        link.put(indexed("net", name, "up"), lambda: float(read_text(self._files, folder / "operstate") == "up"))
        link.put(indexed("net", name, "capacity"), lambda: self._speed(folder / "speed"))
        gathered.values.update(link.values)
        self._failed.update(link.missing)

    def _speed(self, path: Path) -> float:
        if not (text := read_text(self._files, path)).isdecimal() or not int(text):
            raise Unreadable("the link's speed is not known")  # -1: it is down, or a virtual machine's
        return int(text) * 1e6 / 8


def counter_rate(files: Files, path: Path, counter: Counter, now: Callable[[], float], scale: int = 1) -> float:
    """Returns how fast the counter in a file grows, per second.

    Args:
        files: Where it is read.
        path: Its file.
        counter: Knows the last reading.
        now: The time, in seconds, right after the read.
        scale: What one count stands for.

    Raises:
        Unreadable: It can't be read, was reset, or is read for the first time.
    """
    try:
        count = read_count(files, path)
    except Unreadable:
        counter.forget()
        raise
    return counter.rate(now(), count) * scale
