"""What an answer mentions of what it should, by rule: points, their order, and the source that it names.

It counts what is named, not whether what is said of it is right: a short point such as 名 is easily mentioned by the
way. Places are counted in characters of the answer as it came, so that whoever shows it can mark them; for text that is
shown otherwise (`printable`), score what is shown.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Final

from sparktop.model.attribution import attributions
from sparktop.model.folding import Span, fold, places
from sparktop.model.numerals import is_whole
from sparktop.model.scenario import Item

__all__ = ["Attribution", "PointScore", "Score", "Span", "is_scored", "score"]

_SENTENCE: Final = re.compile(r"[。?!;\n]+")
_LETTER: Final = re.compile(r"[^\W_]")
_LEAST_REPEATED: Final = 4
"""Letters of a question's sentence that are needed to call it repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointScore:
    """One point, and where the answer names it.

    Attributes:
        label: The point's first spelling, as the scenario writes it.
        spans: Every place in the answer that names it, as [first character, one past the last], ascending, none
            overlapping; empty if it is missing.
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

    A place inside a longer place of another point names that one alone (牛车 in 大白牛车), and so does a title inside a
    longer one. What stands in a sentence of the question, repeated word for word, is not counted. Where the order
    matters, the most points that can be found one after another are in place; of several such chains, the one that
    ends first.

    Args:
        item: The question.
        answer: The model's answer, as it came.
    """
    folded, wanted = fold(answer), _wanted(item)
    repeated = _merged(match.span() for sentence in wanted.sentences for match in sentence.finditer(folded.text))
    points = _counted(wanted.points, [_named(folded.text, row) for row in wanted.points], repeated)
    right, *wrong = _counted(wanted.titles, [attributions(folded.text, row) for row in wanted.titles], repeated)
    kept = _chain(points) if item.ordered else set(range(len(points)))
    return Score(
        found=sum(map(bool, points)),
        total=len(points),
        points=tuple(
            PointScore(label=row[0] if row else "", spans=folded.original(spans), in_place=index in kept or not spans)
            for index, (row, spans) in enumerate(zip(item.points, points, strict=True))
        ),
        ordered=item.ordered,
        source=Attribution(name=item.source, spans=folded.original(right)) if item.source else None,
        wrong=tuple(
            Attribution(name=name, spans=folded.original(spans))
            for name, spans in zip(item.avoid, wrong, strict=True)
            if spans
        ),
    )


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is looked for, folded.

    Attributes:
        points: The spellings of each point.
        titles: The names of the source, then of each text that is to be avoided.
        sentences: What finds each sentence of the question, whatever the punctuation.
    """

    points: list[list[str]]
    titles: list[list[str]]
    sentences: list[re.Pattern[str]]


@lru_cache(maxsize=256)
def _wanted(item: Item) -> _Wanted:
    titles = [(item.source, *item.source_names), *((name,) for name in item.avoid)]
    sentences = {
        tuple(letters)
        for sentence in _SENTENCE.split(fold(item.prompt).text)
        if len(letters := _LETTER.findall(sentence)) >= _LEAST_REPEATED
    }
    return _Wanted(
        points=[[fold(spelling).text for spelling in row] for row in item.points],
        titles=[[fold(name).text for name in row if name] for row in titles],
        sentences=[re.compile(r"[\W_]*+".join(map(re.escape, letters))) for letters in sentences],
    )


def _named(text: str, spellings: Sequence[str]) -> list[Span]:
    """Places of any spelling; those that overlap become one, and part of a number is none."""
    return _merged(place for spelling in spellings for place in places(text, spelling) if is_whole(text, *place))


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _counted(spellings: list[list[str]], groups: list[list[Span]], repeated: list[Span]) -> list[list[Span]]:
    """Takes away what lies in a longer place of another group, or in a repetition of the question."""
    counted = []
    for own, spans in zip(spellings, groups, strict=True):
        longer = [other for words, other in zip(spellings, groups, strict=True) if _contain(words, own)]
        outer = _merged(span for other in longer for span in other)
        counted.append(
            [span for span in spans if _around(span, outer) in (None, span) and not _around(span, repeated)]
            if outer or repeated
            else spans
        )
    return counted


def _contain(words: Iterable[str], others: Iterable[str]) -> bool:
    return any(other in word and other != word for word in words for other in others)


def _around(span: Span, others: Sequence[Span]) -> Span | None:
    """The one of some places, ascending and none overlapping, that a place lies in."""
    at = bisect_right(others, span[0], key=itemgetter(0)) - 1
    return others[at] if at >= 0 and others[at][1] >= span[1] else None


def _chain(points: Sequence[Sequence[Span]]) -> set[int]:
    """Which points stand in order: the most that can be found one after another, each at any of its places.

    `best[n]` is the earliest end of a chain of n points, and the chain; every point in turn may lengthen each of them.
    """
    best: list[tuple[int, tuple[int, ...]]] = [(0, ())]
    for index, spans in enumerate(points):
        for length in range(len(best) - 1, -1, -1):
            end, chain = best[length]
            at = bisect_left(spans, (end,))
            if at == len(spans):
                continue
            longer = spans[at][1], (*chain, index)
            if length + 1 == len(best):
                best.append(longer)
            elif longer[0] < best[length + 1][0]:
                best[length + 1] = longer
    return set(best[-1][1])
