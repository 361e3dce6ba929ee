"""A table of short texts that change often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from sparktop.model.text import one_line
from sparktop.ui.widgets.columns import Column, column_widths
from sparktop.ui.widgets.labels import fit
from sparktop.ui.widgets.line_widget import LineWidget, Span, SpanRow, merge_spans

Cell: TypeAlias = str | tuple[str, str]
"""The text of a cell, or the text and its style class; never markup."""

GAP = 2


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table.

    Attributes:
        key: What the row is; the cursor stays on it when rows change places.
        cells: One cell for each column; missing ones are blank.
        style_class: The style of cells that have none of their own.
    """

    key: str
    cells: Sequence[Cell]
    style_class: str = ""


class GridTable(LineWidget, can_focus=True):
    """A table that repaints the rows that changed.

    Columns are as wide as their widest text so far, so that they do not move to and fro as numbers change. Where there
    is too little room the columns of lowest priority are dropped.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "grid-table--header",
        "grid-table--cursor",
        "grid-table--cursor-mark",
        "grid-table--muted",
        "grid-table--strong",
        "grid-table--good",
        "grid-table--warn",
        "grid-table--bad",
        "grid-table--accent",
        "grid-table--more",
        *(f"grid-table--series-{i}" for i in range(1, 5)),
    }

    DEFAULT_CSS = """
    GridTable {
        height: 1fr;
        & .grid-table--header { color: $muted; text-style: bold; }
        & .grid-table--cursor { text-style: bold; }
        & .grid-table--cursor-mark { color: $primary; text-style: bold; }
        & .grid-table--muted { color: $muted; }
        & .grid-table--strong { text-style: bold; }
        & .grid-table--good { color: $success; }
        & .grid-table--warn { color: $warning; }
        & .grid-table--bad { color: $error; text-style: bold; }
        & .grid-table--accent { color: $accent; }
        & .grid-table--more { color: $muted; text-style: italic; }
        & .grid-table--series-1 { color: $series-1; }
        & .grid-table--series-2 { color: $series-2; }
        & .grid-table--series-3 { color: $series-3; }
        & .grid-table--series-4 { color: $series-4; }
        &:focus .grid-table--cursor { text-style: bold reverse; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "cursor(-1)", "Row up", show=False),
        Binding("down,j", "cursor(1)", "Row down", show=False),
        Binding("pageup", "cursor_page(-1)", "Page up", show=False),
        Binding("pagedown", "cursor_page(1)", "Page down", show=False),
        Binding("home,g", "cursor(-1000000)", "First row", show=False),
        Binding("end,G", "cursor(1000000)", "Last row", show=False),
        Binding("enter", "select", "Select", show=False),
    ]

    component_prefix = "grid-table"

    class Highlighted(Message):
        """The cursor moved to another row."""

        def __init__(self, table: GridTable, key: str) -> None:
            """Make the message.

            Args:
                table: The table.
                key: The key of the row.
            """
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> GridTable:
            """The table."""
            return self.table

    class Selected(Highlighted):
        """A row was chosen with Enter or a click."""

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        cursor: bool = True,
        header: bool = True,
        empty: str = "",
        ascii_only: bool = False,
        name: str | None = None,
        id: str | None = None,  # noqa: A002  (the name Textual uses)
        classes: str | None = None,
        disabled: bool = False,
    ) -> None:
        """Make an empty table.

        Args:
            columns: The columns.
            cursor: Whether one row can be chosen.
            header: Whether there is a row of labels.
            empty: What to say while there are no rows.
            ascii_only: Whether to draw with ASCII.
            name: The name of the widget.
            id: The id of the widget in the DOM.
            classes: The CSS classes of the widget.
            disabled: Whether the widget is disabled.
        """
        super().__init__(name=name, id=id, classes=classes, disabled=disabled)
        self._columns = tuple(columns)
        self._has_cursor = cursor
        self._has_header = header
        self._empty = empty
        self._ascii = ascii_only
        self._data: Sequence[TableRow] = ()
        self._key: str | None = None
        self._top = 0
        self._wanted = [cell_len(column.label) for column in columns]
        self.can_focus = cursor

    def show(self, rows: Sequence[TableRow]) -> None:
        """Show rows in place of those before; rows that look the same are not painted.

        Args:
            rows: The rows, each with a key of its own.
        """
        old = self.cursor_index
        self._data = rows
        for row in rows:
            for i, cell in enumerate(row.cells[: len(self._wanted)]):
                width = cell_len(cell if isinstance(cell, str) else cell[0])
                self._wanted[i] = max(self._wanted[i], width)
        if self._has_cursor and rows and self.cursor_index is None:
            # The row under the cursor has gone: stay where it was rather than jump to the top.
            self._key = rows[min(old or 0, len(rows) - 1)].key
        self.repaint()

    def say_if_empty(self, text: str) -> None:
        """Say something else while there are no rows."""
        if text != self._empty:
            self._empty = text
            self.repaint()

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Replace the columns and remove the rows."""
        self._columns = tuple(columns)
        self.clear()

    def clear(self) -> None:
        """Remove the rows, and forget how wide the columns were."""
        self._data, self._key, self._top = (), None, 0
        self._wanted = [cell_len(column.label) for column in self._columns]
        self.repaint()

    @property
    def cursor_index(self) -> int | None:
        """Where the cursor is among the rows; None if it is nowhere."""
        return next((i for i, row in enumerate(self._data) if row.key == self._key), None)

    @property
    def cursor_key(self) -> str | None:
        """The key of the row that the cursor is on; None if it is nowhere."""
        return self._key if self.cursor_index is not None else None

    def move_cursor(self, index: int) -> None:
        """Put the cursor on a row.

        Args:
            index: The row; beyond the ends it is the first or the last.
        """
        if not self._data or not self._has_cursor:
            return
        key = self._data[max(0, min(index, len(self._data) - 1))].key
        if key != self._key:
            self._key = key
            self.post_message(self.Highlighted(self, key))
        self.repaint()

    def action_cursor(self, rows: int) -> None:
        """Move the cursor by rows."""
        self.move_cursor((self.cursor_index or 0) + rows)

    def action_cursor_page(self, pages: int) -> None:
        """Move the cursor by pages."""
        self.move_cursor((self.cursor_index or 0) + pages * max(1, self.size.height - 2))

    def action_select(self) -> None:
        """Choose the row under the cursor."""
        if self.cursor_key is not None:
            self.post_message(self.Selected(self, self.cursor_key))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the row that was clicked; a click on the row of the cursor chooses it."""
        offset = event.get_content_offset(self)
        if offset is None or not self._has_cursor:
            return
        index = self._top + offset.y - self._has_header
        if not 0 <= index < len(self._data) or offset.y < self._has_header:
            return
        if self._data[index].key == self._key:
            self.action_select()
        else:
            self.move_cursor(index)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Move towards the first row."""
        self._wheel(event, -1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Move towards the last row."""
        self._wheel(event, 1)

    def _wheel(self, event: events.MouseEvent, rows: int) -> None:
        event.stop()
        if self._has_cursor:
            self.action_cursor(rows)
        else:
            self._top += rows
            self.repaint()

    # -- layout ----------------------------------------------------------------------------------------------------

    def build(self, width: int, height: int) -> list[SpanRow]:
        """Lay out the table for a size; see `LineWidget.build`."""
        mark = 2 if self._has_cursor else 0
        widths = column_widths(self._columns, self._wanted, max(1, width - mark), GAP)
        rows: list[SpanRow] = []
        if self._has_header and height > 1:
            labels = [(one_line(column.label), "header") for column in self._columns]
            rows.append(merge_spans([(" " * mark, ""), *self._cells(labels, widths, "header")]))
        if not self._data:
            return [*rows, ((fit(self._empty, width), "more"),)] if self._empty else rows
        room = height - len(rows)
        cursor = self.cursor_index if self._has_cursor else None
        self._keep_in_view(cursor, room)
        below = len(self._data) - self._top - room
        # The last row tells of rows below it, unless the cursor needs it.
        if below > 0 and room > 2 and cursor != self._top + room - 1:
            room -= 1
        for index in range(self._top, min(len(self._data), self._top + room)):
            rows.append(self._row(self._data[index], widths, index == cursor))
        hidden = len(self._data) - self._top - room
        if hidden > 0 and len(rows) < height:
            arrow = "v" if self._ascii else "▼"
            rows.append(((fit(f"{arrow} {hidden} more", width, "right"), "more"),))
        return rows

    def _keep_in_view(self, cursor: int | None, room: int) -> None:
        if cursor is not None:
            self._top = min(self._top, cursor)
            self._top = max(self._top, cursor - room + 1)
        self._top = max(0, min(self._top, len(self._data) - room))

    def _row(self, row: TableRow, widths: dict[int, int], under_cursor: bool) -> SpanRow:
        cells = [(cell, row.style_class) if isinstance(cell, str) else cell for cell in row.cells]
        spans: list[Span] = []
        if self._has_cursor:
            pointer = ">" if self._ascii else "▸"
            spans.append((f"{pointer} ", "cursor-mark") if under_cursor else ("  ", ""))
        body = self._cells([(one_line(text), name) for text, name in cells], widths, row.style_class)
        if under_cursor:
            body = [(text, f"{name} cursor") for text, name in body]
        return merge_spans([*spans, *body])

    def _cells(self, cells: Sequence[tuple[str, str]], widths: dict[int, int], style_class: str) -> list[Span]:
        spans: list[Span] = []
        for i, width in widths.items():
            text, name = cells[i] if i < len(cells) else ("", style_class)
            if spans:
                spans.append((" " * GAP, style_class))
            spans.append((fit(text, width, self._columns[i].align), name))
        return spans
