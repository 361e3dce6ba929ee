"""The figures of a run as tables, and whether they can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll

from sparktop.model.decoding import full_summary, remarks
from sparktop.model.ratings import collect_ratings
from sparktop.model.scenario import Kind
from sparktop.model.split_text import NO_FASTER, split_remarks
from sparktop.model.state import RunState
from sparktop.model.summary import Summary, measured
from sparktop.model.validity import Severity, judge
from sparktop.ui.actions import Scope, bindings, footer
from sparktop.ui.chrome import Chrome, KeyBar, crop, glyphs_of, safe
from sparktop.ui.panels.ratings import comparison_sentences, star_columns, star_rows
from sparktop.ui.panels.status import ending_rows, progress_row, title_row
from sparktop.ui.panels.tables import question_columns, question_rows, summary_columns, summary_rows
from sparktop.ui.run import Run
from sparktop.ui.screens.base import RunScreen
from sparktop.ui.widgets.line_widget import SpanRow
from sparktop.ui.widgets.table import GridTable
from sparktop.ui.widgets.wrap import WrappedText

FRAME_ROWS = 2
HEADER_ROWS = 1

Sentence = tuple[str, str, str]
"""A sign, what it stands before, and the style of both."""


class ResultsTable(GridTable, can_focus=False):
    """A table as long as it is; the screen scrolls, not the table."""


class ResultsScreen(RunScreen):
    """The figures so far, or at the end.

    Args:
        run: What is shown.
    """

    CSS_PATH = "results.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.RUN)
    scopes = (Scope.RUN, Scope.EVERYWHERE)
    AUTO_FOCUS = "#tables"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._drawn: tuple[int, bool, int] | None = None
        self._frozen_at: float | None = None
        self._verdicts: list[Sentence] = []
        self._remarks: list[Sentence] = []
        self._compared: list[Sentence] = []
        self._split: list[Sentence] = []

    def compose(self) -> ComposeResult:
        """Makes the tables."""
        ascii_only = self.sparktop.glyphs.ascii
        yield Chrome(self._title, id="title")
        yield Chrome(self._progress, id="progress")
        with VerticalScroll(id="tables"):
            summary = ResultsTable(
                (), cursor=False, ascii_only=ascii_only, empty="No request has ended yet.", id="summary-table"
            )
            summary.add_class("panel")
            summary.border_title = "Each contender (medians)"
            yield summary
            questions = ResultsTable((), cursor=False, ascii_only=ascii_only, id="question-table")
            questions.add_class("panel")
            questions.border_title = "Each question"
            questions.border_subtitle = "points: how many of the expected points the answer names"
            yield questions
            ratings = ResultsTable((), cursor=False, ascii_only=ascii_only, id="rating-table")
            ratings.add_class("panel")
            ratings.border_title = "Stars given by people: mean (how many)"
            yield ratings
            compared = Chrome(lambda width, height: _wrapped(self._compared, width), id="compared", classes="panel")
            compared.border_title = "Answers compared"
            yield compared
            said = Chrome(lambda width, height: _wrapped(self._remarks, width), id="remarks", classes="panel")
            said.border_title = "Memory bandwidth, energy"
            yield said
            split = Chrome(lambda width, height: _wrapped(self._split, width), id="split", classes="panel")
            split.border_title = "Split over machines"
            yield split
            verdicts = Chrome(lambda width, height: _wrapped(self._verdicts, width), id="verdicts", classes="panel")
            verdicts.border_title = "Can these numbers be trusted?"
            yield verdicts
        yield KeyBar([a for a in footer(*self.scopes) if a.id not in ("results", "freeze")])

    def draw(self) -> None:
        """Draws the run as it is now; the tables only when a request has ended."""
        self.query_one("#title", Chrome).repaint()
        # Once more as the view is frozen: this screen may be opened only then.
        frozen_at, self._frozen_at = self._frozen_at, self.shown.frozen_at
        if self.shown.frozen and frozen_at == self.shown.frozen_at:
            return
        self.query_one("#progress", Chrome).repaint()
        state = self.shown.state
        ended = sum(request.ended is not None for request in state.requests.values())
        mark = (ended, self.shown.active, state.ratings.changed)
        if mark == self._drawn or state.started is None:
            return
        self._drawn = mark
        self._draw_tables(state)

    def _draw_tables(self, state: RunState) -> None:
        summary = full_summary(state, [measured(request) for request in state.measured()])
        batches = any(row.batch > 1 for row in summary)
        rows = summary_rows(summary, state, batches)
        table = self.query_one("#summary-table", GridTable)
        table.set_columns(summary_columns(batches))
        table.show(rows)
        table.styles.height = max(1, len(rows)) + HEADER_ROWS + FRAME_ROWS
        questions = self.query_one("#question-table", GridTable)
        questions.display = state.started is not None and state.started.scenario.kind is Kind.QUESTIONS
        if questions.display:
            asked = question_rows(state)
            questions.set_columns(question_columns(state))
            questions.show(asked)
            questions.styles.height = max(1, len(asked)) + HEADER_ROWS + FRAME_ROWS
        self._rate(state)
        self._remark(summary, batches, state.started.scenario.kind if state.started else Kind.QUESTIONS)
        self._tell_split(state)
        self._judge(state)

    def _rate(self, state: RunState) -> None:
        """Tells what people and models think of the answers, where anybody has said anything."""
        dimensions = state.started.scenario.rating.dimensions if state.started is not None else ()
        ratings = collect_ratings(state.ratings, state.answerers)
        rows = star_rows(ratings, dimensions, list(state.contenders))
        table = self.query_one("#rating-table", GridTable)
        table.display = bool(rows)
        table.set_columns(star_columns(dimensions, self.sparktop.chinese))
        table.show(rows)
        table.styles.height = max(1, len(rows)) + HEADER_ROWS + FRAME_ROWS
        self._compared = [
            ("-", sentence, "muted" if model else "") for sentence, model in comparison_sentences(ratings)
        ]
        self.query_one("#compared").display = bool(self._compared)

    def _remark(self, summary: tuple[Summary, ...], batches: bool, kind: Kind) -> None:
        """Says of each row what bandwidth it reached and what its tokens cost, where that is known."""
        self._remarks = []
        for row in summary:
            who = safe(row.contender) + (f", batch {row.batch}" if batches else "")
            self._remarks += [("-", f"{who}: {safe(remark)}", "") for remark in remarks(row, kind)]
        self.query_one("#remarks").display = bool(self._remarks)

    def _tell_split(self, state: RunState) -> None:
        """Says of each model that is split what each machine holds, and what went between them."""
        self._split = [
            ("-", f"{safe(name)}: {safe(remark)}", "")
            for name, contender in state.contenders.items()
            for remark in split_remarks(contender.parts, list(contender.links.values()))
        ]
        if self._split:
            self._split.append(("!", NO_FASTER, "muted"))
        self.query_one("#split").display = bool(self._split)

    def _judge(self, state: RunState) -> None:
        signs = glyphs_of(self.app)
        validity = self.shown.validity or judge(state, None)
        ended = not self.shown.active
        faults = [v for v in validity.verdicts if v.severity is Severity.FAULT]
        findings = [v for v in validity.verdicts if v.severity is Severity.FINDING]
        notes = [v for v in validity.verdicts if v.severity is Severity.NOTE]
        if not ended:
            self._verdicts = [(signs.working, "The run goes on; it is judged at its end.", "muted")]
        elif validity.valid:
            self._verdicts = [(signs.ok, "Valid: no check found a fault.", "ok")]
        else:
            self._verdicts = [(signs.failed, safe(v.text), "bad") for v in faults]
        if ended:
            self._verdicts += [("!", safe(v.text), "warn") for v in notes]
            self._verdicts += [("=", safe(v.text), "accent") for v in findings]
            self._verdicts += [
                ("?", f"{safe(u.code)}: not judged, {safe(u.reason)}", "muted") for u in validity.unjudged
            ]
        word = "" if not ended else "valid" if validity.valid else f"not valid: {len(faults)} below"
        self.query_one("#summary-table").border_subtitle = word
        self._fit_sentences()

    def _fit_sentences(self) -> None:
        for name, sentences in (
            ("#remarks", self._remarks),
            ("#split", self._split),
            ("#verdicts", self._verdicts),
            ("#compared", self._compared),
        ):
            panel = self.query_one(name, Chrome)
            if width := panel.size.width or self.query_one("#verdicts").size.width:
                panel.styles.height = max(1, len(_wrapped(sentences, width))) + FRAME_ROWS
            panel.repaint()

    def on_resize(self, event: events.Resize) -> None:
        """Makes room for the sentences at the new width."""
        self.call_after_refresh(self._fit_sentences)

    def _title(self, width: int, height: int) -> list[SpanRow]:
        return [title_row(self.shown, "results", width, glyphs_of(self.app))]

    def _progress(self, width: int, height: int) -> list[SpanRow]:
        if self.shown.active:
            return [progress_row(self.shown, width, glyphs_of(self.app))]
        return [tuple(crop(ending_rows(self.shown, width)[1], width))]


def _wrapped(sentences: Sequence[Sentence], width: int) -> list[SpanRow]:
    rows: list[SpanRow] = []
    for sign, text, style in sentences:
        wrapped = WrappedText(max(8, width - 2))
        wrapped.append(text)
        for index, row in enumerate(wrapped.rows):
            rows.append(((f"{sign} " if index == 0 else "  ", style), (row.text, "" if style != "muted" else style)))
    return rows
