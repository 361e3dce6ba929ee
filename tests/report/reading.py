"""Looking up what a report says."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal

from sparktop.report.document import Block, Cell, Report, Section, Table


def blocks(report: Report) -> Iterator[Block]:
    """Every block, in order."""
    yield from report.blocks
    for section in report.sections:
        yield from _below(section)


def _below(section: Section) -> Iterator[Block]:
    yield from section.blocks
    for below in section.sections:
        yield from _below(below)


def table(report: Report, identity: str) -> Table:
    """The table of that id."""
    [found] = [block for block in blocks(report) if isinstance(block, Table) and block.id == identity]
    return found


def cell(table: Table, row: str, column: str) -> Cell:
    """The cell of a row and a column, by their ids."""
    [found] = [one for one in table.rows if one.id == row]
    [at] = [index for index, one in enumerate(table.columns) if one.id == column]
    return found.cells[at]


def texts(report: Report) -> list[str]:
    """Every paragraph and line of a list."""
    found = []
    for block in blocks(report):
        if block.kind == "text":
            found.append(block.text)
        elif block.kind == "list":
            found += [item.text for item in block.items]
    return found


def agrees(shown: str, printed: str) -> bool:
    """Whether a figure is the one that a document prints, in the digits that it prints.

    "~" and units are passed over; of "~650" the last digit says nothing.
    """
    wanted = Decimal(printed.strip("~ "))
    places = wanted.as_tuple().exponent
    assert isinstance(places, int)
    if printed.startswith("~") and places == 0 and wanted % 10 == 0:
        places = 1
    given = Decimal(shown.strip("~ ").split(" ")[0].replace(",", ""))
    return given.quantize(Decimal(1).scaleb(places), ROUND_HALF_UP) == wanted
