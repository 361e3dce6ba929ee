"""Runs that are over, as rows of a table, and what is known of one without opening it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from sparktop.store.choosing import standing
from sparktop.store.runs import RunEntry
from sparktop.ui.chrome import crop, safe
from sparktop.ui.format import NA, clock, millis, plural, seconds, size, speed
from sparktop.ui.glyphs import Glyphs
from sparktop.ui.widgets.columns import Column
from sparktop.ui.widgets.labels import cut
from sparktop.ui.widgets.line_widget import Span, SpanRow
from sparktop.ui.widgets.names import placed_name
from sparktop.ui.widgets.table import Cell, TableRow

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)

_LEAST_NAME: Final = 24

_MARK: Final = "*"
_NAMED: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-\d\d-")

COLUMNS: Final[tuple[tuple[Column, Callable[[RunEntry], str | float | datetime]], ...]] = (
    (Column("began", priority=20, min_width=16, max_width=20), lambda one: one.created or _LONG_AGO),
    (Column("scenario", priority=18, min_width=8, max_width=24), lambda one: one.scenario),
    (
        Column("contenders", priority=16, min_width=10, max_width=44, flexible=True),
        lambda one: ", ".join(one.contenders),
    ),
    (Column("ended", priority=15), standing),
    # A figure that is cut could be read as another figure: there is room for all of them or for none.
    (Column("tok/s", align="right", priority=14), lambda one: _best(one)),
    (Column("valid", priority=13), lambda one: {True: 2, False: 1, None: 0}[one.valid]),
    (Column("took", align="right", priority=9), lambda one: one.duration_s or 0.0),
    (Column("size", align="right", priority=8), lambda one: one.bytes),
)
"""The columns, and what each is sorted by."""

_STYLES: Final = {"completed": "good", "running": "accent", "broken": "bad", "failed": "bad"}


def _began(entry: RunEntry) -> str:
    if entry.created is not None:
        return f"{entry.created.astimezone():%Y-%m-%d %H:%M}"
    # Of what can't be read the name tells.
    found = _NAMED.match(entry.id)
    return f"{found[1]} {found[2]}:{found[3]}" if found else safe(entry.id)


def _best(entry: RunEntry) -> float:
    return max((found for name in entry.contenders if (found := entry.tok_s(name)) is not None), default=0.0)


def columns(sorted_by: int, downwards: bool, signs: Glyphs) -> tuple[Column, ...]:
    """Returns the columns, the one that they are sorted by with an arrow; before them the mark."""
    arrow = ("v" if signs.ascii else "▼") if downwards else ("^" if signs.ascii else "▲")
    made = [
        replace(column, label=f"{column.label} {arrow}") if index == sorted_by else column
        for index, (column, _) in enumerate(COLUMNS)
    ]
    return (Column(" ", priority=30, min_width=1), *made)


def falling(column: int) -> bool:
    """Whether a column is first sorted from the highest down: figures are, names are not."""
    return column not in (1, 2, 3)


def in_order(oldest_first: Sequence[RunEntry], sorted_by: int, downwards: bool) -> list[RunEntry]:
    """Returns runs sorted by a column; those that are alike there stay in order of time."""
    _, key = COLUMNS[sorted_by]
    rows = sorted(oldest_first, key=key) if sorted_by else list(oldest_first)
    return rows[::-1] if downwards else rows


def run_row(entry: RunEntry, marked: bool, signs: Glyphs) -> TableRow:
    """Returns the row of a run."""
    word = standing(entry)
    valid: Cell = ""
    if entry.valid is not None:
        valid = (f"{signs.ok} yes", "good") if entry.valid else (f"{signs.failed} no", "bad")
    speeds = [speed(entry.tok_s(name)) for name in entry.contenders] if entry.rows else []
    cells: tuple[Cell, ...] = (
        (_MARK, "accent") if marked else "",
        _began(entry),
        safe(entry.scenario),
        safe(", ".join(entry.placed)),
        (word, _STYLES.get(word, "warn")),
        (" / ".join(speeds), "strong"),
        valid,
        clock(entry.duration_s) if entry.duration_s is not None else "",
        size(entry.bytes),
    )
    return TableRow(key=entry.id, cells=cells, style_class="" if entry.readable else "muted")


def detail_rows(entry: RunEntry | None, width: int, height: int, signs: Glyphs) -> list[SpanRow]:
    """Returns what is known of a run, in lines."""
    if entry is None:
        return []
    rows: list[SpanRow] = [((cut(safe(str(entry.folder / entry.id)), width), "muted"),)]
    if entry.problem:
        rows.append(((cut(safe(entry.problem), width), "bad"),))
    if entry.title:
        what: list[Span] = [(safe(entry.title), "value")]
        if entry.faults:
            what.append((f"  {plural(entry.faults, 'fault')} found: its figures are not to be quoted", "bad"))
        if entry.readable and entry.journal is None:
            what.append(("  no journal: answers of a replay come at their end", "muted"))
        rows.append(tuple(crop(what, width)))
    placed = dict(zip(entry.contenders, entry.placed, strict=False))
    batches = any(row.batch > 1 for row in entry.rows)
    for one in entry.rows:
        response = one.mean_response_ms / 1e3 if one.mean_response_ms is not None else None
        name = placed_name(safe(placed.get(one.contender, one.contender)), max(_LEAST_NAME, width // 2))
        spans: list[Span] = [
            (name + (f", batch {one.batch}" if batches else ""), "label"),
            (f"  {one.completed} of {one.n}", ""),
            (f"  {speed(one.tok_s)}", "value"),
            (" tok/s", "muted"),
            (f"  {millis(one.ttft_ms.median)}", "value"),
            (" to the first token", "muted"),
            (f"  {seconds(response) if response is not None else NA}", "value"),
            (" mean response", "muted"),
        ]
        rows.append(tuple(crop(spans, width)))
    if len(rows) > height:
        # Where it lies matters least, and of a short line no more than folders that all runs share is read.
        del rows[0]
    if len(rows) > height > 1:
        rows[height - 1 :] = [((f"{signs.ellipsis} enter shows all", "muted"),)]
    return rows[:height]
