"""Numbers in a text: 7 is not named by 17, nor by 7.5, 七 not by 十七."""

from __future__ import annotations

import re
from typing import Final

_CHINESE: Final = "零〇一二两三四五六七八九十百千万亿"
_WORDS: Final = frozenset(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"])
_FIRST_DIGITS: Final = re.compile(r"\d+")
_THOUSANDS: Final = re.compile(r",\d{3}(?!\d)")


def is_whole(text: str, start: int, end: int) -> bool:
    """Whether a place in a text holds whole numbers only: none of its own goes on before or after it.

    Where it begins or ends with a digit, that goes for digits, a decimal point and a comma between thousands. Where it
    is all Chinese numerals, or the English word of a number up to ten, it goes for more of the kind.

    Args:
        text: The text, folded (see `sparktop.model.folding`).
        start: The place's first character.
        end: One past its last; after `start`.
    """
    found = text[start:end]
    before, after = text[max(0, start - 2) : start], text[end : end + 1]
    if found in _WORDS:
        return not (before[-1:].isalpha() and before[-1:].isascii()) and not (after.isalpha() and after.isascii())
    if all(character in _CHINESE for character in found):
        return not (before and (before[-1] in _CHINESE or before[-1].isdecimal())) and not (after and after in _CHINESE)
    return _begins_whole(found, before) and _ends_whole(found, text, end)


def _begins_whole(found: str, before: str) -> bool:
    digits = _FIRST_DIGITS.match(found)
    if digits is None or not before:
        return True
    if before[-1].isdecimal():
        return False
    # In a list, as in 3,4,5, a comma ends a number.
    joins = before[-1] == "." or (before[-1] == "," and len(digits[0]) == 3)
    return not (joins and before[:-1].isdecimal())


def _ends_whole(found: str, text: str, end: int) -> bool:
    if not found[-1].isdecimal() or end == len(text):
        return True
    if text[end].isdecimal() or (text[end] == "." and text[end + 1 : end + 2].isdecimal()):
        return False
    return _THOUSANDS.match(text, end) is None
