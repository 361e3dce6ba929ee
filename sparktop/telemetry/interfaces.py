"""This machine's network interfaces with their addresses."""

from __future__ import annotations

import ctypes
import ipaddress
import socket
from pathlib import Path
from typing import Final

from sparktop.model.interfaces import Interface
from sparktop.telemetry.reading import DISK, Unreadable
from sparktop.telemetry.roce_device import lanes

_UP: Final = 0x1
_LOOPBACK: Final = 0x8
_RUNNING: Final = 0x40
"""IFF_RUNNING (netdevice(7)): there is a cable, and somebody at its other end."""


class _Address(ctypes.Structure):
    """sockaddr_in."""

    _fields_ = (("family", ctypes.c_uint16), ("port", ctypes.c_uint16), ("address", ctypes.c_uint8 * 4))


class _Entry(ctypes.Structure):
    """ifaddrs, as far as it is read (getifaddrs(3))."""


_Entry._fields_ = (
    ("next", ctypes.POINTER(_Entry)),
    ("name", ctypes.c_char_p),
    ("flags", ctypes.c_uint),
    ("address", ctypes.POINTER(_Address)),
    ("netmask", ctypes.POINTER(_Address)),
)


def own_interfaces(sys: Path = Path("/sys")) -> tuple[Interface, ...]:
    """Returns the interfaces that are up and have an IPv4 address, every address for itself; loopback is none.

    One whose cable is out is not up: it keeps its address, and a model would be split over nothing.
    """
    library = ctypes.CDLL(None, use_errno=True)
    first = ctypes.POINTER(_Entry)()
    if library.getifaddrs(ctypes.byref(first)) != 0:
        return ()
    found: list[Interface] = []
    try:
        entry = first
        while entry:  # type: ignore[truthy-bool]  # a pointer is false where it is NULL
            one = entry.contents
            if one.address and one.address.contents.family == socket.AF_INET and one.netmask:
                name = one.name.decode("utf-8", "replace")
                if one.flags & _UP and one.flags & _RUNNING and not one.flags & _LOOPBACK:
                    found.append(_interface(name, one, sys / "class/net" / name))
            entry = one.next
    finally:
        library.freeifaddrs(first)
    return tuple(found)


def _interface(name: str, entry: _Entry, folder: Path) -> Interface:
    netmask = int.from_bytes(bytes(entry.netmask.contents.address), "big")
    return Interface(
        name=name,
        address=str(ipaddress.IPv4Address(bytes(entry.address.contents.address))),
        prefix=netmask.bit_count(),
        rdma=(folder / "device/infiniband").is_dir(),
        speed=speed(folder),
    )


def speed(folder: Path) -> float | None:
    """Returns what an interface carries in one direction, in bytes per second; None where that is not known.

    Each half of a DGX Spark's port claims the whole port's 200 Gb/s, and its PCIe lanes carry 126.

    Args:
        folder: Its folder in /sys/class/net.
    """
    try:
        # The kernel says megabits, and -1 or nothing where it does not know.
        megabits = int((folder / "speed").read_text())
    except (OSError, ValueError):
        return None
    if megabits <= 0:
        return None
    try:
        return min(megabits * 1e6 / 8, lanes(DISK, folder / "device"))
    except Unreadable:
        return megabits * 1e6 / 8
