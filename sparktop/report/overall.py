"""Everything in one table: who is best at what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from sparktop.model.scenario import Item, Kind
from sparktop.model.scoring import Score
from sparktop.report.bandwidth import GPU_J
from sparktop.report.baseline import DECODE, PREFILL, RESPONSE
from sparktop.report.document import Cell, Section, Table
from sparktop.report.figures import Answers, Measurement
from sparktop.report.language import Language
from sparktop.report.questions import Questions, total_points
from sparktop.report.ratings import STARS, dimensions, named, star_cell, stars_of
from sparktop.report.rounding import Figure, none
from sparktop.report.runs import Entrant, Part
from sparktop.report.tables import Better, Maker, Measure, Quantity, best_of, matrix
from sparktop.report.throughput import AGGREGATE

POINTS: Final = Quantity("points_share", 0, Better.HIGHER, percent=True)
CITED: Final = Quantity("sources_cited", 0, Better.HIGHER)
WRONG: Final = Quantity("wrong_attributions", 0, Better.LOWER)


@dataclass(frozen=True, slots=True)
class Counted:
    """A part with all that was computed of it.

    Attributes:
        part: The part.
        answers: Every answer.
        measured: Of each contender that was asked anything the figures at every batch size.
    """

    part: Part
    answers: Answers
    measured: list[list[Measurement]]

    def cells(self, entrant: Entrant) -> list[Measurement]:
        """A contender's figures."""
        return next((cells for cells in self.measured if cells and cells[0].entrant is entrant), [])


@dataclass(frozen=True, slots=True)
class _Column:
    """A contender, as each part knows it."""

    label: str
    entrants: dict[str, Entrant]


def overall(counted: list[Counted], language: Language) -> Section:
    """Returns the section with the overall tables: one for all parts, or one for each where they can't be joined."""
    columns = _columns(counted)
    if columns is not None:
        tables = [_table("overall", counted, columns, language)]
    else:
        tables = [
            _table(
                f"overall.{one.part.id}",
                [one],
                [_Column(entrant.label, {one.part.id: entrant}) for entrant in one.part.entrants],
                language,
            )
            for one in counted
        ]
    return Section(
        id="overall", title=language.say("overall"), blocks=tuple(table for table in tables if table is not None)
    )


def _columns(counted: list[Counted]) -> list[_Column] | None:
    """Returns the contenders over all parts; None where a part has one of them twice."""
    columns: dict[tuple[str, ...], _Column] = {}
    for one in counted:
        seen = [entrant.identity for entrant in one.part.entrants]
        if len(set(seen)) < len(seen) and len(counted) > 1:
            return None
        for entrant in one.part.entrants:
            key = entrant.identity if len(counted) > 1 else (entrant.label,)
            column = columns.setdefault(key, _Column(entrant.label, {}))
            column.entrants[one.part.id] = entrant
    labels = [column.label for column in columns.values()]
    # Of the same name in different parts, but not the same: told apart by the machine.
    return [
        replace(column, label=f"{column.label} · {key[3]}")
        if labels.count(column.label) > 1 and len(key) > 3
        else column
        for key, column in columns.items()
    ]


def _table(identity: str, counted: list[Counted], columns: list[_Column], language: Language) -> Table | None:
    maker = Maker(language)
    measures: list[Measure] = []
    for one in counted:
        group = part_title(one.part, language) if len(counted) > 1 else ""
        for measure in _of_part(one, columns, maker):
            measures.append(replace(measure, id=f"{one.part.id}.{measure.id}", group=group))
    if not measures:
        return None
    return matrix(
        maker,
        identity,
        language.say("overall.title"),
        [column.label for column in columns],
        measures,
        corner=language.say("overall.by"),
        best=True,
    )


def part_title(part: Part, language: Language) -> str:
    """Returns a part's name for people."""
    return language.known("title", part.scenario.title or part.scenario.name)


def _of_part(one: Counted, columns: list[_Column], maker: Maker) -> list[Measure]:
    language = maker.language
    say, part = language.say, one.part
    absent = none(say("why.not-in-part"))
    entrants = [column.entrants.get(part.id) for column in columns]

    def row(quantity: Quantity, figures: list[Figure], title: str = "") -> list[Measure]:
        if all(figure.value is None for figure in figures):
            return []
        cells = tuple(maker.compared(figures, quantity))
        return [Measure(quantity.id, title or say(f"figure.{quantity.id}"), cells, comparable=True)]

    measures: list[Measure] = []
    if part.kind is Kind.QUESTIONS:
        asked = Questions(part, one.answers, language)
        measures += _points(asked, entrants, maker, absent)
        measures += _counts(CITED, [_cited(asked, entrant) if entrant else (absent, 0) for entrant in entrants], maker)
        measures += _counts(WRONG, [_wrong(asked, entrant) if entrant else (absent, 0) for entrant in entrants], maker)
        for dimension in dimensions(part):
            figures = [stars_of(entrant, dimension.id, language) if entrant else absent for entrant in entrants]
            marked = best_of(figures, STARS)
            cells = [star_cell(figure, maker, best=at in marked) for at, figure in enumerate(figures)]
            title = language.with_remark(named(dimension, language), say("ratings.people"))
            measures.append(Measure(f"stars.{dimension.id}", title, tuple(cells), comparable=True))
    measured = [one.cells(entrant) if entrant else [] for entrant in entrants]
    first = [cells[0] if cells else None for cells in measured]
    measures += row(DECODE, [cell.decode_tok_s if cell else absent for cell in first])
    if part.kind is Kind.PREFILL_DECODE:
        measures += row(PREFILL, [cell.prefill_tok_s if cell else absent for cell in first])
    else:
        measures += row(RESPONSE, [cell.mean_response_s if cell else absent for cell in first])
    if part.kind is Kind.BATCH:
        largest = [cells[-1] if cells else None for cells in measured]
        sizes = {cell.batch for cell in largest if cell}
        title = say("overall.aggregate", batch=max(sizes)) if len(sizes) == 1 else ""
        measures += row(AGGREGATE, [cell.aggregate_tok_s if cell else absent for cell in largest], title)
    measures += row(GPU_J, [_joules(cell, language) if cell else absent for cell in first])
    return measures


def _joules(cell: Measurement, language: Language) -> Figure:
    figure = cell.cost("gpu_j")
    return figure if figure.value is not None else none(language.sentence(figure.reason))


def _points(asked: Questions, entrants: list[Entrant | None], maker: Maker, absent: Figure) -> list[Measure]:
    if not any(item.points for item in asked.part.items):
        return []
    found = [total_points(asked, entrant.label, asked.part.items) if entrant else (absent, 0) for entrant in entrants]
    shares = [
        Figure(value=figure.value / whole, noise=0.0) if figure.value is not None and whole else figure
        for figure, whole in found
    ]
    cells = maker.compared(shares, POINTS)
    shown = []
    for cell, (figure, whole) in zip(cells, found, strict=True):
        if figure.value is None:
            shown.append(cell)
        else:
            points = f"{figure.value:.1f}".removesuffix(".0")
            text = maker.language.with_remark(f"{points}/{whole}", cell.text)
            shown.append(Cell(text=text, value=cell.value, best=cell.best))
    return [Measure(POINTS.id, maker.language.say("figure.points_share"), tuple(shown), comparable=True)]


def _counts(quantity: Quantity, found: list[tuple[Figure, int]], maker: Maker) -> list[Measure]:
    """Returns a row of "so many of so many"; none where nothing of it is known."""
    if all(figure.value is None for figure, _ in found):
        return []
    cells = maker.compared([figure for figure, _ in found], quantity)
    shown = tuple(
        replace(cell, text=f"{cell.text}/{whole}") if cell.value is not None else cell
        for cell, (_, whole) in zip(cells, found, strict=True)
    )
    return [Measure(quantity.id, maker.language.say(f"figure.{quantity.id}"), shown, comparable=True)]


def _cited(asked: Questions, entrant: Entrant) -> tuple[Figure, int]:
    """How many sources a contender cited, of the questions that ask for one."""
    return _so_many(asked, entrant, [item for item in asked.part.items if item.source], lambda score: score.cited)


def _wrong(asked: Questions, entrant: Entrant) -> tuple[Figure, int]:
    """How many questions a contender answered with a known wrong attribution."""
    return _so_many(asked, entrant, [item for item in asked.part.items if item.avoid], lambda score: score.wrong)


def _so_many(
    asked: Questions, entrant: Entrant, items: list[Item], holds: Callable[[Score], object]
) -> tuple[Figure, int]:
    """Of how many questions something holds of a contender's first answer, and how many there are."""
    scores = _first_scores(asked, entrant, items)
    if not items or len(scores) < len(items):
        return _lacking(asked, items, scores), len(items)
    return Figure(value=float(sum(bool(holds(score)) for score in scores)), noise=0.0), len(items)


def _first_scores(asked: Questions, entrant: Entrant, items: list[Item]) -> list[Score]:
    return [scores[0] for item in items if (scores := asked.scores(entrant.label, item))]


def _lacking(asked: Questions, items: list[Item], scores: list[Score]) -> Figure:
    return none(asked.language.say("why.unanswered", count=len(items) - len(scores)) if items else "")
