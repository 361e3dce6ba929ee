"""The binding's own structures and errors, as the installed nvidia-ml-py makes them, become plain answers."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from sparktop.telemetry.nvml import DriverLost, NotSupported, Nvml
from sparktop.telemetry.reading import Unreadable


class Library:
    """Stands for pynvml: its constants, errors and structures, with this class's functions."""

    def __init__(self, **functions: Any) -> None:
        self.__dict__.update(functions)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("nvmlDevice"):
            raise AttributeError(name)
        return getattr(pynvml, name)

    def nvmlInit(self) -> None: ...  # noqa: N802

    def nvmlShutdown(self) -> None: ...  # noqa: N802

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:  # noqa: N802
        return f"handle {index}"


def ask(question: str, **functions: Any) -> Any:
    driver = Nvml(Library(**functions))
    driver.open()
    return driver.ask(question)


def raising(code: int) -> Any:
    def function(*_: Any, **__: Any) -> None:
        raise pynvml.NVMLError(code)

    return function


def test_the_share_of_memory_time_is_not_asked_for() -> None:
    rates = SimpleNamespace(gpu=87)  # without .memory: touching it would raise

    assert ask("utilization", nvmlDeviceGetUtilizationRates=lambda handle: rates) == 87


def test_the_performance_state_is_its_number() -> None:
    assert ask("performance_state", nvmlDeviceGetPerformanceState=lambda handle: pynvml.NVML_PSTATE_8) == 8


def test_fields_are_read_by_their_type_and_refused_ones_are_none() -> None:
    fields = (pynvml.c_nvmlFieldValue_t * 4)()
    fields[0].valueType, fields[0].value.ullVal = pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, 2**40
    fields[1].nvmlReturn = pynvml.NVML_ERROR_NOT_SUPPORTED
    fields[2].valueType, fields[2].value.uiVal = pynvml.NVML_VALUE_TYPE_UNSIGNED_INT, 7
    fields[3].valueType, fields[3].value.dVal = pynvml.NVML_VALUE_TYPE_DOUBLE, 3.0
    asked: list[Any] = []

    def values(handle: str, ids: list[int]) -> Any:
        asked.extend([handle, *ids])
        return fields

    assert ask("throttle", nvmlDeviceGetFieldValues=values) == {
        "power_cap": 2**40,
        "sw_thermal": None,
        "hw_thermal": 7,
        "power_brake": 3,
    }
    assert asked == ["handle 0", 74, 269, 270, 271]


def test_field_ids_are_those_of_the_binding() -> None:
    assert pynvml.NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_POWER_CAP == 74
    assert pynvml.NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN == 269
    assert pynvml.NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN == 270
    assert pynvml.NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN == 271


def test_processes_without_bytes() -> None:
    found = [
        SimpleNamespace(pid=5, usedGpuMemory=None),
        SimpleNamespace(pid=6, usedGpuMemory=ctypes.c_ulonglong(9).value),
    ]

    assert ask("processes", nvmlDeviceGetComputeRunningProcesses=lambda handle: found) == [[5, None], [6, 9]]


def test_memory_as_nvidia_smi_shows_it_and_else_as_the_driver_can() -> None:
    def both(handle: str, version: int | None = None) -> Any:
        return SimpleNamespace(total=100, used=40 if version is None else 30)

    def old(handle: str, version: int | None = None) -> Any:
        if version is not None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
        return SimpleNamespace(total=100, used=40)

    assert ask("memory", nvmlDeviceGetMemoryInfo=both) == [100, 30]
    assert ask("memory", nvmlDeviceGetMemoryInfo=old) == [100, 40]


def test_memory_that_a_gb10_refuses() -> None:
    with pytest.raises(NotSupported, match="Not Supported"):
        ask("memory", nvmlDeviceGetMemoryInfo=raising(pynvml.NVML_ERROR_NOT_SUPPORTED))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (pynvml.NVML_ERROR_NOT_SUPPORTED, NotSupported),
        (pynvml.NVML_ERROR_FUNCTION_NOT_FOUND, NotSupported),
        (pynvml.NVML_ERROR_UNINITIALIZED, DriverLost),
        (pynvml.NVML_ERROR_GPU_IS_LOST, Unreadable),
        (pynvml.NVML_ERROR_RESET_REQUIRED, Unreadable),
        (pynvml.NVML_ERROR_DRIVER_NOT_LOADED, DriverLost),
        (pynvml.NVML_ERROR_NO_PERMISSION, Unreadable),
        (pynvml.NVML_ERROR_UNKNOWN, Unreadable),
    ],
)
def test_errors_say_whether_to_ask_again(code: int, kind: type[Unreadable]) -> None:
    with pytest.raises(Unreadable) as caught:
        ask("power", nvmlDeviceGetPowerUsage=raising(code))

    assert type(caught.value) is kind
    assert str(pynvml.NVMLError(code)) in str(caught.value)


def test_a_driver_that_is_updated_meanwhile_is_told_of_as_nvidia_smi_does() -> None:
    with pytest.raises(DriverLost, match=r"^the NVIDIA driver went away: Driver/library version mismatch$"):
        ask("power", nvmlDeviceGetPowerUsage=raising(pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH))


def test_an_old_binding_lacks_a_function() -> None:
    with pytest.raises(NotSupported, match="too old"):
        ask("energy")


def test_the_old_name_of_the_event_reasons_will_do() -> None:
    assert ask("events", nvmlDeviceGetCurrentClocksThrottleReasons=lambda handle: 0x44) == 0x44


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (pynvml.NVML_ERROR_DRIVER_NOT_LOADED, "no NVIDIA driver: Driver Not Loaded"),
        (pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, "NVIDIA driver: Driver/library version mismatch"),
    ],
)
def test_no_driver_and_one_that_can_not_be_used_are_told_apart(code: int, reason: str) -> None:
    driver = Nvml(Library(nvmlInit=raising(code)))

    with pytest.raises(Unreadable) as caught:
        driver.open()
    assert str(caught.value) == reason


def test_closing_what_is_broken_raises_nothing() -> None:
    driver = Nvml(Library(nvmlShutdown=raising(pynvml.NVML_ERROR_UNINITIALIZED)))
    driver.open()

    driver.close()
