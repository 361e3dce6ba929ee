"""What keys are called."""

from __future__ import annotations

from typing import Final

_NAMES: Final = {
    "question_mark": "?",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "slash": "/",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "left_parenthesis": "(",
    "right_parenthesis": ")",
    "escape": "esc",
    "full_stop": ".",
    "comma": ",",
    "left": "←",
    "right": "→",
    "f1": "F1",
}


def key_name(key: str, ascii_only: bool = False) -> str:
    """Returns a key as people call it."""
    name = _NAMES.get(key, key)
    return key if ascii_only and not name.isascii() else name
