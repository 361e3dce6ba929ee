"""A pane for an answer that is still being written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from time import monotonic
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.timer import Timer

from sparktop.model.text import printable
from sparktop.ui.widgets.document_pane import DocumentPane
from sparktop.ui.widgets.line_widget import row_width

FLUSHES_PER_SECOND = 10.0
"""How often text that came is shown, at most."""

FARTHEST = 1_000_000_000
"""Rows that are more than any text has."""


class StreamingText(DocumentPane, can_focus=True):
    """Text that grows at its end, wrapped for Chinese and Latin, at a cost that does not depend on its length.

    What is appended is made printable first, gathered, and shown at most ten times a second; no timer runs while
    nothing comes. The pane follows the end until somebody scrolls up, and says how many lines are below. Reasoning is
    told from the answer by a gutter, so that it does not hang on colour.
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
        super().__init__(ascii_only=ascii_only, name=name, id=id, classes=classes, disabled=disabled)
        self._pending: list[tuple[str, str]] = []
        self._flush_timer: Timer | None = None

    def on_mount(self) -> None:
        """Show what was appended before there was a screen."""
        self.call_after_refresh(self.flush)

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
