"""Memory, swap and memory pressure, from /proc.

On a DGX Spark this is the GPU's memory too: one pool that the driver can't report by itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sparktop.model import channels
from sparktop.telemetry.reading import DISK, Counter, Files, Reading, Unreadable

_CHANNELS: Final = (
    channels.MEMORY_TOTAL,
    channels.MEMORY_USED,
    channels.MEMORY_AVAILABLE,
    channels.MEMORY_FREE,
    channels.MEMORY_CACHE,
    channels.MEMORY_ALLOCATABLE,
    channels.MEMORY_HUGE_PAGES,
    channels.SWAP_TOTAL,
    channels.SWAP_USED,
    channels.SWAP_IN,
    channels.SWAP_OUT,
    channels.PSI_SOME,
    channels.PSI_FULL,
)


@dataclass(frozen=True, slots=True)
class Allocatable:
    """What a process, a CUDA one too, can still be given.

    Attributes:
        bytes: The amount, swap included where the rule counts it.
        rule: The rule in words, to be shown beside the number.
        swap: The part of it that is free swap.
    """

    bytes: int
    rule: str
    swap: int


class MemoryInfo:
    """/proc/meminfo, in bytes."""

    def __init__(self, proc: Path, files: Files = DISK) -> None:
        """Reads the file.

        Args:
            proc: Usually /proc.
            files: Where it is read.

        Raises:
            Unreadable: It can't be read.
        """
        self._path = proc / "meminfo"
        self._fields: dict[str, str] = {}
        for line in files.lines(self._path):
            name, colon, rest = line.partition(":")
            if colon:
                self._fields[name] = rest

    def bytes(self, name: str) -> int:
        """Returns an amount of memory.

        Raises:
            Unreadable: The kernel doesn't give it, or the line is cut off.
        """
        match self._words(name):
            case [number, "kB"] if number.isdecimal():
                return int(number) * 1024
        raise Unreadable(f"{self._path}: {name} is not a number of kB")

    def count(self, name: str) -> int:
        """Returns a plain number.

        Raises:
            Unreadable: The kernel doesn't give it, or the line is cut off.
        """
        match self._words(name):
            case [number] if number.isdecimal():
                return int(number)
        raise Unreadable(f"{self._path}: {name} is not a number")

    def has(self, name: str) -> bool:
        """Whether the kernel gives this field at all."""
        return name in self._fields

    def _words(self, name: str) -> list[str]:
        if name not in self._fields:
            raise Unreadable(f"{self._path} has no {name}")
        return self._fields[name].split()


def allocatable(proc: Path, files: Files = DISK) -> Allocatable:
    """Returns what can be allocated, by the rule that NVIDIA gives for unified memory.

    cudaMemGetInfo knows nothing of the page cache that the kernel would give up, so its "free" is
    far too low on such a machine.

    Raises:
        Unreadable: /proc/meminfo doesn't tell.
    """
    return allocatable_of(MemoryInfo(proc, files))


def allocatable_of(info: MemoryInfo) -> Allocatable:
    """Returns what can be allocated, by what /proc/meminfo says; see `allocatable`.

    Raises:
        Unreadable: It doesn't tell.
    """
    if info.has("HugePages_Total") and info.count("HugePages_Total"):
        return Allocatable(
            info.count("HugePages_Free") * info.bytes("Hugepagesize"), "HugePages_Free x Hugepagesize", swap=0
        )
    available = _part(info, "MemTotal", "MemAvailable")
    swap = _part(info, "SwapTotal", "SwapFree") if info.has("SwapFree") else 0
    return Allocatable(available + swap, "MemAvailable + SwapFree" if swap else "MemAvailable", swap)


class MemorySource:
    """Memory, swap and pressure of this machine."""

    name = "memory"

    def __init__(self, proc: Path, page_size: int | None = None, files: Files = DISK) -> None:
        """Opens nothing yet.

        Args:
            proc: Usually /proc.
            page_size: Bytes in a page, as pswpin counts them; None asks the kernel (64 KiB and
                16 KiB pages occur on ARM).
            files: Where they are read.
        """
        self._proc = proc
        self._files = files
        self._page = page_size if page_size is not None else os.sysconf("SC_PAGE_SIZE")
        self._swapped_in = Counter()
        self._swapped_out = Counter()

    @property
    def channels(self) -> tuple[str, ...]:
        """Everything under "memory.", "swap." and "psi."."""
        return _CHANNELS

    def forget(self) -> None:
        """Drops the last swap counters."""
        self._swapped_in.forget()
        self._swapped_out.forget()

    def read(self, now: float) -> Reading:
        """Reads vmstat, meminfo and pressure/memory; each may fail by itself."""
        values: dict[str, float] = {}
        missing: dict[str, str] = {}

        def put(name: str, value: Callable[[], float]) -> None:
            try:
                values[name] = value()
            except Unreadable as reason:
                missing[name] = str(reason)

        self._put_swap_rates(now, put)
        self._put_memory(put)
        self._put_pressure(put)
        return Reading(t=now, values=values, missing=missing)

    def _put_swap_rates(self, now: float, put: Callable[[str, Callable[[], float]], None]) -> None:
        path = self._proc / "vmstat"
        try:
            counters = dict(pair for line in self._files.lines(path) if len(pair := line.split()) == 2)
        except Unreadable as reason:
            self.forget()
            _put_all(put, (channels.SWAP_IN, channels.SWAP_OUT), reason)
            return

        def rate(counter: Counter, name: str) -> float:
            if not (text := counters.get(name, "")).isdecimal():
                counter.forget()
                raise Unreadable(f"{path} has no {name}")
            return counter.rate(now, int(text)) * self._page

        put(channels.SWAP_IN, lambda: rate(self._swapped_in, "pswpin"))
        put(channels.SWAP_OUT, lambda: rate(self._swapped_out, "pswpout"))

    def _put_memory(self, put: Callable[[str, Callable[[], float]], None]) -> None:
        try:
            info = MemoryInfo(self._proc, self._files)
        except Unreadable as reason:
            _put_all(put, _CHANNELS[:9], reason)
            return
        put(channels.MEMORY_TOTAL, lambda: info.bytes("MemTotal"))
        put(channels.MEMORY_USED, lambda: _difference(info, "MemTotal", "MemAvailable"))
        put(channels.MEMORY_AVAILABLE, lambda: _part(info, "MemTotal", "MemAvailable"))
        put(channels.MEMORY_FREE, lambda: info.bytes("MemFree"))
        put(channels.MEMORY_CACHE, lambda: info.bytes("Cached") + info.bytes("SReclaimable"))
        put(channels.MEMORY_ALLOCATABLE, lambda: allocatable_of(info).bytes)
        put(channels.MEMORY_HUGE_PAGES, lambda: _huge_pages(info))
        put(channels.SWAP_TOTAL, lambda: info.bytes("SwapTotal"))
        put(channels.SWAP_USED, lambda: _difference(info, "SwapTotal", "SwapFree"))

    def _put_pressure(self, put: Callable[[str, Callable[[], float]], None]) -> None:
        path = self._proc / "pressure" / "memory"
        try:
            lines = self._files.lines(path)
        except Unreadable as reason:
            why = Unreadable(f"{reason}: the kernel keeps no pressure figures (boot it with psi=1)")
            _put_all(put, (channels.PSI_SOME, channels.PSI_FULL), why)
            return
        put(channels.PSI_SOME, lambda: _pressure(path, lines, "some"))
        put(channels.PSI_FULL, lambda: _pressure(path, lines, "full"))


def _put_all(put: Callable[[str, Callable[[], float]], None], names: tuple[str, ...], reason: Unreadable) -> None:
    def fail() -> float:
        raise reason

    for name in names:
        put(name, fail)


def _huge_pages(info: MemoryInfo) -> int:
    # A kernel without them says nothing of them, and then none are set apart.
    return info.count("HugePages_Total") * info.bytes("Hugepagesize") if info.has("HugePages_Total") else 0


def _difference(info: MemoryInfo, whole: str, part: str) -> int:
    return info.bytes(whole) - _part(info, whole, part)


def _part(info: MemoryInfo, whole: str, part: str) -> int:
    amount = info.bytes(part)
    if info.has(whole) and amount > info.bytes(whole):
        # Containers that fake meminfo have been seen to give one number of the host and one of their own.
        raise Unreadable(f"{part} is more than {whole}")
    return amount


def _pressure(path: Path, lines: list[str], kind: str) -> float:
    for line in lines:
        match line.split():
            case [first, average, *_] if first == kind and average.startswith("avg10="):
                try:
                    percent = float(average.removeprefix("avg10="))
                except ValueError:
                    break
                if 0 <= percent <= 100:
                    return percent
    raise Unreadable(f'{path} has no "{kind} avg10" between 0 and 100')
