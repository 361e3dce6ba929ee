"""Texts of an exact width in cells."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size


def cut(text: str, width: int, ellipsis: str = "…") -> str:
    """Shorten a text to some cells, the last of which say that something is missing.

    Args:
        text: The text, without control characters.
        width: The cells there are.
        ellipsis: What says so.

    Returns:
        A text of at most `width` cells.
    """
    if cell_len(text) <= width:
        return text
    # A wide character that straddles the edge leaves a blank, which belongs after the ellipsis.
    kept = set_cell_size(text, max(0, width - cell_len(ellipsis))).rstrip(" ")
    return (kept + ellipsis)[: max(0, width)]


def cut_start(text: str, width: int) -> str:
    """Shorten a text as `cut` does, but from its beginning: names that belong together begin alike."""
    if cell_len(text) <= width:
        return text
    while text and cell_len(text) > width - 1:
        text = text[1:]
    return f"…{text}"[: max(0, width)]


def fit(text: str, width: int, align: str = "left") -> str:
    """Make a text exactly `width` cells wide, cutting it with an ellipsis or padding it.

    Args:
        text: The text, without control characters.
        width: The cells there are.
        align: `left`, `right` or `center`.

    Returns:
        A text of exactly `width` cells.
    """
    text = cut(text, width)
    blank = width - cell_len(text)
    if align == "right":
        return " " * blank + text
    if align == "center":
        return " " * (blank // 2) + text + " " * (blank - blank // 2)
    return text + " " * blank


def place_label(label: str, rule: str, free: Sequence[bool]) -> list[str]:
    """Write a label on a rule, where it is not hidden by what is drawn over it.

    Args:
        label: The label.
        rule: The character of the rule.
        free: For each cell, whether nothing is drawn on it.

    Returns:
        A text for each cell; a wide character is followed by an empty one. The label is at the left if it finds room
        there, else at the right, else in the longest free stretch. Where that is too short it loses whole words from
        its end, since half a number would be read as another one, and if no word fits it is left out.
    """
    cells = len(free)
    row = [rule] * cells
    size = cell_len(label)
    left, right = min(2, cells), cells - size - 2
    if right >= left and all(free[left : left + size]):
        at = left
    elif right >= left and all(free[right : right + size]):
        at = right
    else:
        at, length = _longest_run(free)
        words = label.split()
        while words and cell_len(label) > length:
            words.pop()
            label = f" {' '.join(words)} "
        if not words:
            return row
        size = cell_len(label)
        at += (length - size) // 2
    written: list[str] = []
    for character in label:
        written += [character, *[""] * (cell_len(character) - 1)]
    row[at : at + size] = written
    return row


def _longest_run(free: Sequence[bool]) -> tuple[int, int]:
    """Return where the longest run of free cells begins, and its length."""
    best, length, start = 0, 0, 0
    for at, is_free in enumerate([*free, False]):
        if is_free:
            continue
        if at - start > length:
            best, length = start, at - start
        start = at + 1
    return best, length
