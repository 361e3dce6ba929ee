"""The processor, what is warm, and what power all of it takes."""

from __future__ import annotations

from typing import Final

from sparktop.model import channels
from sparktop.model.cost import MACHINE_RAIL
from sparktop.model.live import live_cost, live_costs
from sparktop.ui.chrome import safe, whole
from sparktop.ui.format import joules, megahertz, percent, watts
from sparktop.ui.glyphs import Glyphs
from sparktop.ui.panels.base import series_mark, series_style
from sparktop.ui.panels.machine import Machine
from sparktop.ui.panels.machine_curves import machine_line
from sparktop.ui.panels.machine_panel import (
    VALUE_CELLS,
    Closing,
    MachinePanel,
    beside,
    by_machine,
    first_fitting,
    fitting,
    gauge_row,
    head,
    reason,
    reason_fits,
    rows_taken,
)
from sparktop.ui.panels.together import Sum, covers, label, summed, worth_a_row
from sparktop.ui.run import Run
from sparktop.ui.widgets.line_widget import Span, SpanRow
from sparktop.ui.widgets.series import Series

LABEL_CELLS: Final = 8

LISTS: Final = (("heat", "thermal", "temperature"), ("rails", "rail", "power"))
"""Rows of several things of a kind: label, source and quantity."""

NAMES: Final = {"x925": "X925", "a725": "A725"}
"""Kinds of core by the name that people know; others are shown as they are called."""


class ProcessorPanel(MachinePanel):
    """Load, clock, heat and power of every machine."""

    def __init__(self) -> None:
        super().__init__("processor", "Processor and power")

    def rows_wanted(self, height: int) -> int:
        """See `MachinePanel`."""
        if len(self.machines) > 1:
            return rows_taken(self.machines, self._rows_of, self.size.width, height, len(self._below()))
        return max(1, min(sum(len(self._rows(machine, 60)) for machine in self.machines), height))

    def figures(self, width: int, height: int) -> list[SpanRow]:
        """See `MachinePanel`."""
        return by_machine(self.machines, self._rows_of, width, height, self._below())

    def _rows_of(self, machine: Machine, width: int, height: int) -> list[SpanRow]:
        if height == 1:
            return [_line(machine, width, self.signs)]
        return [row for _, row in fitting(self._rows(machine, width), height)]

    def _rows(self, machine: Machine, width: int) -> list[tuple[int, SpanRow]]:
        """Every row, each with its rank: what is not known is worth least where there is little room."""
        rows = [(0, row) for row in _core_rows(machine, width, self.signs)]
        for rank, (name, source, quantity) in enumerate(LISTS, 1):
            row = _list_row(machine, name, source, quantity, width, self.signs)
            if _found(machine, source, quantity):
                rows.append((rank, row))
            elif len(self.machines) == 1 or reason_fits(machine.why(source), width - LABEL_CELLS):
                # Beside other machines a reason without its end takes room that a figure could have.
                rows.append((rank + 3, row))
        if len(self.machines) == 1:
            rows += [(3, row) for row in _cost_rows(self.shown, width)]
        return rows

    def _below(self) -> list[Closing]:
        """What the processors and the whole of several machines come to, and what a token costs on all of its own."""
        if len(self.machines) == 1:
            return []
        rows = []
        base = self._sums()[0]
        if base.of and worth_a_row(self.machines, lambda machine: channels.CPU_LOAD in machine.gauges):
            rows.append(Closing(label(base, self.machines), self._together))
        if _cost_rows(self.shown, 60):
            rows.append(Closing("energy", self._cost))
        return rows

    def _cost(self, width: int) -> list[Span]:
        """What a token costs, and on which machines; of several contenders, of each."""
        (row,) = _cost_rows(self.shown, width + LABEL_CELLS)
        costs = live_costs(self.shown.state, self.shown.now) if self.shown is not None else {}
        where = (
            {name: f" on {safe(self.shown.state.contenders[name].contender.node)}" for name in costs}
            if self.shown
            else {}
        )
        if len(costs) == 1:
            return whole([row[1:], [(next(iter(where.values())), "muted")]], width)
        told = [
            (where[name].removeprefix(" on "), cost.gpu_j) for name, cost in costs.items() if cost.gpu_j is not None
        ]
        if len(told) < 2:
            return list(row[1:])
        each: list[Span] = []
        for name, joule in told:
            each += [(f"  {name} ", "muted"), (joules(joule), "value")]
        start: Span = ("GPU only", "muted")
        return first_fitting([[start, *each, ("/token each", "muted")], [start, *each, ("/token", "muted")],
                              [("GPU", "muted"), *each, ("/token", "muted")]], width)  # fmt: skip

    def _sums(self) -> tuple[Sum, Sum, Sum]:
        """Busy cores and the power of whole machines; before them the one that says which machines the row covers."""
        busy = summed(self.machines, _busy)
        power = summed(self.machines, lambda machine: machine.of("rail", MACHINE_RAIL, "power"))
        return (power if busy.value is None else busy), busy, power

    def _together(self, width: int) -> list[Span]:
        base, busy, power = self._sums()
        cores = sum(machine.node.cores for machine in self.machines if machine.node and machine.name in busy.of)
        told: list[Span] = []
        if busy.value is not None:
            told = [(f"{busy.value:.1f} of {cores} cores", "value"), (" busy", "muted")]
        if power.value is None:
            return first_fitting([told, told[:1]], width)
        watt: list[Span] = [("  " if told else "", ""), (watts(power.value), "value")]
        whose = covers(power, base, self.machines)
        return first_fitting(
            [[*told, *watt, (f" {MACHINE_RAIL}", "muted"), *whose], [*told, *watt, *whose], [*told[:1], *watt, *whose],
             told[:1]], width)  # fmt: skip

    def curves(self) -> list[Series]:
        """The load of each kind of core, or of all."""
        found: list[Series] = []
        if len(self.machines) > 1:
            for machine in self.machines:
                if (gauge := machine.gauges.get(channels.CPU_LOAD)) is not None:
                    curve = (gauge.times, gauge.values)
                    found.append(machine_line(self.machines, machine, machine.name, curve, self.app))
            return found
        for machine in self.machines:
            for kind in _kinds(machine) or ("",):
                gauge = machine.gauges.get(f"cpu.{kind}.load" if kind else channels.CPU_LOAD)
                name = NAMES.get(kind, kind) if kind else "load"
                if gauge is not None:
                    mark = series_mark(len(found), self.app)
                    found.append(Series(name, gauge.times, gauge.values, series_style(len(found)), mark=mark))
        return found


def _busy(machine: Machine) -> float | None:
    """How many cores are busy, in the mean."""
    load = machine.get(channels.CPU_LOAD)
    return None if load is None or machine.node is None else load / 100 * machine.node.cores


def _kinds(machine: Machine) -> tuple[str, ...]:
    """Kinds of core, the fast ones first."""
    known = list(NAMES)
    return tuple(sorted(machine.things("cpu"), key=lambda kind: known.index(kind) if kind in NAMES else len(known)))


def _core_rows(machine: Machine, width: int, signs: Glyphs) -> list[SpanRow]:
    rows = []
    for at, kind in enumerate(_kinds(machine) or ("",)):
        load = machine.of("cpu", kind, "load") if kind else machine.get(channels.CPU_LOAD)
        clock = machine.of("cpu", kind, "clock") if kind else machine.get(channels.CPU_CLOCK)
        label = head(NAMES.get(kind, kind) if kind else "load", LABEL_CELLS)
        note = megahertz(clock)
        if load is None and clock is None:
            rows.append((*label, *reason(machine.why(channels.CPU_LOAD), width - LABEL_CELLS)))
            continue
        part = None if load is None else load / 100
        notes = (note if clock is not None else "clock n/a", note)
        rows.append(gauge_row(label, percent(load), part, notes, width, signs, style=f"series-{at % 4 + 1}"))
    return rows


def _line(machine: Machine, width: int, signs: Glyphs) -> SpanRow:
    temperatures = _found(machine, "thermal", "temperature")
    clock, power = machine.get(channels.CPU_CLOCK), machine.of("rail", MACHINE_RAIL, "power")
    groups: list[list[Span]] = [[("load ", "muted"), (f"{percent(machine.get(channels.CPU_LOAD)):>5}", "value")]]
    if clock is not None:
        groups.append([(f"{megahertz(clock):>11}", "")])
    if temperatures:
        groups.append([("  ", ""), (f"{max(value for _, value in temperatures):.0f} {signs.celsius}", "")])
    if power is not None:
        groups.append([("  ", ""), (watts(power), "value")])
    return tuple(whole(groups, width))


def _found(machine: Machine, source: str, quantity: str) -> list[tuple[str, float]]:
    told = [(one, machine.of(source, one, quantity)) for one in machine.things(source)]
    return [(one, value) for one, value in told if value is not None]


def _list_row(machine: Machine, label: str, source: str, quantity: str, width: int, signs: Glyphs) -> SpanRow:
    """Several things of a kind on one row, the highest first."""
    start = head(label, LABEL_CELLS)
    told = sorted(_found(machine, source, quantity), key=lambda one: -one[1])
    if not told:
        return (*start, *reason(machine.why(source), width - LABEL_CELLS))
    groups: list[list[Span]] = []
    for name, value in told:
        text = watts(value) if source == "rail" else f"{value:.0f} {signs.celsius}"
        groups.append([(text.rjust(VALUE_CELLS), "value"), (f" {safe(name)}", "muted")])
    return beside(start, groups, width)


def _cost_rows(run: Run | None, width: int) -> list[SpanRow]:
    """Energy of a token: of the GPU alone, and of the machine where that can be read. Nothing without a run."""
    if run is None or run.state.started is None:
        return []
    start = head("energy", LABEL_CELLS)
    cost = live_cost(run.state, run.now)
    if cost is None:
        return [(*start, *whole([[("n/a (nothing is decoded)", "muted")]], width - LABEL_CELLS))]
    known = [
        (name, joule) for name, joule in (("GPU only", cost.gpu_j), ("machine", cost.machine_j)) if joule is not None
    ]
    if not known:
        return [(*start, *reason(safe(cost.notes.get("gpu_j", "power can't be read")), width - LABEL_CELLS))]
    wide = [_energy(name, joule) for name, joule in known]
    narrow = _energy("GPU" if cost.gpu_j is not None else "machine", known[0][1])
    both = wide[0] if len(wide) == 1 else [*wide[0], ("  ", ""), *wide[1]]
    return [(*start, *first_fitting([both, wide[0], narrow], width - LABEL_CELLS))]


def _energy(name: str, joule: float) -> list[Span]:
    return [(f"{name} ", "muted"), (f"{joules(joule):>8}", "value"), ("/token", "muted")]
