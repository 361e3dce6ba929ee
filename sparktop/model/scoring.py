"""What an answer mentions of what it should."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def covered(answer: str, points: Sequence[Sequence[str]]) -> list[bool]:
    """Return for each point whether the answer contains any of its spellings.

    Plain substring, after NFKC on both sides, so that full-width and half-width forms are the same. It counts what is
    mentioned, not whether it is right: a short point such as 名 is easily mentioned by the way.

    Args:
        answer: The model's answer.
        points: Rows of alternative spellings, as in `Item.points`.
    """
    text = unicodedata.normalize("NFKC", answer)
    return [any(unicodedata.normalize("NFKC", spelling) in text for spelling in spellings) for spellings in points]
