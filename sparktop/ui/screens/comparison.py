"""Two runs side by side: what changed, by how much, and whether chance explains it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll

from sparktop.model.change_text import amount, label, share, span, verdict
from sparktop.model.changes import Change, Verdict
from sparktop.model.comparison import THRESHOLD, Comparison, Row, compare
from sparktop.model.document import Snapshot
from sparktop.ui.actions import Scope, bindings, footer
from sparktop.ui.chrome import Chrome, KeyBar, crop, safe, spread_out
from sparktop.ui.format import plural
from sparktop.ui.screens.base import ScopedScreen
from sparktop.ui.widgets.columns import Column
from sparktop.ui.widgets.line_widget import Span, SpanRow
from sparktop.ui.widgets.table import Cell, GridTable, TableRow
from sparktop.ui.widgets.wrap import WrappedText

FRAME_ROWS = 2
HEADER_ROWS = 1

COLUMNS = (
    Column("figure", priority=20, min_width=26, max_width=34),
    Column("before", align="right", priority=17),
    Column("after", align="right", priority=18),
    Column("change", align="right", priority=19),
    Column("range", align="right", priority=10),
    Column("verdict", priority=16),
)

_STYLES = {
    Verdict.BETTER: "good",
    Verdict.WORSE: "warn",
    Verdict.CHANGED: "accent",
    Verdict.SAME: "muted",
    Verdict.UNKNOWN: "muted",
}

_SIGNS = {"unjudged": ("?", "muted"), "cautions": ("!", "warn"), "differences": ("=", "accent")}
"""The panels below the table, and what stands before each of their sentences."""

LIMITS: Final = (
    "Ranges know how much figures vary within the runs. What lasted through one of them (heat, another program) looks "
    "like a change of the model: repeat both before you blame it."
)


class ComparisonTable(GridTable, can_focus=False):
    """A table as long as it is; the screen scrolls, not the table."""


class ComparisonScreen(ScopedScreen):
    """Two runs.

    Args:
        before: The one.
        after: The other, whose changes are told.

    Raises:
        NotComparable: They have nothing in common.
    """

    CSS_PATH = "comparison.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.COMPARISON)
    scopes = (Scope.COMPARISON, Scope.EVERYWHERE)
    AUTO_FOCUS = "#all"

    def __init__(self, before: Snapshot, after: Snapshot) -> None:
        super().__init__()
        self._runs = (before, after)
        self._found: Comparison = compare(before, after)
        self._changed_only = False

    def compose(self) -> ComposeResult:
        """Makes the table and what stands below it."""
        yield Chrome(self._title, id="title")
        yield Chrome(self._conclusion, id="conclusion")
        with VerticalScroll(id="all"):
            table = ComparisonTable(
                COLUMNS, cursor=False, ascii_only=self.sparktop.glyphs.ascii, empty="Nothing changed.", id="changes"
            )
            table.add_class("panel")
            yield table
            for name, title in (
                ("unjudged", "Not judged"),
                ("cautions", "What speaks against comparing them"),
                ("differences", "What else changed"),
            ):
                panel = Chrome(partial(self._panel, name), id=name, classes="panel")
                panel.border_title = title
                yield panel
            yield Chrome(lambda width, height: _limits(width), id="limits")
        yield KeyBar(footer(*self.scopes))

    def on_mount(self) -> None:
        """Fills the table."""
        self._show()

    def on_resize(self, event: events.Resize) -> None:
        """Makes room for the sentences at the new width."""
        self.call_after_refresh(self._fit)

    # -- what is shown ---------------------------------------------------------------------------------------------

    def _show(self) -> None:
        rows = list(self._rows())
        table = self.query_one("#changes", GridTable)
        table.show(rows)
        table.styles.height = max(1, len(rows)) + HEADER_ROWS + FRAME_ROWS
        table.border_title = safe(self._found.title)
        table.border_subtitle = "range: where the change lies; 0 in it may be chance"
        for chrome in self.query(Chrome):
            chrome.repaint()
        self.call_after_refresh(self._fit)

    def _rows(self) -> Iterator[TableRow]:
        batches = any(row.batch > 1 for row in self._found.rows)
        for index, row in enumerate(self._found.rows):
            changes = [change for change in row.changes if self._wanted(change)]
            if not changes:
                continue
            name = safe(row.name) + (f", batch {row.batch}" if batches else "")
            yield TableRow(key=f"{index}", cells=((name, f"series-{index % 4 + 1}"),))
            yield from (_change_row(index, row, change) for change in changes)

    def _wanted(self, change: Change) -> bool:
        return not self._changed_only or change.verdict not in (Verdict.SAME, Verdict.UNKNOWN)

    def _title(self, width: int, height: int) -> list[SpanRow]:
        before, after = self._found.before, self._found.after
        left: list[Span] = [("sparktop ", "title"), (" comparison ", "muted")]
        names: list[Span] = [(f" {safe(before.id)}", "value"), (" then ", "muted"), (safe(after.id), "value")]
        return [tuple(crop([*left, *names], width)) if width >= 60 else tuple(crop(names, width))]

    def _conclusion(self, width: int, height: int) -> list[SpanRow]:
        worse = self._found.worse()
        right: list[Span] = [(" f shows all" if self._changed_only else "", "muted")]
        if worse:
            word = f"{plural(len(worse), 'figure')} got worse by more than {THRESHOLD * 100:g} % and beyond chance"
            return [spread_out([("! ", "bad"), (word, "bad")], right, width)]
        left: list[Span] = [(f"Nothing got worse by more than {THRESHOLD * 100:g} % and beyond chance", "ok")]
        if self._found.unjudged:
            count = plural(self._found.unjudged, "figure")
            left = [(f"{count} could not be judged", "warn"), ("; nothing else got worse", "")]
        return [spread_out(left, right, width)]

    def _lines(self, name: str) -> list[str]:
        if name == "cautions":
            return [*self._found.cautions]
        if name == "differences":
            return [*self._found.differences]
        rows = self._found.rows
        found = {f"{row.name}: {one.reason}" for row in rows for one in row.changes if one.verdict is Verdict.UNKNOWN}
        return sorted(found)

    def _panel(self, name: str, width: int, height: int) -> list[SpanRow]:
        return self._wrapped(name, width)

    def _wrapped(self, name: str, width: int) -> list[SpanRow]:
        rows: list[SpanRow] = []
        sign, style = _SIGNS[name]
        for line in self._lines(name):
            wrapped = WrappedText(max(8, width - 2))
            wrapped.append(safe(line))
            for index, row in enumerate(wrapped.rows):
                rows.append(((f"{sign} " if index == 0 else "  ", style), (row.text, "")))
        return rows

    def _fit(self) -> None:
        if not self.is_running:
            return
        for name in _SIGNS:
            panel = self.query_one(f"#{name}", Chrome)
            panel.display = bool(self._lines(name))
            if width := panel.size.width or self.query_one("#changes").size.width:
                panel.styles.height = max(1, len(self._wrapped(name, width))) + FRAME_ROWS
            panel.repaint()
        limits = self.query_one("#limits", Chrome)
        limits.styles.height = len(_limits(limits.content_size.width or max(1, self.size.width - 2)))

    # -- what is done ----------------------------------------------------------------------------------------------

    def action_turn_round(self) -> None:
        """Compares the other way round."""
        before, after = self._runs
        self._runs = (after, before)
        self._found = compare(after, before)
        self._show()

    def action_only_changes(self) -> None:
        """Shows only what changed by more than it varies, or everything."""
        self._changed_only = not self._changed_only
        self._show()

    def action_back(self) -> None:
        """Goes back to the history."""
        self.app.pop_screen()


def _limits(width: int) -> list[SpanRow]:
    """What the range can't know."""
    wrapped = WrappedText(max(8, width))
    wrapped.append(LIMITS)
    return [((row.text, "muted"),) for row in wrapped.rows]


def _change_row(index: int, row: Row, change: Change) -> TableRow:
    style = "bad" if change.exceeds(THRESHOLD) else _STYLES[change.verdict]
    moved: Cell = (share(change), style if change.verdict is not Verdict.SAME else "")
    cells: tuple[Cell, ...] = (
        f"  {label(change)}",
        amount(change.before),
        (amount(change.after), "strong"),
        moved,
        (span(change), "muted"),
        (verdict(change, THRESHOLD), style),
    )
    return TableRow(key=f"{index}/{row.batch}/{change.metric}", cells=cells)
