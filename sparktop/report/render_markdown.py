"""The report as Markdown (CommonMark with GitHub's tables)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sparktop.report.document import Align, Block, Cell, Listing, Quote, Report, Section, Table, Text, Tone
from sparktop.report.escape import fenced, for_markdown
from sparktop.report.language import Language

BEST: Final = "✓"
_SIGNS: Final = {Tone.PLAIN: "", Tone.GOOD: "✅ ", Tone.NOTE: "ℹ️ ", Tone.FAULT: "❌ "}
_RULES: Final = {Align.LEFT: ":---", Align.RIGHT: "---:"}


def to_markdown(report: Report, language: Language) -> str:
    """Returns a report as Markdown; charts are named, and drawn in the HTML form alone."""
    lines = [f"# {for_markdown(report.title)}", ""]
    for block in report.blocks:
        lines += [*_block(block, language), ""]
    for section in report.sections:
        lines += _section(section, 2, language)
    lines.append(for_markdown(language.say("made-by", runs=language.listed(report.runs))))
    return "\n".join(lines) + "\n"


def _section(section: Section, level: int, language: Language) -> Iterator[str]:
    yield f"{'#' * min(level, 6)} {for_markdown(section.title)}"
    yield ""
    drawn = False
    for block in section.blocks:
        if block.kind in ("curves", "strips"):
            drawn = True
        yield from _block(block, language)
        yield ""
    if drawn:
        yield for_markdown(language.say("chart.in-html"))
        yield ""
    for below in section.sections:
        yield from _section(below, level + 1, language)


def _block(block: Block, language: Language) -> Iterator[str]:
    match block:
        case Table():
            yield from _table(block)
        case Text():
            yield _text(block)
        case Listing():
            yield from (f"- {_text(item)}" for item in block.items)
        case Quote():
            yield f"**{for_markdown(block.label)}**"
            yield ""
            yield fenced("".join(piece.text for piece in block.pieces))
            if note := language.together([block.cut, block.note]):
                yield ""
                yield f"*{for_markdown(note)}*"
        case _:
            # What is to be seen in a chart, in words.
            yield language.labelled(f"**{for_markdown(block.title)}**", for_markdown(block.description))


def _text(text: Text) -> str:
    return _SIGNS[text.tone] + for_markdown(text.text)


def _table(table: Table) -> Iterator[str]:
    yield f"**{for_markdown(table.title)}**"
    yield ""
    yield _row(for_markdown(column.title) for column in table.columns)
    yield _row(_RULES[column.align] for column in table.columns)
    for row in table.rows:
        # Tables of Markdown have no rows that head others.
        yield _row(f"**{_cell(cell)}**" if row.heading and cell.text else _cell(cell) for cell in row.cells)
    if table.notes:
        yield ""
        for number, note in enumerate(table.notes, 1):
            yield f"- \\[{number}\\] {for_markdown(note)}"


def _row(cells: Iterator[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    text = for_markdown(cell.text)
    if cell.best:
        text = f"**{text}** {BEST}"
    return f"{text} \\[{cell.note}\\]" if cell.note else text
