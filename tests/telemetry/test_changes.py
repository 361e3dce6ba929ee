"""Samples that a run keeps: what is missing is told once."""

from __future__ import annotations

import math

from sparktop.model.state import fold
from sparktop.telemetry.changes import Changes
from sparktop.telemetry.reading import Reading


def test_a_reason_that_still_holds_is_told_once() -> None:
    changes = Changes("spark-a")
    first = changes.sample(Reading(t=1.0, values={"memory.used": 5.0}, missing={"gpu": "no driver"}))
    second = changes.sample(Reading(t=2.0, values={"memory.used": 6.0}, missing={"gpu": "no driver"}))
    third = changes.sample(Reading(t=3.0, values={}, missing={"gpu": "driver restarts"}))
    assert first.missing == {"gpu": "no driver"}
    assert second.missing == {}
    assert third.missing == {"gpu": "driver restarts"}
    assert fold([first, second]).missing == {"spark-a": {"gpu": "no driver"}}
    assert fold([first, second, third]).missing == {"spark-a": {"gpu": "driver restarts"}}


def test_a_value_ends_its_own_reason_and_that_of_its_source() -> None:
    changes = Changes("spark-a")
    events = [
        changes.sample(Reading(t=1.0, values={}, missing={"gpu": "no driver", "gpu.0.power": "not supported"})),
        changes.sample(Reading(t=2.0, values={"gpu.0.sm_clock": 500.0}, missing={"gpu.0.power": "not supported"})),
        changes.sample(Reading(t=3.0, values={"gpu.0.power": 9.0}, missing={})),
        changes.sample(Reading(t=4.0, values={}, missing={"gpu.0.power": "not supported"})),
    ]
    assert fold(events[:2]).missing == {"spark-a": {"gpu.0.power": "not supported"}}
    assert fold(events[:3]).missing == {"spark-a": {}}
    # It has to be told again: in between it was not so.
    assert events[3].missing == {"gpu.0.power": "not supported"}
    assert fold(events).gauges["spark-a"]["gpu.0.power"].values == [9.0, None]


def test_what_is_not_a_number_was_not_read() -> None:
    event = Changes("spark-a").sample(Reading(t=1.0, values={"gpu.0.power": math.nan, "cpu.load": 3}, missing={}))
    assert event.values == {"cpu.load": 3.0}
    assert event.missing == {"gpu.0.power": "not a number"}
