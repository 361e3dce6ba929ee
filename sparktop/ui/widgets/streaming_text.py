"""A pane for an answer that is still being written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from time import monotonic
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.strip import Strip
from textual.timer import Timer

from sparktop.model.text import Printable
from sparktop.ui.widgets.line_widget import LineWidget, Span, row_width
from sparktop.ui.widgets.marks import Mark, cut_at_marks
from sparktop.ui.widgets.wrap import Row, WrappedText

FLUSHES_PER_SECOND = 10.0
"""How often text that came is shown, at most."""


class _Block:
    """A run of text in one style, with the rows it makes."""

    def __init__(self, style_class: str, width: int, base: int) -> None:
        self.style_class = style_class
        self.gutter = "┊ " if style_class == "reasoning" else ""
        self.wrapped = WrappedText(width - len(self.gutter))
        self.printable = Printable()
        self.base = base
        self.first_row = 0

    def resize(self, width: int) -> None:
        self.wrapped.resize(width - len(self.gutter))


class StreamingText(LineWidget, can_focus=True):
    """Text that grows at its end, wrapped for Chinese and Latin, at a cost that does not depend on its length.

    What is appended is made printable first, gathered, and shown at most ten times a second; no timer runs while
    nothing comes. The pane follows the end until somebody scrolls up, and says how many lines are below. Reasoning is
    told from the answer by a gutter, so that it does not hang on colour.

    It scrolls by itself: a `ScrollView` would lay out the whole screen anew for each line that is added.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "streaming-text--answer",
        "streaming-text--reasoning",
        "streaming-text--gutter",
        "streaming-text--code",
        "streaming-text--match",
        "streaming-text--current-match",
        "streaming-text--good",
        "streaming-text--warn",
        "streaming-text--bad",
        "streaming-text--note",
        "streaming-text--more",
        "streaming-text--thumb",
    }

    DEFAULT_CSS = """
    StreamingText {
        height: 1fr;
        & .streaming-text--reasoning { color: $foreground 70%; text-style: italic; }
        & .streaming-text--gutter { color: $secondary; }
        & .streaming-text--code { color: $accent; }
        & .streaming-text--match { text-style: reverse; }
        & .streaming-text--current-match { text-style: reverse bold underline; color: $warning; }
        & .streaming-text--good { color: $success; text-style: underline; }
        & .streaming-text--warn { color: $warning; text-style: underline; }
        & .streaming-text--bad { color: $error; text-style: bold underline; }
        & .streaming-text--note { text-style: underline; }
        & .streaming-text--more { text-style: reverse; color: $primary; }
        & .streaming-text--thumb { color: $foreground 40%; }
        &:focus .streaming-text--thumb { color: $primary; }
        &:ansi .streaming-text--reasoning { color: ansi_default; text-style: dim italic; }
        &:ansi .streaming-text--thumb { color: ansi_default; text-style: dim; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Line up", show=False),
        Binding("down,j", "move(1)", "Line down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("home,g", "top", "Top", show=False),
        Binding("end,G", "follow", "End", show=False),
        Binding("n", "find_next", "Next match", show=False),
        Binding("N", "find_previous", "Previous match", show=False),
    ]

    component_prefix = "streaming-text"

    def __init__(
        self,
        *,
        name: str | None = None,
        id: str | None = None,  # noqa: A002  (the name Textual uses)
        classes: str | None = None,
        disabled: bool = False,
    ) -> None:
        """Make an empty pane.

        Args:
            name: The name of the widget.
            id: The id of the widget in the DOM.
            classes: The CSS classes of the widget.
            disabled: Whether the widget is disabled.
        """
        super().__init__(name=name, id=id, classes=classes, disabled=disabled)
        self._pending: list[tuple[str, str]] = []
        self._flush_timer: Timer | None = None
        self._blocks: list[_Block] = []
        self._top = 0
        self._following = True
        self._query = ""
        self._matches: list[Mark] = []
        self._current: int | None = None
        self._highlights: list[Mark] = []
        self._shown_thumb = (0, 0)
        self._shown_more = ""

    # -- text in ---------------------------------------------------------------------------------------------------

    def append(self, text: str, style_class: str = "answer") -> None:
        """Add text at the end; it shows within a tenth of a second.

        Args:
            text: Raw text from a model, in pieces of any size.
            style_class: `answer` or `reasoning`; a change begins a new line.
        """
        if not text:
            return
        self._pending.append((text, style_class))
        if self._flush_timer is None and self.is_running:
            # Panes flush on the same beat, so that two streams cost one paint and not two.
            period = 1.0 / FLUSHES_PER_SECOND
            self._flush_timer = self.set_timer(period - monotonic() % period, self.flush)

    def set_text(self, text: str, style_class: str = "answer") -> None:
        """Replace everything with a text.

        Args:
            text: Raw text.
            style_class: `answer` or `reasoning`.
        """
        self.clear()
        self.append(text, style_class)
        self.flush()

    def clear(self) -> None:
        """Remove the text, the matches and the highlights, and follow the end again."""
        self._pending.clear()
        self._blocks.clear()
        self._matches.clear()
        self._highlights.clear()
        self._query, self._current = "", None
        self._top, self._following = 0, True
        self.refresh()

    def flush(self) -> None:
        """Show at once what was appended."""
        if self._flush_timer is not None:
            self._flush_timer.stop()
            self._flush_timer = None
        if not self._pending or not self._text_width:
            return
        before, searched = self.line_count, self._searched
        changed = before
        # What was on the rows that change may have been longer than what is there now.
        old_width = row_width(self._spans(before - 1)) if before else 0
        runs: list[tuple[str, list[str]]] = []
        for text, style_class in self._pending:
            if runs and runs[-1][0] == style_class:
                runs[-1][1].append(text)
            else:
                runs.append((style_class, [text]))
        self._pending.clear()
        for style_class, pieces in runs:
            changed = min(changed, self._add("".join(pieces), style_class))
        self._search(searched)
        self._after_growth(changed, old_width)

    def _add(self, text: str, style_class: str) -> int:
        """Add text to the last block, or to a new one; return the first row that changed."""
        if not self._blocks or self._blocks[-1].style_class != style_class:
            base = self._searched
            block = _Block(style_class, self._text_width, base)
            block.first_row = self.line_count
            self._blocks.append(block)
        block = self._blocks[-1]
        return block.first_row + block.wrapped.append(block.printable.feed(text))

    # -- what is there ---------------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """The text as shown, without gutters; offsets of matches and highlights count in it."""
        return "".join(block.wrapped.text for block in self._blocks)

    @property
    def line_count(self) -> int:
        """How many rows the text makes at the present width."""
        if not self._blocks:
            return 0
        last = self._blocks[-1]
        return last.first_row + len(last.wrapped.rows)

    @property
    def following(self) -> bool:
        """Whether the pane follows the end of the text."""
        return self._following

    @property
    def lines_below(self) -> int:
        """How many rows are below the last one that shows."""
        return max(0, self.line_count - self._top - self.size.height)

    @property
    def _searched(self) -> int:
        if not self._blocks:
            return 0
        last = self._blocks[-1]
        return last.base + len(last.wrapped.text)

    @property
    def _text_width(self) -> int:
        # The last column belongs to the scroll thumb, so that text does not wrap anew when the thumb appears.
        return max(0, self.size.width - 1)

    def _locate(self, line: int) -> tuple[_Block, Row] | None:
        for block in reversed(self._blocks):
            if line >= block.first_row:
                index = line - block.first_row
                if index < len(block.wrapped.rows):
                    return block, block.wrapped.rows[index]
                return None
        return None

    def _line_of(self, offset: int) -> int:
        """Return the row on which an offset of the text stands."""
        for block in reversed(self._blocks):
            if offset >= block.base:
                return block.first_row + block.wrapped.row_at(offset - block.base)
        return 0

    # -- finding ---------------------------------------------------------------------------------------------------

    def find(self, query: str) -> int:
        """Mark every place where a text occurs, and go to the first one on screen or below it.

        Args:
            query: What to look for, upper or lower case alike; the empty text removes the marks.

        Returns:
            How many places there are now; text that comes later is searched too.
        """
        self.flush()
        self._query = query
        self._matches, self._current = [], None
        self._search(0)
        if self._matches:
            self._current = next(
                (i for i, match in enumerate(self._matches) if self._line_of(match.start) >= self._top), 0
            )
            self._reveal(self._matches[self._current].start)
        self.refresh()
        return len(self._matches)

    @property
    def match_count(self) -> int:
        """How many places match what was last looked for."""
        return len(self._matches)

    @property
    def match_position(self) -> int:
        """Which match is the current one, counted from 1; 0 if there is none."""
        return 0 if self._current is None else self._current + 1

    def find_next(self, step: int = 1) -> int:
        """Go to the next match, around the end if need be.

        Args:
            step: How many matches to go; negative goes back.

        Returns:
            The number of the match that is current now, counted from 1; 0 if there is none.
        """
        if not self._matches:
            return 0
        current = 0 if self._current is None else self._current + step
        self._current = current % len(self._matches)
        self._reveal(self._matches[self._current].start)
        self.refresh()
        return self._current + 1

    def find_previous(self) -> int:
        """Go to the match before; returns as `find_next` does."""
        return self.find_next(-1)

    def highlight(self, ranges: Sequence[tuple[int, int, str]]) -> None:
        """Mark parts of the text, in place of those marked before.

        Args:
            ranges: Start, end and style class (`good`, `warn`, `bad` or `note`) of each part, in offsets of `text`.
        """
        self.flush()
        self._highlights = sorted(Mark(start, end, name) for start, end, name in ranges)
        self.refresh()

    def _search(self, searched: int) -> None:
        """Look for the query in what was added, and in what just before could be its beginning."""
        if not self._query:
            return
        pattern = re.compile(re.escape(self._query), re.IGNORECASE)
        for block in self._blocks:
            if block.base + len(block.wrapped.text) <= searched:
                continue
            last_end = self._matches[-1].end if self._matches else 0
            start = max(0, searched - len(self._query) + 1 - block.base, last_end - block.base)
            for found in pattern.finditer(block.wrapped.text, start):
                self._matches.append(Mark(block.base + found.start(), block.base + found.end(), "match"))
        if self._matches and self._current is None:
            self._current = 0

    # -- scrolling -------------------------------------------------------------------------------------------------

    def scroll_lines(self, lines: int) -> None:
        """Move by a number of rows; reaching the end follows it again."""
        self._go(self._top + lines)

    def follow(self) -> None:
        """Go to the end and stay there as text comes."""
        self._go(self._last_top)

    @property
    def _last_top(self) -> int:
        return max(0, self.line_count - self.size.height)

    def _go(self, top: int) -> None:
        top = max(0, min(top, self._last_top))
        self._following = top == self._last_top
        if top != self._top:
            self._top = top
            self.refresh()

    def _reveal(self, offset: int) -> None:
        line, height = self._line_of(offset), self.size.height
        if not self._top <= line < self._top + height:
            self._go(line - height // 3)
        elif self._following and line < self._last_top + height - 1:
            # Reading a match must not be disturbed by text that comes.
            self._following = self._last_top == 0

    def _after_growth(self, changed: int, old_width: int) -> None:
        """Mark what growth changed on screen as dirty."""
        height = self.size.height
        if self._following and self._top != self._last_top:
            self._top = self._last_top
            self.refresh()
            return
        regions: list[Region] = []
        for line in range(max(changed, self._top), min(self.line_count, self._top + height)):
            # Textual paints from the left edge of a row to the right edge of the region: what is blank stays unpainted.
            extent = max(row_width(self._spans(line)), old_width if line == changed else 0)
            regions.append(Region(0, line - self._top, min(extent, self.size.width), 1))
        thumb = self._thumb()
        if thumb != self._shown_thumb:
            rows = set(range(*thumb)) ^ set(range(*self._shown_thumb))
            regions.extend(Region(0, y, self.size.width, 1) for y in sorted(rows))
        if self._more() != self._shown_more:
            regions.append(Region(0, height - 1, self.size.width, 1))
        if regions:
            self.refresh(*regions)

    def action_move(self, lines: int) -> None:
        """Move by rows."""
        self.scroll_lines(lines)

    def action_page(self, pages: int) -> None:
        """Move by pages, one row of which stays on screen."""
        self.scroll_lines(pages * max(1, self.size.height - 1))

    def action_top(self) -> None:
        """Go to the beginning."""
        self._go(0)

    def action_follow(self) -> None:
        """Go to the end and follow it."""
        self.follow()

    def action_find_next(self) -> None:
        """Go to the next match."""
        self.find_next()

    def action_find_previous(self) -> None:
        """Go to the match before."""
        self.find_previous()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll towards the beginning."""
        event.stop()
        self.scroll_lines(-3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll towards the end."""
        event.stop()
        self.scroll_lines(3)

    # -- painting --------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Show what was appended before there was a screen."""
        self.call_after_refresh(self.flush)

    def on_resize(self) -> None:
        """Wrap for the new width, keeping the line that is being read."""
        if not self._text_width:
            return
        place = self._locate(self._top)
        offset = 0 if place is None else place[0].base + place[1].start
        line = 0
        for block in self._blocks:
            block.first_row = line
            block.resize(self._text_width)
            line += len(block.wrapped.rows)
        self._top = self._last_top if self._following else min(self._line_of(offset), self._last_top)
        self.flush()
        self.refresh()

    def repaint(self) -> None:
        """Paint everything again."""
        self.refresh()

    def _thumb(self) -> tuple[int, int]:
        """Return the rows of the scroll thumb, from and up to."""
        height, total = self.size.height, self.line_count
        if total <= height or height < 2:
            return (0, 0)
        size = max(1, height * height // total)
        start = round(self._top / (total - height) * (height - size))
        return (start, start + size)

    def _more(self) -> str:
        below = self.lines_below
        if self._following or not below:
            return ""
        return f" ▼ {below} more line{'s' if below > 1 else ''} "

    def _spans(self, line: int) -> list[Span]:
        place = self._locate(line)
        if place is None:
            return []
        block, row = place
        spans: list[Span] = []
        if block.gutter:
            spans.append((block.gutter, "gutter"))
        if row.indent:
            spans.append((" " * row.indent, ""))
        name = "code" if row.code and block.style_class == "answer" else block.style_class
        spans.extend(self._marked(row, block.base + row.start, name))
        return spans

    def _marked(self, row: Row, start: int, name: str) -> list[Span]:
        if not self._matches and not self._highlights:
            return [(row.text, name)]
        current = [] if self._current is None else [self._matches[self._current]._replace(name="current-match")]
        return cut_at_marks(row.text, start, name, (self._highlights, self._matches, current))

    def render_line(self, y: int) -> Strip:
        """Render one row.

        Args:
            y: The row, counted from the top of the pane.

        Returns:
            A strip as wide as the pane.
        """
        width, height = self.size
        if y == 0:
            self._shown_thumb = self._thumb()
        start, end = self._thumb()
        thumb: Span = ("▐", "thumb") if start <= y < end else (" ", "")
        spans = self._spans(self._top + y)
        more = self._more() if y == height - 1 else ""
        if y == height - 1:
            self._shown_more = more
        if more and len(more) < width - 1:
            left = self.strip_of(spans, width - 1 - len(more))
            return Strip.join([left, self.strip_of([(more, "more"), thumb], len(more) + 1)])
        return Strip.join([self.strip_of(spans, width - 1), self.strip_of([thumb], 1)])
