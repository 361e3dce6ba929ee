"""Whose processes hold memory of the GPUs."""

from __future__ import annotations

from typing import Final

from textual.app import ComposeResult

from sparktop.model.processes import Holder, holders
from sparktop.ui.chrome import glyphs_of, safe
from sparktop.ui.format import NA, size
from sparktop.ui.panels.base import Panel
from sparktop.ui.run import Run
from sparktop.ui.widgets.columns import Column
from sparktop.ui.widgets.names import short_names
from sparktop.ui.widgets.table import GridTable, TableRow

_COLUMNS: Final = (
    Column("process", align="right", priority=20),
    Column("command", priority=15, max_width=16),
    Column("GPU memory", align="right", priority=18),
    Column("whose", priority=10),
)

NAME_CELLS: Final = 24

_MACHINE: Final = Column("machine", priority=17)
"""Where there are several, a process number alone is no name."""

HEADER_ROWS: Final = 1


class ProcessesTable(GridTable, can_focus=False):
    """A table without a cursor: there is nothing to do with a process."""


class ProcessesPanel(Panel):
    """A row for each process that holds memory of a GPU; nothing where there is none.

    Attributes:
        rows: Lines that there are to show, the header among them.
    """

    def __init__(self) -> None:
        super().__init__("processes", "On the GPU")
        self.rows = 0
        self._several = False

    def compose(self) -> ComposeResult:
        """Makes the table."""
        yield ProcessesTable(
            _COLUMNS, cursor=False, ascii_only=glyphs_of(self.app).ascii, empty="No process holds memory of a GPU."
        )

    def wanted(self, run: Run) -> bool:
        """Whether there are processes."""
        return any(holders(run.state, node) for node in run.state.gauges)

    def show(self, run: Run) -> None:
        """Draws the processes that are there now."""
        found = [(node, holder) for node in run.state.gauges for holder in holders(run.state, node)]
        several = len(run.state.gauges) > 1
        table = self.query_one(GridTable)
        if several != self._several:
            self._several = several
            table.set_columns((_MACHINE, *_COLUMNS) if several else _COLUMNS)
        names = list(run.state.gauges)
        short = dict(zip(names, short_names([safe(name) for name in names], NAME_CELLS), strict=True))
        rows = [
            TableRow(key=f"{node}/{holder.pid}", cells=((short[node],) if several else ()) + _cells(holder))
            for node, holder in found
        ]
        self.rows = HEADER_ROWS + len(rows)
        table.show(rows)


def _cells(holder: Holder) -> tuple[str | tuple[str, str], ...]:
    whose = {True: "sparktop's", False: "another's", None: f"{NA} (not visible from here)"}[holder.own]
    return (
        str(holder.pid),
        safe(holder.name) or NA,
        (size(holder.gpu_held), "strong"),
        (whose, "warn" if holder.own is False else "muted"),
    )
