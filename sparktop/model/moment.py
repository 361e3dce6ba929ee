"""Times of a run as people type them."""

from __future__ import annotations

import re
from typing import Final

_TYPED: Final = re.compile(r"(?:(?:(\d{1,4}):)?([0-5]?\d):)?(\d{1,7}(?:\.\d*)?)", re.ASCII)


def read_moment(text: str) -> float | None:
    """Returns the seconds of "90", "1:30" or "1:02:45"; None for what is no time."""
    found = _TYPED.fullmatch(text.strip())
    if found is None:
        return None
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return None if found[2] and seconds >= 60 else hours * 3600 + minutes * 60 + seconds
