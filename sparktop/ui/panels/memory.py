"""What a machine's memory is used for, and whether anything waits for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from rich.cells import cell_len

from sparktop.model import channels
from sparktop.model.pressure import GIB, Level, Pressure, pressure
from sparktop.ui.chrome import crop, whole
from sparktop.ui.format import NA, flow, gib, percent, size
from sparktop.ui.glyphs import Glyphs
from sparktop.ui.panels.machine import Machine
from sparktop.ui.panels.machine_curves import added, machine_line
from sparktop.ui.panels.machine_panel import (
    Closing,
    MachinePanel,
    beside,
    by_machine,
    first_fitting,
    fitting,
    head,
    reason,
    rows_taken,
)
from sparktop.ui.panels.together import covers, label, summed, worth_a_row
from sparktop.ui.run import Run
from sparktop.ui.widgets.gauge import Part, legend_row, stacked_bar
from sparktop.ui.widgets.line_widget import Span, SpanRow, row_width
from sparktop.ui.widgets.series import Series

LABEL_CELLS: Final = 10

OTHER_ROWS: Final = 4
"""Rows that the machine's own memory takes at least; the GPUs' share a bar where that leaves too few."""

LEAST_ROW: Final = 20
"""Cells below which a machine among several has one row with what matters most."""

FULL_LINE: Final = 34
"""Cells of such a row from which on amounts find room, whatever they are: all machines are told of alike."""

LEVELS: Final = {Level.OK: "ok", Level.TIGHT: "warn", Level.CRITICAL: "bad", Level.UNKNOWN: "warn"}
"""The style of each level; its word says the same."""


def judged(machine: Machine) -> Pressure:
    """How short a machine is of memory now."""
    return pressure(
        available=machine.get(channels.MEMORY_AVAILABLE),
        total=machine.get(channels.MEMORY_TOTAL),
        psi_some=machine.get(channels.PSI_SOME),
        psi_full=machine.get(channels.PSI_FULL),
        swap_in=machine.get(channels.SWAP_IN),
    )


class MemoryPanel(MachinePanel):
    """The memory of every machine, and that of GPUs that have their own."""

    def __init__(self) -> None:
        super().__init__("memory", "Memory", unit="GiB", most=None)

    def show(self, run: Run) -> None:
        """Draws the run as it is now."""
        super().show(run)
        unified = [machine.unified for machine in self.machines if machine.read or machine.node]
        with_vram = any(_vram(machine) for machine in self.machines)
        self.head("Memory and VRAM" if with_vram else "Unified memory" if any(unified) else "Memory")

    def rows_wanted(self, height: int) -> int:
        """See `MachinePanel`."""
        if len(self.machines) > 1:
            return rows_taken(self.machines, self._rows_of, self.size.width, height, len(self._below()))
        return max(1, sum(len(_rows(machine, 60, height, self.signs)) for machine in self.machines))

    def figures(self, width: int, height: int) -> list[SpanRow]:
        """See `MachinePanel`."""
        return by_machine(self.machines, self._rows_of, width, height, self._below())

    def _rows_of(self, machine: Machine, width: int, height: int) -> list[SpanRow]:
        if height == 1 or (len(self.machines) > 1 and width < LEAST_ROW):
            return [_line(machine, width, self.signs)]
        return [row for _, row in fitting(_rows(machine, width, height, self.signs), height)]

    def _below(self) -> list[Closing]:
        """What the memory of several machines comes to."""
        if not worth_a_row(self.machines, lambda machine: channels.MEMORY_USED in machine.gauges):
            return []
        return [Closing(label(summed(self.machines, _used), self.machines), self._together)]

    def _together(self, width: int) -> list[Span]:
        used = summed(self.machines, _used)
        total = sum(machine.get(channels.MEMORY_TOTAL) or 0.0 for machine in self.machines if machine.name in used.of)
        free = summed(self.machines, lambda machine: machine.get(channels.MEMORY_AVAILABLE))
        if used.value is None or not total:
            return [(NA, "warn")]
        more: list[Span] = [("  available ", "muted"), (size(free.value), ""), *covers(free, used, self.machines)]
        short = f"{percent(used.value / total * 100)} of {size(total)}"
        return first_fitting([[(_of(used.value, total), "value"), *more], [(_of(used.value, total), "value")],
                              [(short, "value")], [(percent(used.value / total * 100), "value")]], width)  # fmt: skip

    def curves(self) -> list[Series]:
        """How much of each machine's memory is used."""
        found = []
        start = self.shown.now - 2 * self.shown.window_s if self.shown else 0.0
        for machine in self.machines:
            if channels.MEMORY_USED in machine.gauges:
                name = "used" if len(self.machines) == 1 else machine.name
                curve = added(machine, [channels.MEMORY_USED], start, 1 / GIB)
                found.append(machine_line(self.machines, machine, name, curve, self.app))
        return found


def _used(machine: Machine) -> float | None:
    """Bytes in use; None also where it is not known of how many."""
    return machine.get(channels.MEMORY_USED) if machine.get(channels.MEMORY_TOTAL) else None


def _vram(machine: Machine) -> list[tuple[str, float, float]]:
    """GPUs with memory of their own: number, bytes in use, bytes in all."""
    found = []
    for gpu in machine.gpus:
        used, total = machine.of("gpu", gpu, "vram_used"), machine.of("gpu", gpu, "vram_total")
        if used is not None and total is not None and total > 0:
            found.append((gpu, used, total))
    return found


def _rows(machine: Machine, width: int, height: int, signs: Glyphs) -> list[tuple[int, SpanRow]]:
    """Every row in the order of the screen, each with its rank: 0 is worth most."""
    vram = _vram(machine)
    if len(vram) > max(1, height - OTHER_ROWS):
        vram = [(f"x{len(vram)}", *_summed(vram))]
    rows = [(0, _vram_bar(one, width, signs)) for one in vram]
    total, used = machine.get(channels.MEMORY_TOTAL), machine.get(channels.MEMORY_USED)
    if not total or used is None:
        why = machine.why(channels.MEMORY_USED if total else channels.MEMORY_TOTAL)
        return [*rows, (0, tuple(reason(why, width))), (1, _pressure_row(machine, width, signs))]
    parts = _parts(machine, total, used)
    name: list[Span] = [("system".ljust(LABEL_CELLS), "label")] if vram else []
    room = width - (LABEL_CELLS if vram else 0)
    available = machine.gauges.get(channels.MEMORY_AVAILABLE)
    rows += [
        (0, (*name, *stacked_bar(parts, total, room, _caption(used, total, room), ascii_only=signs.ascii))),
        (4, legend_row(parts, width, ascii_only=signs.ascii)),
        (1, _row(machine, "available", [("", channels.MEMORY_AVAILABLE, size)], width,
                 [[("  lowest ", "muted"), (size(available.low if available else None), "")]])),
        (2, _pressure_row(machine, width, signs)),
    ]  # fmt: skip
    if machine.unified:
        rows += [(5, _held_row(machine, width)), (6, _headroom_row(machine, width))]
    swap = machine.get(channels.SWAP_TOTAL)
    of_swap: list[Span] = [(f" of {size(swap)}", "muted")] if swap and width >= 50 else []
    rows.append(
        (3, _row(machine, "swap", [("", channels.SWAP_USED, size)], width,
                 [of_swap, _moved(machine, "in", channels.SWAP_IN), _moved(machine, "out", channels.SWAP_OUT)]))
    )  # fmt: skip
    return rows


def _line(machine: Machine, width: int, signs: Glyphs) -> SpanRow:
    total, used = machine.get(channels.MEMORY_TOTAL), machine.get(channels.MEMORY_USED)
    if not total or used is None:
        return tuple(reason(machine.why(channels.MEMORY_USED if total else channels.MEMORY_TOTAL), width))
    vram = _vram(machine)
    word = _word(judged(machine), signs)
    share = percent(used / total * 100)
    # How short it is weighs more than how much there is.
    told = [f"{share} of {size(total)}", f"{share:>5}"]
    if width >= FULL_LINE:
        told.insert(0, _of(used, total))
    most = next((text for text in told if cell_len(text) + 2 + row_width(word) <= width), told[-1])
    groups: list[list[Span]] = [
        [(most, "value")],
        [("  ", ""), *word],
        *([[("  VRAM ", "muted"), (_of(*_summed(vram)), "value")]] if vram else []),
        [("  available ", "muted"), (size(machine.get(channels.MEMORY_AVAILABLE)), "")],
    ]
    return tuple(whole(groups, width))


def _summed(vram: Sequence[tuple[str, float, float]]) -> tuple[float, float]:
    return sum(used for _, used, _ in vram), sum(total for _, _, total in vram)


def _parts(machine: Machine, total: float, used: float) -> list[Part]:
    free, cache = machine.get(channels.MEMORY_FREE), machine.get(channels.MEMORY_CACHE)
    held = machine.held if machine.unified else None
    # Part of the page cache can't be given back and counts as used: the bar shows each byte once, the legend each
    # figure in full.
    rest = max(0.0, total - used - (free or 0.0))
    shown = None if cache is None else min(cache, rest)
    # One unit for all takes less room, and they are compared with each other.
    text = gib if total >= 4 * GIB else size
    in_use = [Part("used", used, text(used))]
    if held is not None:
        gpu = min(held, used)
        in_use = [Part("GPU", gpu, text(held)), Part("other", used - gpu, text(used - gpu), "series-3")]
    return [
        *in_use,
        Part("cache", shown, text(cache), "series-2"),
        Part("free", free, text(free) + (" GiB" if text is gib and free is not None else ""), "muted"),
    ]


def _vram_bar(one: tuple[str, float, float], width: int, signs: Glyphs) -> SpanRow:
    gpu, used, total = one
    parts = [Part("used", used), Part("free", total - used, "", "muted")]
    room = width - LABEL_CELLS
    bar = stacked_bar(parts, total, room, _caption(used, total, room), ascii_only=signs.ascii)
    return ((f"VRAM {gpu}".ljust(LABEL_CELLS), "label"), *bar)


def _caption(used: float, total: float, width: int) -> str:
    """What stands beside a bar on a row of some cells; the bar takes half of them at least."""
    share = percent(used / total * 100)
    told = (_of(used, total), f"{share} of {size(total)}", share)
    return next((text for text in told if len(text) < width // 2), "")


def _of(used: float, total: float) -> str:
    amount, unit = size(used).split()
    same = unit == size(total).split()[1]
    return f"{amount if same else size(used)} of {size(total)} {percent(used / total * 100)}"


def _row(
    machine: Machine,
    label: str,
    figures: Sequence[tuple[str, str, Callable[[float | None], str]]],
    width: int,
    more: Sequence[list[Span]] = (),
) -> SpanRow:
    """A label, and figures; their reason where there are none."""
    start = head(label, LABEL_CELLS)
    if all(machine.get(channel) is None for _, channel, _ in figures):
        return (*start, *reason(machine.why(figures[0][1]), width - LABEL_CELLS))
    groups = [
        [("  " if at else "", ""), (f"{name} " if name else "", "muted"), (text(machine.get(channel)), "value")]
        for at, (name, channel, text) in enumerate(figures)
    ]
    return beside(start, [*groups, *more], width)


def _word(found: Pressure, signs: Glyphs) -> list[Span]:
    sign = {Level.OK: signs.ok, Level.TIGHT: "!", Level.CRITICAL: signs.failed, Level.UNKNOWN: "?"}[found.level]
    return [(f"{sign} {found.level}", LEVELS[found.level])]


def _pressure_row(machine: Machine, width: int, signs: Glyphs) -> SpanRow:
    found = judged(machine)
    start = [*head("pressure", LABEL_CELLS), *_word(found, signs)]
    some, full = machine.get(channels.PSI_SOME), machine.get(channels.PSI_FULL)
    room = width - row_width(start)
    if some is None and full is None:
        return (*start, ("  ", ""), *reason(machine.why(channels.PSI_SOME), room - 2))
    told: list[list[Span]] = []
    for name, share in (("some", some), ("full", full)):
        told.append([(f"{name} ", "muted"), (percent(share, 1), "value")])
    for gap in ("  ", " "):
        both: list[Span] = [(gap, ""), *told[0], (gap, ""), *told[1]]
        if row_width(both) <= room:
            return tuple(whole([[*start, *both], [("  of the last 10 s", "muted")]], width))
    # That every task waits weighs more than that some task does.
    return beside(start, [[("  ", ""), *told[1]]], width) if room > 6 else tuple(crop(start, width))


def _held_row(machine: Machine, width: int) -> SpanRow:
    own = [held for gpu in machine.gpus if (held := machine.of("gpu", gpu, "held_own")) is not None]
    others = [held for gpu in machine.gpus if (held := machine.of("gpu", gpu, "held_other")) is not None]
    if machine.held is None:
        first = f"gpu.{machine.gpus[0]}.held" if machine.gpus else "gpu"
        return (*head("GPU holds", LABEL_CELLS), *reason(machine.why(first, "gpu"), width - LABEL_CELLS))
    groups: list[list[Span]] = [[(size(machine.held), "value")]]
    if own or others:
        groups.append([("  own ", "muted"), (size(sum(own)), "")])
        groups.append([("  others ", "muted"), (size(sum(others)), "")])
    return beside(head("GPU holds", LABEL_CELLS), groups, width)


def _headroom_row(machine: Machine, width: int) -> SpanRow:
    """What CUDA can allocate, and by which of the two rules."""
    apart = machine.get(channels.MEMORY_HUGE_PAGES)
    rule = "available + free swap"
    if apart:
        rule = f"free of {size(apart)} huge pages"
    return _row(
        machine, "headroom", [("", channels.MEMORY_ALLOCATABLE, size)], width, [[(f"  {rule}", "muted")]]
    )  # fmt: skip


def _moved(machine: Machine, name: str, channel: str) -> list[Span]:
    return [(f"  {name} ", "muted"), (flow(machine.get(channel)), "value")]
