"""What the NVIDIA driver says of the GPUs that are here."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from sparktop.telemetry.nvml import NO_LIBRARY, library_is_here


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpus:
    """The GPUs of this machine.

    Attributes:
        names: As the driver calls them; one that doesn't tell is "NVIDIA GPU".
        driver: Version of the driver; empty if there is none.
        reason: Why something of this could not be asked; empty if nothing is amiss.
    """

    names: tuple[str, ...] = ()
    driver: str = ""
    reason: str = ""


def gpus(nvml: Any = None) -> Gpus:
    """Asks the driver through NVML; never raises for what a machine lacks.

    Every call is guarded by itself: on a GB10, and in containers, single calls are refused while
    the others work.

    Args:
        nvml: The module to ask; None takes the installed one.
    """
    if nvml is None:
        if not library_is_here():
            return Gpus(reason=NO_LIBRARY)
        nvml = importlib.import_module("pynvml")
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        return Gpus(reason=_reason(error))
    try:
        return _ask(nvml)
    finally:
        _shutdown(nvml)


def _ask(nvml: Any) -> Gpus:
    reasons: list[str] = []
    driver = ""
    names: list[str] = []
    try:
        driver = _text(nvml.nvmlSystemGetDriverVersion())
    except nvml.NVMLError as error:
        reasons.append(f"driver version: {_reason(error)}")
    try:
        count = nvml.nvmlDeviceGetCount()
    except nvml.NVMLError as error:
        reasons.append(f"number of GPUs: {_reason(error)}")
        count = 0
    for index in range(count):
        try:
            names.append(_text(nvml.nvmlDeviceGetName(nvml.nvmlDeviceGetHandleByIndex(index))))
        except nvml.NVMLError as error:
            reasons.append(f"name of GPU {index}: {_reason(error)}")
            names.append("NVIDIA GPU")
    return Gpus(names=tuple(names), driver=driver, reason="; ".join(reasons))


def _shutdown(nvml: Any) -> None:
    try:
        nvml.nvmlShutdown()
    except nvml.NVMLError:
        # What was asked is answered; that the library can't be closed changes nothing.
        return


def _text(value: str | bytes) -> str:
    # Older bindings return bytes.
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
