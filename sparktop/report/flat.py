"""All figures of a report as one flat table, for spreadsheets: a row for each cell of measurement and each answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from sparktop.model.parts import LinkUse
from sparktop.model.scoring import Score
from sparktop.model.snapshot import measured_record, request_metrics
from sparktop.report import bandwidth, baseline, throughput
from sparktop.report.document import Align, Cell, Column, Row, Table
from sparktop.report.environment import quantization
from sparktop.report.figures import Answer, Measurement, speedup_of
from sparktop.report.language import Language
from sparktop.report.rounding import Figure, rounded
from sparktop.report.runs import Entrant, Part
from sparktop.report.tables import Quantity

if TYPE_CHECKING:
    from sparktop.report.overall import Counted

_TEXTS: Final = (
    *("run", "created", "status", "valid", "scenario", "contender", "toy", "quantization", "engine", "node"),
    *("row", "batch", "item", "repetition", "requests", "completed", "failed", "end"),
)
_SPLIT: Final = ("transport", "split_kb", "split_waited")
_ANSWER: Final = ("points", "points_total", "points_missing", "source_cited", "wrong_sources", "tokens")
_FIGURES: Final[tuple[tuple[Quantity, Callable[[Measurement], Figure]], ...]] = (
    (baseline.DECODE, lambda cell: cell.decode_tok_s),
    (baseline.TPOT, lambda cell: cell.tpot_ms),
    (baseline.TTFT, lambda cell: cell.ttft_ms),
    (baseline.PREFILL, lambda cell: cell.prefill_tok_s),
    (baseline.RESPONSE, lambda cell: cell.mean_response_s),
    (baseline.LATENCY, lambda cell: cell.latency_ms),
    (throughput.TOTAL, lambda cell: cell.total_s),
    (throughput.QPS, lambda cell: cell.qps),
    (throughput.AGGREGATE, lambda cell: cell.aggregate_tok_s),
    (throughput.STEADY, lambda cell: cell.steady_tok_s),
)
_MORE: Final = (throughput.SPEEDUP, throughput.EFFICIENCY, bandwidth.SHARE, bandwidth.GPU_J, bandwidth.MACHINE_J)

_WAITED: Final = Quantity("split_waited", 1, percent=True)


def figures_table(counted: list[Counted], language: Language) -> Table:
    """Returns the flat table; what is not known is an empty cell."""
    say = language.say
    quantities = (*(quantity for quantity, _ in _FIGURES), *_MORE)
    columns = (
        *(Column(id=name, title=say(f"flat.{name}"), align=Align.LEFT) for name in _TEXTS),
        *(Column(id=name, title=say(f"flat.{name}"), align=Align.LEFT) for name in _ANSWER),
        *(
            Column(id=one.id, title=language.with_remark(say(f"figure.{one.id}"), "%" if one.percent else ""))
            for one in quantities
        ),
        # Behind all that were there before: who reads by number must find the same.
        *(Column(id=name, title=say(f"flat.{name}"), align=Align.LEFT) for name in _SPLIT),
    )
    rows: list[Row] = []
    for one in counted:
        for cells in one.measured:
            single = next((cell for cell in cells if cell.batch == 1), None)
            for cell in cells:
                rows.append(_row(columns, _cell_values(one.part, cell, single, language)))
        for item in one.part.items:
            for entrant in one.part.entrants:
                for answer in one.answers[entrant.label, item.id]:
                    rows.append(_row(columns, _answer_values(one.part, entrant, answer, language)))
    return Table(id="figures", title=say("figures"), columns=columns, rows=tuple(rows))


def _row(columns: tuple[Column, ...], values: dict[str, Cell]) -> Row:
    empty = Cell(text="")
    return Row(id=values["row"].text, cells=tuple(values.get(column.id, empty) for column in columns))


def _words(part: Part, entrant: Entrant, language: Language) -> Iterator[tuple[str, Cell]]:
    one, contender = entrant.run.snapshot, entrant.record.contender
    say = language.say
    for name, text in (
        ("run", one.id),
        ("created", one.created),
        ("status", language.known("status", one.status.value)),
        ("valid", say("yes" if one.validity.valid else "no")),
        ("scenario", part.scenario.name),
        ("contender", contender.name),
        ("toy", say("yes" if contender.toy else "no")),
        ("quantization", quantization(entrant.record)),
        ("engine", contender.engine),
        ("node", contender.node),
    ):
        yield name, Cell(text=text)


def _number(value: float) -> Cell:
    return Cell(text=f"{value:g}", value=value)


def _figure(figure: Figure, quantity: Quantity) -> Cell:
    shown = rounded(figure.scaled(100) if quantity.percent else figure, quantity.finest)
    return Cell(text=shown.digits, value=shown.value) if shown is not None else Cell(text="")


def _cell_values(part: Part, cell: Measurement, single: Measurement | None, language: Language) -> dict[str, Cell]:
    speedup, efficiency = speedup_of(cell, single, language)
    more = (speedup, efficiency, bandwidth.share_of(cell, language), cell.cost("gpu_j"), cell.cost("machine_j"))
    return {
        **dict(_words(part, cell.entrant, language)),
        "row": Cell(text=language.say("flat.cell")),
        "batch": _number(cell.batch),
        "requests": _number(cell.asked),
        "completed": _number(cell.completed),
        "failed": _number(cell.failed),
        **{quantity.id: _figure(figure(cell), quantity) for quantity, figure in _FIGURES},
        **{quantity.id: _figure(figure, quantity) for quantity, figure in zip(_MORE, more, strict=True)},
        **_split_values(cell.entrant.record.links, language),
    }


def _split_values(links: Sequence[LinkUse], language: Language) -> dict[str, Cell]:
    """What went between the machines of a split model: over all connections, and the longest waiting for one."""
    if not links:
        return {}
    values = {"transport": Cell(text=language.listed(dict.fromkeys(link.transport for link in links)))}
    sent, waited = [link.bytes_per_token for link in links], [link.waiting for link in links]
    # Not what is known of some: it would pass for all.
    if None not in sent:
        values["split_kb"] = _figure(Figure(value=sum(one for one in sent if one is not None) / 1e3), bandwidth.TCP)
    if None not in waited:
        values["split_waited"] = _figure(Figure(value=max(one for one in waited if one is not None)), _WAITED)
    return values


def _answer_values(part: Part, entrant: Entrant, answer: Answer, language: Language) -> dict[str, Cell]:
    request = answer.request
    said = request_metrics(measured_record(request).stream, request.tokens, request.prefill_ms)
    estimate = request.tokens.source == "chunks"
    end = "not-ended" if request.finish is None else request.finish.value
    values = {
        **dict(_words(part, entrant, language)),
        "row": Cell(text=language.say("flat.answer")),
        "batch": _number(request.batch),
        "item": Cell(text=request.item),
        "repetition": _number(request.repetition),
        "end": Cell(text=language.say(f"end.{end}")),
        "tokens": _number(request.tokens.output),
        **(_score_values(answer.score, language) if answer.score is not None else {}),
    }
    if not answer.ended:
        return values
    for quantity, value, guessed in (
        (baseline.DECODE, said.decode_tok_s, estimate),
        (baseline.TPOT, said.tpot_ms, estimate),
        (baseline.TTFT, said.ttft_ms, False),
        (baseline.PREFILL, said.prefill_tok_s, said.prefill_estimated),
        (baseline.RESPONSE, None if said.e2e_ms is None else said.e2e_ms / 1e3, False),
    ):
        values[quantity.id] = _figure(Figure(value=value, estimate=guessed), quantity)
    return values


def _score_values(score: Score, language: Language) -> dict[str, Cell]:
    values = {"wrong_sources": Cell(text=language.listed(wrong.name for wrong in score.wrong))}
    if score.total:
        values["points"], values["points_total"] = _number(score.found), _number(score.total)
        values["points_missing"] = Cell(text=language.listed(score.missing))
    if score.cited is not None:
        values["source_cited"] = Cell(text=language.say("yes" if score.cited else "no"))
    return values
