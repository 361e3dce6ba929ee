"""Names of several things, short enough for where they stand, and each still told from the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from string import ascii_lowercase
from typing import Final

from rich.cells import cell_len

from sparktop.ui.widgets.labels import cut, cut_start

_SEPARATORS: Final = "-_.: /@"


def _last_words(name: str, cells: int) -> str:
    """Keep the end of a name, from the beginning of a word on if there is one."""
    kept = cut_start(name, cells)
    begins = [at + 1 for at, sign in enumerate(kept[:-1]) if sign in _SEPARATORS]
    return f"…{kept[begins[0] :]}" if kept != name and begins else kept


_WAYS: Final[tuple[Callable[[str, int], str], ...]] = (_last_words, cut_start, cut)
"""How a name is shortened: names that belong together begin alike, so their ends are worth more."""


def placed_name(name: str, cells: int) -> str:
    """Shorten a model's name that may end with "@" and where it runs: that is kept, and the model gives way."""
    model, at, node = name.rpartition("@")
    if cell_len(name) <= cells or not at:
        return cut(name, cells)
    node = cut(node, max(cells // 2, cells - cell_len(model) - 1))
    return f"{cut(model, cells - 1 - cell_len(node))}@{node}"


def short_names(names: Sequence[str], cells: int) -> list[str]:
    """Shorten names that stand beside each other.

    Args:
        names: The names, without control characters.
        cells: What each may take.

    Returns:
        The names in at most so many cells. They differ wherever they did before and there are two cells for it: where
        neither their ends nor their beginnings tell them apart, each gets its number.
    """
    for shorten in _WAYS:
        short = [shorten(name, cells) for name in names]
        if len(set(short)) == len(set(names)):
            return short
    numbered = {name: str(number) for number, name in enumerate(dict.fromkeys(names), 1)}
    return [(cut(name, cells - len(numbered[name])) + numbered[name])[-max(1, cells) :] for name in names]


def tags(names: Sequence[str]) -> list[str]:
    """Give each of some names one character of its own.

    Args:
        names: The names, all different.

    Returns:
        A letter or digit of ASCII for each: the one by which the names differ ("1" of spark-1), else their last one,
        else a, b, c by their order.
    """
    shared = next(
        (at for at, same in enumerate(zip(*names, strict=False)) if len(set(same)) > 1),
        len(min(names, key=len, default="")),
    )
    for found in ([name[shared : shared + 1] for name in names], [name[-1:] for name in names]):
        if len(set(found)) == len(names) and all(one.isascii() and one.isalnum() for one in found):
            return found
    letters = ascii_lowercase + ascii_lowercase.upper()
    return [letters[at % len(letters)] for at in range(len(names))]
