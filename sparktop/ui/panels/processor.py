"""The processor, what is warm, and what power all of it takes."""

from __future__ import annotations

from typing import Final

from sparktop.model import channels
from sparktop.model.live import live_cost
from sparktop.ui.chrome import safe, whole
from sparktop.ui.format import joules, megahertz, percent, watts
from sparktop.ui.glyphs import Glyphs
from sparktop.ui.panels.machine import Machine
from sparktop.ui.panels.machine_panel import (
    VALUE_CELLS,
    MachinePanel,
    beside,
    by_machine,
    first_fitting,
    gauge_row,
    head,
    reason,
)
from sparktop.ui.run import Run
from sparktop.ui.widgets.line_widget import Span, SpanRow
from sparktop.ui.widgets.series import Series

LABEL_CELLS: Final = 8

NAMES: Final = {"x925": "X925", "a725": "A725"}
"""Kinds of core by the name that people know; others are shown as they are called."""


class ProcessorPanel(MachinePanel):
    """Load, clock, heat and power of every machine."""

    def __init__(self) -> None:
        super().__init__("processor", "Processor and power")

    def rows_wanted(self, height: int) -> int:
        """See `MachinePanel`."""
        rows = sum(len(self._rows(machine, 60)) for machine in self.machines) + 2 * (len(self.machines) - 1)
        return max(1, min(rows, height))

    def figures(self, width: int, height: int) -> list[SpanRow]:
        """See `MachinePanel`."""

        def rows_of(machine: Machine, width: int, height: int) -> list[SpanRow]:
            return [_line(machine, width, self.signs)] if height == 1 else self._rows(machine, width)

        return by_machine(self.machines, rows_of, width, height)

    def _rows(self, machine: Machine, width: int) -> list[SpanRow]:
        rows = _core_rows(machine, width, self.signs)
        rows.append(_list_row(machine, "heat", "thermal", "temperature", width, self.signs))
        rows.append(_list_row(machine, "rails", "rail", "power", width, self.signs))
        return [*rows, *_cost_rows(self.shown, width)]

    def curves(self) -> list[Series]:
        """The load of each kind of core, or of all."""
        found: list[Series] = []
        for machine in self.machines:
            kinds = _kinds(machine) if len(self.machines) == 1 else ()
            for kind in kinds or ("",):
                gauge = machine.gauges.get(f"cpu.{kind}.load" if kind else channels.CPU_LOAD)
                name = NAMES.get(kind, kind) if kind else "load" if len(self.machines) == 1 else machine.name
                if gauge is not None:
                    found.append(Series(name, gauge.times, gauge.values, f"series-{len(found) % 4 + 1}"))
        return found


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
    groups: list[list[Span]] = [
        [("load ", "muted"), (f"{percent(machine.get(channels.CPU_LOAD)):>5}", "value")],
        [(f"{megahertz(machine.get(channels.CPU_CLOCK)):>11}", "")],
    ]
    if temperatures:
        groups.append([("  ", ""), (f"{max(value for _, value in temperatures):.0f} {signs.celsius}", "")])
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
