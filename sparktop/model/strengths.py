"""Who wins: win rates of pairs, and Bradley-Terry strengths of all, with how sure they are.

Bradley and Terry (Biometrika 39, 1952) give each contender a strength such that i beats j with the probability
`1 / (1 + exp(s_j - s_i))`. The strengths are those under which the comparisons are most likely, found by Hunter's
iteration (Annals of Statistics 32, 2004, eq. 3); a tie is half a win for each. They have a mean of 0 in every group of
contenders that were compared with each other, directly or through others.
They exist only if no part of such a group has won everything against the rest (Ford, American Mathematical Monthly 64,
1957): else some would be infinite, and none is given.

Their standard errors come from the observed information (the second derivatives of the log-likelihood), intervals are
1.96 of them to each side. The interval of a win rate is Wilson's (JASA 22, 1927). Both take comparisons as independent,
which several votes of one person, or on one question, are not quite.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

Z95: Final = 1.959964
"""Standard normal quantile of 97.5 %."""

FEW: Final = 10
"""Below this many comparisons a win rate is hardly more than an anecdote: even 9 wins of 9 leave 70 % possible."""

_ITERATIONS: Final = 10_000
_PRECISION: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two contenders were compared once.

    Attributes:
        first: One.
        second: The other.
        score: 1 if the first one won, 0 if it lost, 0.5 for a tie.
    """

    first: str
    second: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Matchup:
    """How often one contender was better than another.

    Attributes:
        first: One contender.
        second: The other.
        n: Comparisons.
        wins: How many of them the first one won.
        losses: How many it lost.
        ties: How many neither won.
        win_rate: Wins and half the ties over comparisons.
        low: Lower end of its 95 % interval.
        high: Upper end of its 95 % interval.
    """

    first: str
    second: str
    n: int
    wins: int
    losses: int
    ties: int
    win_rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """A contender's Bradley-Terry strength.

    Attributes:
        contender: Its name.
        group: Number of the group of contenders that were compared with each other, from 0. Strengths of different
            groups say nothing of each other.
        n: Comparisons that it took part in.
        win_rate: Wins and half the ties over those.
        strength: On the scale of log-odds, with a mean of 0 in the group; null if there is none.
        low: Lower end of its 95 % interval; null if there is none.
        high: Upper end of its 95 % interval; null if there is none.
        problem: Why there is no strength; empty if there is one.
    """

    contender: str
    group: int
    n: int
    win_rate: float
    strength: float | None
    low: float | None
    high: float | None
    problem: str = ""


def matchups(comparisons: Iterable[Comparison]) -> tuple[Matchup, ...]:
    """Returns every pair that was compared, in the order in which they first were."""
    scores: dict[tuple[str, str], list[float]] = {}
    for one in comparisons:
        if (one.second, one.first) in scores:
            scores[one.second, one.first].append(1 - one.score)
        else:
            scores.setdefault((one.first, one.second), []).append(one.score)
    return tuple(_matchup(first, second, found) for (first, second), found in scores.items())


def _matchup(first: str, second: str, scores: Sequence[float]) -> Matchup:
    n = len(scores)
    rate = sum(scores) / n
    low, high = wilson(rate, n)
    return Matchup(
        first=first,
        second=second,
        n=n,
        wins=scores.count(1.0),
        losses=scores.count(0.0),
        ties=scores.count(0.5),
        win_rate=_nine(rate),
        low=_nine(low),
        high=_nine(high),
    )


def wilson(rate: float, n: int) -> tuple[float, float]:
    """Returns the 95 % interval of a share that was seen in `n` trials."""
    square = Z95 * Z95 / n
    middle = (rate + square / 2) / (1 + square)
    half = Z95 / (1 + square) * math.sqrt(rate * (1 - rate) / n + square / (4 * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def strengths(pairs: Sequence[Matchup]) -> tuple[Strength, ...]:
    """Returns the strength of every contender of the pairs, group by group, the strongest first."""
    names = list(dict.fromkeys(name for pair in pairs for name in (pair.first, pair.second)))
    rows: list[Strength] = []
    for group, members in enumerate(_groups(names, pairs)):
        within = [pair for pair in pairs if pair.first in members]
        rows += _group_strengths(group, members, within)
    return tuple(rows)


def _group_strengths(group: int, members: Sequence[str], pairs: Sequence[Matchup]) -> list[Strength]:
    place = {name: index for index, name in enumerate(members)}
    size = len(members)
    won = [[0.0] * size for _ in members]
    for pair in pairs:
        first, second = place[pair.first], place[pair.second]
        won[first][second] += pair.wins + pair.ties / 2
        won[second][first] += pair.losses + pair.ties / 2
    played = [[won[i][j] + won[j][i] for j in range(size)] for i in range(size)]
    n = [round(sum(row)) for row in played]
    rates = [sum(row) / count for row, count in zip(won, n, strict=True)]
    bare = [
        Strength(contender=name, group=group, n=n[i], win_rate=_nine(rates[i]), strength=None, low=None, high=None)
        for i, name in enumerate(members)
    ]
    if not _all_reach_all(won):
        rows = [replace(row, problem=_why_not(rate)) for row, rate in zip(bare, rates, strict=True)]
        return sorted(rows, key=lambda row: -row.win_rate)
    values = _most_likely(won, played)
    rows = [
        replace(row, strength=_nine(value), low=_nine(value - Z95 * error), high=_nine(value + Z95 * error))
        for row, value, error in zip(bare, values, _standard_errors(values, played), strict=True)
    ]
    return sorted(rows, key=lambda row: -(row.strength or 0.0))


def _why_not(rate: float) -> str:
    if rate == 1:
        return "it has won every comparison"
    if rate == 0:
        return "it has lost every comparison"
    return "some have won every comparison with the others, so the strengths have no bounds"


def _most_likely(won: Sequence[Sequence[float]], played: Sequence[Sequence[float]]) -> list[float]:
    size = len(won)
    wins = [sum(row) for row in won]
    worth = [1.0] * size
    for _ in range(_ITERATIONS):
        new = [
            wins[i] / sum(played[i][j] / (worth[i] + worth[j]) for j in range(size) if played[i][j])
            for i in range(size)
        ]
        mean = math.exp(sum(map(math.log, new)) / size)
        new = [value / mean for value in new]
        moved = max(abs(math.log(a / b)) for a, b in zip(new, worth, strict=True))
        worth = new
        if moved < _PRECISION:
            break
    return [math.log(value) for value in worth]


def _standard_errors(values: Sequence[float], played: Sequence[Sequence[float]]) -> list[float]:
    """Roots of the diagonal of the information's pseudo-inverse, for strengths whose sum is held at 0."""
    size = len(values)
    information = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(size):
            if i != j and played[i][j]:
                chance = 1 / (1 + math.exp(values[j] - values[i]))
                weight = played[i][j] * chance * (1 - chance)
                information[i][j] -= weight
                information[i][i] += weight
    # The information is singular along (1, ..., 1) alone; with 1/size added everywhere it can be inverted.
    inverse = _inverse([[value + 1 / size for value in row] for row in information])
    return [math.sqrt(max(0.0, inverse[i][i] - 1 / size)) for i in range(size)]


def _inverse(matrix: Sequence[Sequence[float]]) -> list[list[float]]:
    """Gauss and Jordan's, for a matrix that can be inverted."""
    size = len(matrix)
    rows = [[*row, *(float(i == j) for j in range(size))] for i, row in enumerate(matrix)]
    for column in range(size):
        best = max(range(column, size), key=lambda i: abs(rows[i][column]))
        rows[column], rows[best] = rows[best], rows[column]
        pivot = rows[column][column]
        rows[column] = [value / pivot for value in rows[column]]
        for i in range(size):
            if i != column and (factor := rows[i][column]):
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[column], strict=True)]
    return [row[size:] for row in rows]


def _groups(names: Sequence[str], pairs: Sequence[Matchup]) -> list[list[str]]:
    """Contenders that were compared with each other, directly or through others."""
    groups: list[list[str]] = []
    left = dict.fromkeys(names)
    while left:
        reached = [next(iter(left))]
        for name in reached:
            left.pop(name, None)
            for pair in pairs:
                for one, other in ((pair.first, pair.second), (pair.second, pair.first)):
                    if one == name and other in left:
                        left.pop(other)
                        reached.append(other)
        groups.append([name for name in names if name in reached])
    return groups


def _all_reach_all(won: Sequence[Sequence[float]]) -> bool:
    """Whether from everybody a chain of wins leads to everybody else."""
    size = len(won)
    backwards = [[won[j][i] for j in range(size)] for i in range(size)]
    return all(len(_reached(edges)) == size for edges in (won, backwards))


def _reached(edges: Sequence[Sequence[float]]) -> list[int]:
    reached = [0]
    for i in reached:
        reached += [j for j, weight in enumerate(edges[i]) if weight and j not in reached]
    return reached


def _nine(value: float) -> float:
    return float(f"{value:.9g}")
