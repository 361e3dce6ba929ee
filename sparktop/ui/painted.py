"""What Textual keeps of widgets that are gone."""

from __future__ import annotations

from typing import Final

from textual._styles_cache import StylesCache

FORGET_S: Final = 60.0
"""Seconds after which it is let go: a run of a few seconds leaves 2 MB of it."""


def forget_painted() -> None:
    """Lets go of what widgets have painted that were removed.

    A cache of Textual's (8.2) has everything as its key that a widget painted, of up to 1024 widgets: screens of runs
    that are over, boxes, sentences that were shown for a moment. What is on the screen is not painted anew by this.
    """
    clear = getattr(StylesCache.get_inner_outer, "cache_clear", None)
    if clear is not None:
        clear()
