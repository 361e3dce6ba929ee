"""The two languages of a report: its phrases, and how each writes numbers, dates and lists."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

from sparktop.report.rounding import Rounded
from sparktop.report.sentences_zh import in_chinese

_KIB: Final = 1024


class Lang(StrEnum):
    """A language that reports can be written in."""

    EN = "en"
    ZH = "zh"


@dataclass(frozen=True, slots=True)
class Language:
    """Says things in one language.

    Attributes:
        lang: Which.
        phrases: Its phrases, by key.
        sentence: Turns a sentence of the program, as snapshots hold them in English, into this language; what it
            doesn't know stays as it is.
    """

    lang: Lang
    phrases: Mapping[str, str]
    sentence: Callable[[str], str]

    def say(self, key: str, **values: object) -> str:
        """Returns a phrase with its gaps filled.

        Raises:
            KeyError: There is no such phrase, or a value for a gap is missing.
        """
        phrase = self.phrases[key]
        return phrase.format(**values) if values else phrase

    def known(self, family: str, name: str) -> str:
        """Returns the phrase `family.name`, or the name itself where nobody has named it here."""
        return self.phrases.get(f"{family}.{name}", name)

    def number(self, figure: Rounded) -> str:
        """Returns a figure's digits in groups of three, with its "~"."""
        return ("~" if figure.about else "") + f"{figure.value:,.{max(0, figure.decimals)}f}"

    def percent(self, digits: str) -> str:
        """Returns a share in percent; English has a narrow space before the sign, Chinese none."""
        return f"{digits}%" if self.lang is Lang.ZH else f"{digits} %"

    def short(self, value: float) -> str:
        """Returns a number in three digits, where it is said by the way ("1,430", "2.88")."""
        if not value:
            return "0"
        return f"{float(f'{value:.3g}'):,.10g}"

    def size(self, count: float) -> str:
        """Returns bytes with a binary unit, in three digits ("135 GiB", "3.44 MiB")."""
        value, unit = float(count), "B"
        for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
            if abs(value) < _KIB or unit == "TiB":
                break
            value /= _KIB
        if unit == "B":
            return f"{value:.0f} B"
        return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"

    def count(self, number: float) -> str:
        """Returns how many, roughly ("72.7 B", 727 亿)."""
        steps = ((1e8, " 亿"), (1e4, " 万")) if self.lang is Lang.ZH else ((1e9, " B"), (1e6, " M"), (1e3, " K"))
        for size, unit in steps:
            if number >= size:
                value = number / size
                return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f}{unit}"
        return f"{number:.0f}"

    def date(self, iso: str) -> str:
        """Returns a moment as people write it; what is no ISO 8601 stays as it is."""
        try:
            moment = datetime.fromisoformat(iso)
        except ValueError:
            return iso
        if len(iso) <= len("2026-02-09"):
            return f"{moment.year} 年 {moment.month} 月 {moment.day} 日" if self.lang is Lang.ZH else iso
        if self.lang is Lang.ZH:
            return f"{moment.year} 年 {moment.month} 月 {moment.day} 日 {moment:%H:%M}"
        return f"{moment:%Y-%m-%d %H:%M}"

    def duration(self, seconds: float) -> str:
        """Returns a span of time in words of hours, minutes and seconds."""
        whole = round(seconds)
        hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
        if hours:
            return self.say("span.hours", hours=hours, minutes=minutes)
        return self.say("span.minutes", minutes=minutes, seconds=rest) if minutes else self.say("span.s", seconds=rest)

    def listed(self, words: Iterable[str]) -> str:
        """Returns words as a list within a sentence."""
        return ("、" if self.lang is Lang.ZH else ", ").join(words)

    def clauses(self, sentences: Iterable[str]) -> str:
        """Returns several sentences as one."""
        return ("；" if self.lang is Lang.ZH else "; ").join(sentences)

    def labelled(self, label: str, text: str) -> str:
        """Returns "label: text"."""
        return f"{label}：{text}" if self.lang is Lang.ZH else f"{label}: {text}"

    def with_remark(self, text: str, remark: str) -> str:
        """Returns "text (remark)"."""
        if not remark:
            return text
        return f"{text}（{remark}）" if self.lang is Lang.ZH else f"{text} ({remark})"

    def together(self, sentences: Sequence[str]) -> str:
        """Returns sentences one after another."""
        return ("" if self.lang is Lang.ZH else " ").join(filter(None, sentences))


def language(lang: Lang) -> Language:
    """Returns what speaks a language."""
    return Language(lang, phrases(lang), in_chinese if lang is Lang.ZH else str)


@cache
def phrases(lang: Lang) -> Mapping[str, str]:
    """Returns a language's phrases by key: "tier.win" is `win` of the table `tier`, "best" is in the table `word`."""
    tables = tomllib.loads(Path(__file__).with_name(f"phrases_{lang.value}.toml").read_text(encoding="utf-8"))
    return {
        name if family == "word" else f"{family}.{name}": phrase
        for family, table in tables.items()
        for name, phrase in table.items()
    }
