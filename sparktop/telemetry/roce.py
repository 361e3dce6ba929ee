"""RDMA devices and the physical ports that they feed: traffic, links and health.

RDMA goes past the kernel: the network interface's own counters never see it, and the RDMA
device's counters never see TCP. Both are read, and shown apart and together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from sparktop.model.channels import FAMILIES, indexed
from sparktop.telemetry.cores import core_kinds, is_gb10
from sparktop.telemetry.reading import DISK, Files, Gathered, Pace, Reading, Unreadable
from sparktop.telemetry.roce_device import RATES, RdmaDevice

_ABSENT: Final = "roce"
_SLOW_S: Final = 5.0
"""Health counters trap into the card's firmware."""


class RoceSource:
    """All RDMA devices.

    On a DGX Spark one card shows each of its physical ports twice, once for each of the two groups
    of PCIe lanes that feed it; such halves are counted together as one port.
    """

    name = "roce"

    def __init__(
        self,
        proc: Path,
        sys: Path,
        files: Files = DISK,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Opens nothing yet.

        Args:
            proc: Usually /proc: tells whether this is a GB10.
            sys: Usually /sys.
            files: Where they are read.
            clock: Seconds, for the time between the beginning of a read and a counter.
        """
        self._proc = proc
        self._sys = sys
        self._files = files
        self._clock = clock
        self._devices: dict[str, RdmaDevice] = {}
        self._ports: list[list[RdmaDevice]] = []
        self._paired: bool | None = None
        self._slow = Pace(_SLOW_S)
        self._failed: dict[str, str] = {}

    @property
    def channels(self) -> tuple[str, ...]:
        """Those of every device and port, or "roce" alone."""
        devices = [device.channel(q.name) for device in self._devices.values() for q in FAMILIES["roce"]]
        ports = [indexed("port", number, q.name) for number in range(len(self._ports)) for q in FAMILIES["port"]]
        return (*devices, *ports) or (_ABSENT,)

    def forget(self) -> None:
        """Drops the last counters."""
        for device in self._devices.values():
            device.forget()

    def read(self, now: float) -> Reading:
        """Reads the traffic, and every few seconds devices, links and health."""
        began = self._clock()
        gathered = Gathered()
        slow = self._slow.due(now)
        if slow:
            self._list()
        for device in self._devices.values():
            device.read_rates(lambda: now + self._clock() - began, gathered)
        for number, port in enumerate(self._ports):
            _put_traffic(number, port, gathered)
        if slow:
            # After the rates, whose times would be spread by the firmware's.
            seldom = Gathered()
            for device in self._devices.values():
                device.read_link(seldom)
                device.read_health(seldom)
            for number, port in enumerate(self._ports):
                _put_link(number, port, seldom)
            gathered.values.update(seldom.values)
            self._failed.update(seldom.missing)
        gathered.missing.update(self._failed)
        return gathered.reading(now)

    def _list(self) -> None:
        self._failed = {}
        folder = self._sys / "class/infiniband"
        try:
            names = self._files.names(folder)
        except Unreadable as reason:
            self._devices, self._ports = {}, []
            self._failed[_ABSENT] = f"no RDMA device: {reason}"
            return
        if not names:
            self._failed[_ABSENT] = f"no RDMA device in {folder}"
        elif self._paired is None:
            # On other machines each card calls its port "p0", and they are different ports.
            self._paired = is_gb10(core_kinds(self._proc, self._files))
        self._devices = {name: self._devices.get(name) or RdmaDevice(name, self._sys, self._files) for name in names}
        self._ports = self._group()

    def _group(self) -> list[list[RdmaDevice]]:
        ports: dict[str, list[RdmaDevice]] = {}
        for name, device in self._devices.items():
            device.find_interface()
            port = device.port_name() if self._paired else ""
            ports.setdefault(port or name, []).append(device)
        grouped = [ports[key] for key in sorted(ports)]
        for number, group in enumerate(grouped):
            for device in group:
                device.port = number
        return grouped


def _sum(gathered: Gathered, names: Sequence[str]) -> float:
    for name in names:
        if name not in gathered.values:
            raise Unreadable(f"{name}: {gathered.missing.get(name, 'not read')}")
    return sum(gathered.values[name] for name in names)


def _put_traffic(number: int, port: list[RdmaDevice], gathered: Gathered) -> None:
    for quantity in RATES:
        names = [device.channel(quantity) for device in port]
        gathered.put(indexed("port", number, quantity), lambda names=names: _sum(gathered, names))  # type: ignore[misc]
    for way in ("rx", "tx"):
        names = [indexed("port", number, f"{way}_{kind}") for kind in ("rdma", "tcp")]
        gathered.put(indexed("port", number, way), lambda names=names: _sum(gathered, names))  # type: ignore[misc]


def _put_link(number: int, port: list[RdmaDevice], gathered: Gathered) -> None:
    ups = [device.channel("up") for device in port]
    gathered.put(indexed("port", number, "up"), lambda: float(_sum(gathered, ups) > 0))

    def capacity() -> float:
        # One cable behind both halves: together they carry no more than the port's own rate.
        active = [device for device in port if gathered.values.get(device.channel("up"))]
        if not active:
            raise Unreadable("the link is down")
        lanes = _sum(gathered, [device.channel("capacity") for device in active])
        return min(lanes, max(gathered.values[device.channel("rate")] for device in active))

    gathered.put(indexed("port", number, "capacity"), capacity)
