"""The program's own sentences in Chinese.

Snapshots hold verdicts, reasons and sources as English sentences, as the run's version of the program wrote them. What
is known here is said in Chinese; any other sentence stays as it is, so that nothing is lost with a new version.
"""

from __future__ import annotations

from typing import Final

_SENTENCES: Final[tuple[tuple[str, str], ...]] = ()


def in_chinese(sentence: str) -> str:
    """Returns a sentence of the program in Chinese; one that is not known as it is."""
    return sentence
