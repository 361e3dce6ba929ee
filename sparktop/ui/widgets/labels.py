"""Texts of an exact width in cells."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from sparktop.ui.widgets.line_widget import SpanRow


def fit(text: str, width: int, align: str = "left") -> str:
    """Make a text exactly `width` cells wide, cutting it with an ellipsis or padding it.

    Args:
        text: The text, without control characters.
        width: The cells there are.
        align: `left`, `right` or `center`.

    Returns:
        A text of exactly `width` cells.
    """
    if width <= 0:
        return ""
    used = cell_len(text)
    if used > width:
        # A wide character that straddles the edge leaves a blank, which belongs after the ellipsis.
        text = set_cell_size(text, width - 1).rstrip() + "…"
        used = cell_len(text)
    pad = width - used
    if align == "right":
        return " " * pad + text
    if align == "center":
        return " " * (pad // 2) + text + " " * (pad - pad // 2)
    return text + " " * pad


def unavailable_rows(reason: str, width: int, height: int) -> list[SpanRow]:
    """Lay out `n/a` with a reason in the middle of a widget.

    Args:
        reason: Why there is nothing to show.
        width: The cells across.
        height: The rows there are.

    Returns:
        Rows for `LineWidget.build`.
    """
    rows: list[SpanRow] = [()] * ((height - 1) // 2)
    text = fit(f"n/a  {reason}" if reason else "n/a", width, "center")
    at = text.index("n")
    return [*rows, ((text[: at + 3], "value"), (text[at + 3 :], "label"))]
