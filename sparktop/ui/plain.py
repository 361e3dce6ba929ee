"""What stands for signs on a terminal that shows nothing but ASCII."""

from __future__ import annotations

from typing import Final

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_SIGNS: Final = {
    "…": "~",
    "·": ".",
    "•": "*",
    "×": "x",
    "–": "-",
    "←": "<",
    "→": ">",
    "↑": "^",
    "↓": "v",
    "▲": "^",
    "▼": "v",
}
_LEVEL: Final = "─━┄┅┈┉╌╍═▁▔▂▃"
_UPRIGHT: Final = "│┃┆┇┊┋╎╏║▏▎▍▌▐▕"
_BOXES: Final = map(chr, range(0x2500, 0x2580))
_BLOCKS: Final = map(chr, range(0x2580, 0x25A0))

PLAIN: Final = str.maketrans(
    dict.fromkeys(_BOXES, "+")
    | dict.fromkeys(_BLOCKS, "#")
    | dict.fromkeys(_LEVEL, "-")
    | dict.fromkeys(_UPRIGHT, "|")
    | _SIGNS
)
"""What stands for a sign: one of ASCII, of the same width. What people and models write is left as it is."""


class PlainFilter(LineFilter):
    """Replaces the signs in whatever is painted, also by Textual itself: cut titles, its palette, its borders."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Replaces signs; see `LineFilter.apply`."""
        return [
            segment if segment.text.isascii() else Segment(segment.text.translate(PLAIN), segment.style)
            for segment in segments
        ]
