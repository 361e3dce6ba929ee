"""One GPU: what the driver tells of it, each question guarded by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from sparktop.model.channels import indexed
from sparktop.model.clock_events import COUNTED
from sparktop.telemetry.nvml import Driver, DriverLost, NotSupported
from sparktop.telemetry.reading import Counter, Gathered, Growth, Integral, Unreadable

_UNIFIED_FROM: Final = 0.9
_UNIFIED_TO: Final = 1.1
"""A GPU's memory of so many times MemTotal is the machine's own."""

_WIDEST_UNIFIED_BITS: Final = 256
"""Discrete GPUs with as much memory as their machine have a wider bus."""

_NOT_AVAILABLE: Final = frozenset({0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF})
"""NVML_VALUE_NOT_AVAILABLE, which is -1, as unsigned numbers show it."""

_SLOWEST_STATE: Final = 15
"""NVML_PSTATE_15; NVML_PSTATE_UNKNOWN is 32."""

_MOST_THROTTLED: Final = 150.0
"""Percent: a counter that grows faster than time is not the counter that was asked for."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the compute processes hold on one GPU.

    Attributes:
        by_pid: Bytes, or None where the driver doesn't tell; each process once.
    """

    by_pid: Mapping[int, int | None]


@dataclass(frozen=True, slots=True)
class Energy:
    """Sums of one GPU's energy, which outlive the driver's connection.

    Attributes:
        counted: By the driver's counter, in mJ.
        integrated: By the power, in J.
    """

    counted: Growth = field(default_factory=Growth)
    integrated: Integral = field(default_factory=Integral)


class Device:
    """Reads one GPU; knows which questions it doesn't answer.

    Args:
        index: Its number with the driver.
        driver: Open.
        memory_total: MemTotal of the machine in bytes; None if unknown.
        energy: What its energy is added to.
    """

    def __init__(self, index: int, driver: Driver, memory_total: int | None, energy: Energy) -> None:
        self.index = index
        self._driver = driver
        self._refused: dict[str, str] = {}
        self._answered = False
        self._throttled = {reason: Counter() for reason in COUNTED}
        self._energy = energy
        # A recording has to hold it: what is a fault of a GB10 is none elsewhere.
        self._model = self._named()
        self.unified = self._is_unified(memory_total)

    def name(self, quantity: str) -> str:
        """The channel of one of its quantities."""
        return indexed("gpu", self.index, quantity)

    def forget(self) -> None:
        """Drops what rates are counted from."""
        for counter in self._throttled.values():
            counter.forget()
        self._energy.integrated.forget()

    def read(self, now: Callable[[], float], gathered: Gathered) -> bool:
        """Reads everything but the processes.

        Args:
            now: The time, in seconds, at the moment of the call.
            gathered: Takes it.

        Returns:
            Whether the GPU answered anything at all.

        Raises:
            DriverLost: The driver is gone.
        """
        self._answered = False
        for quantity in ("utilization", "sm_clock", "sm_clock_max", "temperature"):
            self._put(gathered, quantity, partial(self._count, quantity))
        clock, most = (gathered.values.get(self.name(q)) for q in ("sm_clock", "sm_clock_max"))
        if clock is not None and most:
            gathered.values[self.name("sm_clock_share")] = 100 * clock / most
        self._put(gathered, "performance_state", self._performance_state)
        self._put(gathered, "power", lambda: self._count("power") / 1e3)
        self._put_energy(now, gathered)
        self._put_throttling(now, gathered)
        if not self.unified:
            self._put(gathered, "memory_clock", lambda: self._count("memory_clock"))
            self._put(gathered, "power_limit", lambda: self._count("power_limit") / 1e3)
            self._put(gathered, "vram_total", lambda: self._memory()[0])
            self._put(gathered, "vram_used", lambda: self._memory()[1])
        return self._answered

    def held(self) -> Held:
        """Asks which compute processes hold memory, each counted once.

        Raises:
            DriverLost: The driver is gone.
            Unreadable: It doesn't tell.
        """
        held: dict[int, int | None] = {}
        processes = self._ask("processes")
        if not isinstance(processes, list):
            raise Unreadable("the driver does not tell the processes")
        for pid, size in processes:
            before = held.get(pid)
            # The driver lists a process once for each of its contexts, with the bytes of all of them.
            held[pid] = size if before is None else max(before, size or 0)
        return Held(held)

    def _put(self, gathered: Gathered, quantity: str, read: Callable[[], float]) -> None:
        try:
            gathered.values[self.name(quantity)] = read()
        except DriverLost:
            raise
        except Unreadable as reason:
            gathered.missing[self.name(quantity)] = str(reason)

    def _ask(self, question: str) -> Any:
        if (reason := self._refused.get(question)) is not None:
            raise NotSupported(reason)
        try:
            answer = self._driver.ask(question, self.index)
        except NotSupported as reason:
            self._refused[question] = str(reason)
            raise
        self._answered = True
        return answer

    def _count(self, question: str) -> int:
        answer = self._ask(question)
        if not isinstance(answer, int) or answer < 0 or answer in _NOT_AVAILABLE:
            raise Unreadable(f"the driver's {question} makes no sense: {answer!r}")
        return answer

    def _performance_state(self) -> int:
        state = self._count("performance_state")
        if state > _SLOWEST_STATE:
            raise Unreadable("the driver does not know the performance state")
        return state

    def _memory(self) -> list[int]:
        answer = self._ask("memory")
        if not isinstance(answer, list) or not 0 <= answer[1] <= answer[0]:
            raise Unreadable(f"the driver's memory makes no sense: {answer!r}")
        return answer

    def _is_unified(self, memory_total: int | None) -> bool:
        try:
            total = self._memory()[0]
        except NotSupported:
            return True
        except DriverLost:
            raise
        except Unreadable:
            return "GB10" in self._model
        if total == 0:
            return True
        if not memory_total or not _UNIFIED_FROM <= total / memory_total <= _UNIFIED_TO:
            return False
        try:
            return self._count("bus_width") <= _WIDEST_UNIFIED_BITS
        except DriverLost:
            raise
        except Unreadable:
            return True

    def _named(self) -> str:
        try:
            return str(self._ask("name"))
        except DriverLost:
            raise
        except Unreadable:
            return ""

    def _put_energy(self, now: Callable[[], float], gathered: Gathered) -> None:
        try:
            gathered.values[self.name("energy")] = self._energy.counted.add(self._count("energy")) / 1e3
            return
        except NotSupported:
            # Then what follows is all there is, and its name says what it is.
            pass
        except DriverLost:
            raise
        except Unreadable as reason:
            gathered.missing[self.name("energy")] = str(reason)
            return
        name = self.name("energy_integrated")
        if (power := gathered.values.get(self.name("power"))) is None:
            self._energy.integrated.forget()
            gathered.missing[name] = gathered.missing[self.name("power")]
        else:
            gathered.values[name] = self._energy.integrated.add(now(), power)

    def _put_throttling(self, now: Callable[[], float], gathered: Gathered) -> None:
        self._put(gathered, "event_reasons", lambda: self._count("events"))
        mask = gathered.values.get(self.name("event_reasons"))
        try:
            answer = self._ask("throttle")
            times = answer if isinstance(answer, dict) else {}
        except DriverLost:
            raise
        except Unreadable:
            times = {}
        at = now()
        for reason in COUNTED:
            quantity = "throttle_" + reason
            self._put(gathered, quantity, partial(self._throttle, reason, times.get(reason), at, mask))

    def _throttle(self, reason: str, time_ns: int | None, at: float, mask: float | None) -> float:
        """Percent of the time since the last reading; by the bit mask it is all or nothing of it."""
        counter = self._throttled[reason]
        if time_ns is not None:
            percent = counter.rate(at, time_ns) / 1e9 * 100
            if percent > _MOST_THROTTLED:
                raise Unreadable(f"the driver's counter grows by {percent:.0f} % of the time")
            return min(percent, 100.0)
        counter.forget()
        if mask is None:
            raise Unreadable("unknown: the driver gives neither counters nor reasons")
        if int(mask) & COUNTED[reason]:
            return 100.0
        if self.unified and reason == "power_cap":
            # Seen on a GB10: 0 while its counters say that power is capped.
            raise Unreadable("unknown: without counters, this GPU does not declare that its power is capped")
        return 0.0
