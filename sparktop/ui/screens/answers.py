"""The answers of all contenders to one question, side by side."""

from __future__ import annotations

import re
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.widgets import Input

from sparktop.model.state import RequestState
from sparktop.ui.actions import Scope, bindings, footer
from sparktop.ui.chrome import Chrome, KeyBar, crop, glyphs_of, safe, spread_out
from sparktop.ui.panels.answer import AnswerColumn
from sparktop.ui.panels.base import series_style
from sparktop.ui.panels.status import title_row
from sparktop.ui.run import Run
from sparktop.ui.screens.base import RunScreen
from sparktop.ui.widgets.line_widget import Span, SpanRow
from sparktop.ui.widgets.wrap import WrappedText

COLUMN_CELLS = 48
"""Narrower columns are hard to read: then there are tabs."""


class AnswersScreen(RunScreen):
    """The answers to one question.

    Args:
        run: What is shown.
    """

    CSS_PATH = "answers.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.RUN, Scope.ANSWERS)
    scopes = (Scope.ANSWERS, Scope.RUN, Scope.EVERYWHERE)
    AUTO_FOCUS = ""

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._at = 0
        self._following = True
        self._tab = 0
        self._found = ""

    def compose(self) -> ComposeResult:
        """Makes the frame; columns come with the contenders."""
        yield Chrome(self._title, id="title")
        yield Chrome(self._question, id="question-text")
        yield Chrome(self._tabs, id="tabs")
        yield Container(id="columns")
        yield Input(id="find", placeholder="find in the answers, then enter", compact=True)
        keys = [a for a in footer(*self.scopes) if a.id not in ("answers", "freeze", "snapshot")]
        yield KeyBar(keys)

    @property
    def columns(self) -> list[AnswerColumn]:
        """One column for each contender."""
        return list(self.query(AnswerColumn))

    def draw(self) -> None:
        """Draws the run as it is now."""
        self.query_one("#title", Chrome).repaint()
        if not self.columns:
            self._make_columns()
            return
        if self.shown.frozen:
            return
        self._follow()
        self._draw_columns()

    def _make_columns(self) -> None:
        contenders = [c.contender for c in self.shown.state.contenders.values()]
        if contenders:
            columns = [
                AnswerColumn(contender, index, self.sparktop.glyphs.ascii) for index, contender in enumerate(contenders)
            ]
            self.query_one("#columns").mount_all(columns)
            self.call_after_refresh(self._arrange)

    def _draw_columns(self) -> None:
        for column in self.columns:
            column.show(self._request(column.contender.name), self.shown.now)
        self.query_one("#question-text", Chrome).repaint()
        self.query_one("#tabs", Chrome).repaint()

    # -- which question --------------------------------------------------------------------------------------------

    def _requests(self, contender: str) -> list[RequestState]:
        return self.shown.state.measured(contender)

    def _request(self, contender: str) -> RequestState | None:
        requests = self._requests(contender)
        return requests[self._at] if self._at < len(requests) else None

    def _count(self) -> int:
        return max((len(self._requests(name)) for name in self.shown.state.contenders), default=0)

    def _follow(self) -> None:
        """Goes to the question that is being answered."""
        if not self._following or not self.shown.active:
            return
        for index, name in enumerate(self.shown.state.contenders):
            for at, request in enumerate(self._requests(name)):
                if request.sent is not None and request.ended is None:
                    self._at = at
                    if self._tabbed and self._tab != index:
                        self._tab = index
                        self._arrange()
                    return

    # -- the frame -------------------------------------------------------------------------------------------------

    def _title(self, width: int, height: int) -> list[SpanRow]:
        return [title_row(self.shown, "answers", width, glyphs_of(self.app))]

    def _question(self, width: int, height: int) -> list[SpanRow]:
        state = self.shown.state
        request = next((r for name in state.contenders if (r := self._request(name))), None)
        if request is None:
            return [(("No question yet.", "muted"),)]
        items = {i.id: i for i in state.started.scenario.items} if state.started else {}
        item = items.get(request.queued.item)
        left: list[Span] = [(f"{safe(request.queued.item)} ", "title")]
        if item and item.title:
            left.append((f"{safe(item.title)} ", "value"))
        if request.queued.batch > 1:
            left.append((f"in a batch of {request.queued.batch} ", "muted"))
        left.append((f" {self._at + 1} of {self._count()}", "muted"))
        right: list[Span] = [(self._found, "warn")] if self._found else []
        if not self._found and self._following and self.shown.active:
            right = [("following the run", "muted")]
        wrapped = WrappedText(width)
        wrapped.append(safe(request.queued.prompt) or "Random tokens.")
        prompt: list[SpanRow] = [((row.text, ""),) for row in wrapped.rows]
        if len(prompt) > height - 1 > 0:
            prompt[height - 2] = tuple(crop([(wrapped.rows[height - 2].text + "………", "")], width))
        return [spread_out(left, right, width), *prompt][:height]

    def _tabs(self, width: int, height: int) -> list[SpanRow]:
        spans: list[Span] = []
        for index, column in enumerate(self.columns):
            name = f" {column.border_title} "
            spans.append((name, "pick" if index == self._tab else series_style(index)))
            spans.append((" ", ""))
        spans.append(("  tab changes", "muted"))
        return [tuple(crop(spans, width))]

    @property
    def _tabbed(self) -> bool:
        return self.size.width < COLUMN_CELLS * len(self.columns)

    def _arrange(self) -> None:
        """Columns where they fit, else one of them with tabs."""
        if not self.is_running:
            return
        columns = self.columns
        tabbed = self._tabbed
        self.query_one("#tabs").display = tabbed and len(columns) > 1
        for index, column in enumerate(columns):
            column.display = not tabbed or index == self._tab
        if columns and not isinstance(self.focused, Input):
            columns[self._tab].text.focus()
        self._draw_columns()

    def on_resize(self, event: events.Resize) -> None:
        """Columns where they fit, else one of them with tabs."""
        self.call_after_refresh(self._arrange)

    # -- what is done ----------------------------------------------------------------------------------------------

    def action_move_question(self, step: int) -> None:
        """Goes to another question, and stays there while the run goes on."""
        self._following = False
        self._at = max(0, min(self._count() - 1, self._at + step))
        self._found = ""
        self._draw_columns()

    def action_follow(self) -> None:
        """Goes with the run, or stays."""
        self._following = not self._following
        self._follow()
        self._draw_columns()

    def action_move_contender(self, step: int) -> None:
        """Goes to another contender's answer."""
        if self.columns:
            self._following = self._following and not self._tabbed
            focused = [index for index, column in enumerate(self.columns) if column.text.has_focus]
            self._tab = ((focused[0] if focused else self._tab) + step) % len(self.columns)
            self._arrange()

    def action_find(self) -> None:
        """Asks what to find."""
        field = self.query_one("#find", Input)
        field.display = True
        field.focus()

    @on(Input.Submitted, "#find")
    def _find(self, event: Input.Submitted) -> None:
        query = event.value.strip()
        self._close_find()
        counts = [(column, column.text.find(query)) for column in self.columns]
        hits = ", ".join(f"{count} in {column.border_title}" for column, count in counts if count)
        self._found = (f'"{safe(query)}": {hits or "not found"}') if query else ""
        first = next((index for index, (_, count) in enumerate(counts) if count), None)
        if first is not None and not counts[self._tab][1]:
            self._tab = first
        self._arrange()

    def action_find_next(self, step: int) -> None:
        """Goes to the next match in every answer."""
        places = []
        for column in self.columns:
            if at := column.text.find_next(step):
                places.append(f"{at} of {column.text.match_count} in {column.border_title}")
        if places:
            self._found = ", ".join(places)
        self.query_one("#question-text", Chrome).repaint()

    def _close_find(self) -> None:
        field = self.query_one("#find", Input)
        field.display = False
        if self.columns:
            self.columns[self._tab].text.focus()

    def action_back(self) -> None:
        """Leaves the search, then the screen."""
        if self.query_one("#find").display:
            self._close_find()
        elif self._found:
            self._found = ""
            for column in self.columns:
                column.text.find("")
            self.query_one("#question-text", Chrome).repaint()
        else:
            self.sparktop.action_go("dashboard")

    def action_copy(self) -> None:
        """Copies the answer and writes it to a file, since many terminals do not take a copy."""
        columns = self.columns
        column = next((c for c in columns if c.text.has_focus), columns[self._tab] if columns else None)
        request = column.request if column else None
        if column is None or request is None or not request.answer:
            self.sparktop.say("There is no answer to copy yet.", "warning")
            return
        name = re.sub(r"[^\w.-]+", "_", f"{self.shown.feed.id}-{request.queued.item}-{column.contender.name}.txt")
        path = self.sparktop.beside_runs("answers", name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(request.answer, encoding="utf-8", errors="replace")
        except OSError as error:
            self.sparktop.say(f"The answer could not be written: {error}", "error")
            return
        self.app.copy_to_clipboard(request.answer)
        self.sparktop.say(f"Copied if the terminal allows it; written to {path}")
