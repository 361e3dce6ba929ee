"""The offset of a clock elsewhere: never further off than it says."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparktop.model.clocks import ClockFilter, Exchange

TRUTH = -1234.5
"""What has to be added to the time there."""


def exchange(at: float, there: float, back: float, *, truth: float = TRUTH, thinking: float = 0.0002) -> Exchange:
    """A question asked at a time of the clock here, with what each way took."""
    received = at + there
    answered = received + thinking
    return Exchange(sent=at, received=received - truth, answered=answered - truth, returned=answered + back)


def test_equal_ways_give_the_offset_though_half_the_round_trip_stays_unsure() -> None:
    clock = ClockFilter()
    assert clock.at(0.0) is None
    for number in range(8):
        assert clock.add(exchange(number * 0.1, 0.020, 0.020))
    known = clock.at(1.0)
    assert known is not None
    assert known.offset_s == pytest.approx(TRUTH, abs=1e-6)
    assert known.rtt_s == pytest.approx(0.040)
    assert 0.020 <= known.uncertainty_s < 0.021
    assert known.drift is None


def test_delays_that_vary_are_seen_through() -> None:
    clock = ClockFilter()
    dice = random.Random(7)
    for number in range(40):
        clock.add(exchange(number * 0.5, 0.001 + dice.expovariate(50), 0.001 + dice.expovariate(50)))
    known = clock.at(20.0)
    assert known is not None
    assert known.offset_s == pytest.approx(TRUTH, abs=0.002)
    assert abs(known.offset_s - TRUTH) <= known.uncertainty_s < 0.01


def test_unequal_ways_are_within_what_is_admitted() -> None:
    clock = ClockFilter()
    for number in range(8):
        clock.add(exchange(number * 0.1, 0.040, 0.000))
    known = clock.at(1.0)
    assert known is not None
    assert abs(known.offset_s - TRUTH) == pytest.approx(0.020, abs=1e-6)
    assert known.uncertainty_s >= 0.020


@given(
    drift=st.floats(-90e-6, 90e-6),
    ways=st.lists(st.tuples(st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0.01, 20)), min_size=1, max_size=60),
    later=st.floats(0, 30),
)
def test_the_truth_is_always_within_the_uncertainty(
    drift: float, ways: list[tuple[float, float, float]], later: float
) -> None:
    clock = ClockFilter()
    at = 0.0
    for there, back, pause in ways:
        at += pause
        # The clock there is read by what it says, so its drift is in the times themselves.
        received, answered = at + there, at + there + 0.0001
        clock.add(
            Exchange(
                sent=at,
                received=received * (1 - drift) - TRUTH,
                answered=answered * (1 - drift) - TRUTH,
                returned=answered + back,
            )
        )
        at = answered + back
    now = at + later
    known = clock.at(now)
    assert known is not None
    assert abs(known.offset_s - (TRUTH + drift * now)) <= known.uncertainty_s + 1e-6


def test_a_steady_drift_is_found_and_followed_between_exchanges() -> None:
    clock = ClockFilter()
    for number in range(120):
        at = float(number)
        clock.add(exchange(at, 0.0001, 0.0001, truth=TRUTH + 40e-6 * at))
    known = clock.at(180.0)
    assert known is not None
    assert known.drift == pytest.approx(40e-6, abs=1e-6)
    assert known.offset_s == pytest.approx(TRUTH + 40e-6 * 180, abs=100e-6)
    assert known.uncertainty_s < 0.002


def test_a_clock_that_stood_still_is_measured_anew() -> None:
    clock = ClockFilter()
    clock.add(exchange(0.0, 0.001, 0.001))
    clock.add(exchange(60.0, 0.030, 0.030, truth=TRUTH + 55.0))
    known = clock.at(60.1)
    assert known is not None
    assert known.offset_s == pytest.approx(TRUTH + 55.0, abs=1e-6)


@pytest.mark.parametrize(
    "wrong",
    [
        Exchange(sent=1.0, received=5.0, answered=4.0, returned=2.0),
        Exchange(sent=1.0, received=5.0, answered=9.0, returned=2.0),
        Exchange(sent=1.0, received=float("nan"), answered=float("nan"), returned=2.0),
        Exchange(sent=1.0, received=float("inf"), answered=float("inf"), returned=2.0),
    ],
)
def test_what_cannot_be_is_not_taken(wrong: Exchange) -> None:
    clock = ClockFilter()
    assert not clock.add(wrong)
    assert clock.at(2.0) is None


def test_it_does_not_grow() -> None:
    clock = ClockFilter()
    for number in range(5000):
        clock.add(exchange(float(number), 0.001, 0.002))
    assert len(clock._best) <= 30
