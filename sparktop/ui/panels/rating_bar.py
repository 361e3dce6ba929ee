"""What stands in the bar for rating: the votes or the stars that can be given, and those that were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sparktop.model.rating_events import Choice
from sparktop.model.scenario import Dimension
from sparktop.ui.chrome import safe
from sparktop.ui.glyphs import Glyphs
from sparktop.ui.widgets.line_widget import Span


def vote_groups(names: Sequence[str], vote: Choice | None, signs: Glyphs) -> list[list[Span]]:
    """Lays out what a vote can be.

    Args:
        names: What the two answers are called; fewer if there are no two.
        vote: What was said of them; None if nothing was.
        signs: The signs to draw with.

    Returns:
        Groups of spans that stay together, the least important first.
    """
    if len(names) < 2:
        return [[], [("There are no two answers to compare.", "muted")]]
    keys = ((Choice.FIRST, "1", f"{names[0]} is better"), (Choice.SECOND, "2", f"{names[1]} is better"))
    groups: list[list[Span]] = [[]]
    for choice, key, label in (*keys, (Choice.TIE, "0", "a tie")):
        chosen = vote is choice
        groups.append(
            [(f" {key} ", "key"), (f"{signs.ok} {label} " if chosen else f"{label} ", "pick" if chosen else "")]
        )
    return groups


def star_groups(
    whose: str,
    given: Mapping[str, int],
    dimensions: Sequence[Dimension],
    chosen: Dimension,
    chinese: bool,
    signs: Glyphs,
) -> list[list[Span]]:
    """Lays out the stars of an answer.

    Args:
        whose: Whose answer it is; empty if there is none.
        given: 1 to 5 by the id of the dimension.
        dimensions: What stars are given for.
        chosen: The one of them for which they are given now.
        chinese: Whether dimensions are named in Chinese.
        signs: The signs to draw with.

    Returns:
        Groups of spans that stay together: whose answer it is, then the dimensions.
    """
    groups: list[list[Span]] = [[(f"{whose} " if whose else "", "title")]]
    at = dimensions.index(chosen)
    # The chosen one first: on a narrow screen there is no room for the others.
    for dimension in (*dimensions[at:], *dimensions[:at]):
        stars = given.get(dimension.id, 0)
        name = safe(dimension.zh if chinese else dimension.en)
        drawn = signs.star * stars + signs.no_star * (5 - stars)
        if dimension is chosen:
            groups.append([(f" {signs.pointer} {name} {drawn} ", "pick")])
        else:
            groups.append([(f"  {name} ", "muted"), (drawn if stars else signs.dash, "")])
    return groups
