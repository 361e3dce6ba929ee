"""Text made alike for comparing, with the way back to the places it came from.

Traditional Chinese becomes simplified, full-width forms become half-width (Unicode's NFKC), capitals small.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from sparktop.model.variants import PAIRS

Span = tuple[int, int]
"""A place in a text: first character, and one past the last."""

_REMEMBERED: Final = 20_000
"""Characters whose folding is kept; a text may hold a million different ones."""

_MARKS: Final = 30
"""Marks that are composed with the character before them. Unicode's stream-safe form has no more (UAX #15); ordering
thousands takes minutes."""


class _Table(dict[int, str]):
    """What each character becomes, worked out when it first comes."""

    def __init__(self) -> None:
        super().__init__({ord(old): new for old, new in zip(PAIRS[::2], PAIRS[1::2], strict=True)})

    def __missing__(self, code: int) -> str:
        folded = "".join(
            self.get(ord(character), character) for character in unicodedata.normalize("NFKC", chr(code)).lower()
        )
        if len(self) < _REMEMBERED:
            self[code] = folded
        return folded


@cache
def _table() -> _Table:
    return _Table()


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text.

    Attributes:
        text: The text.
        starts: Where in it each piece begins that is not as long as what it was made of; ascending.
        pieces: Of each such piece where it ends in `text`, and where it began and ended in the original.
    """

    text: str
    starts: list[int] = field(default_factory=list)
    pieces: list[tuple[int, int, int]] = field(default_factory=list)

    def original(self, spans: Sequence[Span]) -> tuple[Span, ...]:
        """Returns the places in the original text that places in `text` were made of."""
        if not self.starts:
            return tuple(spans)
        return tuple((self._start(start), self._end(end)) for start, end in spans)

    def _start(self, at: int) -> int:
        index = bisect_right(self.starts, at) - 1
        if index < 0:
            return at
        end, original_start, original_end = self.pieces[index]
        return original_start if at < end else at - end + original_end

    def _end(self, at: int) -> int:
        # The end of a place belongs to the character before it.
        index = bisect_right(self.starts, at - 1) - 1
        if index < 0:
            return at
        end, _, original_end = self.pieces[index]
        return original_end if at <= end else at - end + original_end


def fold(text: str) -> Folded:
    """Returns a text folded.

    Args:
        text: Any text.
    """
    table = _table()
    characters = set(text)
    longer = "".join(character for character in characters if len(table[ord(character)]) != 1)
    marks = "".join(character for character in characters if unicodedata.combining(table[ord(character)][0]))
    if not longer and not marks:
        return Folded(text.translate(table))
    parts: list[str] = []
    starts: list[int] = []
    pieces: list[tuple[int, int, int]] = []
    done, length = 0, 0
    for match in _uneven(longer, marks).finditer(text):
        before = text[done : match.start()].translate(table)
        piece = unicodedata.normalize("NFKC", match[0].translate(table))
        starts.append(length + len(before))
        length += len(before) + len(piece)
        pieces.append((length, match.start(), match.end()))
        parts += before, piece
        done = match.end()
    parts.append(text[done:].translate(table))
    return Folded("".join(parts), starts, pieces)


def _uneven(longer: str, marks: str) -> re.Pattern[str]:
    """What may become longer or shorter: single characters, and characters with marks."""
    patterns = []
    if marks:
        patterns.append(f"[^{re.escape(marks)}][{re.escape(marks)}]{{1,{_MARKS}}}")
    if longer:
        patterns.append(f"[{re.escape(longer)}]")
    return re.compile("|".join(patterns), re.DOTALL)


def places(text: str, wanted: str) -> list[Span]:
    """Returns every place of a string in a text, ascending, none overlapping."""
    if not wanted or wanted not in text:
        return []
    return [match.span() for match in re.finditer(re.escape(wanted), text)]
