"""The traffic of several machines in one table: whose it is, over what, by RDMA or not, in and out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len

from sparktop.ui.chrome import crop, safe, whole
from sparktop.ui.format import traffic
from sparktop.ui.panels.machine import Machine
from sparktop.ui.panels.machine_panel import head, name_cells, named, reason, silence
from sparktop.ui.panels.together import SHORT, TOGETHER, Sum, apart, summed, worth_a_row
from sparktop.ui.widgets.labels import cut_start
from sparktop.ui.widgets.line_widget import Span, SpanRow
from sparktop.ui.widgets.names import short_names

FULL_CELLS, SHORT_CELLS = 12, 6
"""Cells of a number with its unit ("189.85 Gb/s"), and of one with its prefix alone ("190G")."""

NAMED_CELLS: Final = 9
"""Cells of a column that has room for its own name."""

LEAST_THING: Final = 7
KIND_CELLS: Final = 5
WAYS: Final = ("in", "out")
RDMA, TCP = "RDMA", "TCP"

HEADER, PORT, SPLIT, TOTAL, BUSY, EXPECTED, PROOF, IDLE, DOWN = 0, 0, 1, 2, 4, 5, 6, 7, 8
"""What rows are worth: 0 most. SPLIT is what a model is split over, EXPECTED what that does not bring."""

Rates = tuple[float | None, float | None, float | None, float | None]
"""Bytes per second: received and sent by RDMA, received and sent otherwise."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a table has room for.

    Attributes:
        who: Cells of the machines' names.
        thing: Cells of what the ports and interfaces are called; 0 leaves that out.
        number: Cells of a number.
        rdma: Whether any machine has RDMA.
        split: Whether RDMA and the rest have columns of their own, else a word says which of them it is.
    """

    who: int
    thing: int
    number: int
    rdma: bool
    split: bool


def short_rate(per_s: float | None) -> str:
    """Bytes per second in bits with a prefix alone, in at most five cells ("190G", "1.23M", "0")."""
    if per_s is None:
        return "n/a"
    value = per_s * 8
    for prefix in ("", "k", "M", "G", "T"):
        if value < 999.5 or prefix == "T":
            digits = 0 if value >= 99.95 or not prefix else 1 if value >= 9.995 else 2
            return f"{value:.{digits}f}{prefix}"
        value /= 1000
    raise AssertionError("the last prefix ends the loop")


def traffic_table(found: Sequence[Machine], width: int, height: int, nothing: int = PORT) -> list[tuple[int, SpanRow]]:
    """Lays out the traffic of several machines.

    Args:
        found: The machines.
        width: The cells there are.
        height: The rows there are: where they are fewer than ports, each machine has one row.
        nothing: What the row of a machine is worth of which there is nothing to tell.

    Returns:
        Every row with its rank: 0 is worth most.
    """
    layout = _layout(found, width)
    things = {machine.name: _up(machine, layout) for machine in found}
    # Ports are what the table is for; where there are none, interfaces are.
    main = sum(sum(rank == PORT for rank, _, _ in one) or 1 for one in things.values())
    rows = [(HEADER if any(things.values()) else nothing, _header(layout))]
    down: dict[str, list[str]] = {}
    for machine, short in zip(found, short_names([one.name for one in found], layout.who - 2), strict=True):
        start = named(machine, short, layout.who)
        told = things[machine.name]
        for thing in () if machine.silent else _down(machine):
            down.setdefault(thing, []).append(short)
        if machine.silent:
            rows.append((PORT, (*start, *silence(machine, width - layout.who))))
        elif not told and not _down(machine):
            rows.append((nothing, (*start, *reason(machine.why("net", "roce"), width - layout.who))))
        elif main > height:
            rows.append((PORT, _row(start, "", _rates_of(machine), layout, width)))
        else:
            rows += [(rank, _row(start, name, rates, layout, width)) for rank, name, rates in told]
    if worth_a_row(found, lambda machine: bool(machine.things("port") or machine.things("net"))):
        rows.append((TOTAL, _total_row(found, layout, width)))
    if down:
        whose = [(thing, "all" if len(names) == len(found) else ", ".join(names)) for thing, names in down.items()]
        text = "; ".join(f"{thing} of {names}" for thing, names in whose)
        rows.append((DOWN, (*head("down", layout.who), *crop([(text, "muted")], width - layout.who))))
    return _fewer(rows, len(found), height)


def _fewer(rows: list[tuple[int, SpanRow]], machines: int, height: int) -> list[tuple[int, SpanRow]]:
    """Says how many machines find no row, where there are even fewer rows than machines."""
    if machines <= height:
        return rows
    # Without the header, which is the first.
    shown = [row for row in rows[1:] if row[0] == PORT][: max(0, height - 1)]
    total = [(PORT, row) for rank, row in rows if rank == TOTAL]
    return [*shown, *(total or [(PORT, ((f"+{machines - len(shown)} more", "label"),))])]


def _layout(found: Sequence[Machine], width: int) -> Layout:
    who = name_cells(found, width)
    rdma = any(machine.things("port") for machine in found)
    names = [name for machine in found for name in _all_names(machine)]
    # What a port is called gives way to what goes through it, and RDMA apart from the rest to both together.
    thing = min(max(map(cell_len, names), default=0), max(LEAST_THING, width // 8)) + 1
    columns = 4 if rdma else 2
    for cells, split in ((thing, True), (0, True)):
        number = min(FULL_CELLS, (width - who - cells) // columns)
        if number >= SHORT_CELLS:
            full = number if number >= FULL_CELLS else min(number, NAMED_CELLS)
            return Layout(who=who, thing=cells, number=full, rdma=rdma, split=split)
    kind = KIND_CELLS if rdma else 0
    return Layout(who=who, thing=0, number=min(SHORT_CELLS, (width - who - kind) // 2), rdma=rdma, split=False)


def _all_names(machine: Machine) -> list[str]:
    return [*(f"port {port}" for port in machine.things("port")), *map(safe, machine.things("net"))]


def _up(machine: Machine, layout: Layout) -> list[tuple[int, str, Rates]]:
    """What of a machine can carry something: rank, name and rates of each."""
    found: list[tuple[int, str, Rates]] = []
    for port in machine.things("port"):
        if machine.of("port", port, "up") != 0:
            rates = [machine.of("port", port, way) for way in ("rx_rdma", "tx_rdma", "rx_tcp", "tx_tcp")]
            found.append((PORT, f"port {port}", (rates[0], rates[1], rates[2], rates[3])))
    ports = bool(found)
    for name in machine.things("net"):
        if machine.of("net", name, "up") != 0:
            rx, tx = machine.of("net", name, "rx"), machine.of("net", name, "tx")
            rank = PORT if not ports else BUSY if rx or tx else IDLE
            found.append((rank, safe(name), (None, None, rx, tx)))
    return found


def _down(machine: Machine) -> list[str]:
    ports = [f"port {port}" for port in machine.things("port") if machine.of("port", port, "up") == 0]
    return [*ports, *(safe(name) for name in machine.things("net") if machine.of("net", name, "up") == 0)]


def _rates_of(machine: Machine) -> Rates:
    """All that a machine receives and sends."""

    def over(sources: Sequence[tuple[str, str]]) -> float | None:
        told = [machine.of(source, one, way) for source, way in sources for one in machine.things(source)]
        known = [value for value in told if value is not None]
        return sum(known) if known else None

    return (
        over([("port", "rx_rdma")]),
        over([("port", "tx_rdma")]),
        over([("port", "rx_tcp"), ("net", "rx")]),
        over([("port", "tx_tcp"), ("net", "tx")]),
    )


def _total_row(found: Sequence[Machine], layout: Layout, width: int) -> SpanRow:
    """Both directions of all machines, each added up for itself: what one sends another one may receive."""
    sums: list[Sum] = [summed(found, lambda machine, at=at: _rates_of(machine)[at]) for at in range(4)]  # type: ignore[misc]
    of = max((one.of for one in sums), key=len)
    label = TOGETHER if len(of) == (count := len(apart(found))) else f"{len(of)} of {count}"
    label = label if cell_len(label) < layout.who else SHORT
    rates = (sums[0].value, sums[1].value, sums[2].value, sums[3].value)
    return _row(head(label, layout.who), "", rates, layout, width, total=True)


def _header(layout: Layout) -> SpanRow:
    start = head("" if layout.number >= FULL_CELLS else "b/s", layout.who + layout.thing)
    if not layout.split or not layout.rdma:
        kind = " " * (KIND_CELLS if layout.rdma else 0)
        return (*start, (kind + "".join(way.rjust(layout.number) for way in WAYS), "label"))
    if layout.number >= NAMED_CELLS:
        names = [f"{kind} {way}".rjust(layout.number) for kind in (RDMA, TCP) for way in WAYS]
    else:
        names = [f"{kind} in/out".rjust(2 * layout.number) for kind in (RDMA, TCP)]
    return (*start, ("".join(names), "label"))


def _row(start: list[Span], name: str, rates: Rates, layout: Layout, width: int, *, total: bool = False) -> SpanRow:
    groups: list[list[Span]] = [
        [*start, *(head(cut_start(name, layout.thing - 1), layout.thing) if layout.thing else [])]
    ]
    shown: Sequence[float | None] = rates if layout.rdma else rates[2:]
    if layout.rdma and not layout.split:
        word = _kind(rates)
        groups[0].append((word.ljust(KIND_CELLS), "muted"))
        shown = [_both(rates[0], rates[2]), _both(rates[1], rates[3])]
    plain = rates[0] is None and rates[1] is None
    for at, value in enumerate(shown):
        # An interface without RDMA has none of it, which is neither 0 nor unknown.
        blank = plain and layout.rdma and layout.split and at < 2 and not total
        text = "" if blank else traffic(value) if layout.number >= FULL_CELLS else short_rate(value)
        groups.append([(text.rjust(layout.number), "value" if value else "muted")])
    return tuple(whole(groups, width))


def _kind(rates: Rates) -> str:
    rdma, rest = _both(rates[0], rates[1]), _both(rates[2], rates[3])
    return RDMA if rdma and rdma >= (rest or 0.0) else TCP if rest else ""


def _both(one: float | None, other: float | None) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return sum(known) if known else None
