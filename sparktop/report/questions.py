"""All questions at a glance: what the answers name of what was asked for, and how long they took."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sparktop.model import metrics
from sparktop.model.events import Finish
from sparktop.model.scenario import Item
from sparktop.model.scoring import Score, is_scored
from sparktop.model.snapshot import measured_record
from sparktop.report.document import Block, Cell, Table, Text, Tone
from sparktop.report.figures import Answer, Answers
from sparktop.report.language import Language
from sparktop.report.rounding import Figure, mean_of, median_of, none
from sparktop.report.runs import Part
from sparktop.report.tables import Better, Maker, Measure, Quantity, matrix

TIME: Final = Quantity("response_s", 2, Better.LOWER)
POINTS: Final = Quantity("points", 0, Better.HIGHER)


@dataclass(frozen=True, slots=True)
class Questions:
    """What the tables about questions are made of.

    Attributes:
        part: The part.
        answers: Every answer.
        language: The report's language.
    """

    part: Part
    answers: Answers
    language: Language

    def of(self, label: str, item: Item) -> list[Answer]:
        """A contender's answers to a question."""
        return self.answers[label, item.id]

    def time(self, label: str, item: Item) -> Figure:
        """Median seconds of a contender's answers to a question."""
        found = [
            e2e / 1e3
            for answer in self.of(label, item)
            if answer.ended and (e2e := metrics.e2e_ms(measured_record(answer.request).stream)) is not None
        ]
        return median_of(found, why_none(self.of(label, item), self.language))

    def scores(self, label: str, item: Item) -> list[Score]:
        """What a contender's answers to a question brought."""
        return [answer.score for answer in self.of(label, item) if answer.score is not None]


def questions(part: Part, answers: Answers, language: Language) -> tuple[Block, ...]:
    """Returns the tables about all questions of a part."""
    asked = Questions(part, answers, language)
    blocks: list[Block] = []
    if any(item.points for item in part.items):
        blocks.append(_points_table(asked))
    blocks.append(_time_table(asked))
    blocks += _categories(asked)
    if any(map(is_scored, part.items)):
        blocks.append(Text(text=language.say("questions.rule"), tone=Tone.NOTE))
    return tuple(blocks)


def total_points(asked: Questions, label: str, items: Sequence[Item]) -> tuple[Figure, int]:
    """Returns how many points a contender named, as a mean over repetitions, and how many there are."""
    whole = sum(len(item.points) for item in items)
    by_repetition: dict[int, float] = {}
    lacking = 0
    for item in items:
        if not item.points:
            continue
        found = asked.of(label, item)
        lacking += not any(answer.score for answer in found)
        for answer in found:
            if answer.score is not None:
                by_repetition[answer.request.repetition] = (
                    by_repetition.get(answer.request.repetition, 0.0) + answer.score.found
                )
    if lacking or not whole:
        return none(asked.language.say("why.unanswered", count=lacking) if whole else ""), whole
    return mean_of(list(by_repetition.values()), ""), whole


def _points_table(asked: Questions) -> Table:
    language, part = asked.language, asked.part
    say, maker = language.say, Maker(language)
    labels = [entrant.label for entrant in part.entrants]
    measures = []
    for item in (item for item in part.items if item.points):
        cells = [points_cell(asked, label, item, maker) for label in labels]
        measures.append(Measure(item.id, item_title(item), tuple(_mark_most(cells)), comparable=True))
    cells = []
    for label in labels:
        figure, whole = total_points(asked, label, part.items)
        cells.append(
            maker.missing(figure.reason)
            if figure.value is None
            else Cell(text=f"{_tidy(figure.value)}/{whole}", value=figure.value)
        )
    measures.append(Measure("all", say("all"), tuple(_mark_most(cells)), comparable=True))
    return matrix(maker, f"{part.id}.points", say("points.title"), labels, measures, corner=say("question"), best=True)


def points_cell(asked: Questions, label: str, item: Item, maker: Maker) -> Cell:
    """Returns how many points a contender's answers to a question name."""
    scores = asked.scores(label, item)
    if not scores:
        return maker.missing(why_none(asked.of(label, item), asked.language))
    found = sorted({one.found for one in scores})
    text = f"{found[0]}–{found[-1]}" if len(found) > 1 else str(found[0])
    mean = sum(one.found for one in scores) / len(scores)
    return Cell(text=f"{text}/{scores[0].total}", value=mean)


def _mark_most(cells: Sequence[Cell]) -> list[Cell]:
    known = [cell.value for cell in cells if cell.value is not None]
    if len(known) < 2 or min(known) == max(known):
        return list(cells)
    most = max(known)
    return [Cell(text=cell.text, value=cell.value, best=cell.value == most, note=cell.note) for cell in cells]


def _time_table(asked: Questions) -> Table:
    language, part = asked.language, asked.part
    maker = Maker(language)
    labels = [entrant.label for entrant in part.entrants]
    measures = [
        Measure(
            item.id,
            category_title(item, language),
            tuple(maker.compared([asked.time(label, item) for label in labels], TIME)),
            comparable=True,
        )
        for item in part.items
    ]
    return matrix(
        maker,
        f"{part.id}.times",
        language.say("times.title"),
        labels,
        measures,
        corner=language.say("question"),
        best=True,
    )


def _categories(asked: Questions) -> Iterator[Table]:
    """Means over the questions of each category, where some category has several questions or there are several."""
    language, part = asked.language, asked.part
    grouped: dict[str, list[Item]] = {}
    for item in part.items:
        grouped.setdefault(item.category, []).append(item)
    if len(grouped) < 2 or "" in grouped:
        return
    say = language.say
    labels = [entrant.label for entrant in part.entrants]
    points, times = Maker(language), Maker(language)
    by_points, by_time = [], []
    for category, items in grouped.items():
        title = language.with_remark(language.known("category", category), str(len(items)))
        if any(item.points for item in items):
            cells = []
            for label in labels:
                figure, whole = total_points(asked, label, items)
                cells.append(
                    points.missing(figure.reason)
                    if figure.value is None
                    else Cell(text=f"{_tidy(figure.value)}/{whole}", value=figure.value)
                )
            by_points.append(Measure(category, title, tuple(_mark_most(cells)), comparable=True))
        means = [_mean_time(asked, label, items) for label in labels]
        by_time.append(Measure(category, title, tuple(times.compared(means, TIME)), comparable=True))
    corner = say("category")
    if by_points:
        title = say("category.points.title")
        yield matrix(points, f"{part.id}.category-points", title, labels, by_points, corner=corner, best=True)
    title = say("category.times.title")
    yield matrix(times, f"{part.id}.category-times", title, labels, by_time, corner=corner, best=True)


def _mean_time(asked: Questions, label: str, items: Sequence[Item]) -> Figure:
    times = [asked.time(label, item) for item in items]
    for one in times:
        if one.value is None:
            return one
    noises = [one.noise for one in times if one.noise is not None]
    noise = sum(one**2 for one in noises) ** 0.5 / len(items) if len(noises) == len(items) else None
    return Figure(value=sum(one.value or 0.0 for one in times) / len(items), noise=noise)


def why_none(answers: Sequence[Answer], language: Language) -> str:
    """Why there is no figure of an answer."""
    say = language.say
    if not answers:
        return say("why.not-asked")
    last = answers[-1].request
    if last.error:
        return say("why.failed", error=language.sentence(last.error))
    if last.finish is Finish.CANCELLED or last.finish is None:
        return say("why.not-ended")
    return say("why.nothing-to-find") if last.chunks.n else say("why.no-token")


def item_title(item: Item) -> str:
    """Returns how tables name a question."""
    return f"{item.id} {item.title}" if item.title else item.id


def category_title(item: Item, language: Language) -> str:
    """Returns a question's name with its category's, where it has one."""
    return language.with_remark(item_title(item), language.known("category", item.category) if item.category else "")


def _tidy(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
