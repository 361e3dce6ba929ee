"""The program's own sentences in Chinese.

Snapshots hold verdicts, reasons and sources as English sentences, as the run's version of the program wrote them. Those
of `sentences_zh.toml` are said in Chinese; any other stays as it is, so that nothing is lost where a version says
something new.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Final

_GAP: Final = re.compile(r"\\?\{(\w+)\\?\}")
_NESTED: Final = frozenset({"why", "detail", "lacking", "here", "there"})
"""Gaps that hold a sentence, or several with commas between them."""

_PATH: Final = r"/\S+"

_CHANNEL: Final = r"\S+"

_LONGEST: Final = 2000
"""Sentences beyond this are no sentences of the program."""


def in_chinese(sentence: str) -> str:
    """Returns a sentence of the program in Chinese; one that is not known as it is."""
    return _translated(sentence) or sentence


@cache
def pairs() -> tuple[tuple[str, str], ...]:
    """Returns the English sentences with gaps, and the Chinese ones."""
    text = Path(__file__).with_name("sentences_zh.toml").read_text(encoding="utf-8")
    return tuple((one["en"], one["zh"]) for one in tomllib.loads(text)["sentence"])


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(_GAP.sub(_gap, re.escape(english))), chinese) for english, chinese in pairs())


def _gap(found: re.Match[str]) -> str:
    name = found[1]
    return f"(?P<{name}>{_PATH if name.startswith('path') else _CHANNEL if name == 'channel' else '.+?'})"


def _translated(sentence: str) -> str | None:
    if not sentence.isprintable() or len(sentence) > _LONGEST:
        return None
    for pattern, chinese in _patterns():
        found = pattern.fullmatch(sentence)
        if found is None:
            continue
        gaps = found.groupdict()
        told = {name: _nested(gap) if name in _NESTED else gap for name, gap in gaps.items()}
        # A colon stands in many sentences: what is before it tells little if what is after it is not known.
        if "why" not in gaps or told["why"] != gaps["why"]:
            return chinese.format(**told)
    return _of_parts(sentence)


def _nested(text: str) -> str:
    """Returns a sentence within another one, or a list of them, in Chinese as far as it is known."""
    whole = _translated(text)
    if whole is not None:
        return whole
    parts = [(part, _translated(part)) for part in text.split(", ")]
    return "、".join(told or part for part, told in parts) if any(told for _, told in parts) else text


def _of_parts(sentence: str) -> str | None:
    """Several sentences in one, or one about a thing that is named before it."""
    parts = sentence.split("; ")
    if len(parts) > 1:
        told = [_translated(part) for part in parts]
        return "；".join(filter(None, told)) if all(told) else None
    where, colon, why = sentence.partition(": ")
    reason = _translated(why) if colon else None
    return f"{where.replace(' and ', '、')}：{reason}" if reason is not None else None
