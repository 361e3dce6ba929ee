"""A busy GPU whose clock is stuck is told from one that idles, ramps up, is hot, or says why."""

from __future__ import annotations

import pytest

from sparktop.model.low_clock import LowClock

STUCK = {
    "gpu.0.utilization": 96.0,
    "gpu.0.sm_clock": 611.0,
    "gpu.0.sm_clock_share": 20.3,
    "gpu.0.power": 14.0,
    "gpu.0.temperature": 52.0,
    "gpu.0.event_reasons": 0.0,
}


def follow(*spans: tuple[float, dict[str, float]], step: float = 0.5) -> LowClock:
    """Readings every half second, each kind for so many seconds; what is changed is laid over `STUCK`."""
    clock, t = LowClock(), 0.0
    for seconds, changed in spans:
        values = {name: value for name, value in (STUCK | changed).items() if value >= 0}
        for _ in range(round(seconds / step)):
            clock.take(t, "0", values)
            t += step
    return clock


def test_it_takes_five_seconds() -> None:
    assert not follow((5.0, {})).stuck
    found = follow((5.5, {}))
    assert found.stuck
    assert found.seconds == 5.0
    assert found.last == 5.0
    assert found.worst["sm_clock"] == 611.0
    assert follow((20.0, {})).seconds == 19.5


@pytest.mark.parametrize(
    "changed",
    [
        {"gpu.0.utilization": 49.0},
        {"gpu.0.sm_clock_share": 45.0},
        {"gpu.0.power": 35.0},
        {"gpu.0.temperature": 80.0},
        {"gpu.0.event_reasons": 4.0},
        {"gpu.0.event_reasons": 8.0},
        {"gpu.0.throttle_power_cap": 50.0},
        {"gpu.0.performance_state": 5.0},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_what_is_explained_is_not_stuck(changed: dict[str, float]) -> None:
    found = follow((30.0, changed))
    assert not found.stuck
    assert not found.worst


def test_the_fastest_state_is_no_explanation_and_a_slower_one_ends_it() -> None:
    fastest = {"gpu.0.performance_state": 0.0}
    assert follow((10.0, fastest)).stuck
    assert not follow((10.0, fastest), (0.5, {"gpu.0.performance_state": 8.0})).stuck


def test_it_is_suspected_until_it_is_judged() -> None:
    assert follow((5.0, {})).suspected == 0.0
    assert follow((2.0, {}), (1.0, {"gpu.0.performance_state": 5.0})).suspected is None
    assert follow((5.5, {})).suspected is None


def test_the_idle_bit_explains_nothing_while_the_gpu_is_busy() -> None:
    assert follow((10.0, {"gpu.0.event_reasons": 1.0})).stuck


def test_it_clears_at_a_higher_clock_than_it_begins() -> None:
    assert follow((10.0, {}), (10.0, {"gpu.0.sm_clock_share": 54.9})).stuck
    over = follow((10.0, {}), (0.5, {"gpu.0.sm_clock_share": 55.0}))
    assert not over.stuck
    assert over.worst["sm_clock_share"] == 20.3
    assert not follow((10.0, {}), (0.5, {"gpu.0.sm_clock_share": 55.0}), (4.0, {})).stuck


def test_idle_moments_neither_end_it_nor_count() -> None:
    found = follow((10.0, {}), (10.0, {"gpu.0.utilization": 0.0}), (1.0, {}))
    assert found.stuck
    assert found.seconds == 10.5
    assert not follow((3.0, {}), (1.0, {"gpu.0.utilization": 0.0}), (3.0, {})).stuck


def test_a_gap_ends_what_was_known() -> None:
    clock = LowClock()
    for t in (*range(10), 60):
        clock.take(float(t), "0", STUCK)
    assert not clock.stuck
    assert clock.seconds == 9.0


@pytest.mark.parametrize("quantity", ["power", "temperature", "sm_clock_share", "event_reasons", "utilization"])
def test_what_is_not_read_is_not_judged(quantity: str) -> None:
    found = follow((10.0, {f"gpu.0.{quantity}": -1.0}))
    assert (found.judged, found.blind, found.stuck) == (0, quantity, False)


def test_counters_stand_in_for_reasons() -> None:
    calm = {f"gpu.0.throttle_{cause}": 0.0 for cause in ("power_cap", "sw_thermal", "hw_thermal", "power_brake")}
    assert follow((10.0, {"gpu.0.event_reasons": -1.0} | calm)).stuck
