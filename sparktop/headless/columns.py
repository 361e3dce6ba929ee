"""Columns of text on a terminal, where a Chinese character is two cells wide."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

_GAP: Final = "  "


class Align(Enum):
    """Where the text of a column stands."""

    LEFT = auto()
    RIGHT = auto()


def width(text: str) -> int:
    """Returns how many cells a line takes; the text must be printable and of one line."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def cut(text: str, cells: int) -> str:
    """Returns as much of a line as fits, with "…" at its end if not all of it does."""
    if width(text) <= cells:
        return text
    room = cells - 1
    kept: list[str] = []
    for character in text:
        room -= _cells(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept) + "…" if cells > 0 else ""


def pad(text: str, cells: int, align: Align = Align.LEFT) -> str:
    """Returns the text filled up with spaces; longer text stays as it is."""
    space = " " * (cells - width(text))
    return space + text if align is Align.RIGHT else text + space


def table(head: Sequence[str], aligns: Sequence[Align], rows: Sequence[Sequence[str]]) -> list[str]:
    """Returns the lines of a table: the head, a rule, and the rows, without trailing spaces."""
    columns = list(zip(head, *rows, strict=True))
    widths = [max(map(width, column)) for column in columns]

    def line(cells: Sequence[str]) -> str:
        return _GAP.join(pad(*cell) for cell in zip(cells, widths, aligns, strict=True)).rstrip()

    return [line(head), _GAP.join("-" * cells for cells in widths), *map(line, rows)]


def _cells(character: str) -> int:
    if unicodedata.east_asian_width(character) in "WF":
        return 2
    return 0 if unicodedata.category(character) in ("Mn", "Me", "Cf") else 1
