"""What the panels about machines have in common: figures of each machine, and curves where there is room for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from textual.app import ComposeResult

from sparktop.ui.chrome import Chrome, crop, glyphs_of, whole
from sparktop.ui.format import NA, clock
from sparktop.ui.glyphs import Glyphs
from sparktop.ui.panels.base import Panel
from sparktop.ui.panels.machine import Machine, machines
from sparktop.ui.panels.together import SHORT
from sparktop.ui.run import Run
from sparktop.ui.widgets.chart import TimeChart
from sparktop.ui.widgets.gauge import meter
from sparktop.ui.widgets.labels import fit
from sparktop.ui.widgets.line_widget import Span, SpanRow, row_width
from sparktop.ui.widgets.names import short_names
from sparktop.ui.widgets.series import Series

LEAST_CHART: Final = 2
"""Rows below which a curve is not worth its room."""

GAP_S: Final = 3.5
"""Seconds without a reading after which a curve is broken: some are read once a second."""

LEAST_METER: Final = 5
"""Cells below which a gauge tells nothing."""

WIDE_METER: Final = 10
"""Cells of a gauge that are worth more than a long note."""

LEAST_NAME: Final = 7
"""Cells of a machine's name, however narrow a panel is ("spark-1")."""

VALUE_CELLS: Final = 9
NOTE_CELLS: Final = (22, 9)

RowsOf = Callable[[Machine, int, int], list[SpanRow]]
"""Makes the rows of a machine for a width and a height; for one row, the most important figures in short."""


class MachinePanel(Panel):
    """Figures of each machine, and curves below them.

    Args:
        name: What its screen calls it.
        title: What the frame says.
        unit: Of the curves.
        most: Upper end of their axis; None follows the data.
    """

    def __init__(self, name: str, title: str, *, unit: str = "%", most: float | None = 100.0) -> None:
        super().__init__(name, title)
        self._unit, self._most = unit, most
        self.machines: list[Machine] = []
        self.shown: Run | None = None

    def compose(self) -> ComposeResult:
        """Makes the figures and the chart."""
        yield Chrome(self.figures, classes="figures")
        yield TimeChart(unit=self._unit, window=60, y_max=self._most, gap=GAP_S, glyphs=self.chart_glyphs)

    def show(self, run: Run) -> None:
        """Draws the run as it is now."""
        self.shown = run
        self.machines = machines(run.state, run.now)
        height = self.size.height
        wanted = min(height, self.rows_wanted(height))
        figures, chart = self.query_one(Chrome), self.query_one(TimeChart)
        curves = self.curves() if height - wanted >= LEAST_CHART else []
        with_chart = bool(curves)
        rows = wanted if with_chart else height
        if figures.styles.height is None or figures.styles.height.value != rows:
            figures.styles.height = rows
        if chart.display != with_chart:
            chart.display = with_chart
        if with_chart:
            if chart.window != run.window_s:
                chart.window = run.window_s
            chart.show(curves, run.now, ended=not run.active, note=self.legend_note)
        self.subtitle(self._old() or self.note())
        figures.repaint()

    def _old(self) -> str:
        if len(self.machines) == 1 and self.machines[0].stale:
            return f"! {age(self.machines[0])}"
        return ""

    def note(self) -> str:
        """What the lower frame says; it hardly ever changes, as that paints the whole panel anew."""
        return ""

    @property
    def legend_note(self) -> str:
        """What holds for all curves."""
        return ""

    def rows_wanted(self, height: int) -> int:
        """How many rows of figures there are to show where the panel has `height` rows."""
        return height

    def figures(self, width: int, height: int) -> list[SpanRow]:
        """Makes the rows of figures for a size."""
        raise NotImplementedError

    def curves(self) -> list[Series]:
        """Makes the curves, the most important first."""
        return []

    @property
    def signs(self) -> Glyphs:
        """What this terminal can show."""
        return glyphs_of(self.app)


def how_long(machine: Machine) -> str:
    """For how long a machine was not read ("4 s")."""
    return f"{machine.age_s:.0f} s" if machine.age_s < 100 else clock(machine.age_s)


def age(machine: Machine) -> str:
    """How old a machine's readings are ("readings are 4 s old")."""
    return f"readings are {how_long(machine)} old"


@dataclass(frozen=True, slots=True)
class Closing:
    """A row below those of the machines.

    Attributes:
        label: What it is about, where others have the name of a machine.
        row: Makes it for a width.
    """

    label: str
    row: Callable[[int], Sequence[Span]]


def by_machine(
    found: Sequence[Machine], rows_of: RowsOf, width: int, height: int, closing: Sequence[Closing] = ()
) -> list[SpanRow]:
    """Lays out the rows of each machine beside its name.

    Args:
        found: The machines; one alone needs no name.
        rows_of: Makes the rows of one.
        width: The cells there are.
        height: The rows there are.
        closing: What stands below, such as what all of them come to; each where there is a row for it.
    """
    if len(found) == 1:
        return rows_of(found[0], width, height)[:height]
    if not found:
        return []
    if height < len(found):
        # The last row tells of those that have none: what all come to, or else how many they are.
        shown, cells = found[: height - 1], name_cells(found, width)
        more: SpanRow = ((f"+{len(found) - len(shown)} more", "label"),)
        last = _closed(closing[0], cells, width) if closing else more
        return [*by_machine_rows(found, shown, rows_of, width, [1] * len(shown)), last][:height]
    last_rows = closing[: height - len(found)]
    room = height - len(last_rows)
    cells = name_cells(found, width)
    wanted = [1 if machine.silent else len(rows_of(machine, width - cells, room)) for machine in found]
    rows = by_machine_rows(found, found, rows_of, width, shares(wanted, room))
    return [*rows, *(_closed(one, cells, width) for one in last_rows)]


def by_machine_rows(
    found: Sequence[Machine], shown: Sequence[Machine], rows_of: RowsOf, width: int, each: Sequence[int]
) -> list[SpanRow]:
    """Lays out so many rows of each of the machines that are shown, each beside its name as `found` tells it apart."""
    cells = name_cells(found, width)
    names = dict(zip((one.name for one in found), short_names([one.name for one in found], cells - 2), strict=True))
    rows: list[SpanRow] = []
    for machine, room in zip(shown, each, strict=True):
        made = [tuple(silence(machine, width - cells))] if machine.silent else rows_of(machine, width - cells, room)
        for at, row in enumerate(made[:room]):
            start = named(machine, names[machine.name], cells) if at == 0 else [(" " * cells, "")]
            rows.append((*start, *row))
    return rows


def shares(wanted: Sequence[int], room: int) -> list[int]:
    """Shares rows out: machines that want as many get as many, and what one does not need the others get."""
    given = [0] * len(wanted)
    while asking := [at for at, most in enumerate(wanted) if given[at] < most]:
        if len(asking) > room:
            break
        for at in asking:
            given[at] += 1
        room -= len(asking)
    return given


def rows_taken(found: Sequence[Machine], rows_of: RowsOf, width: int, height: int, closing: int) -> int:
    """How many of some rows several machines fill, so that a curve can have the others.

    Args:
        found: The machines.
        rows_of: Makes the rows of one.
        width: The cells there are.
        height: The rows there are.
        closing: Rows below those of the machines.
    """
    cells, room = name_cells(found, width), max(len(found), height - closing)
    wanted = [1 if machine.silent else len(rows_of(machine, width - cells, room)) for machine in found]
    return min(height, sum(shares(wanted, room)) + closing)


def _closed(closing: Closing, cells: int, width: int) -> SpanRow:
    label = closing.label if cell_len(closing.label) < cells else SHORT
    return (*head(label.ljust(cells), cells), *closing.row(width - cells))


def silence(machine: Machine, width: int) -> list[Span]:
    """Says that nothing is read of a machine, why, and for how long, as far as there is room."""
    known: list[list[Span]] = []
    if machine.age_s:
        known = [
            [(NA, "warn"), (f" ({silent_for(machine)})", "muted")],
            [(f"{machine.silent} {how_long(machine)}", "warn")],
        ]
    return first_fitting([*known, [(machine.silent, "warn")]], width)


def silent_for(machine: Machine) -> str:
    """Why nothing is read of a machine, and for how long if that goes on ("no connection for 18 s")."""
    return f"{machine.silent} for {how_long(machine)}" if machine.age_s else machine.silent


def name_cells(found: Sequence[Machine], width: int) -> int:
    """Width of the column of names where there are several machines, with the sign behind them."""
    return min(max(cell_len(machine.name) for machine in found), max(LEAST_NAME, width // 4)) + 2


def named(machine: Machine, short: str, cells: int) -> list[Span]:
    """The name of a machine, with a sign if its readings are old."""
    return [(fit(short, cells - 2), "title"), ("! ", "warn") if machine.stale else ("  ", "")]


def gauge_row(
    label: list[Span],
    value: str,
    fraction: float | None,
    notes: tuple[str, str],
    width: int,
    signs: Glyphs,
    *,
    style: str = "series-1",
) -> SpanRow:
    """Lays out a label, a value, its gauge and a note, in columns that stay where they are as numbers change.

    Args:
        label: As `head` makes it.
        value: With its unit, of at most 9 cells.
        fraction: How much of the most there can be; None leaves the gauge bare.
        notes: What to say beside the gauge, in at most 22 cells and in at most 9.
        width: The cells there are.
        signs: What this terminal can show.
        style: The style of the gauge.
    """
    start: list[Span] = [*label, (value.rjust(VALUE_CELLS), "value")]
    room = width - row_width(start) - 4
    for note, cells in zip(notes, NOTE_CELLS, strict=True):
        if room - cells >= (WIDE_METER if cells == NOTE_CELLS[0] else LEAST_METER):
            bar = meter(fraction, room - cells, style, ascii_only=signs.ascii)
            return (*start, ("  ", ""), *bar, ("  ", ""), *crop([(note, "muted")], cells))
    return tuple(whole([start, [(f"  {notes[1]}", "muted")]], width))


def beside(label: Sequence[Span], groups: Sequence[Sequence[Span]], width: int) -> SpanRow:
    """Lays out a label and as many groups as find room whole; the first is cut before there is a label alone."""
    room = width - row_width(label)
    return (*label, *(whole(groups, room) or crop(groups[0], room)))


def first_fitting(candidates: Sequence[Sequence[Span]], width: int) -> list[Span]:
    """Returns the first of several ways to say the same that finds room; the last one cut if none does."""
    return next((list(one) for one in candidates if row_width(one) <= width), crop(candidates[-1], width))


def head(label: str, cells: int) -> list[Span]:
    """The label of a row, as wide as in every row of its panel."""
    return [(fit(label, cells), "label")]


def reason(why: str, width: int) -> list[Span]:
    """Says that something is not known, and why as far as there is room."""
    clause = cut_clause(why, width - 6)
    if width < cell_len(clause) + 6 and clause.startswith("no ") and cell_len(clause) <= width:
        # That there is none says all that "n/a" would.
        return [(clause, "warn")]
    return [(NA, "warn"), *crop([(f" ({clause})", "muted")], width - 3)] if width > 3 else []


def reason_fits(why: str, width: int) -> bool:
    """Whether a reason finds room in whole clauses."""
    return cell_len(cut_clause(why, width - 6)) <= width - 6


def cut_clause(text: str, width: int) -> str:
    """Shortens a sentence to whole clauses; the first one has to be cut by whoever writes it, if that is too long."""
    while cell_len(text) > width and (ends := [at for sign in (": ", "; ", ", ") if (at := text.rfind(sign)) > 0]):
        text = text[: max(ends)]
    return text


def fitting(rows: Sequence[tuple[int, SpanRow]], height: int) -> list[tuple[int, SpanRow]]:
    """Keeps the rows that are worth most, in the order of the screen.

    Args:
        rows: Every row with its rank; 0 is worth most, and of equals the first.
        height: How many there is room for.
    """
    best = sorted(range(len(rows)), key=lambda at: rows[at][0])[:height]
    return [rows[at] for at in sorted(best)]
