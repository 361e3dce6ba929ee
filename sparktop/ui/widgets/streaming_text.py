"""A pane for an answer that is still being written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from time import monotonic
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer

from sparktop.model.text import printable
from sparktop.ui.widgets.document import Document
from sparktop.ui.widgets.line_widget import LineWidget, Span, row_width

FLUSHES_PER_SECOND = 10.0
"""How often text that came is shown, at most."""

FARTHEST = 1_000_000_000
"""Rows that are more than any text has."""


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
        & .streaming-text--reasoning { color: $muted; text-style: italic; }
        & .streaming-text--gutter { color: $secondary; }
        & .streaming-text--code { color: $accent; }
        & .streaming-text--match { text-style: reverse; }
        & .streaming-text--current-match { text-style: reverse bold underline; color: $warning; }
        & .streaming-text--good { color: $success; text-style: underline; }
        & .streaming-text--warn { color: $warning; text-style: underline; }
        & .streaming-text--bad { color: $error; text-style: bold underline; }
        & .streaming-text--note { text-style: underline; }
        & .streaming-text--more { text-style: reverse; color: $primary; }
        & .streaming-text--thumb { color: $track; }
        &:focus .streaming-text--thumb { color: $primary; }
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

    class Moved(Message):
        """Somebody scrolled."""

        def __init__(self, pane: StreamingText, lines: int) -> None:
            """Tell which pane, and by how many rows; at most to its end."""
            super().__init__()
            self.pane = pane
            self.lines = lines

    def __init__(
        self,
        *,
        ascii_only: bool = False,
        name: str | None = None,
        id: str | None = None,  # noqa: A002  (the name Textual uses)
        classes: str | None = None,
        disabled: bool = False,
    ) -> None:
        """Make an empty pane.

        Args:
            ascii_only: Whether to draw gutter, thumb and arrow with ASCII.
            name: The name of the widget.
            id: The id of the widget in the DOM.
            classes: The CSS classes of the widget.
            disabled: Whether the widget is disabled.
        """
        super().__init__(name=name, id=id, classes=classes, disabled=disabled)
        self._pending: list[tuple[str, str]] = []
        self._flush_timer: Timer | None = None
        self._ascii = ascii_only
        self._document = self._empty_document()
        self._top = 0
        self._following = True
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
        self._document = self._empty_document()
        self._top, self._following = 0, True
        self.refresh()

    def flush(self) -> None:
        """Show at once what was appended; before there is a size it waits."""
        if self._flush_timer is not None:
            self._flush_timer.stop()
            self._flush_timer = None
        if not self._pending or not self._text_width:
            return
        document = self._document
        # What stands on the row that changes may be longer now than it will be.
        old_width = row_width(document.spans(document.line_count - 1))
        changed = document.append(self._pending)
        self._pending.clear()
        self._after_growth(changed, old_width)

    # -- what is there ---------------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """The text as shown, without gutters; offsets of highlights count in it."""
        return self._document.text

    @property
    def line_count(self) -> int:
        """How many rows the text makes at the present width."""
        return self._document.line_count

    @property
    def following(self) -> bool:
        """Whether the pane follows the end of the text."""
        return self._following

    @property
    def lines_below(self) -> int:
        """How many rows are below the last one that shows."""
        return max(0, self.line_count - self._top - self.size.height)

    def _empty_document(self) -> Document:
        return Document(self._text_width, {"reasoning": "| " if self._ascii else "┊ "})

    @property
    def _text_width(self) -> int:
        # The last column belongs to the scroll thumb, so that text does not wrap anew when the thumb appears.
        return max(0, self.size.width - 1)

    # -- finding ---------------------------------------------------------------------------------------------------

    def find(self, query: str) -> int:
        """Mark every place where a text occurs, and go to the first one on screen or below it.

        Args:
            query: What to look for, upper or lower case alike; the empty text removes the marks.

        Returns:
            How many places there are now; text that comes later is searched too.
        """
        self.flush()
        document = self._document
        document.find(query)
        if self._pending and query:
            # A pane that had no room yet will find it as the text comes.
            waiting = printable("".join(text for text, _ in self._pending))
            return len(re.findall(re.escape(query), waiting, re.IGNORECASE))
        if document.matches:
            seen = (i for i, match in enumerate(document.matches) if document.line_of(match.start) >= self._top)
            document.current = next(seen, 0)
            self._reveal(document.matches[document.current].start)
        self.refresh()
        return len(document.matches)

    @property
    def match_count(self) -> int:
        """How many places match what was last looked for."""
        return len(self._document.matches)

    @property
    def match_position(self) -> int:
        """Which match is the current one, counted from 1; 0 if there is none."""
        current = self._document.current
        return 0 if current is None else current + 1

    def find_next(self, step: int = 1) -> int:
        """Go to the next match, around the end if need be.

        Args:
            step: How many matches to go; negative goes back.

        Returns:
            The number of the match that is current now, counted from 1; 0 if there is none.
        """
        document = self._document
        if not document.matches:
            return 0
        current = 0 if document.current is None else document.current + step
        document.current = current % len(document.matches)
        self._reveal(document.matches[document.current].start)
        self.refresh()
        return document.current + 1

    def find_previous(self) -> int:
        """Go to the match before; returns as `find_next` does."""
        return self.find_next(-1)

    def highlight(self, ranges: Sequence[tuple[int, int, str]]) -> None:
        """Mark parts of the text, in place of those marked before.

        Args:
            ranges: Start, end and style class (`good`, `warn`, `bad` or `note`) of each part, in offsets of `text`.
        """
        self.flush()
        self._document.highlight(ranges)
        self.refresh()

    # -- scrolling -------------------------------------------------------------------------------------------------

    def scroll_lines(self, lines: int) -> None:
        """Move by a number of rows; reaching the end follows it again."""
        self._go(self._top + lines)

    def follow(self) -> None:
        """Go to the end and stay there as text comes."""
        self._go(self._last_top)

    def stay(self) -> None:
        """Stop following the end, wherever that is."""
        self._following = False

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
        line, height = self._document.line_of(offset), self.size.height
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
            extent = max(row_width(self._document.spans(line)), old_width if line == changed else 0)
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
        self._move(lines)

    def action_page(self, pages: int) -> None:
        """Move by pages, one row of which stays on screen."""
        self._move(pages * max(1, self.size.height - 1))

    def action_top(self) -> None:
        """Go to the beginning."""
        self._move(-FARTHEST)

    def action_follow(self) -> None:
        """Go to the end and follow it."""
        self._move(FARTHEST)

    def _move(self, lines: int) -> None:
        self.scroll_lines(lines)
        self.post_message(self.Moved(self, lines))

    def action_find_next(self) -> None:
        """Go to the next match."""
        self.find_next()

    def action_find_previous(self) -> None:
        """Go to the match before."""
        self.find_previous()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll towards the beginning."""
        event.stop()
        self._move(-3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll towards the end."""
        event.stop()
        self._move(3)

    # -- painting --------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Show what was appended before there was a screen."""
        self.call_after_refresh(self.flush)

    def on_resize(self) -> None:
        """Wrap for the new width, keeping the line that is being read."""
        if not self._text_width:
            return
        document = self._document
        reading = document.offset_of(self._top)
        document.resize(self._text_width)
        self._top = self._last_top if self._following else min(document.line_of(reading), self._last_top)
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
        return f" {'v' if self._ascii else '▼'} {below} more line{'s' if below > 1 else ''} "

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
        thumb: Span = ("#" if self._ascii else "▐", "thumb") if start <= y < end else (" ", "")
        spans = self._document.spans(self._top + y)
        more = self._more() if y == height - 1 else ""
        if y == height - 1:
            self._shown_more = more
        if more and len(more) < width - 1:
            left = self.strip_of(spans, width - 1 - len(more))
            return Strip.join([left, self.strip_of([(more, "more"), thumb], len(more) + 1)])
        return Strip.join([self.strip_of(spans, width - 1), self.strip_of([thumb], 1)])
