"""What only one of several answers says, clause by clause.

An answer is cut at its punctuation. A clause is its answer's own if most of what it is made of stands in no other
answer: pairs of neighbouring Chinese characters, and words of scripts with spaces. What is the same but for traditional
or simplified characters, width or capitals is the same. Nothing is understood: who says a thing in other words says
something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sparktop.model.folding import Span, fold

OWN_SHARE: Final = 0.6
"""A clause is an answer's own if more than this share of its pieces stands nowhere else."""

LEAST_PIECES: Final = 2
"""A clause of fewer pieces says too little to be told apart."""

_BREAK: Final = re.compile(r"[。！？!?；;，,、：:\n…—]+|\.(?=\s|$)")
_HAN: Final = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_PIECE: Final = re.compile(rf"([{_HAN}]+)|(?:(?![{_HAN}])[^\W_])+")


@dataclass(frozen=True, slots=True)
class Own:
    """What one answer says and the others do not.

    Attributes:
        spans: Its clauses, in characters of the answer as it came; ascending, none overlapping.
        clauses: How many there are.
        of: How many clauses the answer has that say enough to be told apart.
    """

    spans: tuple[Span, ...]
    clauses: int
    of: int


def differences(answers: Sequence[str]) -> list[Own]:
    """Returns for each answer what none of the others says.

    Args:
        answers: The answers as they came; one that is empty says nothing.
    """
    folded = [fold(answer) for answer in answers]
    pieces = [set(_pieces(one.text)) for one in folded]
    found = []
    for index, one in enumerate(folded):
        others = set().union(*(said for at, said in enumerate(pieces) if at != index))
        spans, of = [], 0
        for start, end in _clauses(one.text):
            clause = list(_pieces(one.text[start:end]))
            if len(clause) < LEAST_PIECES:
                continue
            of += 1
            if sum(piece not in others for piece in clause) > OWN_SHARE * len(clause):
                spans.append((start, end))
        found.append(Own(spans=one.original(spans), clauses=len(spans), of=of))
    return found


def _clauses(text: str) -> Iterator[Span]:
    start = 0
    for end, after in [*(match.span() for match in _BREAK.finditer(text)), (len(text), len(text))]:
        if bare := text[start:end].strip():
            first = text.index(bare[0], start)
            yield first, first + len(bare)
        start = after


def _pieces(text: str) -> Iterator[str]:
    """Yields pairs of neighbouring Chinese characters, one that stands alone as it is, and words."""
    for match in _PIECE.finditer(text):
        run = match[0]
        if match[1] is None or len(run) == 1:
            yield run
        else:
            yield from map(str.__add__, run, run[1:])
