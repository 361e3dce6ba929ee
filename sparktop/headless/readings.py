"""A reading of the machine as text: a table, a line for a log, a document for a program."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from sparktop.headless.columns import Align, cut, pad, width
from sparktop.model import clock_events
from sparktop.model.channels import CHANNELS, FAMILIES, ROCE_HEALTH, describe, things
from sparktop.model.text import one_line
from sparktop.telemetry.reading import Reading

GROUPS: Final = {
    "memory": ("memory", "swap", "psi"),
    "gpu": ("gpu", "process"),
    "roce": ("roce", "port"),
    "network": ("net",),
    "cpu": ("cpu",),
    "power": ("thermal", "rail"),
    "server": ("server",),
}
"""By source, the first parts of its channels' names."""

NA: Final = "n/a"

_NO_KINDS: Final[Mapping[str, str]] = {}

_INDENT: Final = "  "
_GAP: Final = "  "
_LEAST_MEANING: Final = 20
_NETWORKS: Final = ("roce", "port", "net")
_HEALTH: Final = frozenset(channel.name for channel in ROCE_HEALTH)

_SERVER: Final = {
    "generated": "generated {}",
    "prefilled": "prefilled {}",
    "running": "{} running",
    "waiting": "{} waiting",
    "kv_cache": "KV cache {}",
    "memory": "models {}",
}
"""What a line says of a server, where it tells."""

_NUMBERS: Final[dict[str, tuple[int, str]]] = {
    "percent": (1, "%"),
    "MHz": (0, "MHz"),
    "W": (1, "W"),
    "J": (1, "J"),
    "°C": (1, "°C"),
    "count": (0, ""),
    "tokens/s": (1, "tok/s"),
    "tokens": (2, "tokens"),
}
"""Digits and sign of the units whose size is not adapted."""


def document(node: str, reading: Reading, kinds: Mapping[str, str] = _NO_KINDS) -> dict[str, Any]:
    """Returns a reading for programs: every number in the unit that `units` names.

    Args:
        node: Name of the machine.
        reading: What was read.
        kinds: What the servers are that were read, by their place in channels, where that is known.
    """
    known = ((name, describe(name)) for name in (*reading.values, *reading.missing))
    return {
        "node": node,
        "t": reading.t,
        "values": dict(reading.values),
        "missing": dict(reading.missing),
        "units": {name: channel.unit for name, channel in known if channel is not None},
        **({"servers": dict(kinds)} if kinds else {}),
    }


def quantity(name: str, value: float) -> tuple[str, str]:
    """Returns a channel's value for people, as number and unit ("121.7", "GiB")."""
    channel = describe(name)
    unit = channel.unit if channel is not None else ""
    match unit:
        case "bytes":
            return _scaled(value, 1024, ("B", "KiB", "MiB", "GiB", "TiB"))
        case "bytes/s" if name.partition(".")[0] in _NETWORKS:
            # Links are sold in bits.
            return _scaled(value * 8, 1000, ("b/s", "kb/s", "Mb/s", "Gb/s", "Tb/s"))
        case "bytes/s":
            return _scaled(value, 1024, ("B/s", "KiB/s", "MiB/s", "GiB/s", "TiB/s"))
        case "yes/no":
            return ("yes" if value else "no"), ""
        case "bits":
            return f"0x{int(value):x}", _events(int(value))
    digits, sign = _NUMBERS.get(unit, (2, unit))
    return f"{value:.{digits}f}", sign


def _scaled(value: float, step: int, units: tuple[str, ...]) -> tuple[str, str]:
    for unit in units[:-1]:
        if abs(value) < step:
            return (f"{value:.0f}" if unit == units[0] else f"{value:.2f}"), unit
        value /= step
    return f"{value:.2f}", units[-1]


def _events(bits: int) -> str:
    names = [name for bit, name in clock_events.WORDS.items() if bits & bit]
    if rest := bits & ~sum(clock_events.WORDS):
        names.append(f"unknown 0x{rest:x}")
    return ", ".join(names) or "none declared"


def lines(reading: Reading, cells: int | None = None, kinds: Mapping[str, str] = _NO_KINDS) -> list[str]:
    """Returns a reading as a table: a group for each source, a line for each channel.

    Args:
        reading: What was read.
        cells: Columns that meanings may fill; None for as many as they need. Values and reasons
            are never cut.
        kinds: As in `document`.
    """
    rows = {group: list(_rows(reading, starts)) for group, starts in GROUPS.items()}
    rows["server"] = [(one_line(f"server.{name}"), "", "", kind) for name, kind in kinds.items()] + rows["server"]
    shown = [row for group in rows.values() for row in group]
    widths = [max((width(row[at]) for row in shown if row[1]), default=0) for at in range(3)]
    # A reason stands where values do, and is as long as it is.
    widths[0] = max((width(row[0]) for row in shown), default=0)
    found: list[str] = []
    for group, members in rows.items():
        if members:
            found += ["", group] if found else [group]
            found += [_line(row, widths, cells) for row in members]
    return found


_Row = tuple[str, str, str, str]
"""Name, number, unit and meaning; a reason is all meaning, and has no number."""


def _line(row: _Row, widths: list[int], cells: int | None) -> str:
    name, number, unit, meaning = row
    start = _INDENT + pad(name, widths[0]) + _GAP
    if not number:
        return start + meaning
    start += pad(number, widths[1], Align.RIGHT) + " " + pad(unit, widths[2])
    room = None if cells is None else cells - width(start) - len(_GAP)
    if not meaning or (room is not None and room < _LEAST_MEANING):
        return start.rstrip()
    return start + _GAP + (meaning if room is None else cut(meaning, room))


def _rows(reading: Reading, starts: tuple[str, ...]) -> Iterator[_Row]:
    names = [*reading.values, *(name for name in reading.missing if name not in reading.values)]
    explained: set[str] = set()
    for name in sorted((name for name in names if name.partition(".")[0] in starts), key=_place):
        start, _, rest = name.partition(".")
        quantity_name = rest.rpartition(".")[2]
        value = reading.values.get(name)
        if value is None:
            yield one_line(name), "", "", f"{NA} ({one_line(reading.missing[name])})"
            continue
        if start == "roce" and quantity_name in _HEALTH and value == 0:
            continue
        channel = describe(name)
        kind = f"{start}.{quantity_name}"
        # Once is enough for what every port says.
        meaning = channel.meaning if channel is not None and kind not in explained else ""
        explained.add(kind)
        yield (one_line(name), *quantity(name, value), meaning)
    if "roce" in starts and (quiet := _quiet(reading.values)):
        yield "error counters", str(quiet), "", "are 0, where they begin: they count from the first reading"


def _place(name: str) -> tuple[int, str, int]:
    """Sorts by kind and thing, and leaves a thing's quantities as they come."""
    start, _, rest = name.partition(".")
    kind = [part for group in GROUPS.values() for part in group].index(start)
    thing, _, last = rest.rpartition(".")
    order = [channel.name for channel in (FAMILIES[start] if thing and start in FAMILIES else CHANNELS)]
    wanted = last if thing else name
    return kind, thing, order.index(wanted) if wanted in order else -1


def _quiet(values: Mapping[str, float]) -> int:
    return sum(name.startswith("roce.") and name.rpartition(".")[2] in _HEALTH and not v for name, v in values.items())


def line(reading: Reading, stamp: str, kinds: Mapping[str, str] = _NO_KINDS) -> str:
    """Returns the chief figures on one line, for a log; what there is none of is left out.

    Args:
        reading: What was read.
        stamp: Stands first, such as the time.
        kinds: As in `document`.
    """

    def say(name: str) -> str:
        value = reading.values.get(name)
        return NA if value is None else " ".join(filter(None, quantity(name, value)))

    return one_line(" | ".join([stamp, *_figures(reading, say, kinds)]))


def _figures(reading: Reading, say: Callable[[str], str], kinds: Mapping[str, str]) -> Iterator[str]:
    names = list(dict.fromkeys((*reading.values, *reading.missing)))
    yield f"memory {say('memory.used')} of {say('memory.total')}"
    if reading.values.get("swap.in"):
        yield f"swap in {say('swap.in')}"
    if reading.values.get("psi.some"):
        yield f"psi {say('psi.some')}"
    for gpu in things(names, "gpu"):
        shown = [f"gpu.{gpu}.{each}" for each in ("utilization", "sm_clock", "power", "temperature")]
        yield f"gpu{gpu} {' '.join(map(say, shown)) if any(each in reading.values for each in shown) else NA}"
    yield f"cpu {say('cpu.load')}"
    for start in ("port", "net") if things(names, "port") else ("roce", "net"):
        for thing in things(names, start):
            # What is not plugged in carries nothing.
            if reading.values.get(f"{start}.{thing}.up") != 0:
                yield f"{start} {thing} {_traffic(f'{start}.{thing}', say)}"
    if hottest := _hottest(reading.values):
        yield f"hottest {hottest.removeprefix('thermal.').removesuffix('.temperature')} {say(hottest)}"
    for thing in things(names, "server"):
        told = {f"server.{thing}.{each}": words for each, words in _SERVER.items()}
        known = [words.format(say(name)) for name, words in told.items() if name in reading.values]
        yield f"{kinds.get(thing, 'server')} {thing} {', '.join(known) or NA}"


def _traffic(link: str, say: Callable[[str], str]) -> str:
    if link.startswith("net."):
        return f"rx {say(f'{link}.rx')} tx {say(f'{link}.tx')}"
    # RDMA is what a split model should use, and TCP what it falls back to: together they would hide it.
    ways = [f"{way} rx {say(f'{link}.rx_{way}')} tx {say(f'{link}.tx_{way}')}" for way in ("rdma", "tcp")]
    return ", ".join(ways)


def _hottest(values: Mapping[str, float]) -> str:
    return max((name for name in values if name.startswith("thermal.")), key=lambda name: values[name], default="")
