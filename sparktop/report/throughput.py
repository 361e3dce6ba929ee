"""What serving several requests at once brings, and reading and writing speed side by side."""

from __future__ import annotations

from typing import Final

from sparktop.model.scenario import Kind, Mode, Slo
from sparktop.report.baseline import DECODE, LATENCY, PREFILL, TPOT, TTFT, requests_cell, tier_cell
from sparktop.report.document import Align, Block, Cell, Column, Row, Section, Text, Tone
from sparktop.report.environment import quantization
from sparktop.report.figures import Measurement, speedup_of
from sparktop.report.language import Language
from sparktop.report.rounding import rounded
from sparktop.report.runs import Part
from sparktop.report.tables import Better, Maker, Quantity, name_column

TOTAL: Final = Quantity("total_s", 2)
QPS: Final = Quantity("qps", 3, Better.HIGHER)
GOODPUT: Final = Quantity("goodput", 3, Better.HIGHER)
AGGREGATE: Final = Quantity("aggregate_tok_s", 2, Better.HIGHER)
STEADY: Final = Quantity("steady_tok_s", 2, Better.HIGHER)
SPEEDUP: Final = Quantity("speedup", 2, Better.HIGHER)
EFFICIENCY: Final = Quantity("efficiency", 0, Better.HIGHER, percent=True)

LEVEL: Final = 0.05
"""Share by which QPS may change from one stream to many and still be called level: less than runs differ by."""

MUCH: Final = 1.5
"""From this factor on batching is said to pay; below it, to bring little."""

Measurements = list[list[Measurement]]
"""Of each contender the figures at every batch size, the smallest first."""


def throughput(part: Part, measured: Measurements, language: Language) -> Section | None:
    """Returns the section about batches; None where only one size was asked for."""
    sizes = {cell.batch for cells in measured for cell in cells}
    if part.kind is not Kind.BATCH and sizes <= {1}:
        return None
    say, maker = language.say, Maker(language)
    goodput = part.scenario.slo != Slo()
    quantities = (TOTAL, QPS, *((GOODPUT,) if goodput else ()), AGGREGATE, STEADY, TPOT, SPEEDUP, EFFICIENCY)
    columns = [
        name_column(say("contender")),
        Column(id="batch", title=say("batch")),
        *(Column(id=quantity.id, title=say(f"figure.{quantity.id}")) for quantity in quantities),
    ]
    rows = []
    for cells in measured:
        single = next((cell for cell in cells if cell.batch == 1), None)
        for cell in cells:
            speedup, efficiency = speedup_of(cell, single, language)
            figures = (
                *(cell.total_s, cell.qps, *((cell.goodput,) if goodput else ())),
                *(cell.aggregate_tok_s, cell.steady_tok_s, cell.tpot_ms),
                *(speedup, efficiency),
            )
            shown = [maker.figure(figure, quantity) for figure, quantity in zip(figures, quantities, strict=True)]
            rows.append(
                Row(
                    id=f"{cell.entrant.label}.{cell.batch}",
                    cells=(Cell(text=cell.entrant.label), Cell(text=str(cell.batch), value=cell.batch), *shown),
                )
            )
    table = maker.table(f"{part.id}.throughput", say("throughput.title"), columns, rows)
    said = [sentence for cells in measured if (sentence := batching(part, cells, language)) is not None]
    return Section(id=f"{part.id}.throughput", title=say("throughput"), blocks=(table, *said))


def batching(part: Part, cells: list[Measurement], language: Language) -> Text | None:
    """Returns what batching brings a contender; None where it was not asked in several sizes."""
    known = [cell for cell in cells if cell.qps.value]
    if len(known) < 2:
        return None
    first, last = known[0], known[-1]
    best = max(known, key=lambda cell: cell.qps.value or 0.0)
    lowest = min(known, key=lambda cell: cell.qps.value or 0.0)
    least, most = first.qps.value, best.qps.value
    assert least
    assert most
    assert lowest.qps.value
    say = language.say
    values = {
        "name": first.entrant.label,
        "first": first.batch,
        "last": last.batch,
        "best": best.batch,
        "lowest": lowest.batch,
        "times": f"{most / least:.2f}",
    }
    falls = most <= least * (1 + LEVEL) and lowest.qps.value < least * (1 - LEVEL)
    shown = [rounded(cell.qps, QPS.finest) for cell in ((first, lowest) if falls else known)]
    digits = list(dict.fromkeys(language.number(one) for one in shown if one is not None))
    values["qps"] = digits[0] if len(digits) == 1 else say("from-to", low=digits[0], high=digits[-1])
    if most > least * MUCH:
        return Text(text=say("batching.gains", **values), tone=Tone.GOOD)
    if most > least * (1 + LEVEL):
        return Text(text=say("batching.little", **values), tone=Tone.NOTE)
    if falls:
        return Text(text=say("batching.falls", **values), tone=Tone.NOTE)
    why = ""
    if part.scenario.mode is Mode.SEQUENTIAL:
        why = say("batching.sequential")
    elif all(cell.steady_tok_s.value is None for cell in known if cell.batch > 1):
        why = say("batching.one-by-one")
    return Text(text=language.together([say("batching.nothing", **values), why]), tone=Tone.NOTE)


def speeds(part: Part, measured: Measurements, language: Language) -> Section | None:
    """Returns the section about prefill and decode speed; None for scenarios of another kind."""
    if part.kind is not Kind.PREFILL_DECODE:
        return None
    say, maker = language.say, Maker(language)
    columns = [
        name_column(say("contender")),
        Column(id="quantization", title=say("model.quantization"), align=Align.LEFT),
        Column(id="engine", title=say("model.engine"), align=Align.LEFT),
        Column(id="nodes", title=say("figure.nodes")),
        *((Column(id="batch", title=say("batch")),) if _several(measured) else ()),
        Column(id="tier", title=say("figure.tier"), align=Align.LEFT),
        Column(id=LATENCY.id, title=say(f"figure.{LATENCY.id}")),
        Column(id=PREFILL.id, title=say("figure.pp")),
        Column(id=DECODE.id, title=say("figure.tg")),
        *(Column(id=quantity.id, title=say(f"figure.{quantity.id}")) for quantity in (TTFT, TPOT)),
        Column(id="requests", title=say("figure.requests")),
    ]
    flat = [cell for cells in measured for cell in cells]
    prefill = maker.compared([cell.prefill_tok_s for cell in flat], PREFILL)
    decode = maker.compared([cell.decode_tok_s for cell in flat], DECODE)
    rows = []
    for at, cell in enumerate(flat):
        record = cell.entrant.record
        rows.append(
            Row(
                id=f"{cell.entrant.label}.{cell.batch}",
                cells=(
                    Cell(text=cell.entrant.label),
                    Cell(text=quantization(record) or say("unknown")),
                    Cell(text=record.contender.engine),
                    Cell(text=str(cell.entrant.sparks), value=cell.entrant.sparks),
                    *((Cell(text=str(cell.batch), value=cell.batch),) if _several(measured) else ()),
                    tier_cell(cell, maker),
                    maker.figure(cell.latency_ms, LATENCY),
                    prefill[at],
                    decode[at],
                    maker.figure(cell.ttft_ms, TTFT),
                    maker.figure(cell.tpot_ms, TPOT),
                    requests_cell(cell, maker),
                ),
            )
        )
    shape = say("speeds.title", isl=f"{part.scenario.isl:,}", osl=f"{part.scenario.osl:,}")
    table = maker.table(f"{part.id}.speeds", shape, columns, rows)
    blocks: tuple[Block, ...] = (table, Text(text=say("speeds.rule")))
    return Section(id=f"{part.id}.speeds", title=say("speeds"), blocks=blocks)


def _several(measured: Measurements) -> bool:
    return len({cell.batch for cells in measured for cell in cells}) > 1
