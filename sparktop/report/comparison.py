"""The runs beside results that others published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from sparktop.model.published import (
    EvaluationComparison,
    Published,
    Source,
    SpeedComparison,
    compare_evaluations,
    compare_speeds,
)
from sparktop.model.published import Figure as Printed
from sparktop.report.document import Align, Block, Cell, Column, Listing, Row, Section, Table, Text, Tone
from sparktop.report.figures import Measurement
from sparktop.report.language import Language
from sparktop.report.rounding import Figure
from sparktop.report.runs import Entrant, Part
from sparktop.report.tables import Maker, Quantity, name_column

SPEED: Final = Quantity("tok_s", 2)
RATIO: Final = Quantity("ratio", 2)


def comparison(part: Part, published: Published, language: Language) -> Section | None:
    """Returns the section about published results; None where nobody published any of these models."""
    if not (published.speeds or published.evaluations):
        return None
    speeds: list[tuple[Entrant, SpeedComparison]] = []
    evaluations: list[tuple[Entrant, EvaluationComparison]] = []
    for run in part.runs:
        own = {entrant.name: entrant for entrant in part.entrants if entrant.run is run}
        speeds += [(own[one.contender], one) for one in compare_speeds(run.snapshot, published)]
        evaluations += [(own[one.contender], one) for one in compare_evaluations(run.snapshot, published)]
    blocks: list[Block] = []
    if speeds:
        blocks.append(_speed_table(part, speeds, language))
    blocks += _evaluation_tables(part, evaluations, language)
    if not blocks:
        return None
    sources = dict.fromkeys(
        [*(one.published.source for _, one in speeds), *(one.evaluation.source for _, one in evaluations)]
    )
    blocks.append(Listing(items=tuple(_cited(source, language) for source in sources)))
    blocks.append(Text(text=language.say("published.rule"), tone=Tone.NOTE))
    return Section(id=f"{part.id}.published", title=language.say("published"), blocks=tuple(blocks))


def _cited(source: Source, language: Language) -> Text:
    date = language.date(source.date) if source.date else ""
    return Text(
        text=language.labelled(
            language.say("published.source"), language.listed(filter(None, (source.name, date, source.url)))
        )
    )


def _speed_table(part: Part, found: list[tuple[Entrant, SpeedComparison]], language: Language) -> Table:
    say, maker = language.say, Maker(language)
    columns = [
        name_column(say("contender")),
        Column(id="batch", title=say("batch")),
        Column(id="published", title=say("published.row"), align=Align.LEFT),
        *(
            Column(id=key, title=say(f"published.{key}"))
            for key in ("pp", "pp_published", "pp_ratio", "tg", "tg_published", "tg_ratio")
        ),
        Column(id="source", title=say("published.source"), align=Align.LEFT),
    ]
    rows = []
    for entrant, one in found:
        other = one.published
        cell = Measurement(entrant, one.batch, language)
        tg = cell.decode_tok_s if one.batch == 1 else cell.aggregate_tok_s
        differs = language.clauses(language.sentence(text) for text in one.differences)
        note = say("published.differs", what=differs) if differs else ""
        shape = language.listed(filter(None, (other.quantization, other.engine, other.how)))
        rows.append(
            Row(
                id=f"{entrant.label}.{one.batch}.{other.id}",
                cells=(
                    Cell(text=entrant.label),
                    Cell(text=str(one.batch), value=one.batch),
                    maker.word(language.with_remark(other.name, shape), note),
                    *_pair(maker, cell.prefill_tok_s, other.pp, alike=one.pp_ratio is not None),
                    *_pair(maker, tg, other.tg, alike=one.tg_ratio is not None),
                    Cell(text=_source(other.source.name, other.source.date, other.grade, language)),
                ),
            )
        )
    return maker.table(f"{part.id}.published-speeds", say("published.speeds"), columns, rows)


def _pair(maker: Maker, own: Figure, other: Printed | None, *, alike: bool) -> tuple[Cell, Cell, Cell]:
    """Returns this run's figure, the published one, and their ratio where the work was alike."""
    if other is None:
        unknown = maker.missing(maker.language.say("published.not-published"))
        return maker.figure(own, SPEED), unknown, _ratio(maker, own, None, alike=alike)
    return maker.figure(own, SPEED), Cell(text=other.text, value=other.value), _ratio(maker, own, other, alike=alike)


def _ratio(maker: Maker, own: Figure, other: Printed | None, *, alike: bool) -> Cell:
    if own.value is None or other is None or not other.value or not alike:
        return maker.missing(maker.language.say("published.no-ratio"))
    ratio = own.scaled(1 / other.value)
    cell = maker.figure(replace(ratio, estimate=ratio.estimate or other.about), RATIO)
    return Cell(text=f"{cell.text} ×", value=cell.value)


def _source(name: str, date: str, grade: str, language: Language) -> str:
    return language.with_remark(name, language.listed(filter(None, (grade, date))))


def _evaluation_tables(
    part: Part, found: list[tuple[Entrant, EvaluationComparison]], language: Language
) -> Iterator[Table]:
    say = language.say
    for evaluation in dict.fromkeys(one.evaluation.id for _, one in found):
        own = [(entrant, one) for entrant, one in found if one.evaluation.id == evaluation]
        title = own[0][1].evaluation.title
        maker = Maker(language)
        columns = [
            name_column(say("contender")),
            Column(id="published", title=say("published.model"), align=Align.LEFT),
            *(
                Column(id=key, title=say(f"published.{key}"))
                for key in ("tok_s", "tok_s_ratio", "tpot", "tpot_ratio", "response", "response_ratio")
            ),
        ]
        rows = []
        for entrant, one in own:
            other = one.published
            cell = Measurement(entrant, 1, language)
            differs = language.clauses(language.sentence(text) for text in one.differences)
            note = say("published.differs", what=differs) if differs else ""
            response = other.mean_response_s.get(part.scenario.name)
            rows.append(
                Row(
                    id=entrant.label,
                    cells=(
                        Cell(text=entrant.label),
                        maker.word(language.with_remark(other.name, other.label), note),
                        *_pair(maker, cell.decode_tok_s, other.tok_s, alike=one.tok_s_ratio is not None)[1:],
                        *_pair(maker, cell.tpot_ms, other.tpot_ms, alike=one.tpot_ratio is not None)[1:],
                        *_pair(maker, cell.mean_response_s, response, alike=one.response_ratio is not None)[1:],
                    ),
                )
            )
        source = own[0][1].evaluation.source
        said = _source(language.with_remark(title, own[0][1].evaluation.machines), source.date, "", language)
        yield maker.table(
            f"{part.id}.published-{evaluation}", language.labelled(say("published.evaluation"), said), columns, rows
        )
