"""Making text from a model safe to show.

What a model writes is untrusted: it may hold escape sequences that move the cursor, set the clipboard or rename the
window, marks that reverse the order of what follows, and characters that terminals and layout give different widths.
The journal keeps the text as it came; what is shown goes through `printable` first.
"""

from __future__ import annotations

import re
import unicodedata
from enum import Enum, auto

TAB = "    "
"""What a tab becomes; a tab stop cannot be known from a piece of a line."""

MAX_SEQUENCE = 4096
"""Characters after which an unfinished escape sequence is given up, so that it cannot hide the rest of an answer."""

MAX_MARKS = 4
"""Combining marks kept on one character; stacks of them paint over the lines around."""

# Text that needs no closer look: ASCII, Latin, Greek, Cyrillic, CJK with its punctuation and full-width forms.
_PLAIN = re.compile(
    r"[\n -~\u00a1-\u00ac\u00ae-\u02ff\u0370-\u0482\u2010-\u2017\u2020-\u2027\u2030-\u205e"
    r"\u20a0-\u20bf\u2190-\u2bff\u3001-\u3029\u3041-\u3096\u309b-\u30ff\u3100-\u312f\u3400-\u4dbf\u4e00-\u9fff\u2018-\u201f\u3000\uff01-\uff5e]*"
)

# Characters without ink that change the order or layout of the text around them, or whose width is in dispute.
_DROPPED = frozenset(
    [
        *map(chr, range(0x202A, 0x202F)),  # bidi embeddings and overrides
        *map(chr, range(0x2066, 0x2070)),  # bidi isolates, deprecated format characters
        *map(chr, range(0x2060, 0x2066)),  # word joiner, invisible operators
        *map(chr, range(0xFE00, 0xFE10)),  # variation selectors: terminals disagree on how wide they make an emoji
        *map(chr, range(0xFFF9, 0xFFFC)),  # interlinear annotation
        *map(chr, range(0xE0000, 0xE0200)),  # tags and more variation selectors
        *map(chr, range(0x1F3FB, 0x1F400)),  # skin tones, joined to the emoji by some terminals only
        *"\u200e\u200f\u061c\u200b\ufeff\u00ad\u034f\u180e\u115f\u1160\u3164\uffa0",
    ]
)
_NEWLINES = frozenset("\u2028\u2029\u0085")
_STRING_OPENERS = frozenset("]PX^_")
_STRING_OPENERS_C1 = frozenset("\u0090\u0098\u009d\u009e\u009f")


class _State(Enum):
    GROUND = auto()
    ESCAPE = auto()
    CSI = auto()
    STRING = auto()
    STRING_ESCAPE = auto()


class Printable:
    """The same as `printable`, for text that comes in pieces.

    An escape sequence cut in two by a piece's end is removed all the same. The memory held does not depend on the text.
    """

    def __init__(self) -> None:
        """Begin at the start of a text."""
        self._reset()

    def _reset(self) -> None:
        self._state = _State.GROUND
        self._length = 0
        self._after_return = False
        self._marks = 0
        self._emoji = False

    def feed(self, piece: str) -> str:
        """Take the next piece.

        Args:
            piece: Any text.

        Returns:
            What of it may be shown.
        """
        if self._state is _State.GROUND and not self._after_return and _PLAIN.fullmatch(piece):
            if piece:
                self._marks = 0
                self._emoji = _is_emoji(piece[-1])
            return piece
        shown: list[str] = []
        for character in piece:
            if self._state is _State.GROUND:
                shown.append(self._ground(character))
            elif self._consume(character):
                # The character ended a broken sequence and is not part of it.
                shown.append(self._ground(character))
        return "".join(shown)

    def finish(self) -> str:
        """End the text.

        Returns:
            What was held back; nothing at present, since an unfinished sequence is dropped.
        """
        self._reset()
        return ""

    def _ground(self, character: str) -> str:
        """Take a character outside of any sequence."""
        after_return, self._after_return = self._after_return, False
        code = ord(character)
        if character == "\n":
            self._marks, self._emoji = 0, False
            return "" if after_return else "\n"
        if character == "\r":
            self._after_return = True
            return "\n"
        if character == "\t":
            return TAB
        if character == "\x1b":
            self._begin(_State.ESCAPE)
            return ""
        if code < 0x20 or 0x7F <= code < 0xA0 or character in _NEWLINES:
            return self._control(character)
        if character in _DROPPED or 0xD800 <= code < 0xE000:
            return ""
        if character == "\u200d":
            # Emoji joined into one have a different width in every terminal; Indic scripts need the joiner.
            return "" if self._emoji else character
        if code >= 0x300 and unicodedata.category(character) in ("Mn", "Me"):
            self._marks += 1
            return character if self._marks <= MAX_MARKS else ""
        self._marks, self._emoji = 0, _is_emoji(character)
        return character

    def _control(self, character: str) -> str:
        if character in _NEWLINES:
            return "\n"
        if character == "\u009b":
            self._begin(_State.CSI)
        elif character in _STRING_OPENERS_C1:
            self._begin(_State.STRING)
        return ""

    def _begin(self, state: _State) -> None:
        self._state = state
        self._length = 0

    def _consume(self, character: str) -> bool:
        """Take a character inside a sequence; return whether it is outside after all."""
        self._length += 1
        if character == "\x1b":
            self._state = _State.STRING_ESCAPE if self._state is _State.STRING else _State.ESCAPE
            return False
        if character in "\n\r\x18\x1a" or self._length > MAX_SEQUENCE:
            # Cancelled, broken off by the end of a line, or too long to be meant.
            self._state = _State.GROUND
            return True
        if self._state is _State.STRING:
            if character in "\x07\u009c":
                self._state = _State.GROUND
            return False
        if self._state is _State.STRING_ESCAPE:
            if character == "\\":
                self._state = _State.GROUND
                return False
            self._state = _State.ESCAPE
        if self._state is _State.ESCAPE:
            return self._escape(character)
        if "\x20" <= character <= "\x3f":
            return False
        self._state = _State.GROUND
        return not "\x40" <= character <= "\x7e"

    def _escape(self, character: str) -> bool:
        """Take the character after an escape character, or after its intermediates."""
        if self._length == 1 or character < "\x20" or character > "\x2f":
            if character == "[":
                self._begin(_State.CSI)
                return False
            if character in _STRING_OPENERS:
                self._begin(_State.STRING)
                return False
        if "\x20" <= character <= "\x2f":
            return False
        self._state = _State.GROUND
        return not "\x30" <= character <= "\x7e"


def _is_emoji(character: str) -> bool:
    return character >= "\U0001f000" or "\u2190" <= character <= "\u2bff"


def printable(text: str) -> str:
    """Return text without anything that could act on a terminal or upset a layout.

    Escape sequences go as a whole, also those made of 8-bit controls; so do control characters, bidirectional overrides
    and isolates, lone surrogates, and characters without ink whose width is in dispute. Tabs become spaces, and every
    kind of line end a newline.

    Args:
        text: Any text.

    Returns:
        Text whose only control character is the newline.
    """
    return Printable().feed(text)


def one_line(text: str) -> str:
    """Return text made printable, with its line ends as spaces, for a cell of a table or a label."""
    if text.isascii() and text.isprintable():
        return text
    return printable(text).replace("\n", " ")
