"""One bad source must not spoil the others' samples."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator

import pytest

from sparktop.telemetry.reading import Reading
from sparktop.telemetry.sampler import Sampler


class Steady:
    name = "steady"
    channels = ("steady",)

    def read(self, now: float) -> Reading:
        return Reading(t=now, values={"steady": 1.0})

    def forget(self) -> None: ...


class Hanging:
    """Hangs until it is let go; remembers how often it was read and told to forget."""

    name = "hanging"
    channels = ("hanging",)

    def __init__(self) -> None:
        self.released = threading.Event()
        self.reads = 0
        self.forgotten = 0

    def read(self, now: float) -> Reading:
        self.reads += 1
        self.released.wait(10)
        return Reading(t=now, values={"hanging": float(self.reads)})

    def forget(self) -> None:
        self.forgotten += 1


class Raising:
    name = "raising"
    channels = ("raising",)

    def read(self, now: float) -> Reading:
        raise RuntimeError("driver gone")

    def forget(self) -> None: ...


@pytest.fixture
def readings() -> queue.Queue[Reading]:
    return queue.Queue()


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    source = Hanging()
    yield source
    source.released.set()


def test_readings_are_merged_and_stamped(readings: queue.Queue[Reading]) -> None:
    sampler = Sampler([Steady(), Raising()], emit=readings.put, clock=lambda: 42.0, interval_s=0.01)
    sampler.start()
    reading = readings.get(timeout=5)
    sampler.stop()

    assert reading == Reading(t=42.0, values={"steady": 1.0}, missing={"raising": "RuntimeError: driver gone"})


def test_hanging_source_is_a_gap_and_delays_nothing(readings: queue.Queue[Reading], hanging: Hanging) -> None:
    sampler = Sampler([hanging, Steady()], emit=readings.put, interval_s=0.05)
    sampler.start()
    seen = [readings.get(timeout=5) for _ in range(4)]
    sampler.stop()

    assert all(reading.values == {"steady": 1.0} for reading in seen)
    assert all(reading.missing["hanging"].startswith("no answer for ") for reading in seen)
    assert seen[-1].t - seen[0].t < 1.0
    assert hanging.reads == 1  # never asked again beside a read that is still under way


def test_source_that_comes_back_forgets_and_is_read_again(readings: queue.Queue[Reading], hanging: Hanging) -> None:
    sampler = Sampler([hanging], emit=readings.put, interval_s=0.05)
    sampler.start()
    assert "hanging" in readings.get(timeout=5).missing
    hanging.released.set()
    after = next(r for r in iter(lambda: readings.get(timeout=5), None) if r.values)
    sampler.stop()

    assert hanging.forgotten == 1
    assert after.values["hanging"] >= 2.0  # the late answer itself was for a tick that is over


def test_stop_is_prompt_while_a_source_hangs(readings: queue.Queue[Reading], hanging: Hanging) -> None:
    sampler = Sampler([hanging], emit=readings.put, interval_s=30)
    sampler.start()
    while not hanging.reads:
        time.sleep(0.001)
    began = time.monotonic()
    sampler.stop(timeout=5)

    assert time.monotonic() - began < 1
    assert readings.empty()


def test_stop_before_start_does_nothing(readings: queue.Queue[Reading]) -> None:
    Sampler([Steady()], emit=readings.put).stop()

    assert readings.empty()


def test_pace_holds(readings: queue.Queue[Reading]) -> None:
    sampler = Sampler([Steady()], emit=readings.put, interval_s=0.05)
    sampler.start()
    times = [readings.get(timeout=5).t for _ in range(11)]
    sampler.stop()

    # Ten intervals; a late wake-up shifts one reading and the next ones with it, hence the slack.
    assert 0.45 < times[-1] - times[0] < 1.5
