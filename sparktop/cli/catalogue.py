"""The catalogue of well-known models, as a table; and the machine that it is held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sparktop.headless.columns import Align, table
from sparktop.model.listing import CONTEXT, Listed, Memory
from sparktop.model.published import Figure
from sparktop.model.records import Node
from sparktop.model.roofline import GB10, Ceilings, ceilings_of
from sparktop.model.text import one_line
from sparktop.nodes.fit import memory_here
from sparktop.nodes.local import describe_local
from sparktop.telemetry.bandwidth import processor_bandwidth
from sparktop.telemetry.reading import Unreadable

_NOT_KNOWN: Final = "n/a"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What models are held against.

    Attributes:
        name: For people.
        ceilings: How fast its memory can be read.
        memory: What they are to fit into; None if that is not known, or is that of DGX Sparks.
        rule: Where `memory` is from, or why it is not known.
    """

    name: str
    ceilings: Ceilings
    memory: Memory | None
    rule: str


SPARK: Final = Machine(
    name="DGX Spark",
    ceilings=GB10,
    memory=None,
    rule=f"SPARKS: how many hold it with {CONTEXT} tokens of context and leave 8 GiB of each one's 121.7",
)


def this_machine(state: Path, root: Path = Path("/"), node: Node | None = None) -> Machine:
    """Returns the machine in hand; the processor's bandwidth is measured, once, where models would run on it.

    Args:
        state: Folder that the measurement is kept in.
        root: Folder that holds proc and etc.
        node: The machine; None asks it.
    """
    node = describe_local() if node is None else node
    try:
        here = memory_here(proc=root / "proc")
    except Unreadable as reason:
        memory, rule, own = None, f"memory: unknown ({reason})", False
    else:
        memory = Memory(free=here.free, reserve=here.reserve)
        rule = (
            f"FITS: with {CONTEXT} tokens of context into the {here.free / 2**30:.1f} GiB that can be allocated now"
            f" ({here.rule}), less {here.reserve / 2**30:.1f} GiB"
        )
        own = here.own
    return Machine(name=node.name, ceilings=_ceilings(node, own, state, root), memory=memory, rule=rule)


def _ceilings(node: Node, own: bool, state: Path, root: Path) -> Ceilings:
    on_gpu = own or any("GB10" in gpu for gpu in node.gpus)
    if on_gpu:
        return ceilings_of(node.gpus, [f"CUDA{index} ({gpu})" for index, gpu in enumerate(node.gpus)], None, "")
    try:
        found = processor_bandwidth(state, root)
    except Unreadable as reason:
        return ceilings_of(node.gpus, ["CPU"], None, str(reason))
    return ceilings_of(node.gpus, ["CPU"], found.bytes_s, found.source)


def catalogue_table(rows: Sequence[Listed], machine: Machine) -> list[str]:
    """Returns the catalogue as lines."""
    sparks = machine is SPARK
    head = ["MODEL", "QUANT", "SIZE GiB", "GB/TOKEN", "CEILING", "SPARKS" if sparks else "FITS"]
    head += ["ENGINE", "IN/OUT", "PP tok/s", "TG tok/s", "TIER", "SOURCE"]
    left, right = Align.LEFT, Align.RIGHT
    aligns = [left, left, right, right, right, left, left, left, right, right, left, left]
    return table(head, aligns, [_row(row, sparks) for row in rows])


def _row(row: Listed, sparks: bool) -> list[str]:
    counted = row.counted
    about = "~" if counted.approximations else ""
    if sparks:
        place = _NOT_KNOWN if counted.unknown else str(counted.sparks or "more than 2")
    else:
        place = _NOT_KNOWN if counted.fits is None else "yes" if counted.fits else "no"
    ran = " ".join(filter(None, (row.engine or _NOT_KNOWN, f"({row.how})" if row.how else "")))
    return [
        one_line(row.name),
        row.quantization or _NOT_KNOWN,
        _number(counted.size, 2**30, 1, about),
        _number(counted.bytes_per_token, 1e9, 2, about),
        _number(counted.ceiling_tok_s, 1, 1, about),
        place,
        ran + (" x2" if row.published_on == 2 else ""),
        row.shape,
        _figure(row.pp),
        _figure(row.tg),
        row.tier or _NOT_KNOWN,
        row.grade or row.source.date,
    ]


def _number(value: float | None, unit: float, digits: int, about: str) -> str:
    return _NOT_KNOWN if value is None else f"{about}{value / unit:.{digits}f}"


def _figure(figure: Figure | None) -> str:
    return _NOT_KNOWN if figure is None else figure.text


def explanations(rows: Sequence[Listed], machine: Machine) -> list[str]:
    """Returns what is to be said below the table."""
    reasons = dict.fromkeys(f"{row.name}: {row.counted.unknown}" for row in rows if row.counted.unknown)
    ceiling = machine.ceilings.theoretical or machine.ceilings.measured
    return [
        f"CEILING: tokens a second of one stream at {ceiling / 1e9:.0f} GB/s ({machine.ceilings.source})"
        if ceiling
        else f"CEILING: n/a, {machine.ceilings.source}",
        machine.rule,
        "PP and TG are what SOURCE published; x2 is on two DGX Sparks, ~ is about. Documents:",
        *dict.fromkeys(f"  {row.source.name} ({row.source.date}) {row.source.url}".rstrip() for row in rows),
        *reasons,
    ]
