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


def gib(count: float | None) -> str:
    """Bytes in GiB without the unit ("121.7"); what is not nothing does not look like it ("<0.1")."""
    if count is None:
        return NA
    return "<0.1" if 0 < count < 0.05 * 2**30 else f"{count / 2**30:.1f}"


def flow(per_s: float | None) -> str:
    """Bytes per second with a binary unit ("1.5 MiB/s")."""
    return NA if per_s is None else f"{size(per_s)}/s"


def traffic(per_s: float | None) -> str:
    """Bytes per second as links are sold, in bits ("189.85 Gb/s")."""
    return NA if per_s is None else _scaled(per_s * 8, "b/s", ("", "k", "M", "G", "T"))


def bandwidth(per_s: float | None) -> str:
    """Bytes per second as memory is sold ("198 GB/s", "23.4 GB/s")."""
    return NA if per_s is None else f"{per_s / 1e9:.3g} GB/s"


def volume(count: float | None) -> str:
    """Bytes as they go over a link ("20.48 kB")."""
    return NA if count is None else _scaled(count, "B", ("", "k", "M", "G", "T"))


def joules(energy: float | None) -> str:
    """Energy ("0.84 J", "30.5 J", "12.41 kJ")."""
    if energy is None:
        return NA
    if energy < 10:
        return f"{energy:.2f} J"
    return f"{energy:.1f} J" if energy < 1000 else _scaled(energy, "J", ("", "k", "M", "G"))


def watts(power: float | None) -> str:
    """Power ("61.0 W")."""
    return NA if power is None else f"{power:.1f} W"


def megahertz(clock: float | None) -> str:
    """A clock ("2,411 MHz")."""
    return NA if clock is None else f"{clock:,.0f} MHz"


def _scaled(value: float, unit: str, prefixes: tuple[str, ...]) -> str:
    for prefix in prefixes[:-1]:
        if abs(value) < 1000:
            return f"{value:.0f} {unit}" if not prefix else f"{value:.2f} {prefix}{unit}"
        value /= 1000
    return f"{value:.2f} {prefixes[-1]}{unit}"


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
