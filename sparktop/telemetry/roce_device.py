"""One RDMA device: every file that is read of it, by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sparktop.model.channels import indexed
from sparktop.telemetry.network import counter_rate
from sparktop.telemetry.reading import Counter, Files, Gathered, Growth, Unreadable, read_count, read_text

RATES: Final = ("rx_rdma", "tx_rdma", "rx_tcp", "tx_tcp")

_WORD: Final = 4
"""Bytes in one count of port_xmit_data and port_rcv_data, whatever the link's width."""

_HEALTH: Final = {
    "counters": ("symbol_error", "link_error_recovery", "link_downed", "port_rcv_errors", "port_xmit_discards"),
    "hw_counters": (
        "out_of_sequence",
        "packet_seq_err",
        "out_of_buffer",
        "rnr_nak_retry_err",
        "local_ack_timeout_err",
        "duplicate_request",
        "roce_adp_retrans",
        "np_cnp_sent",
        "np_ecn_marked_roce_packets",
        "rp_cnp_handled",
    ),
}
"""Counters by their folder. The second one is never listed: its every file traps into firmware."""


class RdmaDevice:
    """A device as the kernel shows it; on a DGX Spark a half of a physical port.

    Args:
        name: Its name in /sys/class/infiniband.
        sys: Usually /sys.
        files: Where it is read.

    Attributes:
        port: Number of the physical port that it feeds.
    """

    def __init__(self, name: str, sys: Path, files: Files) -> None:
        self.port = 0
        self._name = name
        self._sys = sys
        self._folder = sys / "class/infiniband" / name
        self._files = files
        self._interface: str | None = None
        self._no_interface = ""
        self._rates = {quantity: Counter() for quantity in RATES}
        self._health = {counter: Growth() for names in _HEALTH.values() for counter in names}

    def channel(self, quantity: str) -> str:
        """The channel of one of its quantities."""
        return indexed("roce", self._name, quantity)

    def forget(self) -> None:
        """Drops what rates are counted from."""
        for counter in self._rates.values():
            counter.forget()

    def find_interface(self) -> None:
        """Looks up the network interface of the same hardware."""
        try:
            names = self._files.names(self._folder / "device/net")
        except Unreadable as reason:
            found, why = None, str(reason)
        else:
            found = names[0] if names else None
            why = "" if names else f"no network interface in {self._folder}/device/net"
        if found != self._interface:
            self._rates["rx_tcp"].forget()
            self._rates["tx_tcp"].forget()
        self._interface, self._no_interface = found, why

    def port_name(self) -> str:
        """Name of the physical port; empty where it isn't told."""
        if self._interface is None:
            return ""
        try:
            return read_text(self._files, self._sys / "class/net" / self._interface / "phys_port_name")
        except Unreadable:
            return ""

    def read_rates(self, now: Callable[[], float], gathered: Gathered) -> None:
        """Reads the traffic.

        Args:
            now: The time, in seconds, at the moment of the call.
            gathered: Takes it.
        """
        counters = self._folder / "ports/1/counters"
        for quantity, file in (("rx_rdma", "port_rcv_data"), ("tx_rdma", "port_xmit_data")):
            self._put_rate(gathered, quantity, counters / file, now, _WORD)
        if self._interface is None:
            gathered.fail([self.channel(q) for q in ("rx_tcp", "tx_tcp")], self._no_interface)
            return
        statistics = self._sys / "class/net" / self._interface / "statistics"
        for quantity, file in (("rx_tcp", "rx_bytes"), ("tx_tcp", "tx_bytes")):
            self._put_rate(gathered, quantity, statistics / file, now, 1)

    def read_link(self, gathered: Gathered) -> None:
        """Reads the state of the link and what it can carry."""
        gathered.values[self.channel("port")] = float(self.port)
        gathered.put(self.channel("up"), self._up)
        gathered.put(self.channel("rate"), self._rate)

        def capacity() -> float:
            # Each half of a Spark's port claims the whole port's rate; its lanes carry about half of it.
            return min(self._rate(), self._lanes())

        gathered.put(self.channel("capacity"), capacity)

    def read_health(self, gathered: Gathered) -> None:
        """Reads the counters of errors."""
        for folder, names in _HEALTH.items():
            for name in names:
                path = self._folder / "ports/1" / folder / name

                def growth(path: Path = path, name: str = name) -> float:
                    return self._health[name].add(read_count(self._files, path))

                gathered.put(self.channel(name), growth)

    def _put_rate(self, gathered: Gathered, quantity: str, path: Path, now: Callable[[], float], scale: int) -> None:
        counter = self._rates[quantity]
        gathered.put(self.channel(quantity), lambda: counter_rate(self._files, path, counter, now, scale))

    def _up(self) -> float:
        path = self._folder / "ports/1/state"
        number, colon, _ = read_text(self._files, path).partition(":")  # "4: ACTIVE"
        if not colon or not number.isdecimal():
            raise Unreadable(f"{path} is not a state")
        return float(int(number) == 4)

    def _rate(self) -> float:
        path = self._folder / "ports/1/rate"
        match = re.match(r"(\d+(?:\.\d+)?) Gb/sec", read_text(self._files, path))
        if match is None:
            raise Unreadable(f"{path} is not a rate")
        return float(match[1]) * 1e9 / 8

    def _lanes(self) -> float:
        return lanes(self._files, self._folder / "device")


def lanes(files: Files, device: Path) -> float:
    """Returns what the PCIe lanes of a device carry in one direction, in bytes per second.

    Args:
        files: Where it is read.
        device: Its folder in /sys.

    Raises:
        Unreadable: It doesn't tell.
    """
    speed, width = device / "current_link_speed", device / "current_link_width"
    match = re.match(r"(\d+(?:\.\d+)?) GT/s", read_text(files, speed))  # "32.0 GT/s PCIe"
    count = read_count(files, width)
    if match is None or not count:
        raise Unreadable(f"{speed} and its width don't tell the PCIe lanes")
    transfers = float(match[1]) * 1e9
    # What the code on the wire leaves for data: 8 of 10 bits up to Gen2, then 128 of 130.
    return transfers * (0.8 if transfers <= 5e9 else 128 / 130) * count / 8
