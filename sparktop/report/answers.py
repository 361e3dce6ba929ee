"""One question after the other: who named what of what was asked for, in which time, and how the answers begin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal

from sparktop.model.scenario import Item
from sparktop.model.scoring import Score, Span
from sparktop.report.document import Align, Cell, Column, Piece, Quote, Row, Section, Text
from sparktop.report.figures import Answer
from sparktop.report.language import Language
from sparktop.report.questions import TIME, Questions, item_title, points_cell
from sparktop.report.tables import Maker, name_column

BEGINNING: Final = 160
"""Characters of an answer that are quoted where nobody asked for more; all of it where that is hardly more."""

HARDLY_MORE: Final = 1.25

LONGEST: Final = 20_000
"""Characters of an answer that are quoted at most; the rest is in the run."""


def question(item: Item, asked: Questions, *, full: bool) -> Section:
    """Returns the section about one question."""
    part, language = asked.part, asked.language
    say, maker = language.say, Maker(language)
    scored = bool(item.points)
    columns = [name_column(say("contender"))]
    if scored:
        columns += [Column(id="points", title=say("points")), _words("missing", say("points.missing"))]
        if item.ordered:
            columns.append(_words("misplaced", say("points.misplaced")))
    if item.source or item.avoid:
        columns.append(_words("source", say("source")))
    columns += [Column(id="response_s", title=say("figure.response_s")), Column(id="tokens", title=say("tokens"))]
    columns.append(_words("end", say("end")))
    rows = []
    for entrant in part.entrants:
        answers = asked.of(entrant.label, item)
        first = next((answer for answer in answers if answer.ended), answers[0] if answers else None)
        score = first.score if first is not None else None
        cells = [Cell(text=entrant.label)]
        if scored:
            cells.append(points_cell(asked, entrant.label, item, maker))
            cells.append(Cell(text=_listed_or_dash(score.missing if score else None, maker)))
            if item.ordered:
                cells.append(Cell(text=_listed_or_dash(score.misplaced if score else None, maker)))
        if item.source or item.avoid:
            cells.append(Cell(text=_source(score, language)))
        cells.append(maker.figure(asked.time(entrant.label, item), TIME))
        tokens = first.request.tokens.output if first is not None and first.request.chunks.n else None
        about = "~" if first is not None and first.request.tokens.source == "chunks" else ""
        cells.append(Cell(text=about + f"{tokens:,}", value=tokens) if tokens is not None else maker.missing(""))
        cells.append(_end(first, maker))
        rows.append(Row(id=entrant.label, cells=tuple(cells)))
    table = maker.table(f"{part.id}.{item.id}", say("question.table", question=item.id), columns, rows)
    asks = Text(text=language.labelled(say("question.asked"), item.prompt))
    return Section(
        id=f"{part.id}.{item.id}", title=item_title(item), blocks=(asks, table, *_quotes(item, asked, full=full))
    )


def _words(identity: str, title: str) -> Column:
    return Column(id=identity, title=title, align=Align.LEFT)


def _listed_or_dash(labels: Sequence[str] | None, maker: Maker) -> str:
    if labels is None:
        return maker.language.say("n/a")
    return maker.language.listed(labels) or "–"


def _source(score: Score | None, language: Language) -> str:
    """Which text the answer names, whether that is the right one, and which it names wrongly."""
    say = language.say
    if score is None:
        return say("n/a")
    said = []
    if score.source is not None:
        said.append(say("source.cited" if score.cited else "source.missing", name=score.source.name))
    if score.wrong:
        said.append(say("source.wrong", names=language.listed(wrong.name for wrong in score.wrong)))
    return language.listed(said) or "–"


def _end(answer: Answer | None, maker: Maker) -> Cell:
    say = maker.language.say
    if answer is None:
        return maker.word(say("end.not-asked"))
    request = answer.request
    if request.finish is None:
        return maker.word(say("end.not-ended"))
    reason = maker.language.sentence(request.error) if request.error else ""
    return maker.word(say(f"end.{request.finish.value}"), reason)


def _quotes(item: Item, asked: Questions, *, full: bool) -> Iterator[Quote]:
    say = asked.language.say
    for entrant in asked.part.entrants:
        answers = asked.of(entrant.label, item)
        if not answers:
            continue
        first = next((answer for answer in answers if answer.ended), answers[0])
        text = first.request.answer
        end = LONGEST if len(text) > LONGEST * HARDLY_MORE else len(text)
        most = end if full or len(text) <= BEGINNING * HARDLY_MORE else BEGINNING
        notes = []
        if not text.strip():
            notes.append(say("answer.empty"))
        if first.request.reasoning:
            notes.append(say("answer.reasoning", count=f"{len(first.request.reasoning):,}"))
        if len(answers) > 1:
            notes.append(say("answer.repetitions", count=len(answers)))
        whole = f"{len(text):,}"
        folded = [say("answer.folded", count=f"{end - most:,}", whole=whole)] if end > most else []
        if folded and end < len(text):
            folded.append(say("answer.cut", shown=f"{end:,}", whole=whole))
        yield Quote(
            label=entrant.label,
            pieces=tuple(pieces(text, first.score, stop=most)),
            note=asked.language.together(notes),
            cut=say("answer.cut", shown=f"{most:,}", whole=whole) if len(text) > most else "",
            rest=tuple(pieces(text, first.score, start=most, stop=end)) if end > most else (),
            folded=asked.language.together(folded),
        )


def pieces(text: str, score: Score | None, start: int = 0, stop: int | None = None) -> Iterator[Piece]:
    """Yields a text from `start` to `stop` in pieces, those marked that name a point, the source, or a wrong one."""
    last = len(text) if stop is None else stop
    if score is None:
        yield Piece(text=text[start:last])
        return
    found = [span for point in score.points for span in point.spans]
    found += score.source.spans if score.source is not None else ()
    wrong = [span for one in score.wrong for span in one.spans]
    marks: list[tuple[Span, Literal["found", "wrong"]]] = [(span, "wrong") for span in wrong]
    marks += [(span, "found") for span in found]
    at = start
    for (first, end), mark in sorted(marks, key=lambda one: one[0]):
        begin, close = max(first, at), min(end, last)
        if close <= begin:
            continue
        if begin > at:
            yield Piece(text=text[at:begin])
        yield Piece(text=text[begin:close], mark=mark)
        at = close
    if at < last:
        yield Piece(text=text[at:last])
