"""What people think of the answers, and, apart from it, what models think."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from sparktop.model.judging import own_answers
from sparktop.model.ratings import Judging, Outcome, PairOutcome, PeopleRatings, Ratings, StarMean
from sparktop.model.scenario import Dimension
from sparktop.model.strengths import FEW, Matchup, Strength
from sparktop.report.document import Align, Block, Cell, Column, Listing, Row, Section, Table, Text, Tone
from sparktop.report.language import Lang, Language
from sparktop.report.rounding import Figure
from sparktop.report.runs import Entrant, Part, Run
from sparktop.report.tables import Better, Maker, Measure, Quantity, matrix, name_column

STARS: Final = Quantity("stars", 1, Better.HIGHER)
RATE: Final = Quantity("win_rate", 0, percent=True)
STRENGTH: Final = Quantity("strength", 2)

MOST_PAIRS: Final = 200
"""Pairs of answers that a model compared that are shown; the others are in the run."""

MOST_NOTES: Final = 50
"""Notes of people that are shown; the others are in the run."""


def ratings(part: Part, language: Language) -> Section | None:
    """Returns the section about ratings; None where nobody has said anything."""
    sections = []
    for run in part.runs:
        given = run.snapshot.ratings
        if given is None:
            continue
        remark = run.label if len(part.runs) > 1 else ""
        suffix = f".{run.label}"
        people = tuple(_people(part, run, given.people, language))
        if people:
            title = language.with_remark(language.say("ratings.people"), remark)
            sections.append(Section(id=f"{part.id}.people{suffix}", title=title, blocks=people))
        for number, one in enumerate(given.models, 1):
            title = language.with_remark(language.say("ratings.model", name=one.began.judge.name), remark)
            identity = f"{part.id}.judge{suffix}.{number}"
            sections.append(Section(id=identity, title=title, blocks=tuple(_judging(identity, one, run, language))))
    if not sections:
        return None
    return Section(
        id=f"{part.id}.ratings",
        title=language.say("ratings"),
        blocks=(Text(text=language.say("ratings.rule"), tone=Tone.NOTE),),
        sections=tuple(sections),
    )


def dimensions(part: Part) -> tuple[Dimension, ...]:
    """Returns what people rated by: the scenario's dimensions, and any other that was used."""
    known = {one.id: one for one in part.scenario.rating.dimensions}
    for mean in _means(part.runs):
        known.setdefault(mean.dimension, Dimension(id=mean.dimension, en=mean.dimension, zh=mean.dimension))
    used = {mean.dimension for mean in _means(part.runs)}
    return tuple(one for one in known.values() if one.id in used)


def named(dimension: Dimension, language: Language) -> str:
    """Returns a dimension's name."""
    return dimension.zh if language.lang is Lang.ZH else dimension.en


def stars_of(entrant: Entrant, dimension: str, language: Language) -> Figure:
    """Returns the mean stars of all raters together; what several people think is no repetition of one measurement."""
    for mean in _means((entrant.run,)):
        if (mean.contender, mean.dimension, mean.rater) == (entrant.name, dimension, ""):
            return _mean(mean)
    return Figure(value=None, reason=language.say("why.not-rated"))


def star_cell(figure: Figure, maker: Maker, *, best: bool = False) -> Cell:
    """Returns stars as signs and as a number."""
    cell = maker.figure(figure, STARS, best=best)
    if cell.value is None or figure.value is None:
        return cell
    full = min(5, max(0, round(figure.value)))
    return Cell(text=f"{'★' * full}{'☆' * (5 - full)} {cell.text.removesuffix('.0')}", value=cell.value, best=best)


def _means(runs: Sequence[Run]) -> Iterator[StarMean]:
    for run in runs:
        given: Ratings | None = run.snapshot.ratings
        yield from given.people.means if given is not None else ()


def _mean(mean: StarMean) -> Figure:
    # One rating is given in whole stars and needs no digits after the point.
    noise = mean.sd / mean.n**0.5 if mean.sd is not None else None
    return Figure(value=mean.mean, noise=noise)


def _people(part: Part, run: Run, people: PeopleRatings, language: Language) -> Iterator[Block]:
    say = language.say
    entrants = [entrant for entrant in part.entrants if entrant.run is run]
    raters = list(dict.fromkeys(mean.rater for mean in people.means if mean.rater))
    for rater in ("", *raters) if len(raters) > 1 else ("",):
        found = {(mean.contender, mean.dimension): mean for mean in people.means if mean.rater == rater}
        if not found:
            continue
        maker = Maker(language)
        measures = []
        for dimension in dimensions(part):
            figures = [
                _mean(mean) if (mean := found.get((entrant.name, dimension.id))) else Figure(value=None, reason=why)
                for entrant in entrants
                for why in (say("why.not-rated"),)
            ]
            marked = maker.compared(figures, STARS)
            cells = tuple(
                _counted(star_cell(figure, maker, best=cell.best), found.get((entrant.name, dimension.id)), language)
                for entrant, figure, cell in zip(entrants, figures, marked, strict=True)
            )
            measures.append(Measure(dimension.id, named(dimension, language), cells, comparable=True))
        who = say("ratings.by", name=rater) if rater else say("ratings.raters", count=len(raters))
        yield matrix(
            maker,
            f"{part.id}.stars.{run.label}.{rater}",
            language.with_remark(say("ratings.stars"), who),
            [entrant.label for entrant in entrants],
            measures,
            corner=say("ratings.dimension"),
            best=True,
        )
    counting = set(people.counting)
    if stars := [one for one in people.stars if one.number in counting]:
        yield Text(text=say("ratings.given", count=len(stars), blind=sum(one.blind for one in stars)))
    yield from _comparisons(f"{part.id}.votes.{run.label}", people.matchups, people.strengths, language)
    if votes := [one for one in people.votes if one.number in counting]:
        yield Text(text=say("ratings.voted", count=len(votes), blind=sum(one.blind for one in votes)))
    notes = [note for note in people.notes if note.number in counting and note.text.strip()]
    if notes:
        answered = {request.request: request for request in run.snapshot.requests}
        yield Text(text=say("ratings.notes"))
        yield Listing(
            items=tuple(
                Text(
                    text=language.labelled(
                        language.with_remark(
                            note.rater,
                            f"{answered[note.request].contender} {answered[note.request].item}"
                            if note.request in answered
                            else "",
                        ),
                        note.text,
                    )
                )
                for note in notes[:MOST_NOTES]
            )
        )
        if len(notes) > MOST_NOTES:
            yield Text(text=say("ratings.more-notes", count=len(notes) - MOST_NOTES))


def _counted(cell: Cell, mean: StarMean | None, language: Language) -> Cell:
    return cell if mean is None else replace(cell, text=language.with_remark(cell.text, str(mean.n)))


def _judging(identity: str, one: Judging, run: Run, language: Language) -> Iterator[Block]:
    say = language.say
    yield Text(
        text=say(
            "judge.asked",
            name=one.began.judge.name,
            model=one.began.judge.model or say("unknown"),
            engine=one.began.judge.engine,
            count=len(one.verdicts),
            planned=one.began.planned,
            unread=one.unread,
        )
    )
    if own := own_answers(one.began.judge, (record.contender for record in run.snapshot.contenders)):
        yield Text(text=say("judge.own", names=language.listed(own)), tone=Tone.NOTE)
    yield Text(text=language.labelled(say("judge.rubric"), one.began.rubric))
    yield Text(
        text=say("judge.order", first=one.first_preferred, second=one.second_preferred, ties=one.ties, read=_read(one)),
        tone=Tone.NOTE,
    )
    yield from _comparisons(identity, one.matchups, one.strengths, language)
    if one.pairs:
        yield _outcomes(identity, one.pairs[:MOST_PAIRS], language)
    if len(one.pairs) > MOST_PAIRS:
        yield Text(text=say("judge.more-pairs", count=len(one.pairs) - MOST_PAIRS))


def _outcomes(identity: str, pairs: Sequence[PairOutcome], language: Language) -> Table:
    """What each two answers came to, so that the counts can be followed back to the answers."""
    say, maker = language.say, Maker(language)
    columns = [
        name_column(say("question")),
        Column(id="first", title=say("judge.first"), align=Align.LEFT),
        Column(id="second", title=say("judge.second"), align=Align.LEFT),
        Column(id="outcome", title=say("judge.outcome"), align=Align.LEFT),
    ]
    rows = []
    for pair in pairs:
        preferred = {Outcome.FIRST: pair.first.contender, Outcome.SECOND: pair.second.contender}
        outcome = preferred.get(pair.outcome) or say(f"judge.outcome.{pair.outcome.value}")
        cells = (pair.item, *(language.with_remark(at.contender, at.run) for at in (pair.first, pair.second)), outcome)
        rows.append(Row(id=f"{pair.first.request}.{pair.second.request}", cells=tuple(Cell(text=one) for one in cells)))
    return maker.table(f"{identity}.pairs", say("judge.pairs"), columns, rows)


def _read(one: Judging) -> int:
    return len(one.verdicts) - one.unread


def _comparisons(
    identity: str, pairs: Sequence[Matchup], found: Sequence[Strength], language: Language
) -> Iterator[Block]:
    if not pairs:
        return
    yield _matchups(identity, pairs, language)
    if any(pair.n < FEW for pair in pairs):
        yield Text(text=language.say("ratings.few", count=FEW), tone=Tone.NOTE)
    if len({name for pair in pairs for name in (pair.first, pair.second)}) > 2:
        yield _strengths(identity, found, language)


def _matchups(identity: str, pairs: Sequence[Matchup], language: Language) -> Table:
    say, maker = language.say, Maker(language)
    columns = [
        name_column(say("ratings.pair")),
        *(Column(id=key, title=say(f"ratings.{key}")) for key in ("n", "wins", "losses", "ties", "win_rate")),
        Column(id="interval", title=say("ratings.interval"), align=Align.RIGHT),
    ]
    rows = [
        Row(
            id=f"{pair.first}.{pair.second}",
            cells=(
                Cell(text=say("ratings.against", first=pair.first, second=pair.second)),
                *(Cell(text=str(count), value=count) for count in (pair.n, pair.wins, pair.losses, pair.ties)),
                maker.figure(Figure(value=pair.win_rate, noise=0.0), RATE),
                Cell(
                    text=say(
                        "from-to",
                        low=language.percent(f"{100 * pair.low:.0f}"),
                        high=language.percent(f"{100 * pair.high:.0f}"),
                    )
                ),
            ),
        )
        for pair in pairs
    ]
    return maker.table(f"{identity}.matchups", say("ratings.matchups"), columns, rows)


def _strengths(identity: str, found: Sequence[Strength], language: Language) -> Table:
    say, maker = language.say, Maker(language)
    columns = [
        name_column(say("contender")),
        Column(id="n", title=say("ratings.n")),
        Column(id="win_rate", title=say("ratings.win_rate")),
        Column(id="strength", title=say("ratings.strength")),
        Column(id="interval", title=say("ratings.interval")),
    ]
    rows = []
    for one in found:
        strength = Figure(value=one.strength, noise=0.0, reason=language.sentence(one.problem))
        known = one.low is not None and one.high is not None
        interval = say("from-to", low=f"{one.low:.2f}", high=f"{one.high:.2f}") if known else say("n/a")
        rows.append(
            Row(
                id=f"{one.contender}",
                cells=(
                    Cell(text=one.contender),
                    Cell(text=str(one.n), value=one.n),
                    maker.figure(Figure(value=one.win_rate, noise=0.0), RATE),
                    maker.figure(strength, STRENGTH),
                    Cell(text=interval),
                ),
            )
        )
    return maker.table(f"{identity}.strengths", say("ratings.strengths"), columns, rows)
