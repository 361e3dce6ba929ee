"""The frame around what is measured: lines of text in a few styles that every theme sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, TypeAlias, cast

from rich.cells import cell_len
from textual import events
from textual.app import App
from textual.content import Content

from sparktop.model.text import one_line
from sparktop.ui.actions import Action, key_name
from sparktop.ui.glyphs import UNICODE, Glyphs
from sparktop.ui.widgets.labels import cut
from sparktop.ui.widgets.line_widget import LineWidget, Span, SpanRow, row_width
from sparktop.ui.widgets.wrap import WrappedText

Layout: TypeAlias = Callable[[int, int], list[SpanRow]]
"""Makes the rows for a width and a height."""

STYLES = ("title", "label", "value", "muted", "ok", "warn", "bad", "key", "track", "pick", "banner")


def glyphs_of(app: App[object]) -> Glyphs:
    """Returns the signs that the app's terminal can show."""
    return cast(Glyphs, getattr(app, "glyphs", UNICODE))


def sentence_rows(text: str, width: int, style: str) -> list[SpanRow]:
    """A sentence in as many rows as it takes."""
    wrapped = WrappedText(max(1, width))
    wrapped.append(text)
    return [((row.text.lstrip(" "), style),) for row in wrapped.rows]


def spread_out(left: Sequence[Span], right: Sequence[Span], width: int) -> SpanRow:
    """Puts spans at both ends of a row; the left ones give way."""
    room = width - row_width(right)
    if room < 1:
        return tuple(crop(right, width))
    kept = crop(left, room - 1 if right else room)
    return (*kept, (" " * (room - row_width(kept)), ""), *right)


def crop(spans: Iterable[Span], width: int) -> list[Span]:
    """Keeps as many spans as fit and shortens the last."""
    kept: list[Span] = []
    for text, style in spans:
        if cell_len(text) > width:
            if width > 0:
                kept.append((cut(text, width), style))
            break
        kept.append((text, style))
        width -= cell_len(text)
    return kept


def whole(groups: Iterable[Sequence[Span]], width: int) -> list[Span]:
    """Keeps as many groups of spans as fit; half a figure could be read as another figure."""
    kept: list[Span] = []
    for group in groups:
        if row_width([*kept, *group]) > width:
            break
        kept += group
    return kept


def safe(text: str) -> str:
    """Makes a text from a file or a model fit for one line of the screen."""
    return one_line(text)


def plain(text: str) -> Content:
    """Makes a text fit for a frame: a str would be markup there, which ends the program or holds its actions."""
    return Content(safe(text))


class Chrome(LineWidget):
    """Lines in the styles of the frame; whoever owns it gives the layout."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"chrome--{style}" for style in STYLES),
        *(f"chrome--series-{i}" for i in range(1, 5)),
    }

    DEFAULT_CSS = """
    Chrome {
        height: 1;
        & .chrome--title { color: $primary; text-style: bold; }
        & .chrome--label { color: $muted; }
        & .chrome--value { color: $foreground; text-style: bold; }
        & .chrome--muted { color: $muted; }
        & .chrome--ok { color: $success; }
        & .chrome--warn { color: $warning; }
        & .chrome--bad { color: $error; text-style: bold; }
        & .chrome--key { color: $accent; text-style: bold; }
        & .chrome--track { color: $track; }
        & .chrome--pick { text-style: reverse; }
        & .chrome--banner { color: $warning; text-style: bold reverse; }
        & .chrome--series-1 { color: $series-1; }
        & .chrome--series-2 { color: $series-2; }
        & .chrome--series-3 { color: $series-3; }
        & .chrome--series-4 { color: $series-4; }
        &:ansi .chrome--label, &:ansi .chrome--muted { text-style: dim; }
    }
    """

    component_prefix = "chrome"

    def __init__(self, layout: Layout | None = None, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._layout_rows = layout

    def draw(self, layout: Layout) -> None:
        """Shows other lines from now on."""
        self._layout_rows = layout
        self.repaint()

    def build(self, width: int, height: int) -> list[SpanRow]:
        """Lays out the lines for a size; see `LineWidget.build`."""
        return self._layout_rows(width, height) if self._layout_rows else []


class KeyBar(Chrome):
    """The most important keys of a screen; a click does what the key does."""

    KEPT = 80
    """Actions of this rank and above stay however narrow the screen is."""

    NARROW = 80
    """On a narrower screen keys stand closer together: more of them are worth more than the blanks."""

    def __init__(self, actions: Sequence[Action], *, id: str = "keys") -> None:  # noqa: A002  (the name Textual uses)
        super().__init__(id=id)
        self._actions = actions
        self._places: list[tuple[int, int, str]] = []

    def build(self, width: int, height: int) -> list[SpanRow]:
        """Lays out as many keys as fit; see `LineWidget.build`."""
        ascii_only = glyphs_of(self.app).ascii
        gap = "" if width < self.NARROW else " "
        pieces = [(a, f" {key_name(a.keys[0], ascii_only)} ", f"{a.label}{gap}") for a in self._actions]
        lengths = {action.id: cell_len(key) + cell_len(label) for action, key, label in pieces}
        room = width - sum(lengths[a.id] for a in self._actions if a.rank >= self.KEPT)
        spans: list[Span] = []
        self._places = []
        at = 0
        for action, key, label in pieces:
            if action.rank < self.KEPT:
                if lengths[action.id] > room:
                    continue
                room -= lengths[action.id]
            self._places.append((at, at + lengths[action.id], action.handler))
            spans += [(key, "key"), (label, "label")]
            at += lengths[action.id]
        return [tuple(crop(spans, width))]

    async def on_click(self, event: events.Click) -> None:
        """Does what the key under the pointer does."""
        for start, end, handler in self._places:
            if start <= event.x < end:
                await self.screen.run_action(handler)
