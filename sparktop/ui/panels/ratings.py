"""What people and models think of the answers, as a table of stars and sentences about comparisons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sparktop.model.ratings import Judging, Outcome, Ratings, StarMean
from sparktop.model.scenario import Dimension
from sparktop.model.strengths import FEW, Matchup
from sparktop.ui.chrome import safe
from sparktop.ui.format import NA, plural
from sparktop.ui.panels.base import series_style
from sparktop.ui.widgets.columns import Column
from sparktop.ui.widgets.table import Cell, TableRow


def star_columns(dimensions: Sequence[Dimension], chinese: bool) -> tuple[Column, ...]:
    """A contender, and the mean of its stars in each dimension."""
    return (
        Column("contender", priority=20, min_width=12, max_width=28),
        *(
            Column(safe(dimension.zh if chinese else dimension.en), align="right", priority=15 - index)
            for index, dimension in enumerate(dimensions)
        ),
    )


def star_rows(ratings: Ratings | None, dimensions: Sequence[Dimension], names: Sequence[str]) -> list[TableRow]:
    """One row for each contender that has stars, as `star_columns` says; of all raters together."""
    means = [mean for mean in ratings.people.means if not mean.rater] if ratings is not None else []
    rows = []
    for index, name in enumerate(names):
        own = {mean.dimension: mean for mean in means if mean.contender == name}
        if own:
            cells: list[Cell] = [(safe(name), series_style(index))]
            cells += [_mean(own.get(d.id)) for d in dimensions]
            rows.append(TableRow(key=name, cells=tuple(cells)))
    return rows


def _mean(mean: StarMean | None) -> Cell:
    return (NA, "muted") if mean is None else f"{mean.mean:.1f} ({mean.n})"


def comparison_sentences(ratings: Ratings | None) -> list[tuple[str, bool]]:
    """Returns what votes and models' verdicts came to, each with whether a model said it."""
    if ratings is None:
        return []
    people = [(sentence, False) for sentence in _matchups(ratings.people.matchups)]
    models = [(sentence, True) for judging in ratings.models for sentence in _judged(judging)]
    return people + models


def _matchups(pairs: Sequence[Matchup]) -> Iterator[str]:
    for pair in pairs:
        ties = f", {plural(pair.ties, 'tie')}" if pair.ties else ""
        few = ", too few to tell" if pair.n < FEW else ""
        yield (
            f"People: {safe(pair.first)} won {pair.wins} of {plural(pair.n, 'vote')} against {safe(pair.second)}{ties}:"
            f" {pair.win_rate:.0%}, 95 % interval {pair.low:.0%} to {pair.high:.0%}{few}."
        )


def _judged(judging: Judging) -> Iterator[str]:
    judge = judging.began.judge
    name = f"The model {safe(judge.name)}{' (toy)' if judge.toy else ''}"
    flipped = sum(pair.outcome is Outcome.FLIPPED for pair in judging.pairs)
    asked = (
        f"{name} as judge gave {plural(len(judging.verdicts), 'verdict')}, {judging.unread} of them could not be read"
    )
    yield f"{asked}; {flipped} of {plural(len(judging.pairs), 'pair')} changed with the order."
    for pair in judging.matchups:
        yield (
            f"{name}: {safe(pair.first)} {pair.wins}, {safe(pair.second)} {pair.losses}, ties {pair.ties};"
            f" {pair.win_rate:.0%}, 95 % interval {pair.low:.0%} to {pair.high:.0%}."
        )
