"""Making tables: figures into cells, reasons into notes, the best of a row or column marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from sparktop.report.document import WINNER, Align, Cell, Column, Row, Table
from sparktop.report.language import Language
from sparktop.report.rounding import Figure, differ, rounded


class Better(Enum):
    """Which of two figures is the better one."""

    HIGHER = auto()
    LOWER = auto()
    NEITHER = auto()


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a row or a column shows.

    Attributes:
        id: Stable name, unit included ("tpot_ms").
        finest: Digits after the point that are given at most.
        better: Which figure is the better one.
        percent: It is a share, shown in percent.
    """

    id: str
    finest: int = 2
    better: Better = Better.NEITHER
    percent: bool = False


class Notes:
    """The notes of one table: the same reason is told once."""

    def __init__(self) -> None:
        """Begins without any."""
        self._numbers: dict[str, int] = {}

    def number(self, reason: str) -> int:
        """Returns the number of a reason; 0 for none."""
        return self._numbers.setdefault(reason, len(self._numbers) + 1) if reason else 0

    @property
    def texts(self) -> tuple[str, ...]:
        """The reasons in the order of their numbers."""
        return tuple(self._numbers)


@dataclass(slots=True)
class Maker:
    """Makes the cells of one table.

    Attributes:
        language: The report's language.
        notes: Its notes.
    """

    language: Language
    notes: Notes = field(default_factory=Notes)

    def word(self, text: str, reason: str = "", *, best: bool = False) -> Cell:
        """Returns a cell of words."""
        return Cell(text=text, best=best, note=self.notes.number(reason))

    def missing(self, reason: str) -> Cell:
        """Returns "n/a" and why."""
        return Cell(text=self.language.say("n/a"), note=self.notes.number(reason))

    def figure(self, figure: Figure, quantity: Quantity, *, best: bool = False) -> Cell:
        """Returns a figure as it is shown, or why there is none."""
        shown = rounded(figure.scaled(100) if quantity.percent else figure, quantity.finest)
        if shown is None:
            return self.missing(figure.reason)
        text = self.language.number(shown)
        return Cell(text=self.language.percent(text) if quantity.percent else text, value=shown.value, best=best)

    def compared(self, figures: Sequence[Figure], quantity: Quantity) -> list[Cell]:
        """Returns cells of which the best are marked."""
        marked = best_of(figures, quantity)
        return [self.figure(figure, quantity, best=at in marked) for at, figure in enumerate(figures)]

    def table(self, identity: str, title: str, columns: Iterable[Column], rows: Iterable[Row]) -> Table:
        """Returns the table, with the notes that its cells gave rise to."""
        made = tuple(rows)
        return Table(id=identity, title=title, columns=tuple(columns), rows=made, notes=self.notes.texts)


def best_of(figures: Sequence[Figure], quantity: Quantity) -> frozenset[int]:
    """Returns which of several figures are the best: those that can't be told from the best one.

    Nothing is the best where fewer than two are known, or none differs from the best.
    """
    known = [(at, figure) for at, figure in enumerate(figures) if figure.value is not None]
    if quantity.better is Better.NEITHER or len(known) < 2:
        return frozenset()
    sign = 1 if quantity.better is Better.HIGHER else -1
    _, first = max(known, key=lambda pair: sign * (pair[1].value or 0.0))
    alike = {at for at, figure in known if not differ(figure, first, quantity.finest + 2 * quantity.percent)}
    return frozenset(alike) if len(alike) < len(known) else frozenset()


def name_column(title: str, identity: str = "name") -> Column:
    """Returns the column that names the rows."""
    return Column(id=identity, title=title, align=Align.LEFT)


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that contenders are compared by.

    Attributes:
        id: Stable name.
        title: For people, unit included.
        cells: One for each contender.
        comparable: Whether one of two can be the better one.
        group: What it belongs to together with those before and after it that say the same; empty for nothing.
    """

    id: str
    title: str
    cells: tuple[Cell, ...]
    comparable: bool = False
    group: str = ""


MOST_COLUMNS = 4
"""Contenders that stand side by side; more of them stand one below the other."""


def matrix(
    maker: Maker,
    identity: str,
    title: str,
    names: Sequence[str],
    measures: Sequence[Measure],
    *,
    corner: str,
    best: bool = False,
) -> Table:
    """Returns contenders against what they are compared by.

    Args:
        maker: What made the cells.
        identity: Stable name of the table.
        title: What it shows.
        names: The contenders.
        measures: What they are compared by.
        corner: What the rows are, where contenders are columns ("metric").
        best: Whether a last column names the best.
    """
    say = maker.language.say
    if len(names) > MOST_COLUMNS:
        columns = [
            name_column(say("contender")),
            *(
                Column(id=measure.id, title=" · ".join(filter(None, (measure.group, measure.title))))
                for measure in measures
            ),
        ]
        rows = [
            Row(id=name, cells=(Cell(text=name), *(measure.cells[at] for measure in measures)))
            for at, name in enumerate(names)
        ]
        return maker.table(identity, title, columns, rows)
    columns = [name_column(corner), *(Column(id=name, title=name) for name in names)]
    if best and len(names) > 1:
        columns.append(Column(id=WINNER, title=say("best"), align=Align.LEFT))
    rows = []
    group = ""
    for measure in measures:
        if measure.group != group:
            group = measure.group
            empty = (Cell(text=""),) * (len(columns) - 1)
            rows.append(Row(id=f"group.{measure.id}", cells=(Cell(text=group), *empty), heading=True))
        winner = (Cell(text=_winner(maker.language, names, measure)),) if best and len(names) > 1 else ()
        rows.append(Row(id=measure.id, cells=(Cell(text=measure.title), *measure.cells, *winner)))
    return maker.table(identity, title, columns, rows)


def _winner(language: Language, names: Sequence[str], measure: Measure) -> str:
    winners = [name for name, cell in zip(names, measure.cells, strict=True) if cell.best]
    if winners:
        return language.listed(winners)
    known = [cell for cell in measure.cells if cell.value is not None]
    return language.say("tie") if measure.comparable and len(known) > 1 else "–"
