"""Series stay bounded, and thinning hides neither peaks nor gaps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparktop.model.timeseries import BIN_S, KEPT_BINS, Gauge, TokenRate


def filled(values: list[float | None], capacity: int) -> Gauge:
    gauge = Gauge(capacity=capacity)
    for t, value in enumerate(values):
        gauge.add(float(t), value)
    return gauge


readings = st.lists(st.none() | st.floats(-1e12, 1e12), min_size=1, max_size=400)


@given(readings, st.integers(9, 64))
def test_thinning_keeps_extremes_and_order_and_stays_bounded(values: list[float | None], capacity: int) -> None:
    gauge = filled(values, capacity)
    known = [value for value in values if value is not None]
    assert gauge.peak == max(known, default=None)
    assert gauge.low == min(known, default=None)
    assert gauge.last == values[-1]
    assert gauge.values[0] == values[0]
    assert len(gauge.times) == len(gauge.values) <= capacity
    assert gauge.times == sorted(set(gauge.times))
    assert all(values[int(t)] == value for t, value in zip(gauge.times, gauge.values, strict=True))


@given(st.integers(0, 99))
def test_a_gap_is_still_seen_after_thinning(position: int) -> None:
    values: list[float | None] = [float(i) for i in range(100)]
    values[position] = None
    assert None in filled(values, 16).values


def test_since() -> None:
    gauge = filled([1.0, None, 3.0], 8)
    assert gauge.since(0.5) == ([1.0, 2.0], [None, 3.0])
    assert gauge.since(2.0) == ([2.0], [3.0])
    assert gauge.since(9.0) == ([], [])


def test_an_empty_gauge_has_no_values() -> None:
    gauge = Gauge()
    assert (gauge.last, gauge.peak, gauge.low) == (None, None, None)


def test_rate_counts_whole_bins_only() -> None:
    rate = TokenRate()
    for i in range(40):  # a token every 50 ms from 0 on: 20 a second
        rate.add(0.05 * i, 1, 0.05 if i else None)
    assert rate.total == 40
    assert rate.rate(now=2.0) == pytest.approx(20)
    assert rate.tpot_ms(now=2.0) == pytest.approx(50)
    assert rate.rate(now=2.0 + BIN_S / 2) == pytest.approx(20), "a bin that is not over is not half-counted"
    assert rate.rate(now=3.0 + BIN_S) == 0
    assert rate.tpot_ms(now=3.0 + BIN_S) is None, "no tokens: no TPOT, rather than an infinite one"


def test_tpot_of_two_streams_is_that_of_each() -> None:
    rate = TokenRate()
    for i in range(1, 20):
        for _stream in range(2):
            rate.add(0.05 * i, 1, 0.05)
    assert rate.rate(now=1.0) == pytest.approx(38)
    assert rate.tpot_ms(now=1.0) == pytest.approx(50)


def test_rates_are_in_step_with_rate() -> None:
    rate = TokenRate()
    rate.add(0.1, 8, None)
    rate.add(0.6, 4, 0.5)
    points = list(rate.rates(0.0, 1.0))
    assert [t for t, _, _ in points] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert points == [(t, rate.rate(t), rate.tpot_ms(t)) for t, _, _ in points]


def test_a_night_of_tokens_takes_no_more_room_than_twenty_minutes_of_them() -> None:
    rate = TokenRate()
    for number in range(4 * KEPT_BINS):
        rate.add(number * BIN_S, 3, 0.01)
    assert KEPT_BINS <= len(rate.tokens) <= 2 * KEPT_BINS
    assert rate.total == 3 * 4 * KEPT_BINS
    assert rate.rate(4 * KEPT_BINS * BIN_S) == 3 / BIN_S
    assert rate.tpot_ms(4 * KEPT_BINS * BIN_S) == pytest.approx(10 / 3)
