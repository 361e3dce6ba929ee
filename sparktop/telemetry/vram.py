"""What the GPUs with memory of their own can still be given."""

from __future__ import annotations

from dataclasses import dataclass

from sparktop.telemetry.gpu_device import Device, Energy
from sparktop.telemetry.nvml import Driver
from sparktop.telemetry.reading import Unreadable


@dataclass(frozen=True, slots=True)
class Vram:
    """The memory of all such GPUs together.

    Attributes:
        free: Bytes.
        gpus: Their numbers.
    """

    free: int
    gpus: tuple[int, ...]

    @property
    def rule(self) -> str:
        """How `free` was found, in words."""
        numbers = ", ".join(map(str, self.gpus))
        return f"free VRAM of GPU {numbers}" if len(self.gpus) == 1 else f"free VRAM of GPUs {numbers} together"


def free_vram(driver: Driver, memory_total: int | None, visible: str | None = None) -> Vram | None:
    """Returns what the GPUs can still be given; None where there is none, or they share the machine's memory.

    Args:
        driver: Opened and closed here.
        memory_total: MemTotal in bytes; None if it is not known.
        visible: CUDA_VISIBLE_DEVICES; GPUs that it leaves out are not counted. Numbers alone are understood: the names
            that it may hold as well leave all in.

    Raises:
        Unreadable: There is a GPU, and how much memory it has is not told.
    """
    try:
        driver.open()
    except Unreadable:
        return None
    try:
        count = driver.ask("count")
        numbers = _chosen(count if isinstance(count, int) else 0, visible)
        free = 0
        for number in numbers:
            if Device(number, driver, memory_total, Energy()).unified:
                return None
            match driver.ask("memory", number):
                case [int(total), int(used)] if 0 <= used <= total:
                    free += total - used
                case answer:
                    raise Unreadable(f"the memory of GPU {number} makes no sense: {answer!r}")
        return Vram(free, numbers) if numbers else None
    finally:
        driver.close()


def _chosen(count: int, visible: str | None) -> tuple[int, ...]:
    everything = tuple(range(count))
    if visible is None:
        return everything
    named = [name.strip() for name in visible.split(",")]
    if not all(name.lstrip("-").isdecimal() for name in named if name):
        return everything
    chosen: list[int] = []
    for name in named:
        # CUDA stops at the first number that is none of a GPU's.
        if not name or int(name) not in everything:
            break
        chosen.append(int(name))
    return tuple(chosen)
