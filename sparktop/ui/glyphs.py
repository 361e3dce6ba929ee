"""The signs that chrome is drawn with, for terminals that can show them and for those that can't."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyphs:
    """One set of signs.

    Attributes:
        ascii: Whether only ASCII may be drawn, by charts and gauges too.
    """

    ascii: bool
    on: str
    off: str
    pointer: str
    ok: str
    failed: str
    waiting: str
    working: str
    dot: str
    ellipsis: str
    dash: str
    full: str
    empty: str
    times: str
    celsius: str
    star: str
    no_star: str


UNICODE: Final = Glyphs(
    ascii=False,
    on="[×]",
    off="[ ]",
    pointer="▸",
    ok="✓",
    failed="✗",
    waiting="·",
    working="▸",
    dot="·",
    ellipsis="…",
    dash="–",
    full="█",
    empty="░",
    times="×",
    celsius="°C",
    star="★",
    no_star="☆",
)

ASCII: Final = Glyphs(
    ascii=True,
    on="[x]",
    off="[ ]",
    pointer=">",
    ok="+",
    failed="!",
    waiting=".",
    working=">",
    dot="|",
    ellipsis="...",
    dash="-",
    full="#",
    empty="-",
    times="x",
    celsius="C",
    star="*",
    no_star=".",
)


def poor(environ: Mapping[str, str]) -> bool:
    """Whether TERM names a terminal of few colours and few signs."""
    return environ.get("TERM", "") in ("", "linux", "dumb", "vt100", "vt220")


def locale(environ: Mapping[str, str]) -> str:
    """Returns the name of the language and encoding that the terminal is set to ("zh_CN.UTF-8"); empty if it is not."""
    return environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""


def choose(environ: Mapping[str, str]) -> Glyphs:
    """Picks the signs that a terminal can show, from TERM, LC_ALL, LC_CTYPE and LANG."""
    if poor(environ):
        return ASCII
    return UNICODE if locale(environ).upper().replace("-", "").endswith(("UTF8", "UTF8@EURO")) else ASCII
