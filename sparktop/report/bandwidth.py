"""What each token took: bytes read, against what the memory can give, energy, traffic."""

from __future__ import annotations

from typing import Final

from sparktop.report.document import Block, Cell, Column, Listing, Row, Section, Text, Tone
from sparktop.report.figures import Measurement
from sparktop.report.language import Language
from sparktop.report.rounding import Figure, none
from sparktop.report.runs import Part
from sparktop.report.tables import Better, Maker, Quantity, name_column

BYTES: Final = Quantity("bytes_per_token_gb", 3)
ACHIEVED: Final = Quantity("achieved_gb_s", 1, Better.HIGHER)
SHARE: Final = Quantity("roofline_share", 0, Better.HIGHER, percent=True)
CEILING: Final = Quantity("ceiling_tok_s", 1)
GPU_J: Final = Quantity("gpu_j", 3, Better.LOWER)
MACHINE_J: Final = Quantity("machine_j", 3, Better.LOWER)
PREFILL_J: Final = Quantity("prefill_gpu_j", 4, Better.LOWER)
RDMA: Final = Quantity("rdma_kb", 2)
TCP: Final = Quantity("tcp_kb", 2)

_QUANTITIES: Final = (BYTES, ACHIEVED, SHARE, CEILING, GPU_J, MACHINE_J, PREFILL_J)


def bandwidth(part: Part, measured: list[list[Measurement]], language: Language) -> Section | None:
    """Returns the section about memory bandwidth and energy; None where nothing was asked."""
    flat = [cell for cells in measured for cell in cells]
    if not flat:
        return None
    say, maker = language.say, Maker(language)
    several = len({cell.batch for cell in flat}) > 1
    split = any(cell.entrant.sparks > 1 for cell in flat)
    quantities = (*_QUANTITIES, *((RDMA, TCP) if split else ()))
    figures = [_figures(cell, language) for cell in flat]
    known = [one for one in quantities if any(row[one.id].value is not None for row in figures)]
    blocks: list[Block] = []
    if known:
        columns = [
            name_column(say("contender")),
            *((Column(id="batch", title=say("batch")),) if several else ()),
            *(Column(id=quantity.id, title=say(f"figure.{quantity.id}")) for quantity in known),
        ]
        rows = []
        for cell, found in zip(flat, figures, strict=True):
            shown = [maker.figure(found[quantity.id], quantity) for quantity in known]
            batch = (Cell(text=str(cell.batch), value=cell.batch),) if several else ()
            rows.append(
                Row(id=f"{cell.entrant.label}.{cell.batch}", cells=(Cell(text=cell.entrant.label), *batch, *shown))
            )
        blocks.append(maker.table(f"{part.id}.bandwidth", say("bandwidth.title"), columns, rows))
    remarks = _remarks(flat, language)
    # What is not known of anybody needs no column of its own.
    for quantity in (one for one in quantities if one not in known):
        reasons = dict.fromkeys(row[quantity.id].reason for row in figures if row[quantity.id].reason)
        missing = language.with_remark(say("n/a"), language.listed(reasons))
        remarks.append(Text(text=language.labelled(say(f"figure.{quantity.id}"), missing)))
    if remarks:
        blocks.append(Listing(items=tuple(remarks)))
    return Section(id=f"{part.id}.bandwidth", title=say("bandwidth"), blocks=tuple(blocks))


def _figures(cell: Measurement, language: Language) -> dict[str, Figure]:
    def cost(field: str, *, prefill: bool = False, factor: float = 1.0) -> Figure:
        figure = cell.cost(field, prefill=prefill).scaled(factor)
        return figure if figure.value is not None else none(language.sentence(figure.reason))

    return {
        **_rooflines(cell, language),
        GPU_J.id: cost("gpu_j"),
        MACHINE_J.id: cost("machine_j"),
        PREFILL_J.id: cost("gpu_j", prefill=True),
        RDMA.id: cost("rdma_bytes", factor=1e-3),
        TCP.id: cost("tcp_bytes", factor=1e-3),
    }


def share_of(cell: Measurement, language: Language) -> Figure:
    """Returns the share of the memory's bandwidth that decoding reached."""
    return _rooflines(cell, language)[SHARE.id]


def _rooflines(cell: Measurement, language: Language) -> dict[str, Figure]:
    found = cell.roofline
    if found is None:
        unknown = none(language.say("why.no-footprint"))
        return dict.fromkeys((BYTES.id, ACHIEVED.id, SHARE.id, CEILING.id), unknown)
    speed = cell.together_tok_s
    counted = bool(found.approximations)
    per_token = Figure(value=found.bytes_per_token / 1e9, noise=0.0, estimate=counted)
    why = language.sentence(found.ceilings.source)
    achieved = none(speed.reason)
    if found.achieved is not None and speed.value:
        achieved = Figure(value=speed.value, noise=speed.noise, estimate=speed.estimate or counted).scaled(
            found.bytes_per_token / 1e9
        )
    share, of = found.share
    reached = none(speed.reason if found.achieved is None else why)
    if share is not None and share > 1:
        reached = none(language.say("why.more-than-can-be"))
    elif share is not None and achieved.value:
        reached = achieved.scaled(1e9 / of)
    ceiling = none(why)
    if found.ceiling_tok_s is not None:
        ceiling = Figure(value=found.ceiling_tok_s, estimate=counted)
    return {BYTES.id: per_token, ACHIEVED.id: achieved, SHARE.id: reached, CEILING.id: ceiling}


def _remarks(cells: list[Measurement], language: Language) -> list[Text]:
    """Which ceilings the shares are of, and what is not exact: each said once."""
    said: dict[str, Tone] = {}
    for cell in cells:
        found = cell.roofline
        if found is None:
            continue
        if found.ceilings.theoretical is not None or found.ceilings.measured is not None:
            label = language.say("bandwidth.ceiling", name=cell.entrant.label)
            said[language.labelled(label, language.sentence(found.ceilings.source))] = Tone.PLAIN
        for reason in found.approximations:
            label = language.say("bandwidth.approximate", name=cell.entrant.label)
            said[language.labelled(label, language.sentence(reason))] = Tone.NOTE
    return [Text(text=text, tone=tone) for text, tone in said.items()]
