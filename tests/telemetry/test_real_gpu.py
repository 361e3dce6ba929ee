"""What was read of a real GPU while it decoded is what nvidia-smi said at the same time."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from sparktop.telemetry.played import moments, play
from sparktop.telemetry.reading import Reading

FOLDER = Path(__file__).parent / "real" / "h100-decoding"
MIB = 1 << 20

AROUND_S = 0.5
"""nvidia-smi was asked five times a second, and the driver renews some figures ten times a second."""

COLUMNS = {
    "utilization": (" utilization.gpu [%]", 1.0),
    "sm_clock": (" clocks.current.sm [MHz]", 1.0),
    "sm_clock_max": (" clocks.max.sm [MHz]", 1.0),
    "memory_clock": (" clocks.current.memory [MHz]", 1.0),
    "power": (" power.draw [W]", 1.0),
    "power_limit": (" enforced.power.limit [W]", 1.0),
    "temperature": (" temperature.gpu", 1.0),
    "vram_total": (" memory.total [MiB]", MIB),
    "vram_used": (" memory.used [MiB]", MIB),
}
"""nvidia-smi's column and its unit in ours, by quantity."""

SLACK = {"vram_total": MIB, "vram_used": MIB, "power": 2.0, "power_limit": 0.005}
"""How far nvidia-smi's rounding may take it away; of the power, what it changes by between two of its lines."""


@dataclass(frozen=True)
class Line:
    """What nvidia-smi printed at a time."""

    t: float
    fields: dict[str, str]


@pytest.fixture(scope="module")
def readings() -> Sequence[Reading]:
    return tuple(moments(play(FOLDER / "recording")))


@pytest.fixture(scope="module")
def lines() -> Sequence[Line]:
    with (FOLDER / "nvidia-smi.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [
        Line(datetime.strptime(row["timestamp"], "%Y/%m/%d %H:%M:%S.%f").replace(tzinfo=UTC).timestamp(), row)
        for row in rows
        if all(value is not None for value in row.values())
    ]


def _near(lines: Sequence[Line], t: float) -> list[Line]:
    return [line for line in lines if abs(line.t - t) <= AROUND_S]


@pytest.mark.parametrize("quantity", COLUMNS)
def test_readings_lie_among_what_nvidia_smi_said_around_them(
    readings: Sequence[Reading], lines: Sequence[Line], quantity: str
) -> None:
    column, unit = COLUMNS[quantity]
    slack = SLACK.get(quantity, 0.0)
    compared = 0
    seen = set()
    for reading in readings:
        near = [float(line.fields[column]) * unit for line in _near(lines, reading.t)]
        if len(near) < 3:
            continue
        value = reading.values[f"gpu.0.{quantity}"]
        assert min(near) - slack <= value <= max(near) + slack, (reading.t, value, near)
        compared += 1
        seen.add(value)
    assert compared >= 40
    if quantity in ("utilization", "sm_clock", "power", "temperature", "vram_used"):
        assert len(seen) > 1, "it was read while the machine was idle and while it worked"


def test_declared_reasons_and_counters_are_nvidia_smis(readings: Sequence[Reading], lines: Sequence[Line]) -> None:
    counters = [name for name in lines[0].fields if "event_reasons_counters" in name]
    assert len(counters) == 4
    assert {float(line.fields[name]) for line in lines for name in counters} == {0.0}, "it was never held back"
    for reading in readings[1:]:
        masks = {int(line.fields[" clocks_event_reasons.active"], 16) for line in _near(lines, reading.t)}
        assert reading.values["gpu.0.event_reasons"] in masks
        for cause in ("power_cap", "sw_thermal", "hw_thermal", "power_brake"):
            assert reading.values[f"gpu.0.throttle_{cause}"] == 0.0
    reasons = {reading.values["gpu.0.event_reasons"] for reading in readings}
    assert reasons == {0.0, 1.0}, "idle, and at full clock"


def test_the_energy_counter_is_the_integral_of_nvidia_smis_power(
    readings: Sequence[Reading], lines: Sequence[Line]
) -> None:
    first, last = readings[0], readings[-1]
    during = [line for line in lines if first.t <= line.t <= last.t]
    joules = sum(
        (b.t - a.t) * (float(a.fields[" power.draw.instant [W]"]) + float(b.fields[" power.draw.instant [W]"])) / 2
        for a, b in pairwise(during)
    )
    assert joules > 10_000
    assert last.values["gpu.0.energy"] - first.values["gpu.0.energy"] == pytest.approx(joules, rel=0.03)


def test_what_processes_hold_is_nvidia_smis(readings: Sequence[Reading]) -> None:
    said: list[tuple[float, dict[int, int]]] = []
    for line in (FOLDER / "nvidia-smi-apps.txt").read_text().splitlines():
        if line.startswith("T "):
            said.append((float(line[2:]), {}))
        elif line:
            pid, mib = line.split(",")
            said[-1][1][int(pid)] = int(mib) * MIB
    compared = 0
    for reading in readings:
        held = {int(name.split(".")[1]): value for name, value in reading.values.items() if name.startswith("process.")}
        if "gpu.0.held" not in reading.values:
            continue
        near = [apps for t, apps in said if abs(t - reading.t) <= 1.5]
        assert held in near, (reading.t, held, near)
        assert reading.values["gpu.0.held"] == sum(held.values())
        # They belong to a run beside the recording, not under it.
        assert reading.values["gpu.0.held_other"] == sum(held.values())
        compared += bool(held)
    assert compared >= 10
