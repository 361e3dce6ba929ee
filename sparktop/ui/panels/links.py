"""The links to other machines: RoCE ports, or plain network interfaces where there are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len

from sparktop.model.channels import ROCE_HEALTH, indexed
from sparktop.model.live import live_cost
from sparktop.ui.chrome import crop, safe, whole
from sparktop.ui.format import NA, traffic, volume
from sparktop.ui.panels.machine import Machine
from sparktop.ui.panels.machine_panel import MachinePanel, beside, by_machine, fitting, head, named, reason
from sparktop.ui.panels.split import shown, split_rows
from sparktop.ui.run import Run
from sparktop.ui.widgets.line_widget import Span, SpanRow, row_width
from sparktop.ui.widgets.series import Series

LABEL_CELLS: Final = 7
STATE_CELLS: Final = 8
NAME_CELLS: Final = LABEL_CELLS + STATE_CELLS
WAY_CELLS: Final = 3
NUMBER_CELLS: Final = 12
LEAST_WHO_CELLS: Final = 8
ROW_CELLS, NARROW_ROW_CELLS = 49, 37
"""What a plain interface fills beside its machine's name: with what it can carry, and without."""
ONE_WAY_CELLS: Final = 21
SHORT_CELLS: Final = 7
KIND_CELLS: Final = 5
KINDS: Final = (("RDMA", "rdma"), ("TCP", "tcp"), ("both", ""))
WAYS: Final = (("in", "rx"), ("out", "tx"))

WIDE: Final = NAME_CELLS + WAY_CELLS + 3 * NUMBER_CELLS
"""Cells of a table with a column for each kind of traffic."""


class LinksPanel(MachinePanel):
    """The links of every machine."""

    def __init__(self) -> None:
        super().__init__("links", "Links", unit="b/s", most=None)

    def wanted(self, run: Run) -> bool:
        """Whether there is a link, or nothing was read yet that tells."""
        state = run.state
        seen = any(name.startswith(("port.", "net.")) for gauges in state.gauges.values() for name in gauges)
        return seen or not state.gauges or shown(run) is not None

    def show(self, run: Run) -> None:
        """Draws the run as it is now."""
        super().show(run)
        ports = any(machine.things("port") for machine in self.machines)
        plain = any(machine.things("net") for machine in self.machines)
        self.head("RoCE links" if ports else "Network" if plain else "Links")

    def rows_wanted(self, height: int) -> int:
        """See `MachinePanel`."""
        return max(1, min(height, len(self._rows(60))))

    def figures(self, width: int, height: int) -> list[SpanRow]:
        """See `MachinePanel`."""
        rows = self._rows(width)
        if len(rows) > height and height <= len(self.machines):
            return by_machine(self.machines, lambda machine, cells, _: [_line(machine, cells)], width, height)
        return [row for _, row in fitting(rows, height)]

    def _rows(self, width: int) -> list[tuple[int, SpanRow]]:
        """Every row, each with its rank: 0 is worth most."""
        with_ports = [machine for machine in self.machines if machine.things("port")]
        several = len(self.machines) > 1
        rows: list[tuple[int, SpanRow]] = []
        if with_ports:
            rows.append((2, _header(width)))
            rows += [row for machine in with_ports for row in _port_rows(machine, several, width)]
            if self.shown is not None and self.shown.state.started is not None:
                rows.append(_cost_row(self.shown, width))
            rows.append(_health_row(with_ports, width))
        if self.shown is not None:
            rows += [(1, row) for row in split_rows(self.shown, width)]
        for machine in self.machines:
            plain = machine.things("net")
            rank = 5 if with_ports else 0
            cells = _who_cells(self.machines, width)
            rows += [(rank, _interface_row(machine, one, cells, width)) for one in plain]
            if not plain and machine not in with_ports:
                start = named(machine, NAME_CELLS) if several else []
                rows.append((0, (*start, *reason(machine.why("net", "roce"), width - row_width(start)))))
        return rows

    def curves(self) -> list[Series]:
        """RDMA and TCP of all ports, both directions together; or what interfaces take in and send out."""
        found: list[Series] = []
        for machine in self.machines:
            who = "" if len(self.machines) == 1 else f"{machine.name} "
            ports = machine.things("port")
            source, things = ("port", ports) if ports else ("net", machine.things("net"))
            kinds = (("RDMA", ("rx_rdma", "tx_rdma")), ("TCP", ("rx_tcp", "tx_tcp")))
            for kind, ways in kinds if ports else (("in", ("rx",)), ("out", ("tx",))):
                times, values = self._summed(machine, [indexed(source, one, way) for one in things for way in ways])
                if times:
                    style = f"series-{len(found) % 4 + 1}"
                    found.append(Series(f"{who}{kind}", times, values, style))
        return found

    def _summed(self, machine: Machine, names: Sequence[str]) -> tuple[Sequence[float], list[float | None]]:
        """Several rates that are read together, added up in bits per second; a gap in one is a gap."""
        start = self.shown.now - 2 * self.shown.window_s if self.shown else 0.0
        series = [gauge.since(start) for name in names if (gauge := machine.gauges.get(name))]
        if not series:
            return (), []
        length = min(len(times) for times, _ in series)
        columns = [values[len(values) - length :] for _, values in series]
        total = [None if None in moment else sum(filter(None, moment)) * 8.0 for moment in zip(*columns, strict=True)]
        return series[0][0][len(series[0][0]) - length :], total


def _header(width: int) -> SpanRow:
    wide = width >= WIDE
    start = " " * (NAME_CELLS + WAY_CELLS if wide else LABEL_CELLS + KIND_CELLS)
    names = [name for name, _ in (KINDS if wide else WAYS)]
    return tuple(whole([[(start, "")], *([(name.rjust(_number_cells(width)), "label")] for name in names)], width))


def _number_cells(width: int) -> int:
    return NUMBER_CELLS if width >= LABEL_CELLS + KIND_CELLS + 2 * NUMBER_CELLS else SHORT_CELLS


def _rate(value: float | None, width: int) -> Span:
    """A rate as wide as its column; without its unit where columns are narrow."""
    cells = _number_cells(width)
    text = traffic(value)
    if cells == SHORT_CELLS and value is not None:
        number, unit = text.split()
        text = f"{float(number):.3g}{unit.removesuffix('b/s')}"
    return (text.rjust(cells), "value" if value else "muted")


def _port_rows(machine: Machine, several: bool, width: int) -> list[tuple[int, SpanRow]]:
    """The ports: in a row for each direction, or where that is too wide, in a row for each kind of traffic."""
    rows: list[tuple[int, SpanRow]] = []
    wide = width >= WIDE
    outer, inner, cells = (WAYS, KINDS, WAY_CELLS) if wide else (KINDS, WAYS, KIND_CELLS)
    for port in machine.things("port"):
        up = machine.of("port", port, "up")
        starts = _starts(machine, port, several, wide)
        if not up:
            label = starts[0] if several else starts[0][:1]
            rows.append((4, (*label, (NA, "warn") if up is None else ("down", "muted"))))
            continue
        for at, (word, key) in enumerate(outer):
            word = word.ljust(cells) if wide else word.rjust(cells)
            figures: list[list[Span]] = [[*starts[at], (word, "muted")]]
            for _, other in inner:
                way, kind = (key, other) if wide else (other, key)
                value = machine.of("port", port, f"{way}_{kind}" if kind else way)
                figures.append([_rate(value, width)])
            if wide or not several or at < 2:
                rows.append((3 if at == 2 else 0, tuple(whole(figures, width))))
    return rows


def _starts(machine: Machine, port: str, several: bool, wide: bool) -> list[list[Span]]:
    """What the rows of a port begin with: whose it is, and what it can carry or its number."""
    label = head(f"port {port}", LABEL_CELLS)
    capacity = machine.of("port", port, "capacity")
    state = "up" if capacity is None else f"up {capacity * 8 / 1e9:.0f}G"
    blank: list[Span] = [(" " * (NAME_CELLS if wide else LABEL_CELLS), "")]
    if several and wide:
        return [[*named(machine, NAME_CELLS - 2), (port.ljust(2), "label")], blank]
    if several:
        # There is no room for the port beside the machine.
        name, _ = named(machine, LABEL_CELLS + 2)
        return [[(name[0], "warn" if machine.stale else "title")], label, blank]
    if wide:
        return [[*label, (state.ljust(STATE_CELLS), "muted")], blank]
    return [label, [(state.ljust(LABEL_CELLS), "muted")], blank]


def _capacity(per_s: float | None) -> str:
    return "" if per_s is None else f"{per_s * 8 / 1e9:.0f}G"


def _line(machine: Machine, width: int) -> SpanRow:
    ports, plain = machine.things("port"), machine.things("net")
    source, things = ("port", ports) if ports else ("net", plain)
    if not things:
        return tuple(reason(machine.why("net"), width))
    groups: list[list[Span]] = []
    for kind, suffix in (("RDMA", "_rdma"), ("TCP", "_tcp")) if ports else (("", ""),):
        values = [machine.of(source, one, f"{way}{suffix}") for one in things for way in ("rx", "tx")]
        known = [value for value in values if value is not None]
        groups.append([(f"{kind} ", "muted"), (f"{traffic(sum(known) if known else None):>12}  ", "value")])
    return tuple(whole(groups, width))


def _cost_row(run: Run | None, width: int) -> tuple[int, SpanRow]:
    """What goes over the link for each token of a model that is split."""
    cost = live_cost(run.state, run.now) if run is not None else None
    start = head("split", LABEL_CELLS)
    if cost is None or (cost.rdma_bytes is None and cost.tcp_bytes is None):
        why = "nothing is decoded" if cost is None else cost.notes.get("rdma_bytes", "no model is split over nodes")
        return 6, (*start, *crop([(NA, "muted"), (f" ({safe(why)})", "muted")], width - LABEL_CELLS))
    groups: list[list[Span]] = [start]
    for name, count in (("RDMA", cost.rdma_bytes), ("TCP", cost.tcp_bytes)):
        groups.append([(f"{name} ", "muted"), (f"{volume(count):>9}", "value"), ("/token  ", "muted")])
    return 1, tuple(whole(groups, width))


def _health_row(found: Sequence[Machine], width: int) -> tuple[int, SpanRow]:
    """Error counters that are not 0, those of a machine's devices together."""
    groups: list[list[Span]] = [head("errors", LABEL_CELLS)]
    known, unread = False, 0
    for machine in found:
        counts: dict[str, float] = {}
        for device in machine.things("roce"):
            values = {channel.name: machine.of("roce", device, channel.name) for channel in ROCE_HEALTH}
            known = known or any(value is not None for value in values.values())
            unread += sum(value is None for value in values.values())
            counts = {name: counts.get(name, 0.0) + (value or 0.0) for name, value in values.items()}
        who = f"{machine.name}: " if len(found) > 1 else ""
        for name, count in counts.items():
            if count:
                groups.append([(f"{who}{name} ", "muted"), (f"{count:,.0f}  ", "warn")])
    if not known:
        return 3, (*groups[0], *reason(found[0].why("roce"), width - LABEL_CELLS))
    if len(groups) == 1 and unread:
        # What was not read may well have errors.
        told: list[Span] = [*groups[0], ("none of those read", "value")]
        return 3, tuple(whole([told, [(f"  {unread} n/a", "warn")]], width))
    if len(groups) == 1:
        return 3, tuple(whole([[*groups[0], ("none", "value")], [(" since the start", "muted")]], width))
    return 0, beside(groups[0], groups[1:], width)


def _who_cells(found: Sequence[Machine], width: int) -> int:
    """Width of the column of machines' names: as wide as they are, where the figures leave so much."""
    if len(found) == 1:
        return 0
    wanted = max(cell_len(machine.name) for machine in found) + 2
    # Both ways are worth more than the whole of a name; where only one finds room anyway, the name may have the rest.
    room = width - NARROW_ROW_CELLS
    return min(wanted, room if room >= LEAST_WHO_CELLS else max(LEAST_WHO_CELLS, width - ONE_WAY_CELLS))


def _interface_row(machine: Machine, name: str, who_cells: int, width: int) -> SpanRow:
    up, capacity = machine.of("net", name, "up"), machine.of("net", name, "capacity")
    state = NA if up is None else f"up {_capacity(capacity)}".strip() if up else "down"
    who = named(machine, who_cells) if who_cells else []
    # Both ways, and whose it is, are worth more than what the link could carry.
    narrow = width < ROW_CELLS + who_cells and state.startswith("up")
    label = f"{safe(name)} ".ljust(7 if narrow else 10)
    groups: list[list[Span]] = [[*who, (label, "label"), *([] if narrow else [(state.ljust(STATE_CELLS), "muted")])]]
    for way, word in (("rx", "in"), ("tx", " out" if narrow else "  out")):
        value = machine.of("net", name, way)
        groups.append([(f"{word} ", "muted"), (f"{traffic(value):>11}", "value" if value else "muted")])
    return tuple(whole(groups, width))
