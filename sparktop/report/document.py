"""The report as a document, before it is Markdown, HTML, CSV or JSON: sections, tables, charts, texts.

It is made once from the runs, in one language, with every figure rounded; the renderers only write it down. Texts may
hold anything that a model or a file brought: each renderer makes them harmless (`sparktop.report.escape`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

SCHEMA: Final = "sparktop.report/1"
"""Name and version of the JSON form. Within a version fields, sections and rows are only ever added."""


WINNER: Final = "best"
"""Id of a column that names the best in words, beside the cells that are marked."""


class Tone(StrEnum):
    """What a text means for the reader."""

    PLAIN = "plain"
    GOOD = "good"
    NOTE = "note"
    FAULT = "fault"


class Align(StrEnum):
    """Where the cells of a column stand."""

    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of a table.

    Attributes:
        text: What is shown, without marks.
        value: The number that it shows, rounded as shown; null for words and for what is not known.
        best: It is the best of those that it is compared with.
        note: Number of the table's note that says more, from 1; 0 for none.
    """

    text: str
    value: float | None = None
    best: bool = False
    note: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table.

    Attributes:
        id: Stable name, for programs; unique in the table.
        title: What its head says, unit included.
    """

    id: str
    title: str
    align: Align = Align.RIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a table.

    Attributes:
        id: Stable name, for programs.
        cells: As many as there are columns; the first one names the row.
        heading: It names the rows below it, and its other cells are empty.
    """

    id: str
    cells: tuple[Cell, ...]
    heading: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table.

    Attributes:
        id: Stable name, for programs; unique in the report.
        title: What it shows.
        notes: Why cells hold no figure, and the like; cells refer to them by number.
    """

    kind: Literal["table"] = "table"
    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A paragraph."""

    kind: Literal["text"] = "text"
    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Short texts, each on a line of its own.

    Attributes:
        items: Each with the tone that marks it.
    """

    kind: Literal["list"] = "list"
    items: tuple[Text, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Part of an answer.

    Attributes:
        mark: What it names: something that was asked for, or a text that it wrongly takes for its source; else empty.
    """

    text: str
    mark: Literal["", "found", "wrong"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What a model wrote.

    Attributes:
        label: Whose it is, and what there is to say of it.
        pieces: Its beginning, or all of it, in order.
        note: What there is to know about it; empty if nothing.
        cut: That these pieces are not all of it; empty if they are.
        rest: What comes after them, for formats that can fold it away.
        folded: What such a format shows in its place.
    """

    kind: Literal["quote"] = "quote"
    label: str
    pieces: tuple[Piece, ...]
    note: str = ""
    cut: str = ""
    rest: tuple[Piece, ...] = ()
    folded: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """An axis of a chart.

    Attributes:
        title: What it shows, unit included.
        low: Where it begins.
        high: Where it ends; more than `low`.
    """

    title: str
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A curve. A value of null is a gap."""

    label: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Stretches of time below a chart, each [beginning, end]."""

    label: str
    spans: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """A chart of curves over time.

    Attributes:
        id: Stable name, for programs; unique in the report.
        description: What is to be seen in it, in words, for those who can't see it.
        lanes: What went on meanwhile.
    """

    kind: Literal["curves"] = "curves"
    id: str
    title: str
    description: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    lanes: tuple[Lane, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """How the samples of one thing lie: each of them, the range that holds most, and the median."""

    label: str
    samples: tuple[float, ...]
    low: float
    median: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Strips:
    """A chart of distributions, one below the other."""

    kind: Literal["strips"] = "strips"
    id: str
    title: str
    description: str
    x: Axis
    strips: tuple[Strip, ...]


Chart = Curves | Strips
Block = Table | Text | Listing | Quote | Curves | Strips


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the report under a heading.

    Attributes:
        id: Stable name, for programs and links; unique in the report.
        sections: What is below it.
    """

    id: str
    title: str
    blocks: tuple[Block, ...] = ()
    sections: tuple[Section, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report.

    Attributes:
        schema: Name and version of its JSON form.
        language: "en" or "zh".
        runs: Ids of the runs that it is about.
        figures: All figures as one flat table, for spreadsheets.
    """

    schema: Literal["sparktop.report/1"] = SCHEMA
    language: str
    title: str
    runs: tuple[str, ...]
    blocks: tuple[Block, ...]
    sections: tuple[Section, ...]
    figures: Table
