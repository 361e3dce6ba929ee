"""The text of a pane: runs of answer and reasoning, the rows they make, and the marks on them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from sparktop.model.text import Printable
from sparktop.ui.widgets.line_widget import Span
from sparktop.ui.widgets.marks import Mark, cut_at_marks
from sparktop.ui.widgets.wrap import Row, WrappedText


class _Run:
    """A run of text in one style, with the rows it makes."""

    def __init__(self, style_class: str, gutter: str, width: int, base: int, first_row: int) -> None:
        self.style_class = style_class
        self.gutter = gutter
        self.wrapped = WrappedText(width - len(self.gutter))
        self.printable = Printable()
        self.base = base
        self.first_row = first_row

    @property
    def end(self) -> int:
        return self.base + len(self.wrapped.text)


class Document:
    """Text that grows at its end, wrapped to a width, in which things can be found.

    Offsets count in the text as shown: what is not printable is no part of it, nor are gutters and the line ends
    between runs.
    """

    def __init__(self, width: int, gutters: Mapping[str, str] = MappingProxyType({})) -> None:
        """Begin with no text.

        Args:
            width: The cells there are for text and gutter.
            gutters: What stands before each row of a style class.
        """
        self._gutters = gutters
        self.matches: list[Mark] = []
        self.current: int | None = None
        self._width = width
        self._runs: list[_Run] = []
        self._query: re.Pattern[str] | None = None
        self._highlights: list[Mark] = []

    @property
    def text(self) -> str:
        """The text as shown."""
        return "".join(run.wrapped.text for run in self._runs)

    @property
    def line_count(self) -> int:
        """How many rows there are."""
        return self._runs[-1].first_row + len(self._runs[-1].wrapped.rows) if self._runs else 0

    @property
    def end(self) -> int:
        """The offset after the last character."""
        return self._runs[-1].end if self._runs else 0

    def append(self, pieces: Iterable[tuple[str, str]]) -> int:
        """Add text at the end.

        Args:
            pieces: Raw text and its style class, in order; a change of style begins a new row.

        Returns:
            The first row that changed or is new.
        """
        searched, changed = self.end, self.line_count
        gathered: list[tuple[str, list[str]]] = []
        for text, style_class in pieces:
            if gathered and gathered[-1][0] == style_class:
                gathered[-1][1].append(text)
            else:
                gathered.append((style_class, [text]))
        for style_class, texts in gathered:
            if not self._runs or self._runs[-1].style_class != style_class:
                gutter = self._gutters.get(style_class, "")
                self._runs.append(_Run(style_class, gutter, self._width, self.end, self.line_count))
            run = self._runs[-1]
            changed = min(changed, run.first_row + run.wrapped.append(run.printable.feed("".join(texts))))
        self._search(searched)
        return changed

    def resize(self, width: int) -> None:
        """Wrap everything for another width."""
        self._width = width
        line = 0
        for run in self._runs:
            run.first_row = line
            run.wrapped.resize(width - len(run.gutter))
            line += len(run.wrapped.rows)

    def offset_of(self, line: int) -> int:
        """Return the offset at which a row begins; the end of the text if there is no such row."""
        place = self._locate(line)
        return self.end if place is None else place[0].base + place[1].start

    def line_of(self, offset: int) -> int:
        """Return the row on which an offset stands."""
        for run in reversed(self._runs):
            if offset >= run.base:
                return run.first_row + run.wrapped.row_at(offset - run.base)
        return 0

    def find(self, query: str) -> None:
        """Look for a text, upper and lower case alike, now and in what is appended later; the empty text ends that."""
        self._query = re.compile(re.escape(query), re.IGNORECASE) if query else None
        self.matches, self.current = [], None
        self._search(0)

    def highlight(self, ranges: Iterable[tuple[int, int, str]]) -> None:
        """Mark parts of the text by start, end and style class, in place of those marked before."""
        self._highlights = sorted(Mark(start, end, name) for start, end, name in ranges)

    def spans(self, line: int) -> list[Span]:
        """Return a row as spans, gutter and marks included; no spans if there is no such row."""
        place = self._locate(line)
        if place is None:
            return []
        run, row = place
        spans: list[Span] = []
        if run.gutter:
            spans.append((run.gutter, "gutter"))
        if row.indent:
            spans.append((" " * row.indent, ""))
        name = "code" if row.code and not run.gutter else run.style_class
        if not self.matches and not self._highlights:
            spans.append((row.text, name))
            return spans
        spans.extend(cut_at_marks(row.text, run.base + row.start, name, self._layers()))
        return spans

    def _layers(self) -> tuple[Sequence[Mark], ...]:
        current = [] if self.current is None else [self.matches[self.current]._replace(name="current-match")]
        return (self._highlights, self.matches, current)

    def _locate(self, line: int) -> tuple[_Run, Row] | None:
        for run in reversed(self._runs):
            if line >= run.first_row:
                index = line - run.first_row
                return (run, run.wrapped.rows[index]) if index < len(run.wrapped.rows) else None
        return None

    def _search(self, searched: int) -> None:
        """Look for the query in what was added, and in what stood just before, which could be its beginning."""
        if self._query is None:
            return
        # A match is as long as the text looked for, and that is no longer than its pattern.
        overlap = len(self._query.pattern)
        for run in self._runs:
            if run.end <= searched:
                continue
            after_last = self.matches[-1].end if self.matches else 0
            start = max(0, max(searched - overlap, after_last) - run.base)
            for found in self._query.finditer(run.wrapped.text, start):
                self.matches.append(Mark(run.base + found.start(), run.base + found.end(), "match"))
        if self.matches and self.current is None:
            self.current = 0
