"""What an answer mentions of what it should, by rule: points, their order, and the source that it names.

It counts what is named, not whether what is said of it is right. Places are counted in characters of the answer as it
came, so that whoever shows it can mark them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from sparktop.model.scenario import Item

Span = tuple[int, int]
"""A place in the answer: first character, and one past the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointScore:
    """One point, and where the answer names it.

    Attributes:
        label: The point's first spelling, as the scenario writes it.
        spans: Every place in the answer that names it, ascending, none overlapping; empty if it is missing.
        in_place: False if it was named, but only outside of the order that the item asks for.
    """

    label: str
    spans: tuple[Span, ...]
    in_place: bool = True

    @property
    def found(self) -> bool:
        """Whether the answer names it."""
        return bool(self.spans)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """A text that the answer names as its source.

    Attributes:
        name: The text, as the scenario writes it.
        spans: Every place in the answer that names it as a source; empty if none does.
    """

    name: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """An answer held against its item.

    Attributes:
        found: Points that the answer names.
        total: Points that the item has; 0 if it has none to count.
        points: The same, point by point, in the scenario's order.
        ordered: Whether the order of the points matters.
        source: The text that the answer should cite; null if the item asks for none.
        wrong: Known wrong attributions that the answer makes; those that it denies are not among them.
    """

    found: int
    total: int
    points: tuple[PointScore, ...] = ()
    ordered: bool = False
    source: Attribution | None = None
    wrong: tuple[Attribution, ...] = ()

    @property
    def text(self) -> str:
        """Points found over points there are: "4/5"; empty where there are none to count."""
        return f"{self.found}/{self.total}" if self.total else ""

    @property
    def cited(self) -> bool | None:
        """Whether the answer cites its source; None if the item asks for none."""
        return None if self.source is None else bool(self.source.spans)

    @property
    def misplaced(self) -> tuple[str, ...]:
        """Labels of the points that were named out of order."""
        return tuple(point.label for point in self.points if point.found and not point.in_place)

    @property
    def missing(self) -> tuple[str, ...]:
        """Labels of the points that were not named."""
        return tuple(point.label for point in self.points if not point.found)

    @property
    def share(self) -> float | None:
        """Share of the points that was found; None where there are none to count."""
        return self.found / self.total if self.total else None


def is_scored(item: Item) -> bool:
    """Returns whether an item asks for anything that can be found by rule."""
    return bool(item.points or item.source or item.avoid)


def score(item: Item, answer: str) -> Score:
    """Holds an answer against what its item asks for.

    Args:
        item: The question.
        answer: The model's answer, as it came.
    """
    points = tuple(PointScore(label=row[0] if row else "", spans=tuple(_places(answer, row))) for row in item.points)
    return Score(
        found=sum(point.found for point in points),
        total=len(points),
        points=points,
        ordered=item.ordered,
        source=Attribution(name=item.source, spans=tuple(_places(answer, [item.source]))) if item.source else None,
        wrong=tuple(
            Attribution(name=name, spans=spans) for name in item.avoid if (spans := tuple(_places(answer, [name])))
        ),
    )


def _places(answer: str, spellings: Sequence[str]) -> list[Span]:
    found = []
    for spelling in spellings:
        at = answer.find(spelling)
        while at >= 0 and spelling:
            found.append((at, at + len(spelling)))
            at = answer.find(spelling, at + len(spelling))
    return sorted(found)


def covered(answer: str, points: Sequence[Sequence[str]]) -> list[bool]:
    """Return for each point whether the answer contains any of its spellings.

    Plain substring, after NFKC on both sides, so that full-width and half-width forms are the same. It counts what is
    mentioned, not whether it is right: a short point such as 名 is easily mentioned by the way.

    Args:
        answer: The model's answer.
        points: Rows of alternative spellings, as in `Item.points`.
    """
    text = unicodedata.normalize("NFKC", answer)
    return [any(unicodedata.normalize("NFKC", spelling) in text for spelling in spellings) for spellings in points]
