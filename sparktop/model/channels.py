"""Names and units of everything that is read from a machine.

A sample is a flat map from channel name to number, so that a new source needs no new event and a
remote node sends the same bytes as a local one. A name that is absent from a sample was not read;
why is in the sample's `missing`. Absent is never zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Channel:
    """One quantity that can be read.

    Attributes:
        name: Dotted name; the first part is the source.
        unit: SI unit or "bytes", "percent", "pages/s".
        meaning: One line for people.
    """

    name: str
    unit: str
    meaning: str


MEMORY_TOTAL: Final = "memory.total"
MEMORY_USED: Final = "memory.used"
MEMORY_AVAILABLE: Final = "memory.available"
MEMORY_FREE: Final = "memory.free"
MEMORY_CACHE: Final = "memory.cache"
SWAP_TOTAL: Final = "swap.total"
SWAP_USED: Final = "swap.used"
SWAP_IN: Final = "swap.in"
SWAP_OUT: Final = "swap.out"
PSI_SOME: Final = "psi.some"
PSI_FULL: Final = "psi.full"
CPU_LOAD: Final = "cpu.load"

CHANNELS: Final[tuple[Channel, ...]] = (
    Channel(MEMORY_TOTAL, "bytes", "MemTotal: what the kernel manages, less than what is sold"),
    Channel(MEMORY_USED, "bytes", "MemTotal - MemAvailable"),
    Channel(MEMORY_AVAILABLE, "bytes", "MemAvailable: what can be had without swapping"),
    Channel(MEMORY_FREE, "bytes", "MemFree: what lies idle"),
    Channel(MEMORY_CACHE, "bytes", "page cache: Cached + SReclaimable"),
    Channel(SWAP_TOTAL, "bytes", "SwapTotal"),
    Channel(SWAP_USED, "bytes", "SwapTotal - SwapFree"),
    Channel(SWAP_IN, "bytes/s", "read back from swap (pswpin)"),
    Channel(SWAP_OUT, "bytes/s", "written to swap (pswpout)"),
    Channel(PSI_SOME, "percent", "share of the last 10 s in which some task waited for memory"),
    Channel(PSI_FULL, "percent", "share of the last 10 s in which every task waited for memory"),
    Channel(CPU_LOAD, "percent", "share of all processors' time that was not idle"),
)
"""Every channel, in the order in which tables show them."""
