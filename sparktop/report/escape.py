"""The one place where text becomes part of a document: nothing that a model or a file wrote acts in any format.

Every renderer passes every text through one of these functions, its own words too. All of them first take out what acts
on terminals or changes the order of text around it (`sparktop.model.text`).
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from sparktop.model.text import printable

_MARKDOWN: Final = re.compile(
    r"""
    [\\`*\[\]<>|~&$@]                  # emphasis, code, links, HTML, cells, entities, formulas, addresses
    | (?<![^\W_])_ | _(?![^\W_])         # an underscore that is not within a word
    | (?<=http):(?=//) | (?<=https):(?=//) | (?<=ftp):(?=//) | (?<=mailto): | (?<=xmpp):
    | (?<=www)\.
    | ^[\#+=:-]                           # headings, rules and lists
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LIST_NUMBER: Final = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")
_SPREADSHEET: Final = ("=", "+", "-", "@", "\t", "\r")
_RUN: Final = re.compile("`+")

_CLOSING: Final = frozenset("，。、；：？！）》〉」』】〕”’,.;:?!)]}…")
"""Marks that no line begins with."""

_OPENING: Final = frozenset("（《〈「『【〔“‘([{")
"""Marks that no line ends with."""

QUOTE_CELLS: Final = 76
"""Cells of a line of a quoted answer in Markdown; a Chinese character takes two."""


def text(value: str) -> str:
    """Returns text without anything that acts on a terminal or a layout; line ends stay."""
    return printable(value)


def line(value: str) -> str:
    """Returns the same on one line, without blanks at its ends."""
    return " ".join(printable(value).split())


def for_html(value: str) -> str:
    """Returns text for the content of an element or for an attribute in double quotes."""
    return html.escape(printable(value), quote=True)


def for_markdown(value: str) -> str:
    """Returns text for a line or a cell of a table, with every character escaped that Markdown could take for a mark.

    What is harmless where it stands (a point, the underscore in "Q8_0") stays as it is, so that the source can be read.
    """
    escaped = _MARKDOWN.sub(lambda found: "\\" + found[0], line(value))
    return _LIST_NUMBER.sub(r"\1\\\2", escaped)


def fenced(value: str) -> str:
    """Returns text as a block of code that nothing in it can end, in lines that need no scrolling.

    In code no mark counts, neither mentions nor addresses, which some sites link wherever else they stand.
    """
    shown = printable(value).strip("\n")
    longest = max((len(run[0]) for run in _RUN.finditer(shown)), default=0)
    fence = "`" * max(3, longest + 1)
    lines = [part for row in shown.split("\n") for part in _wrapped(row.rstrip())]
    return "\n".join([f"{fence}text", *lines, fence])


def for_spreadsheet(value: str) -> str:
    """Returns text for a cell that no spreadsheet takes for a formula: those get an apostrophe in front."""
    shown = line(value)
    return f"'{shown}" if shown.startswith(_SPREADSHEET) else shown


def _wrapped(row: str) -> Iterator[str]:
    """Yields a line in pieces of at most `QUOTE_CELLS` cells, broken at a blank or between Chinese characters."""
    while True:
        cells, end, blank = 0, len(row), 0
        for at, character in enumerate(row):
            wide = unicodedata.east_asian_width(character) in "WF"
            cells += 2 if wide else 1
            if cells > QUOTE_CELLS:
                end = at
                break
            if (character == " " or wide) and character not in _OPENING and row[at + 1 : at + 2] not in _CLOSING:
                blank = at + 1
        if end == len(row):
            yield row
            return
        # A word that is longer than a line is cut.
        end = blank or end
        yield row[:end].rstrip()
        row = row[end:].lstrip()
