"""Screenshots that look the same in every viewer.

Rich writes each stretch of one style as one text, whose length it takes for as many cells as there are characters:
Chinese is squeezed. And viewers that drop blanks at the beginning of a text move columns. So each word, and each wide
or braille character, is told where it stands.
"""

from __future__ import annotations

import html
import re
from typing import Final

from rich.cells import cell_len

_TEXT: Final = re.compile(
    r'<text class="(?P<css>[^"]*)" x="(?P<x>[\d.]+)" y="(?P<y>[^"]*)" textLength="(?P<length>[\d.]+)"'
    r"(?P<rest>[^>]*)>(?P<body>[^<]*)</text>"
)
_BLANK: Final = " \u00a0"


def position_words(svg: str) -> str:
    """Returns an SVG of Rich in which the place of every word is written down."""
    return _TEXT.sub(_place, svg)


def _place(match: re.Match[str]) -> str:
    text = html.unescape(match["body"])
    if not text.strip(_BLANK):
        # Blanks have no ink.
        return ""
    # Rich counts characters here, so that Chinese would be squeezed into half its width.
    cell = float(match["length"]) / len(text)
    left = float(match["x"])
    pieces = []
    for at, word in _words(text):
        length = cell * cell_len(word)
        body = html.escape(word, quote=False)
        pieces.append(f'<tspan x="{left + cell * at:.1f}" textLength="{length:.1f}">{body}</tspan>')
    return f'<text class="{match["css"]}" y="{match["y"]}"{match["rest"]}>{"".join(pieces)}</text>'


def _words(text: str) -> list[tuple[int, str]]:
    """The words of a text and its wide characters, each with the cell at which it begins."""
    words: list[tuple[int, str]] = []
    at, joins = 0, False
    for character in text:
        size = cell_len(character)
        if character in _BLANK:
            joins = False
        elif words and (size == 0 or (joins and _narrow(character))):
            words[-1] = (words[-1][0], words[-1][1] + character)
        else:
            words.append((at, character))
            joins = _narrow(character)
        at += size
    return words


def _narrow(character: str) -> bool:
    """Whether fonts draw it as wide as a letter: braille comes from another font, whose width is its own."""
    return cell_len(character) == 1 and not "\u2800" <= character <= "\u28ff"
