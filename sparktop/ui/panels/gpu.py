"""The GPUs: how busy, how fast, how much power, and what holds them back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from sparktop.model import clock_events
from sparktop.model.channels import indexed
from sparktop.ui.chrome import safe, whole
from sparktop.ui.format import NA, gib, joules, megahertz, percent, size, watts
from sparktop.ui.glyphs import Glyphs
from sparktop.ui.panels.base import series_mark, series_style
from sparktop.ui.panels.machine import Machine
from sparktop.ui.panels.machine_curves import added, machine_line
from sparktop.ui.panels.machine_panel import (
    VALUE_CELLS,
    Closing,
    MachinePanel,
    beside,
    by_machine,
    first_fitting,
    gauge_row,
    head,
    reason,
)
from sparktop.ui.panels.together import covers, label, summed, worth_a_row
from sparktop.ui.run import Run
from sparktop.ui.widgets.labels import fit
from sparktop.ui.widgets.line_widget import Span, SpanRow
from sparktop.ui.widgets.series import Series

ROWS: Final = 6
"""Rows that a GPU's figures fill where there is room."""

POWER_CELLS: Final = 34
"""Cells of a panel of several machines in which their power finds room."""

PROCESS_CELLS: Final = 24
SIZE_CELLS: Final = 10
LEAST_NAME: Final = 8

CAUSES: Final = {
    "throttle_power_cap": "power cap",
    "throttle_sw_thermal": "heat (driver)",
    "throttle_hw_thermal": "heat (hardware)",
    "throttle_power_brake": "power supply",
}

DECLARED: Final = {bit: words for bit, words in clock_events.WORDS.items() if bit not in clock_events.COUNTED.values()}
"""Reasons for a clock that no counter tells: what is not declared may hold all the same."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU of a machine."""

    machine: Machine
    index: str

    def get(self, quantity: str) -> float | None:
        """The newest reading of a quantity."""
        return self.machine.of("gpu", self.index, quantity)

    def why(self, quantity: str) -> str:
        """Why there is none."""
        return self.machine.why(indexed("gpu", self.index, quantity), "gpu")

    def curve(self, quantity: str) -> tuple[Sequence[float], Sequence[float | None]]:
        """All readings of a quantity, with their times."""
        gauge = self.machine.gauges.get(indexed("gpu", self.index, quantity))
        return (gauge.times, gauge.values) if gauge else ((), ())

    @property
    def power_peak(self) -> float | None:
        """The most power so far."""
        gauge = self.machine.gauges.get(indexed("gpu", self.index, "power"))
        return gauge.peak if gauge else None


class GpuPanel(MachinePanel):
    """The GPUs of every machine."""

    def __init__(self) -> None:
        super().__init__("gpu", "GPU")

    def wanted(self, run: Run) -> bool:
        """Whether there is a GPU, or was one; before the first reading, whether one is expected."""
        state = run.state
        seen = any(name.startswith("gpu.") for gauges in state.gauges.values() for name in gauges)
        return seen or (not state.gauges and any(node.gpus for node in state.nodes.values()))

    def rows_wanted(self, height: int) -> int:
        """See `MachinePanel`; a curve is worth more than the last figures."""
        total = len(self._below())
        lines = sum(max(1, len(machine.gpus)) for machine in self.machines)
        if lines > 1:
            return self._in_full if height >= self._in_full + ROWS else lines + total
        if height >= 2 * ROWS + 4:
            return ROWS + min(ROWS, sum(len(machine.processes()) for machine in self.machines))
        return ROWS if height >= ROWS + 3 else ROWS - 1 if height >= ROWS + 1 else height

    def note(self) -> str:
        """The name of a single GPU; of several machines what their power is of."""
        nodes = [machine.node for machine in self.machines if machine.node]
        names = [safe(name) for node in nodes for name in node.gpus]
        if self._below():
            return "power of GPUs only" if self.size.width >= POWER_CELLS else ""
        return names[0] if len(names) == 1 else ""

    def figures(self, width: int, height: int) -> list[SpanRow]:
        """See `MachinePanel`."""
        rows_of = self._machine_rows
        if len(self.machines) > 1 and height < self._in_full:
            # A block of one machine beside the line of another would hide what they can be compared by.
            rows_of = self._lines
        return by_machine(self.machines, rows_of, width, height, self._below())

    @property
    def _in_full(self) -> int:
        """Rows that every figure of every GPU takes."""
        gpus = sum(
            ROWS * len(machine.gpus) + (len(machine.gpus) > 1) if machine.gpus else 1 for machine in self.machines
        )
        return gpus + len(self._below())

    def _below(self) -> list[Closing]:
        """What the GPUs of several machines come to; nothing where there is but one machine with any."""
        if not worth_a_row(self.machines, lambda machine: bool(machine.gpus)):
            return []
        load = summed(self.machines, partial(_over, quantity="utilization"))
        return [Closing(label(load, self.machines), self._together)]

    def _together(self, width: int) -> list[Span]:
        """The mean load, since a sum of shares means nothing, and power, memory and energy in all."""
        load, power, held = (
            summed(self.machines, partial(_over, quantity=one)) for one in ("utilization", "power", "held")
        )
        count = sum(len(machine.gpus) for machine in self.machines if machine.name in load.of)
        energy = summed(self.machines, _spent)
        guessed = any(machine.of("gpu", gpu, "energy") is None for machine in self.machines for gpu in machine.gpus)
        # The columns are those of the rows above.
        groups: list[list[Span]] = [
            [(f"{percent(None if load.value is None else load.value / count):>6}", "value"), (" mean", "muted")],
            [(f"{watts(power.value):>14}", "value"), *covers(power, load, self.machines)],
        ]
        more: list[list[Span]] = []
        if held.value is not None:
            more.append([(f"{size(held.value):>17}", ""), (" held", "muted"), *covers(held, load, self.machines)])
        if energy.value is not None:
            spent: list[Span] = [("  energy ", "muted"), ("~" * guessed + joules(energy.value), "")]
            more.append([*spent, *covers(energy, load, self.machines)])
        return whole([*groups, *more], width)

    def _gpus(self) -> list[Gpu]:
        return [Gpu(machine, index) for machine in self.machines for index in machine.gpus]

    def _lines(self, machine: Machine, width: int, height: int) -> list[SpanRow]:
        gpus = [Gpu(machine, index) for index in machine.gpus]
        if not gpus:
            return [tuple(reason(machine.why("gpu"), width))]
        return [gpu_line(gpu, width, len(gpus) > 1, self.signs) for gpu in gpus]

    def _machine_rows(self, machine: Machine, width: int, height: int) -> list[SpanRow]:
        gpus = [Gpu(machine, index) for index in machine.gpus]
        if not gpus:
            return self._lines(machine, width, height)
        if len(gpus) == 1 and height > 1:
            return gpu_rows(gpus[0], width, height, self.signs)
        each = height // len(gpus)
        if len(gpus) > 1 and each > 3:
            return [row for gpu in gpus for row in [_heading(gpu), *gpu_rows(gpu, width, each - 1, self.signs)]]
        return self._lines(machine, width, height)

    def curves(self) -> list[Series]:
        """How busy each is; of a single one also its clock."""
        gpus = self._gpus()
        if len(self.machines) > 1:
            return [self._line_of(machine) for machine in self.machines if machine.gpus]
        found = []
        for at, gpu in enumerate(gpus):
            name, tag = (f"GPU {gpu.index}", gpu.index[-1:]) if len(gpus) > 1 else ("load", "")
            mark = series_mark(at, self.app)
            found.append(Series(name, *gpu.curve("utilization"), series_style(at), mark=mark, tag=tag))
        if len(gpus) == 1:
            curve = gpus[0].curve("sm_clock_share")
            found.append(Series("clock", *curve, "series-2", mark=series_mark(1, self.app)))
        return found

    def _line_of(self, machine: Machine) -> Series:
        """How busy the GPUs of one of several machines are, in the mean."""
        channels = [indexed("gpu", gpu, "utilization") for gpu in machine.gpus]
        start = self.shown.now - 2 * self.shown.window_s if self.shown else 0.0
        curve = added(machine, channels, start, 1 / len(channels))
        name = machine.name if len(channels) == 1 else f"{machine.name}, mean of {len(channels)}"
        return machine_line(self.machines, machine, name, curve, self.app)


def _over(machine: Machine, quantity: str) -> float | None:
    """A quantity of all GPUs of a machine; None unless each of them tells it."""
    told = [machine.of("gpu", gpu, quantity) for gpu in machine.gpus]
    known = [value for value in told if value is not None]
    return sum(known) if known and len(known) == len(told) else None


def _spent(machine: Machine) -> float | None:
    """The energy of a machine's GPUs in joules, by counter or summed."""
    told = [
        energy
        if (energy := machine.of("gpu", gpu, "energy")) is not None
        else machine.of("gpu", gpu, "energy_integrated")
        for gpu in machine.gpus
    ]
    known = [value for value in told if value is not None]
    return sum(known) if known and len(known) == len(told) else None


def _heading(gpu: Gpu) -> SpanRow:
    names = gpu.machine.node.gpus if gpu.machine.node else ()
    at = int(gpu.index) if gpu.index.isdecimal() else -1
    return ((f"GPU {gpu.index}", "title"), (f"  {safe(names[at])}" if 0 <= at < len(names) else "", "muted"))


def gpu_rows(gpu: Gpu, width: int, height: int, signs: Glyphs) -> list[SpanRow]:
    """Lays out the figures of a GPU, the most important first.

    Args:
        gpu: The GPU.
        width: The cells there are.
        height: The rows there are.
        signs: What this terminal can show.
    """
    cells = 8 if width >= 44 else 7
    load, clock, most = gpu.get("utilization"), gpu.get("sm_clock"), gpu.get("sm_clock_max")
    share, power, limit = gpu.get("sm_clock_share"), gpu.get("power"), gpu.get("power_limit")
    heat = _heat(gpu, signs)
    of_most = f"{percent(share)} of {most:,.0f} MHz" if share is not None and most is not None else ""
    scale = f"of {watts(limit)}" if limit else f"peak {watts(gpu.power_peak)}" if gpu.power_peak else ""
    only = f"GPU only, {scale}" if scale else "GPU only"

    def gauge(label: str, value: str, part: float | None, notes: tuple[str, str], style: int) -> SpanRow:
        return gauge_row(head(label, cells), value, part, notes, width, signs, style=f"series-{style}")

    rows = [
        gauge("load", percent(load), _part(load, 100), (f"core {heat}", heat), 1),
        gauge("clock", megahertz(clock), _part(share, 100), (of_most, percent(share)), 2),
        gauge("power", watts(power), _part(power, limit or gpu.power_peak), (only, scale.removesuffix(" W")), 3),
        beside(head("slowed", cells), held_back(gpu), width),
        (*head("memory", cells), *_memory(gpu, width - cells)),
        beside(head("energy", cells), _energy(gpu, width - cells), width),
    ]
    names = min(PROCESS_CELLS, width - cells - SIZE_CELLS)
    rows += [
        (*head("", cells), (fit(who, names), "muted"), (f"{size(held):>{SIZE_CELLS}}", "value"))
        # What a process holds is told for all GPUs together.
        for who, held in (gpu.machine.processes() if len(gpu.machine.gpus) == 1 else ())
        if names >= LEAST_NAME
    ]
    return rows[:height]


def gpu_line(gpu: Gpu, width: int, named: bool, signs: Glyphs) -> SpanRow:
    """Lays out the figures of a GPU in one row.

    Args:
        gpu: The GPU.
        width: The cells there are.
        named: Whether its number is told.
        signs: What this terminal can show.
    """
    load = gpu.get("utilization")
    groups: list[list[Span]] = [
        [(f"{gpu.index} ", "label")] if named else [],
        [(f"{percent(load):>6}", "value")],
        [(f"{megahertz(gpu.get('sm_clock')):>10}", "value")],
        [(f"{watts(gpu.get('power')):>9}", "value")],
        [(f"{_heat(gpu, signs):>7}", "")],
        [(f"{size(gpu.get('held')):>10}", ""), (" held", "muted")],
        [("  ", ""), *(span for group in held_back(gpu)[:1] for span in group)],
    ]
    return tuple(whole(groups, width))


def held_back(gpu: Gpu) -> list[list[Span]]:
    """Says what holds the clock back, in groups of which the first is worth most.

    It says "no" only where all causes are known to be absent: what can't be read is unknown.
    """
    known = {cause: gpu.get(cause) for cause in CAUSES}
    held = {cause: share for cause, share in known.items() if share}
    unknown = [CAUSES[cause] for cause, share in known.items() if share is None]
    bits = int(gpu.get("event_reasons") or 0)
    declared = [word for bit, word in DECLARED.items() if bits & bit]
    groups: list[list[Span]] = []
    if held:
        words = ", ".join(f"{CAUSES[cause]} {percent(share)}" for cause, share in held.items())
        groups.append([("by ", "muted"), (words, "warn")])
    if len(unknown) == len(known):
        groups.append([("unknown", "warn")])
        groups.append([(f" ({gpu.why('throttle_hw_thermal')})", "muted")])
    elif unknown:
        groups.append([("; " if held else "", "muted"), (f"{', '.join(unknown)} unknown", "")])
        groups.append([("" if held else ", else no", "muted")])
    elif not held:
        groups.append([("no", "value")])
    if declared:
        groups.append([(f"; declares {', '.join(declared)}", "muted")])
    return groups


def _part(value: float | None, most: float | None) -> float | None:
    return value / most if value is not None and most else None


def _heat(gpu: Gpu, signs: Glyphs) -> str:
    degrees = gpu.get("temperature")
    return NA if degrees is None else f"{degrees:.0f} {signs.celsius}"


def _memory(gpu: Gpu, width: int) -> list[Span]:
    own, others, count = gpu.get("held_own"), gpu.get("held_other"), gpu.get("processes_other")
    if own is None and others is None:
        return reason(gpu.why("held"), width)
    both: list[Span] = [
        *(("own ", "muted"), (f"{gib(own):>5}", "value"), ("  others ", "muted"), (f"{gib(others):>5} GiB", "value"))
    ]
    many: list[Span] = [(f"  in {count:.0f} process{'' if count == 1 else 'es'}", "muted")] if count else []
    return first_fitting([[*both, *many], both, [("own ", "muted"), (f"{gib(own):>5} GiB", "value")]], width)


def _energy(gpu: Gpu, width: int) -> list[list[Span]]:
    counted, summed = gpu.get("energy"), gpu.get("energy_integrated")
    if counted is None and summed is None:
        return [reason(gpu.why("energy"), width)]
    text = joules(counted) if counted is not None else f"~{joules(summed)}"
    how = "by its counter" if counted is not None else "summed from its power"
    return [[(text.rjust(VALUE_CELLS), "value")], [(f"  GPU only, {how}", "muted")]]
