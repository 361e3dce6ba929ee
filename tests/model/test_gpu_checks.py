"""What is said of a GPU that was held back or shared, and of one of which nothing is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sparktop.model.events import SampleTaken
from sparktop.model.state import fold
from sparktop.model.validity import judge
from sparktop.model.verdicts import Code, Severity
from tests.model.synthetic import NODE, Request, Run, throughput

QUIET = {
    "gpu.0.throttle_power_cap": 0.0,
    "gpu.0.throttle_sw_thermal": 0.0,
    "gpu.0.throttle_hw_thermal": 0.0,
    "gpu.0.throttle_power_brake": 0.0,
    "gpu.0.processes_other": 0.0,
    "gpu.0.held_other": 0.0,
}


def run(values: dict[str, float], missing: dict[str, str] | None = None) -> Run:
    samples = [SampleTaken(t=t, node=NODE.name, values=values, missing=missing or {}) for t in (0.5, 1.5)]
    return Run(requests=[Request()], scenario=throughput(), samples=samples)


def found(made: Run) -> dict[Code, tuple[Severity, str]]:
    verdicts = judge(fold(made.events())).verdicts
    return {v.code: (v.severity, v.text) for v in verdicts if v.code in (Code.THROTTLING, Code.OTHER_GPU_WORK)}


def unjudged(made: Run) -> dict[Code, str]:
    return {u.code: u.reason for u in judge(fold(made.events())).unjudged}


def test_a_gpu_left_alone_passes_both() -> None:
    assert found(run(QUIET)) == {}
    assert not {Code.THROTTLING, Code.OTHER_GPU_WORK} & set(unjudged(run(QUIET)))


@pytest.mark.parametrize(
    ("cause", "severity", "says"),
    [
        ("hw_thermal", Severity.FAULT, "the hardware, for heat"),
        ("power_brake", Severity.FAULT, "the power supply"),
        ("power_cap", Severity.NOTE, "its power limit"),
    ],
)
def test_a_clock_that_was_held_back(cause: str, severity: Severity, says: str) -> None:
    made = run({**QUIET, f"gpu.0.throttle_{cause}": 40.0})
    assert found(made)[Code.THROTTLING][0] is severity
    assert says in found(made)[Code.THROTTLING][1]
    assert "40 %" in found(made)[Code.THROTTLING][1]
    assert found(run({**QUIET, f"gpu.0.throttle_{cause}": 5.0})) == {}


def test_other_processes_are_said_with_what_they_hold() -> None:
    severity, text = found(run({**QUIET, "gpu.0.processes_other": 2.0, "gpu.0.held_other": 3.0 * 2**30}))[
        Code.OTHER_GPU_WORK
    ]
    assert severity is Severity.NOTE
    assert "2 other compute processes" in text
    assert "3.0 GiB" in text


def test_what_is_not_read_is_not_passed() -> None:
    reasons = unjudged(run({"memory.total": 1.0}, {"gpu": "no NVIDIA driver"}))
    assert "no NVIDIA driver" in reasons[Code.THROTTLING]
    assert "no NVIDIA driver" in reasons[Code.OTHER_GPU_WORK]
    name = "gpu.0.throttle_hw_thermal"
    reasons = unjudged(run({"gpu.0.power": 30.0}, {name: "not supported"}))
    assert f"{name} of {NODE.name}: not supported" in reasons[Code.THROTTLING]
    reasons = unjudged(replace(run(QUIET), samples=[]))
    assert "no reading of a GPU was taken" in reasons[Code.THROTTLING]
