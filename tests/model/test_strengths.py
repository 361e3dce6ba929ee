"""Win rates and strengths, against published figures and against what can be worked out by hand."""

from __future__ import annotations

import math

import pytest

from sparktop.model.strengths import Comparison, matchups, strengths, wilson

# Agresti, Categorical Data Analysis (1990): the American League of 1987, as (home, away, wins of home,
# wins of away). The strengths are those that R's BradleyTerry2 gives for it in its manual (Turner and Firth, 2012).
TEAMS = ["Milwaukee", "Detroit", "Toronto", "NewYork", "Boston", "Cleveland", "Baltimore"]
WINS = """
    - 4-3 4-2 4-3 6-1 4-2 6-0
    3-3 - 4-2 4-3 6-0 6-1 4-3
    2-5 4-3 - 2-4 4-3 4-2 6-0
    3-3 5-1 2-5 - 4-3 4-2 6-1
    5-1 2-5 3-3 4-2 - 5-2 6-0
    2-5 3-3 3-4 4-3 4-2 - 2-4
    2-5 1-5 1-6 2-4 1-6 3-4 -
"""
PUBLISHED = {
    "Milwaukee": 1.5814,
    "Detroit": 1.4364,
    "Toronto": 1.2945,
    "NewYork": 1.2476,
    "Boston": 1.1077,
    "Cleveland": 0.6839,
    "Baltimore": 0.0,
}


def season() -> list[Comparison]:
    games = []
    for home, line in zip(TEAMS, WINS.strip().splitlines(), strict=True):
        for away, cell in zip(TEAMS, line.split(), strict=True):
            if cell != "-":
                won, lost = map(int, cell.split("-"))
                games += [Comparison(home, away, 1.0)] * won + [Comparison(home, away, 0.0)] * lost
    return games


def test_published_strengths() -> None:
    rows = {row.contender: row for row in strengths(matchups(season()))}
    last = rows["Baltimore"].strength
    assert last is not None
    for team, published in PUBLISHED.items():
        found = rows[team].strength
        assert found is not None
        assert found - last == pytest.approx(published, abs=5e-5), team
    assert sum(row.strength or 0 for row in rows.values()) == pytest.approx(0, abs=1e-6)
    assert [row.contender for row in strengths(matchups(season()))] == TEAMS


def test_two_contenders_by_hand() -> None:
    games = [Comparison("a", "b", 1.0)] * 6 + [Comparison("b", "a", 1.0)] * 2 + [Comparison("a", "b", 0.5)] * 2
    (pair,) = matchups(games)
    assert (pair.first, pair.n, pair.wins, pair.losses, pair.ties, pair.win_rate) == ("a", 10, 6, 2, 2, 0.7)
    better, worse = strengths([pair])
    # s_a - s_b is the logit of 0.7, its variance 1 / (n p q), and each strength is half of it from the mean.
    half = math.log(0.7 / 0.3) / 2
    error = math.sqrt(1 / (10 * 0.7 * 0.3)) / 2
    assert better.strength == pytest.approx(half)
    assert worse.strength == pytest.approx(-half)
    assert better.low == pytest.approx(half - 1.959964 * error)
    assert better.high == pytest.approx(half + 1.959964 * error)


@pytest.mark.parametrize(
    ("wins", "n", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_published_intervals(wins: int, n: int, low: float, high: float) -> None:
    assert wilson(wins / n, n) == pytest.approx((low, high), abs=5e-5)


def test_who_wins_everything_has_no_strength() -> None:
    rows = strengths(matchups([Comparison("a", "b", 1.0)] * 3))
    assert [(row.contender, row.strength, row.win_rate) for row in rows] == [("a", None, 1.0), ("b", None, 0.0)]
    assert "won every" in rows[0].problem
    assert "lost every" in rows[1].problem


def test_a_part_that_wins_everything_leaves_nobody_a_strength() -> None:
    games = [Comparison("a", "b", 1.0), Comparison("a", "b", 0.0), Comparison("b", "c", 1.0)]
    rows = {row.contender: row for row in strengths(matchups(games))}
    assert all(row.strength is None for row in rows.values())
    assert "no bounds" in rows["a"].problem
    assert "lost every" in rows["c"].problem


def test_groups_that_never_met_are_told_apart() -> None:
    games = [Comparison("a", "b", 0.5), Comparison("c", "d", 1.0), Comparison("d", "c", 1.0), Comparison("d", "e", 0.5)]
    rows = strengths(matchups(games))
    assert {row.contender: row.group for row in rows} == {"a": 0, "b": 0, "c": 1, "d": 1, "e": 1}
    assert [row.strength for row in rows] == [pytest.approx(0, abs=1e-9)] * 5


def test_nothing_was_compared() -> None:
    assert matchups([]) == ()
    assert strengths([]) == ()
