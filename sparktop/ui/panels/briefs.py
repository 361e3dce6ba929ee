"""Several machines on one line: as much of each as finds room, and always whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sparktop.model import channels
from sparktop.model.pressure import Level
from sparktop.ui.format import NA, plural
from sparktop.ui.glyphs import Glyphs
from sparktop.ui.panels.machine import Machine
from sparktop.ui.panels.machine_panel import cut_clause, how_long
from sparktop.ui.panels.memory import judged
from sparktop.ui.widgets.line_widget import Span, row_width
from sparktop.ui.widgets.names import short_names

DETAILS: Final = ("memory", "power", "busy")
"""What is told beside a name, in the order in which it gives way."""

SHORT_CELLS: Final = 9
"""Cells of a name where whole ones find no room."""

Group = list[Span]


def briefs(found: Sequence[Machine], width: int, signs: Glyphs, more: Sequence[Group] = ()) -> Group:
    """Lays out several machines on one line.

    Args:
        found: The machines.
        width: The cells there are.
        signs: What this terminal can show.
        more: What is worth more than the figures of machines, though not more than their names.

    Returns:
        Each machine by name with its figures, then `more`, then why machines have no GPU; what finds no room as a whole
        is left out. Where not even the names fit, there are those of machines in trouble, and of all machines the
        lowest and the highest figure.
    """
    wanted = [span for group in more for span in group]
    for told in (wanted, []) if wanted else ([],):
        for line in _lines(found, signs, by_name=bool(told)):
            if row_width([*line, *told]) <= width:
                spans = [*line, *told]
                return [*spans, *_bare(found, width - row_width(spans))]
    return []


def _lines(found: Sequence[Machine], signs: Glyphs, *, by_name: bool) -> Iterator[Group]:
    """Yields the machines in ever fewer cells; their names are worth more than ranges where something else follows."""
    names = [machine.name for machine in found]
    short = short_names(names, SHORT_CELLS)
    for details in (DETAILS, DETAILS[1:], DETAILS[2:]):
        yield _joined(found, names, details, signs)
    yield _by_kind(found, names)
    yield _joined(found, short, DETAILS[2:], signs)
    yield _by_kind(found, short)
    if by_name:
        yield _joined(found, names, (), signs)
        yield _joined(found, short, (), signs)
    troubled = [machine for machine in found if _trouble(machine)]
    whose = dict(zip(names, short, strict=True))
    for said in range(len(troubled), -1, -1):
        first = _joined(troubled[:said], [whose[machine.name] for machine in troubled[:said]], (), signs)
        for with_memory in (True, False):
            yield [*first, ("   " if first else "", ""), *_ranges(found, with_memory)]
    yield [(plural(len(found), "machine"), "title")]


def _by_kind(found: Sequence[Machine], names: Sequence[str]) -> Group:
    """How busy machines of one kind are, the kind told once; so long that it is passed over where they differ."""
    loads = [_busy(machine) for machine in found]
    kinds = {load[0][0] for load in loads if load}
    if len(kinds) != 1 or not all(loads) or any(machine.silent or machine.stale for machine in found):
        return [(" " * 999, "")]
    spans: Group = [(f"{kinds.pop().strip()} ", "muted")]
    for name, load in zip(names, loads, strict=True):
        spans += [("  " if len(spans) > 1 else "", ""), (name, "title"), *load[1:]]
    return spans


def _ranges(found: Sequence[Machine], with_memory: bool) -> Group:
    """From which figure to which machines lie, and of how many that is told."""
    read = [machine for machine in found if not machine.silent]
    busy = [load / len(machine.gpus) for machine in read if (load := _of_gpus(machine, "utilization")) is not None]
    kind = "GPU" if busy else "CPU"
    busy = busy or [load for machine in read if (load := machine.get(channels.CPU_LOAD)) is not None]
    shares = [100 * share for machine in read if (share := _memory_share(machine)) is not None]
    spans: Group = [(plural(len(found), "machine"), "title")]
    for name, told in ((kind, busy), ("memory", shares if with_memory else [])):
        if told:
            some = f" on {len(told)}" if len(told) < len(found) else ""
            spans += [(f"  {name} ", "muted"), (f"{min(told):.0f}-{max(told):.0f} %{some}", "")]
    return spans


def _joined(found: Sequence[Machine], names: Sequence[str], details: Sequence[str], signs: Glyphs) -> Group:
    spans: Group = []
    for machine, name in zip(found, names, strict=True):
        spans += [("   " if spans else "", ""), (name, "title"), *_figures(machine, details, signs)]
    return spans


def _figures(machine: Machine, details: Sequence[str], signs: Glyphs) -> Group:
    if machine.silent or machine.stale:
        what = machine.silent if machine.silent and details else "old" if not machine.silent else "gone"
        return [(f" ! {what} {how_long(machine)}", "warn")]
    spans: Group = []
    if "busy" in details:
        spans += _busy(machine)
    if "power" in details and (watt := _of_gpus(machine, "power")) is not None:
        spans.append((f" {watt:3.0f} W", ""))
    level = judged(machine).level
    short_of = level in (Level.TIGHT, Level.CRITICAL)
    share = _memory_share(machine)
    if ("memory" in details or short_of) and share is not None:
        sign = f" {signs.failed if level is Level.CRITICAL else '!'}" if short_of else ""
        spans += [(" memory", "muted"), (f" {share * 100:.0f} %{sign}", "warn" if short_of else "")]
    return spans


def _memory_share(machine: Machine) -> float | None:
    used, total = machine.get(channels.MEMORY_USED), machine.get(channels.MEMORY_TOTAL)
    return used / total if used is not None and total else None


def _busy(machine: Machine) -> Group:
    """How busy the GPU is; where there is none, the processor."""
    load = _of_gpus(machine, "utilization")
    if load is not None:
        return [(" GPU", "muted"), (f" {load / len(machine.gpus):3.0f} %", "")]
    if machine.gpus:
        return [(" GPU", "muted"), (f" {NA}", "warn")]
    load = machine.get(channels.CPU_LOAD)
    return [] if load is None else [(" CPU", "muted"), (f" {load:3.0f} %", "")]


def _of_gpus(machine: Machine, quantity: str) -> float | None:
    told = [value for gpu in machine.gpus if (value := machine.of("gpu", gpu, quantity)) is not None]
    return sum(told) if told and len(told) == len(machine.gpus) else None


def _trouble(machine: Machine) -> bool:
    return bool(machine.silent) or machine.stale or judged(machine).level in (Level.TIGHT, Level.CRITICAL)


def _bare(found: Sequence[Machine], width: int) -> Group:
    """Says which machines have no GPU and why, those with the same reason together."""
    reasons: dict[str, list[str]] = {}
    for machine in found:
        if machine.read and not machine.gpus and not machine.silent:
            reasons.setdefault(machine.why("gpu"), []).append(machine.name)
    spans: Group = []
    for why, names in reasons.items():
        whose = "all" if len(names) == len(found) else ", ".join(names)
        start = f"   GPU {NA} on {whose}"
        for text in (f"{start}: {cut_clause(why, width - row_width(spans) - row_width([(start, '')]) - 2)}", start):
            if row_width(spans) + row_width([(text, "")]) <= width:
                spans.append((text, "muted"))
                break
    return spans
