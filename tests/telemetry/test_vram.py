"""What GPUs with memory of their own can be given; those that share the machine's have none."""

from __future__ import annotations

import pytest

from sparktop.telemetry.nvml import Answer
from sparktop.telemetry.reading import Unreadable
from sparktop.telemetry.vram import Vram, free_vram
from tests.telemetry.cases import FakeDriver
from tests.telemetry.machines import CASES

MACHINES = {case.name: case for case in CASES}
H200 = MACHINES["x86-h200"]
FREE = (143_771 - 70_000) * 2**20


def driver(case: str, **more: Answer) -> FakeDriver:
    machine = MACHINES[case]
    return FakeDriver({**machine.answers[0], **more}, machine.no_driver)


def test_a_discrete_gpu_tells_what_is_free() -> None:
    assert free_vram(driver("x86-h200"), None) == Vram(FREE, (0,))


@pytest.mark.parametrize("case", ["spark-loaded", "spark-without-nvml", "laptop-bare"])
def test_unified_memory_and_no_gpu_have_none(case: str) -> None:
    assert free_vram(driver(case), 127_600_748 * 1024) is None


@pytest.mark.parametrize(
    ("visible", "gpus"),
    [
        (None, (0, 1, 2)),
        ("0,2", (0, 2)),
        ("1", (1,)),
        ("0,7,1", (0,)),
        ("GPU-8932f937", (0, 1, 2)),
        ("", ()),
        ("-1", ()),
    ],
)
def test_gpus_that_cuda_may_not_see_are_not_counted(visible: str | None, gpus: tuple[int, ...]) -> None:
    found = free_vram(driver("x86-h200", count=3), None, visible)
    assert found == (Vram(FREE * len(gpus), gpus) if gpus else None)


def test_a_gpu_that_makes_no_sense_is_not_taken_at_its_word() -> None:
    # It says what it has when it is asked what kind it is, and nonsense after that.
    class Odd(FakeDriver):
        asked = 0

        def ask(self, question: str, gpu: int = 0) -> Answer:
            self.asked += question == "memory"
            return [10, 20] if question == "memory" and self.asked > 1 else super().ask(question, gpu)

    with pytest.raises(Unreadable, match="makes no sense"):
        free_vram(Odd(H200.answers[0]), None)
