"""The links to other machines: RoCE ports, or plain network interfaces where there are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len

from sparktop.model.channels import ROCE_HEALTH, indexed
from sparktop.model.live import live_cost
from sparktop.ui.chrome import crop, safe, whole
from sparktop.ui.format import NA, traffic, volume
from sparktop.ui.panels.base import series_mark, series_style
from sparktop.ui.panels.links_table import BUSY, EXPECTED, IDLE, PORT, PROOF, SPLIT, short_rate, traffic_table
from sparktop.ui.panels.machine import Machine
from sparktop.ui.panels.machine_curves import added, machine_line
from sparktop.ui.panels.machine_panel import MachinePanel, beside, fitting, head, name_cells, reason
from sparktop.ui.panels.split import expected_rows, proof_rows, shown, split_rows
from sparktop.ui.panels.together import worth_a_row
from sparktop.ui.run import Run
from sparktop.ui.widgets.line_widget import Span, SpanRow
from sparktop.ui.widgets.series import Series

LABEL_CELLS: Final = 7
STATE_CELLS: Final = 8
NAME_CELLS: Final = LABEL_CELLS + STATE_CELLS
WAY_CELLS: Final = 3
NUMBER_CELLS: Final = 12
ROW_CELLS: Final = 49
"""What a plain interface fills with what it can carry."""
CHART_ROWS: Final = 4
"""Rows below which a curve of traffic says little."""
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
        rows = self._rows(60, height)
        told = sum(rank < IDLE for rank, _ in rows)
        # A curve is worth more than what does nothing.
        return max(1, min(height, told if told <= height - CHART_ROWS < len(rows) else len(rows)))

    def note(self) -> str:
        """How traffic between machines is counted in their sum."""
        if not worth_a_row(self.machines, lambda machine: bool(machine.things("port") or machine.things("net"))):
            return ""
        told = ("bytes between them count once in and once out", "between them: once in, once out")
        return next((text for text in told if cell_len(text) <= self.size.width - 2), "")

    @property
    def legend_note(self) -> str:
        """See `MachinePanel`."""
        return "in + out" if len(self.machines) > 1 else ""

    def figures(self, width: int, height: int) -> list[SpanRow]:
        """See `MachinePanel`."""
        rows = self._rows(width, height)
        while len(rows) > height and len(self.machines) > 1 and (worst := max(rank for rank, _ in rows)) >= BUSY:
            # Of what is alike, some rows alone would say that there are no more.
            rows = [row for row in rows if row[0] < worst]
        return [row for _, row in fitting(rows, height)]

    def _rows(self, width: int, height: int) -> list[tuple[int, SpanRow]]:
        """Every row, each with its rank: 0 is worth most."""
        with_ports = [machine for machine in self.machines if machine.things("port") and not machine.silent]
        cells = max(LABEL_CELLS, name_cells(self.machines, width)) if len(self.machines) > 1 else LABEL_CELLS
        split = split_rows(self.shown, width, cells) if self.shown is not None else []
        if len(self.machines) > 1:
            rows = traffic_table(self.machines, width, height, IDLE if split else PORT)
        else:
            rows = self._rows_of_one(width, height)
        rows += [(SPLIT, row) for row in split]
        if with_ports:
            if self.shown is not None and self.shown.state.started is not None:
                rank, cost = _cost_row(self.shown, width, cells)
                # What llama.cpp itself moves is told already.
                rows.append((3 if rank == 1 and split else rank, cost))
            rows.append(_health_row(with_ports, width, cells))
        if self.shown is not None and split:
            rows += [(PROOF, row) for row in proof_rows(self.shown, width, cells)]
            rows += [(EXPECTED, row) for row in expected_rows(width, cells)]
        return rows

    def _rows_of_one(self, width: int, height: int) -> list[tuple[int, SpanRow]]:
        """The ports and interfaces of a single machine."""
        rows: list[tuple[int, SpanRow]] = []
        for machine in self.machines:
            ports, plain = machine.things("port"), machine.things("net")
            if height == 1 and (ports or len(plain) > 1):
                return [(0, _line(machine, width))]
            if ports:
                rows += [(2, _header(width)), *_port_rows(machine, width)]
            rows += [(5 if ports else 0, _interface_row(machine, one, width)) for one in plain]
            if not plain and not ports:
                rows.append((0, tuple(reason(machine.why("net", "roce"), width))))
        return rows

    def curves(self) -> list[Series]:
        """What goes through the ports or interfaces: of one machine apart, of several both ways of each together."""
        start = self.shown.now - 2 * self.shown.window_s if self.shown else 0.0
        if len(self.machines) > 1:
            found = [(machine, _all_ways(machine)) for machine in self.machines]
            return [
                machine_line(self.machines, machine, machine.name, added(machine, ways, start, 8.0), self.app)
                for machine, ways in found
                if ways
            ]
        lines: list[Series] = []
        for machine in self.machines:
            ports = machine.things("port")
            source, things = ("port", ports) if ports else ("net", machine.things("net"))
            kinds = (("RDMA", ("rx_rdma", "tx_rdma")), ("TCP", ("rx_tcp", "tx_tcp")))
            for kind, ways in kinds if ports else (("in", ("rx",)), ("out", ("tx",))):
                curve = added(machine, [indexed(source, one, way) for one in things for way in ways], start, 8.0)
                if curve[0]:
                    at = len(lines)
                    lines.append(Series(kind, *curve, series_style(at), mark=series_mark(at, self.app)))
        return lines


def _all_ways(machine: Machine) -> list[str]:
    """The channels of all that a machine takes in and sends out."""
    return [
        channel
        for source in ("port", "net")
        for one in machine.things(source)
        for way in ("rx", "tx")
        if (channel := indexed(source, one, way)) in machine.gauges
    ]


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
    text = short_rate(value) if cells == SHORT_CELLS else traffic(value)
    return (text.rjust(cells), "value" if value else "muted")


def _port_rows(machine: Machine, width: int) -> list[tuple[int, SpanRow]]:
    """The ports: in a row for each direction, or where that is too wide, in a row for each kind of traffic."""
    rows: list[tuple[int, SpanRow]] = []
    wide = width >= WIDE
    outer, inner, cells = (WAYS, KINDS, WAY_CELLS) if wide else (KINDS, WAYS, KIND_CELLS)
    for port in machine.things("port"):
        up = machine.of("port", port, "up")
        starts = _starts(machine, port, wide)
        if not up:
            rows.append((4, (*starts[0][:1], (NA, "warn") if up is None else ("down", "muted"))))
            continue
        for at, (word, key) in enumerate(outer):
            word = word.ljust(cells) if wide else word.rjust(cells)
            figures: list[list[Span]] = [[*starts[at], (word, "muted")]]
            for _, other in inner:
                way, kind = (key, other) if wide else (other, key)
                value = machine.of("port", port, f"{way}_{kind}" if kind else way)
                figures.append([_rate(value, width)])
            rows.append((3 if at == 2 else 0, tuple(whole(figures, width))))
    return rows


def _starts(machine: Machine, port: str, wide: bool) -> list[list[Span]]:
    """What the rows of a port begin with: its number, and what it can carry."""
    label = head(f"port {port}", LABEL_CELLS)
    capacity = machine.of("port", port, "capacity")
    state = "up" if capacity is None else f"up {capacity * 8 / 1e9:.0f}G"
    if wide:
        return [[*label, (state.ljust(STATE_CELLS), "muted")], [(" " * NAME_CELLS, "")]]
    return [label, [(state.ljust(LABEL_CELLS), "muted")], [(" " * LABEL_CELLS, "")]]


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


def _cost_row(run: Run | None, width: int, cells: int) -> tuple[int, SpanRow]:
    """What goes over the link for each token of a model that is split."""
    cost = live_cost(run.state, run.now) if run is not None else None
    start = head("split", cells)
    if cost is None or (cost.rdma_bytes is None and cost.tcp_bytes is None):
        why = "nothing is decoded" if cost is None else cost.notes.get("rdma_bytes", "no model is split over nodes")
        return IDLE, (*start, *crop([(NA, "muted"), (f" ({safe(why)})", "muted")], width - cells))
    groups: list[list[Span]] = [start]
    for name, count in (("RDMA", cost.rdma_bytes), ("TCP", cost.tcp_bytes)):
        groups.append([(f"{name} ", "muted"), (f"{volume(count):>9}", "value"), ("/token  ", "muted")])
    return 1, tuple(whole(groups, width))


def _health_row(found: Sequence[Machine], width: int, cells: int) -> tuple[int, SpanRow]:
    """Error counters that are not 0, those of a machine's devices together."""
    groups: list[list[Span]] = [head("errors", cells)]
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
        return 3, (*groups[0], *reason(found[0].why("roce"), width - cells))
    if len(groups) == 1 and unread:
        # What was not read may well have errors.
        told: list[Span] = [*groups[0], ("none of those read", "value")]
        return 3, tuple(whole([told, [(f"  {unread} n/a", "warn")]], width))
    if len(groups) == 1:
        return 3, tuple(whole([[*groups[0], ("none", "value")], [(" since the start", "muted")]], width))
    return 0, beside(groups[0], groups[1:], width)


def _interface_row(machine: Machine, name: str, width: int) -> SpanRow:
    up, capacity = machine.of("net", name, "up"), machine.of("net", name, "capacity")
    state = NA if up is None else f"up {_capacity(capacity)}".strip() if up else "down"
    # Both ways are worth more than what the link could carry.
    narrow = width < ROW_CELLS and state.startswith("up")
    label = f"{safe(name)} ".ljust(7 if narrow else 10)
    groups: list[list[Span]] = [[(label, "label"), *([] if narrow else [(state.ljust(STATE_CELLS), "muted")])]]
    for way, word in (("rx", "in"), ("tx", " out" if narrow else "  out")):
        value = machine.of("net", name, way)
        groups.append([(f"{word} ", "muted"), (f"{traffic(value):>11}", "value" if value else "muted")])
    return tuple(whole(groups, width))
