"""Single NVML calls are refused on some machines; the others must still count."""

from __future__ import annotations

from typing import TypeVar

from sparktop.nodes.nvidia import Gpus, gpus

T = TypeVar("T")


class FakeNvml:
    """Behaves as pynvml does; the calls named in `refused` raise."""

    class NVMLError(Exception): ...

    def __init__(self, *refused: str) -> None:
        self.refused = refused
        self.closed = False

    def _answer(self, call: str, value: T) -> T:
        if call in self.refused:
            raise self.NVMLError("Not Supported")
        return value

    def nvmlInit(self) -> None:  # noqa: N802
        self._answer("init", None)

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.closed = True
        self._answer("shutdown", None)

    def nvmlSystemGetDriverVersion(self) -> str:  # noqa: N802
        return self._answer("driver", "580.95.05")

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return self._answer("count", 1)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return self._answer("handle", index)

    def nvmlDeviceGetName(self, handle: int) -> bytes:  # noqa: N802
        return self._answer("name", b"NVIDIA GB10")


def test_driver_and_names() -> None:
    nvml = FakeNvml()

    assert gpus(nvml) == Gpus(names=("NVIDIA GB10",), driver="580.95.05")
    assert nvml.closed


def test_no_driver() -> None:
    assert gpus(FakeNvml("init")) == Gpus(reason="Not Supported")


def test_refused_name_still_counts_as_a_gpu() -> None:
    found = gpus(FakeNvml("name"))

    assert found == Gpus(names=("NVIDIA GPU",), driver="580.95.05", reason="name of GPU 0: Not Supported")


def test_refused_version_keeps_the_names() -> None:
    assert gpus(FakeNvml("driver")).names == ("NVIDIA GB10",)


def test_refused_count_keeps_the_driver() -> None:
    found = gpus(FakeNvml("count"))

    assert (found.names, found.driver) == ((), "580.95.05")


def test_refused_shutdown_loses_nothing() -> None:
    assert gpus(FakeNvml("shutdown")).driver == "580.95.05"
