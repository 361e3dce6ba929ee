"""Numbers as people read them; what is not known is "n/a"."""

from __future__ import annotations

from typing import Final

NA: Final = "n/a"
_KIB: Final = 1024
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")


def size(count: float | None, digits: int = 1) -> str:
    """Bytes with a binary unit ("121.7 GiB")."""
    if count is None:
        return NA
    value = float(count)
    for unit in _UNITS[:-1]:
        if abs(value) < _KIB:
            return f"{value:.0f} B" if unit == "B" else f"{value:.{digits}f} {unit}"
        value /= _KIB
    return f"{value:.{digits}f} {_UNITS[-1]}"


def speed(tok_s: float | None) -> str:
    """Tokens per second without the unit ("31.2", "1.62", "1,840")."""
    if tok_s is None:
        return NA
    if tok_s >= 1000:
        return f"{tok_s:,.0f}"
    return f"{tok_s:.1f}" if tok_s >= 10 else f"{tok_s:.2f}"


def millis(ms: float | None) -> str:
    """A latency with its unit ("0.52 ms", "24.1 ms", "650 ms", "1.84 s")."""
    if ms is None:
        return NA
    if ms >= 10_000:
        return f"{ms / 1e3:.1f} s"
    if ms >= 1_000:
        return f"{ms / 1e3:.2f} s"
    if ms >= 100:
        return f"{ms:.0f} ms"
    return f"{ms:.1f} ms" if ms >= 10 else f"{ms:.2f} ms"


def seconds(s: float | None) -> str:
    """A span of time with its unit ("0.84 s", "53.6 s", "3:07")."""
    if s is None:
        return NA
    if s < 10:
        return f"{s:.2f} s"
    return f"{s:.1f} s" if s < 100 else clock(s)


def clock(s: float | None) -> str:
    """A span of time as on a watch ("0:31", "1:02:45")."""
    if s is None:
        return NA
    whole = max(0, int(s))
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def percent(value: float | None, digits: int = 0) -> str:
    """A share that is given in percent."""
    return NA if value is None else f"{value:.{digits}f} %"


def plural(count: int, word: str) -> str:
    """A count with its noun ("1 question", "20 questions")."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
