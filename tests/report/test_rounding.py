"""How many digits a figure is given."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparktop.report.language import Lang, language
from sparktop.report.rounding import Figure, differ, mean_of, median_of, none, ratio_of, rounded


def shown(figure: Figure, finest: int = 2) -> str:
    found = rounded(figure, finest)
    return language(Lang.EN).number(found) if found is not None else "n/a"


@pytest.mark.parametrize(
    ("value", "noise", "text"),
    [
        (31.4186, 0.07, "31.42"),
        (31.4186, 0.4, "31.4"),
        (31.4186, 4.0, "31"),
        (645.3, 20.0, "650"),
        (3670.42, 12.0, "3,670"),
        (3670.42, 0.0, "3,670.42"),
        (0.0106724, 0.0, "0.01"),
        (-3.14159, 0.02, "-3.14"),
        # Noise as large as the figure leaves one digit, and a sign that it is not sure.
        (3.2, 20.0, "~3"),
        (0.0, 0.1, "0"),
        # Where rounding brings another digit, that one counts.
        (9.996, 0.0999, "10.0"),
    ],
)
def test_digits_end_where_noise_begins(value: float, noise: float, text: str) -> None:
    assert shown(Figure(value=value, noise=noise)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(53.5712, "53.6"), (187.43, "187"), (3670.42, "3,670"), (1.2345, "1.23"), (0.31, "0.31"), (9.9999, "10.0")],
)
def test_what_was_measured_once_has_three_digits(value: float, text: str) -> None:
    assert shown(Figure(value=value)) == text


def test_an_estimate_has_two_digits_and_a_sign() -> None:
    assert shown(Figure(value=3670.42, estimate=True)) == "~3,700"
    assert shown(Figure(value=1.549, noise=0.001, estimate=True)) == "~1.5"
    assert shown(Figure(value=9.99, estimate=True)) == "~10"


def test_nothing_is_finer_than_people_need_but_something_is_always_left() -> None:
    assert shown(Figure(value=0.0106724), finest=3) == "0.011"
    assert shown(Figure(value=0.00012), finest=2) == "0.0001"
    assert shown(Figure(value=81.36, noise=0.01), finest=0) == "81"


def test_what_is_not_known_is_never_a_number() -> None:
    assert rounded(none("why"), 2) is None
    assert rounded(Figure(value=math.nan), 2) is None
    assert rounded(Figure(value=math.inf), 2) is None
    assert median_of([], "no sample").reason == "no sample"
    assert ratio_of(Figure(value=1.0), Figure(value=0.0), "no division").reason == "no division"


def test_noise_of_a_median_is_by_rank() -> None:
    # Of nine samples, a third of the percentile points to each side: the samples 2.667 and 5.333 of 0 to 8.
    assert median_of([float(n) for n in range(9)], "").noise == pytest.approx(8 / 6)
    # One stall does not widen it.
    steady = [30.0, 30.1, 30.2, 30.3, 30.4, 30.5, 30.6, 30.7]
    assert median_of([*steady[:-1], 3.0], "").noise == pytest.approx(median_of(steady, "").noise or 0, abs=0.03)
    assert median_of([5.0], "").noise is None


def test_noise_of_a_mean_and_of_a_ratio() -> None:
    mean = mean_of([9.0, 11.0], "")
    assert mean.value == 10.0
    assert mean.noise == pytest.approx(1.0)  # sd 1.414 / sqrt(2)
    ratio = ratio_of(Figure(value=100.0, noise=3.0), Figure(value=50.0, noise=2.0), "")
    assert ratio.noise == pytest.approx(2 * math.hypot(0.03, 0.04))


def test_figures_differ_only_beyond_their_noise() -> None:
    assert differ(Figure(value=30.0, noise=0.1), Figure(value=31.0, noise=0.1), 2)
    assert not differ(Figure(value=30.0, noise=0.4), Figure(value=31.0, noise=0.4), 2)
    # Measured once: five percent may be chance.
    assert not differ(Figure(value=0.31), Figure(value=0.32), 2)
    assert differ(Figure(value=0.31), Figure(value=0.42), 2)
    # One of them was measured once: the noise of the other counts all the same.
    assert not differ(Figure(value=3.0, noise=2.0), Figure(value=5.0), 1)
    assert differ(Figure(value=3.0, noise=0.5), Figure(value=5.0), 1)


@given(
    st.floats(1e-6, 1e9),
    st.one_of(st.none(), st.floats(1e-9, 1e9)),
    st.booleans(),
    st.integers(0, 4),
)
def test_what_is_shown_is_the_figure_but_for_its_noise(
    value: float, noise: float | None, estimate: bool, finest: int
) -> None:
    figure = Figure(value=value, noise=noise, estimate=estimate)
    found = rounded(figure, finest)
    assert found is not None
    unit = 10.0**-found.decimals
    # Rounding takes at most half of the last place, and there is always a digit.
    assert abs(found.value - value) <= 0.5 * unit * (1 + 1e-9)
    assert found.value != 0
    if noise is not None and not found.about:
        assert unit >= noise / 10 * (1 - 1e-9)
