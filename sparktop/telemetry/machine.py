"""All sources of one machine, made in one place."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sparktop.telemetry.cpu import CpuSource
from sparktop.telemetry.gpu import GpuSource
from sparktop.telemetry.memory import MemorySource
from sparktop.telemetry.network import NetworkSource
from sparktop.telemetry.nvml import Driver, Nvml
from sparktop.telemetry.power import PowerSource
from sparktop.telemetry.reading import DISK, Files, Source
from sparktop.telemetry.roce import RoceSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Everything that sources take from outside, so that it can be recorded and played.

    Attributes:
        root: Folder that holds proc and sys.
        files: Where they are read.
        driver: The NVIDIA driver.
        clock: Seconds; only differences count.
        page_size: Bytes in a page.
        me: Number of this process.
    """

    root: Path = Path("/")
    files: Files = DISK
    driver: Driver = field(default_factory=Nvml)
    clock: Callable[[], float] = time.monotonic
    page_size: int = field(default_factory=lambda: os.sysconf("SC_PAGE_SIZE"))
    me: int = field(default_factory=os.getpid)


def _memory(i: Inputs) -> Source:
    return MemorySource(i.root / "proc", i.page_size, i.files)


def _gpu(i: Inputs) -> Source:
    return GpuSource(i.root / "proc", i.driver, me=i.me, files=i.files, clock=i.clock)


def _roce(i: Inputs) -> Source:
    return RoceSource(i.root / "proc", i.root / "sys", i.files, i.clock)


def _network(i: Inputs) -> Source:
    return NetworkSource(i.root / "sys", i.files, i.clock)


def _cpu(i: Inputs) -> Source:
    return CpuSource(i.root / "proc", i.root / "sys", i.files)


def _power(i: Inputs) -> Source:
    return PowerSource(i.root / "sys", i.files)


MAKERS: Final[dict[str, Callable[[Inputs], Source]]] = {
    "memory": _memory,
    "gpu": _gpu,
    "roce": _roce,
    "network": _network,
    "cpu": _cpu,
    "power": _power,
}
"""What makes each source, by the source's stable name."""


def sources(root: Path = Path("/"), driver: Driver | None = None) -> tuple[Source, ...]:
    """Returns one source of each kind, whatever the machine has: each tells what it lacks.

    Nothing is opened before the first reading.

    Args:
        root: Folder that holds proc and sys.
        driver: The NVIDIA driver; None takes this machine's.
    """
    inputs = Inputs(root=root) if driver is None else Inputs(root=root, driver=driver)
    return tuple(make(inputs) for make in MAKERS.values())
