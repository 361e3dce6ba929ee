"""One complete picture of a machine, from readings of which none is complete."""

from __future__ import annotations

import threading

import pytest

from sparktop.telemetry.latest import Latest
from sparktop.telemetry.once import read_once, together
from sparktop.telemetry.played import moments, play
from sparktop.telemetry.reading import Reading
from tests.telemetry.cases import FOLDER, Case
from tests.telemetry.machines import CASES


class Slow:
    """A source that comes back when it is let go, or fails."""

    name = "gpu"
    channels = ("gpu",)

    def __init__(self, error: Exception | None = None) -> None:
        self.go = threading.Event()
        self.error = error

    def read(self, now: float) -> Reading:
        if self.error is not None:
            raise self.error
        self.go.wait(30)
        return Reading(t=now, values={"gpu.0.power": 1.0})

    def forget(self) -> None: ...


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_once_is_everything_that_is_true_of_the_machine(case: Case) -> None:
    found = together(read_once(play(FOLDER / case.name), apart_s=0).values())

    # A sum that grows with every reading has what two of them bring, however long the recording goes on.
    _, second, *_ = moments(play(FOLDER / case.name))
    sums = {name: value for name, value in second.values.items() if name.endswith(".energy_integrated")}
    assert found.values == pytest.approx({**case.values, **sums}, rel=1e-12)
    assert found.missing == case.missing


def test_source_that_hangs_is_a_gap_and_keeps_nobody_waiting() -> None:
    slow = Slow()
    try:
        found = read_once([slow, *play(FOLDER / "laptop-bare")[:1]], apart_s=0, patience_s=0.2)
    finally:
        slow.go.set()

    assert found["gpu"].missing == {"gpu": "no answer for 0.2 s"}
    assert found["memory"].values["memory.total"] == 16602574848


def test_source_that_fails_is_a_gap_with_its_error() -> None:
    found = read_once([Slow(ValueError("no good"))], apart_s=0)

    assert found["gpu"].missing == {"gpu": "ValueError: no good"}


def test_what_is_read_less_often_stays_until_it_is_old() -> None:
    latest = Latest()
    latest.add(Reading(t=100, values={"thermal.acpitz.temperature": 40.0}, missing={"port.1.capacity": "down"}))

    soon = latest.add(Reading(t=105, values={"cpu.load": 1.0}))
    late = latest.add(Reading(t=110.5, values={"cpu.load": 2.0}))

    assert soon.values == {"thermal.acpitz.temperature": 40.0, "cpu.load": 1.0}
    assert soon.missing == {"port.1.capacity": "down"}
    assert (late.values, late.missing) == ({"cpu.load": 2.0}, {})


def test_what_can_no_longer_be_read_is_not_shown_as_it_was() -> None:
    latest = Latest()
    latest.add(Reading(t=0, values={"cpu.load": 1.0}, missing={"gpu": "no driver"}))

    lost = latest.add(Reading(t=1, missing={"cpu.load": "the counter was reset", "gpu": "no driver"}))
    found = latest.add(Reading(t=2, values={"cpu.load": 3.0, "gpu.0.power": 5.0}))

    assert (lost.values, lost.missing["cpu.load"]) == ({}, "the counter was reset")
    assert (found.values, found.missing) == ({"cpu.load": 3.0, "gpu.0.power": 5.0}, {})


def test_process_that_ended_is_gone_once_the_processes_were_listed_again() -> None:
    latest = Latest()
    latest.add(Reading(t=0, values={"gpu.0.held": 9, "process.7.gpu_held": 9}))

    between = latest.add(Reading(t=1, values={"gpu.0.power": 5.0}))
    after = latest.add(Reading(t=2, values={"gpu.0.held": 0}))

    assert between.values["process.7.gpu_held"] == 9
    assert "process.7.gpu_held" not in after.values
