"""The base of every widget here: rows of plain spans, of which only the changed ones are painted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import ClassVar, TypeAlias

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.dom import DOMNode
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

Span: TypeAlias = tuple[str, str]
"""A piece of text and the name of its style; the empty name is the widget's own style."""

SpanRow: TypeAlias = tuple[Span, ...]


def merge_spans(spans: Sequence[Span]) -> SpanRow:
    """Join neighbours that share a style, since every change of style costs bytes.

    Args:
        spans: The spans of one row, left to right.

    Returns:
        The same text in as few spans as possible, without empty ones.
    """
    merged: list[Span] = []
    for text, name in spans:
        if not text:
            continue
        if merged and merged[-1][1] == name:
            merged[-1] = (merged[-1][0] + text, name)
        else:
            merged.append((text, name))
    return tuple(merged)


def absorb_blanks(spans: Sequence[Span]) -> SpanRow:
    """Join spans as `merge_spans` does, and let blanks take the style of what stands beside them.

    Blanks at the end are dropped. A blank has no ink, so its style does not show as long as styles set the colour of
    text and nothing else; and each change of style costs some forty bytes.

    Args:
        spans: The spans of one row, left to right; blanks have the empty style name.

    Returns:
        The same text in fewer spans.
    """
    joined: list[Span] = []
    for text, name in merge_spans(spans):
        if joined and not name and text.isspace():
            joined[-1] = (joined[-1][0] + text, joined[-1][1])
        elif joined and joined[-1][1] == name:
            joined[-1] = (joined[-1][0] + text, name)
        else:
            joined.append((text, name))
    if joined and joined[-1][0].endswith(" "):
        joined[-1] = (joined[-1][0].rstrip(" "), joined[-1][1])
        if not joined[-1][0]:
            joined.pop()
    if len(joined) > 1 and not joined[0][1] and joined[0][0].isspace():
        joined[:2] = [(joined[0][0] + joined[1][0], joined[1][1])]
    return tuple(joined)


def inked_width(row: Sequence[Span]) -> int:
    """Return the width of a row without the unstyled blanks at its end."""
    width = row_width(row)
    for text, name in reversed(row):
        if name:
            break
        width -= len(text) - len(text.rstrip(" "))
        if not text.isspace():
            break
    return width


def row_width(row: Sequence[Span]) -> int:
    """Return the width of a row in terminal cells."""
    return sum(cell_len(text) for text, _ in row)


class LineWidget(Widget):
    """A widget that is a list of rows of spans.

    A subclass makes rows in `build` and calls `repaint` when its data changed. Rows are compared as plain data with the
    rows on screen, and only those that differ are marked dirty: a terminal over SSH is paid for by the byte.

    Style names are looked up as component classes `<component_prefix>--<name>`, so themes can set every colour.
    """

    ALLOW_SELECT = False

    component_prefix: ClassVar[str] = ""
    """What the component classes of the widget begin with."""

    def __init__(
        self,
        *,
        name: str | None = None,
        id: str | None = None,  # noqa: A002  (the name Textual uses)
        classes: str | None = None,
        disabled: bool = False,
    ) -> None:
        """Make the widget, with no rows yet.

        Args:
            name: The name of the widget.
            id: The id of the widget in the DOM.
            classes: The CSS classes of the widget.
            disabled: Whether the widget is disabled.
        """
        super().__init__(name=name, id=id, classes=classes, disabled=disabled)
        self._rows: list[SpanRow] = []
        self._line_styles: dict[str, Style] = {}
        self._told_size: Size | None = None

    def build(self, width: int, height: int) -> list[SpanRow]:
        """Make the rows for a size; a subclass overrides this.

        Args:
            width: The width of the content in cells, at least 1.
            height: The number of rows, at least 1.

        Returns:
            At most `height` rows; missing rows are blank.
        """
        return []

    @property
    def rows(self) -> Sequence[SpanRow]:
        """The rows as they were last built."""
        return self._rows

    def repaint(self) -> None:
        """Build the rows again and mark those that changed as dirty."""
        width, height = self.size
        if width < 1 or height < 1:
            return
        rows = self.build(width, height)[:height]
        rows.extend(() for _ in range(height - len(rows)))
        old = self._rows
        self._rows = rows
        if len(old) != len(rows):
            self.refresh()
            return
        # Textual paints a dirty row from its left edge to the right edge of the region: blanks at the end are cut off.
        dirty = [
            Region(0, y, min(width, max(inked_width(rows[y]), inked_width(old[y]), 1)), 1)
            for y in range(height)
            if rows[y] != old[y]
        ]
        if dirty:
            self.refresh(*dirty)

    def line_style(self, name: str) -> Style:
        """Return the style for a span.

        Args:
            name: The part of a component class after the prefix, or several joined by spaces, of which later ones win.

        Returns:
            The style; an unknown name falls back to the style of the widget.
        """
        # Textual forgets its own cache of component styles at each refresh, which would be each frame.
        style = self._line_styles.get(name)
        if style is None:
            style = self.rich_style
            for part in name.split():
                component = f"{self.component_prefix}--{part}"
                if component in self._component_names():
                    self._resolve(component)
                    own = self.get_component_rich_style(component, partial=True)
                    whole = self.get_component_rich_style(component)
                    # Only the whole style has a colour with an alpha blended with the background.
                    blended = Style(
                        color=whole.color if own.color is not None else None,
                        bgcolor=whole.bgcolor if own.bgcolor is not None else None,
                    )
                    style += own + blended
            self._line_styles[name] = style
        return style

    @classmethod
    @cache
    def _component_names(cls) -> frozenset[str]:
        return frozenset().union(*(base.__dict__.get("COMPONENT_CLASSES", ()) for base in cls.__mro__))

    def _get_component_classes(self) -> frozenset[str]:  # type: ignore[override]
        # Textual would look up every style that a widget could use each time when its styles may have changed, which
        # was a third of what it costs to show a screen; of a dozen or more, a widget uses a few.
        return frozenset(self._component_styles)

    def _resolve(self, component: str) -> None:
        """Look a style up in the style sheet when it is first used; from then on Textual keeps it up to date."""
        if component not in self._component_styles:
            node = DOMNode(classes=component)
            node._attach(self)
            self.app.stylesheet.apply(node, animate=False)
            self._component_styles[component] = node.styles

    def render_lines(self, crop: Region) -> list[Strip]:
        """Render some rows, and see to it that the widget hears of its size.

        Args:
            crop: Which part is rendered.

        Returns:
            The rows.
        """
        if self._told_size != self.size:
            # Textual sends no resize to a widget whose place was asked for, as focus does, before it was laid out
            # (https://github.com/Textualize/textual/issues/5024): it would stay blank for ever.
            self.post_message(events.Resize(self.outer_size, self.virtual_size, self.container_size))
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Render one row.

        Args:
            y: The row, counted from the top of the content.

        Returns:
            A strip as wide as the content.
        """
        width = self.size.width
        spans = self._rows[y] if 0 <= y < len(self._rows) else ()
        return self.strip_of(spans, width)

    def strip_of(self, spans: Sequence[Span], width: int) -> Strip:
        """Turn spans into a strip of exactly `width` cells."""
        # A segment without a style crashes the monochrome filter that Textual uses under NO_COLOR.
        segments = [Segment(text, self.line_style(name)) for text, name in spans]
        used = row_width(spans)
        if used < width:
            segments.append(Segment(" " * (width - used), self.line_style("")))
        strip = Strip(segments, max(used, width))
        return strip.crop(0, width) if used > width else strip

    def notify_style_update(self) -> None:
        """Forget resolved styles when the theme or the classes change."""
        self._line_styles.clear()
        super().notify_style_update()

    def on_resize(self) -> None:
        """Build the rows for the new size."""
        self._told_size = self.size
        self.repaint()
