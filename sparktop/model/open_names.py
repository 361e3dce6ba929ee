"""Names of which later versions may have more."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, Self

_FORM: Final = re.compile(r"[a-z][a-z0-9 -]{0,59}")


class OpenNames(StrEnum):
    """Stable names; one of the same form that is not among them is a name too.

    A document of a later version may hold it, and what goes with it can be read without knowing what it means. The form
    (small letters, digits, "-" and spaces, 60 at most) keeps whatever else a file may hold from being taken for one.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str) or not _FORM.fullmatch(value):
            return None
        name = str.__new__(cls, value)
        name._name_ = name._value_ = value
        return name
