"""Wrapping text that is Chinese first: by cells, with kinsoku rules, at a cost that does not grow with the text.

A row is fixed as soon as the next one has begun, because where it breaks depends only on the text up to the first
character that did not fit. So appending wraps again from the start of the last row, and from nowhere before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rich.cells import cell_len, get_character_cell_size

NO_LINE_START = frozenset("，。！？；：、）》」』】〉〕〗”’…—～·％‰℃ー々〜!,.:;?)]}%")
"""Characters that must not begin a row."""

NO_LINE_END = frozenset("（《「『【〈〔〖“‘([{")
"""Characters that must not end a row."""

MIN_WIDTH = 8
"""Narrower rows are wrapped at this width, so that a code fence is known from its first row alone."""

_JOINERS = frozenset("\u200d\u200c")
_NEVER_SPLIT = frozenset("…—")
_LIST_ITEM = re.compile(r"[ ]*(?:[-*+•] |\d{1,3}[.)] |\d{1,3}、|> )?")
_FENCE = re.compile(r" {0,3}```")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of wrapped text.

    Attributes:
        text: What is shown, without the spaces that the break swallowed.
        start: Where the row begins in the source.
        end: Where the next row begins, if it belongs to the same paragraph; else where the paragraph ends.
        indent: Blank cells before the text, which are not in the source.
        code: Whether the row is in a fenced code block.
        first: Whether the row begins a paragraph.
    """

    text: str
    start: int
    end: int
    indent: int = 0
    code: bool = False
    first: bool = True


def _joins_back(character: str) -> bool:
    """Tell whether a character belongs to the one before it, so that no row may begin with it."""
    return character in _JOINERS or get_character_cell_size(character) == 0


def _breaks_anywhere(character: str) -> bool:
    """Tell whether a script is written without spaces, as Chinese and Japanese are."""
    return get_character_cell_size(character) == 2 or "\u3000" <= character <= "\u30ff"


def can_break(before: str, after: str) -> bool:
    """Tell whether a row may end between two characters.

    Args:
        before: The last character of the row.
        after: The first character of the next row.

    Returns:
        Whether a break is allowed there.
    """
    if before in _JOINERS or _joins_back(after):
        return False
    if before == " ":
        return after != " " and (after not in NO_LINE_START or after.isascii())
    if before in NO_LINE_END or after in NO_LINE_START or after == " ":
        return False
    if before == after and before in _NEVER_SPLIT:
        return False
    # Quotation marks and dashes are narrow, yet in Chinese text they stand between characters that can be parted.
    return (
        _breaks_anywhere(before)
        or _breaks_anywhere(after)
        or (before in "”’…—" and not after.isascii())
        or (after in "“‘" and not before.isascii())
    )


def _hard_break(text: str, start: int, overflow: int) -> int:
    """Break where no break is allowed, keeping characters whole and, if it can be, the kinsoku rules."""
    fallback = overflow
    while fallback > start + 1 and (_joins_back(text[fallback]) or text[fallback - 1] in _JOINERS):
        fallback -= 1
    at = fallback
    while at > start + 1:
        after, before = text[at], text[at - 1]
        whole = not _joins_back(after) and before not in _JOINERS
        if whole and after not in NO_LINE_START and before not in NO_LINE_END and after != " ":
            return at
        at -= 1
    return fallback


def row_end(text: str, start: int, stop: int, width: int, code: bool) -> int:
    """Find where a row ends.

    Args:
        text: The source.
        start: Where the row begins.
        stop: Where the paragraph ends.
        width: The cells there are.
        code: Whether every space counts and words may be cut.

    Returns:
        The index at which the next row begins; `stop` if the rest fits.
    """
    used = 0
    last_break = 0
    at = start
    while at < stop:
        character = text[at]
        size = get_character_cell_size(character)
        if at > start and not code and can_break(text[at - 1], character):
            last_break = at
        if used + size > width and at > start and size:
            if code:
                while at > start + 1 and (_joins_back(text[at]) or text[at - 1] in _JOINERS):
                    at -= 1
                return at
            if character == " ":
                # Spaces at a break hang over the edge unseen.
                while at < stop and text[at] == " ":
                    at += 1
                if at == stop or can_break(" ", text[at]):
                    return at
            return last_break or _hard_break(text, start, at)
        used += size
        at += 1
    return stop


class WrappedText:
    """Text wrapped to a width, which can be appended to.

    `rows` is always what wrapping the whole text at once would give.
    """

    def __init__(self, width: int) -> None:
        """Begin with no text.

        Args:
            width: The width of a row in cells; at least `MIN_WIDTH` is used.
        """
        self.width = max(width, MIN_WIDTH)
        self.text = ""
        self.rows: list[Row] = []
        # Whether the paragraph of the last row began inside a fence.
        self._fenced = False

    def append(self, piece: str) -> int:
        """Add text at the end.

        Args:
            piece: The text, without control characters other than newlines.

        Returns:
            The index of the first row that changed or is new.
        """
        if not piece:
            return len(self.rows)
        fresh = self.text.endswith("\n") or not self.text
        self.text += piece
        if self.rows and not fresh:
            last = self.rows.pop()
            changed = len(self.rows)
            self._wrap(last.start, last)
            return changed
        changed = len(self.rows)
        self._wrap(len(self.text) - len(piece), None)
        return changed

    def resize(self, width: int) -> None:
        """Wrap everything again for a new width."""
        self.width = max(width, MIN_WIDTH)
        self.rows.clear()
        self._fenced = False
        if self.text:
            self._wrap(0, None)

    def row_at(self, offset: int) -> int:
        """Return the index of the row that holds an offset of the text."""
        low, high = 0, len(self.rows)
        while low < high:
            middle = (low + high) // 2
            if self.rows[middle].start <= offset:
                low = middle + 1
            else:
                high = middle
        return max(0, low - 1)

    def _wrap(self, start: int, resumed: Row | None) -> None:
        text = self.text
        size = len(text)
        while start < size:
            stop = text.find("\n", start)
            if stop < 0:
                stop = size
            self._paragraph(start, stop, resumed)
            resumed = None
            if stop == size:
                return
            first = self._paragraph_start()
            if _FENCE.match(text, first, stop):
                self._fenced = not self._fenced
            start = stop + 1

    def _paragraph_start(self) -> int:
        at = len(self.rows) - 1
        while at > 0 and not self.rows[at].first:
            at -= 1
        return self.rows[at].start

    def _paragraph(self, start: int, stop: int, resumed: Row | None) -> None:
        """Wrap one paragraph, or the rest of it from the row that was taken back."""
        text = self.text
        first = resumed is None or resumed.first
        if resumed is not None and not first:
            code, indent = resumed.code, resumed.indent
        else:
            code, indent = self._fenced or _FENCE.match(text, start, stop) is not None, 0
        while True:
            end = row_end(text, start, stop, self.width - indent, code)
            shown = text[start:end]
            if not code:
                shown = shown.rstrip(" ") if end < stop else shown
                # Spaces that hang over the edge at the end of the paragraph must not be drawn over the neighbour.
                if end == stop and len(shown) > self.width // 2 and cell_len(shown) > self.width - indent:
                    shown = shown.rstrip(" ")
            self.rows.append(Row(shown, start, end, indent, code, first))
            if end >= stop:
                return
            if first and not code:
                indent = self._hanging_indent(start, end)
            first = False
            start = end

    def _hanging_indent(self, start: int, end: int) -> int:
        """Return how far the following rows of a list item stand in, so that its marker stays visible."""
        match = _LIST_ITEM.match(self.text, start, end)
        if match is None:
            return 0
        indent = cell_len(match.group())
        return indent if indent <= self.width // 3 else 0
