"""The NVIDIA driver, asked in this process through nvidia-ml-py.

Every answer is a plain number, text or list, so that a recording holds it as it was given. What
the driver refuses is an error with its reason, and never 0.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeAlias

from sparktop.telemetry.reading import Unreadable

Answer: TypeAlias = int | float | str | list[Any] | dict[str, Any] | None

_LOST: Final = frozenset({1, 9, 12, 18})
"""NVML errors after which nothing will be answered any more: not initialised, driver not loaded,
library not found, library and driver of different versions. A GPU that is lost (15) or has to be
reset (16) is not among them: the others beside it go on."""

_ABSENT: Final = frozenset({9, 12})
"""Driver not loaded, and library not found: there is none, or nothing that could be asked."""

_MISMATCH: Final = 18
"""Library and driver of different versions. The binding's text is of "RM"; people know nvidia-smi's."""

_NOT_SUPPORTED: Final = frozenset({3, 13})
"""Not supported, and function not found: the same question won't be answered later either."""

NO_LIBRARY: Final = "NVML Shared Library Not Found"
"""As pynvml says it."""

THROTTLE_FIELDS: Final = {"power_cap": 74, "sw_thermal": 269, "hw_thermal": 270, "power_brake": 271}
"""Field ids of the counters of time, in ns, for which the clock was held back."""


class NotSupported(Unreadable):
    """This GPU doesn't answer this question, now or later."""


class DriverLost(Unreadable):
    """The driver went away: it has to be opened again."""


class Driver(Protocol):
    """The driver, or a recording of it."""

    def open(self) -> None:
        """Connects; may be called again after `close`.

        Raises:
            Unreadable: There is no driver, or it doesn't answer.
        """
        ...

    def close(self) -> None:
        """Lets go, whatever state the driver is in."""
        ...

    def ask(self, question: str, gpu: int = 0) -> Answer:
        """Asks one question.

        Args:
            question: A key of `QUESTIONS`.
            gpu: Number of the GPU; without meaning for "count".

        Raises:
            NotSupported: Never answered by this GPU.
            DriverLost: Nothing is answered any more.
            Unreadable: Not answered this time.
        """
        ...


class Nvml:
    """The driver of this machine.

    Args:
        module: Behaves as `pynvml`; None imports it when the driver is first opened.
    """

    def __init__(self, module: Any = None) -> None:
        self._nvml = module
        self._handles: dict[int, Any] = {}

    def open(self) -> None:
        """See `Driver`."""
        if self._nvml is None:
            if not library_is_here():
                raise Unreadable(f"no NVIDIA driver: {NO_LIBRARY}")
            try:
                self._nvml = importlib.import_module("pynvml")
            except ImportError as error:
                raise Unreadable(f"nvidia-ml-py can't be loaded: {error}") from None
        self._handles = {}
        try:
            self._nvml.nvmlInit()
        except self._nvml.NVMLError as error:
            # One that was updated under a running kernel is there, and can't be used until the machine restarts.
            absent = getattr(error, "value", None) in _ABSENT
            raise Unreadable(f"{'no ' if absent else ''}NVIDIA driver: {_text_of(error)}") from None

    def close(self) -> None:
        """See `Driver`."""
        self._handles = {}
        try:
            self._nvml.nvmlShutdown()
        except self._nvml.NVMLError:
            # It is closed because it broke: that it can't be closed in good order is part of that.
            return

    def ask(self, question: str, gpu: int = 0) -> Answer:
        """See `Driver`."""
        answer = QUESTIONS[question]
        try:
            return answer(self._nvml, None if question == "count" else self._handle(gpu))
        except self._nvml.NVMLError as error:
            code, text = getattr(error, "value", None), _text_of(error)
            if code in _LOST:
                raise DriverLost(f"the NVIDIA driver went away: {text}") from None
            if code in _NOT_SUPPORTED:
                raise NotSupported(f"the driver says: {text}") from None
            raise Unreadable(f"the driver says: {text}") from None
        except AttributeError as error:
            raise NotSupported(f"this nvidia-ml-py is too old: {error}") from None

    def _handle(self, gpu: int) -> Any:
        if gpu not in self._handles:
            self._handles[gpu] = self._nvml.nvmlDeviceGetHandleByIndex(gpu)
        return self._handles[gpu]


def library_is_here() -> bool:
    """Whether NVML can be loaded.

    Most of a monitor's memory is modules: pynvml is a large one, and of no use without a driver.
    """
    import ctypes

    try:
        ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return False
    return True


def _text_of(error: Exception) -> str:
    if getattr(error, "value", None) == _MISMATCH:
        return "Driver/library version mismatch"
    return str(error) or type(error).__name__


def _name(nvml: Any, handle: Any) -> Answer:
    name = nvml.nvmlDeviceGetName(handle)
    # Older bindings return bytes.
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)


def _memory(nvml: Any, handle: Any) -> Answer:
    """Total and used, in bytes."""
    try:
        # As nvidia-smi shows it; in the first version "used" holds what the driver keeps for itself too.
        info = nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2)
    except (nvml.NVMLError, AttributeError):
        info = nvml.nvmlDeviceGetMemoryInfo(handle)
    return [int(info.total), int(info.used)]


def _events(nvml: Any, handle: Any) -> Answer:
    """Bit mask of the reasons why the clock is not higher."""
    ask = getattr(nvml, "nvmlDeviceGetCurrentClocksEventReasons", None)
    return int((ask or nvml.nvmlDeviceGetCurrentClocksThrottleReasons)(handle))


def _throttle(nvml: Any, handle: Any) -> Answer:
    """Time for which the clock was held back so far, in ns, by reason; None where it is not counted."""
    fields = nvml.nvmlDeviceGetFieldValues(handle, list(THROTTLE_FIELDS.values()))
    return {reason: _field(field) for reason, field in zip(THROTTLE_FIELDS, fields, strict=True)}


def _field(field: Any) -> int | None:
    if field.nvmlReturn != 0:
        return None
    # The value is a union; which part of it holds is in the type: double, unsigned int, unsigned
    # long, unsigned long long, signed long long, signed int.
    parts = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal")
    if not 0 <= field.valueType < len(parts):
        return None
    return int(getattr(field.value, parts[field.valueType]))


def _processes(nvml: Any, handle: Any) -> Answer:
    """Pid and bytes of each compute process; bytes are None where the driver doesn't tell."""
    found = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
    return [[int(p.pid), None if p.usedGpuMemory is None else int(p.usedGpuMemory)] for p in found]


QUESTIONS: Final[dict[str, Callable[[Any, Any], Answer]]] = {
    "count": lambda nvml, _: int(nvml.nvmlDeviceGetCount()),
    "name": _name,
    # Its .memory is always 0 on a GB10, and elsewhere it is no share of any bandwidth.
    "utilization": lambda nvml, gpu: int(nvml.nvmlDeviceGetUtilizationRates(gpu).gpu),
    "sm_clock": lambda nvml, gpu: int(nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_SM)),
    "sm_clock_max": lambda nvml, gpu: int(nvml.nvmlDeviceGetMaxClockInfo(gpu, nvml.NVML_CLOCK_SM)),
    "memory_clock": lambda nvml, gpu: int(nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_MEM)),
    "bus_width": lambda nvml, gpu: int(nvml.nvmlDeviceGetMemoryBusWidth(gpu)),
    "power": lambda nvml, gpu: int(nvml.nvmlDeviceGetPowerUsage(gpu)),
    "power_limit": lambda nvml, gpu: int(nvml.nvmlDeviceGetEnforcedPowerLimit(gpu)),
    "temperature": lambda nvml, gpu: int(nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU)),
    # 0 is the fastest, 15 the slowest, and 32 says that the driver doesn't know.
    "performance_state": lambda nvml, gpu: int(nvml.nvmlDeviceGetPerformanceState(gpu)),
    "energy": lambda nvml, gpu: int(nvml.nvmlDeviceGetTotalEnergyConsumption(gpu)),
    "memory": _memory,
    "events": _events,
    "throttle": _throttle,
    "processes": _processes,
}
"""What can be asked: power in mW, energy in mJ, clocks in MHz, bus width in bits, memory in bytes."""
