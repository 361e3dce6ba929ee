"""A part of a document on the screen: which rows show, what is painted of them, and how far the text goes on."""

from __future__ import annotations

from typing import ClassVar

from textual.geometry import Region
from textual.strip import Strip

from sparktop.ui.widgets.document import Document
from sparktop.ui.widgets.line_widget import LineWidget, Span, row_width


class DocumentPane(LineWidget):
    """Shows some rows of a document, and follows its end until it is told to stay.

    The last column belongs to a thumb that tells where one is, and the last row says how many are below.

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
    DocumentPane {
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

    component_prefix = "streaming-text"

    def __init__(
        self,
        *,
        ascii_only: bool = False,
        name: str | None = None,
        id: str | None = None,  # noqa: A002  (the name Textual uses)
        classes: str | None = None,
        disabled: bool = False,
    ) -> None:
        """Make a pane of an empty document.

        Args:
            ascii_only: Whether to draw gutter, thumb and arrow with ASCII.
            name: The name of the widget.
            id: The id of the widget in the DOM.
            classes: The CSS classes of the widget.
            disabled: Whether the widget is disabled.
        """
        super().__init__(name=name, id=id, classes=classes, disabled=disabled)
        self._ascii = ascii_only
        self._document = self._empty_document()
        self._top = 0
        self._following = True
        self._shown_thumb = (0, 0)
        self._shown_more = ""

    def flush(self) -> None:
        """Take in text that waited for a size; a subclass that gathers text overrides this."""

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

    # -- scrolling -------------------------------------------------------------------------------------------------

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

    # -- painting --------------------------------------------------------------------------------------------------

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
