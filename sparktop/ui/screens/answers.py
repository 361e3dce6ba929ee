"""The answers of all contenders to one question, side by side."""

from __future__ import annotations

import re
from typing import ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.widgets import Input

from sparktop.model.state import RequestState
from sparktop.ui.actions import Scope, bindings, footer
from sparktop.ui.board import Board, Looks
from sparktop.ui.chrome import Chrome, KeyBar, crop, glyphs_of
from sparktop.ui.panels.answer import AnswerColumn
from sparktop.ui.panels.base import series_style
from sparktop.ui.panels.question_text import question_rows
from sparktop.ui.panels.status import title_row
from sparktop.ui.run import Run
from sparktop.ui.screens.rated import Answer
from sparktop.ui.screens.saved_runs import SavedRuns
from sparktop.ui.screens.searched import SearchedScreen
from sparktop.ui.sides import LETTERS, MOST_ANSWERS, MOST_SIDES, Question, Side, questions_of, sides_of
from sparktop.ui.widgets.line_widget import Span, SpanRow
from sparktop.ui.widgets.streaming_text import StreamingText

COLUMN_CELLS: Final = 38
"""Narrower columns are hard to read: then there are fewer of them, and tabs."""

SEVERAL_CELLS: Final = 100
"""A narrower screen shows one answer at a time."""

_HIDDEN_KEYS: Final = ("answers", "freeze", "snapshot")
_RATING_KEYS: Final = ("next-dimension", "undo", "note", "blind", "vote", "next-question", "rater", "help", "quit")


class AnswersScreen(SearchedScreen):
    """The answers to one question.

    Args:
        run: What is shown.
    """

    CSS_PATH = "answers.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.RUN, Scope.ANSWERS, Scope.RATING)
    scopes = (Scope.ANSWERS, Scope.RATING, Scope.RUN, Scope.EVERYWHERE)
    AUTO_FOCUS = ""

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._at = 0
        self._following = True
        self._locked = False
        self._looks = Looks()
        self._guests: list[Run] = []
        self._known = (-1, -1)

    def compose(self) -> ComposeResult:
        """Makes the frame; columns come with the contenders."""
        self.desk.rater = self.sparktop.rater
        if (sitting := self.sparktop.rating) is not None:
            self.rating, self.desk.blind, self.desk.voting = True, sitting.blind, sitting.voting
            self._guests = list(sitting.beside)
        self._board = Board(self.desk, self._looks, self.sparktop.glyphs)
        yield Chrome(self._title, id="title")
        yield Chrome(self._question, id="question-text")
        yield Chrome(self._tabs, id="tabs")
        yield Container(id="columns")
        yield Chrome(self.bar, id="rating")
        yield Input(id="find", placeholder="find in the answers, then enter", compact=True)
        yield Input(id="entry", compact=True)
        keys = footer(*self.scopes)
        yield KeyBar([a for a in keys if a.id not in _HIDDEN_KEYS and a.scope is not Scope.RATING])
        rating = sorted((a for a in keys if a.id in _RATING_KEYS), key=lambda action: _RATING_KEYS.index(action.id))
        yield KeyBar(rating, id="rating-keys")

    def draw(self) -> None:
        """Draws the run as it is now."""
        self.query_one("#title", Chrome).repaint()
        contenders = (len(self.shown.state.contenders), len(self._guests))
        if contenders != self._known and contenders[0]:
            self._known = contenders
            self._find_sides()
            return
        if not self.shown.frozen:
            self._follow()
            self._draw_columns()

    def _find_sides(self) -> None:
        self.sides = sides_of(self.shown, self._guests)
        self.tab = min(self.tab, max(0, len(self.sides) - 1))
        missing = min(MOST_SIDES, len(self.sides)) - len(self.columns)
        if missing > 0:
            columns = [AnswerColumn(self.sparktop.glyphs.ascii) for _ in range(missing)]
            self.query_one("#columns").mount_all(columns)
        self.call_after_refresh(self.lay_out)

    def _draw_columns(self) -> None:
        if self.revealed and self.question is not None:
            self.named.add(self.question)
        order = self.on_columns
        prompt = self._prompt()
        views = self._board.views(order, self.question, self.revealed, self.rating, prompt)
        for column, view in zip(self.columns, views, strict=False):
            column.show(view)
        for part in ("#question-text", "#tabs", "#rating"):
            self.query_one(part, Chrome).repaint()

    @property
    def on_columns(self) -> list[Side]:
        """The sides that have a column; with more of them than columns, those around the one with the focus."""
        order = self.order
        first = max(0, min(self.tab - 1, len(order) - MOST_SIDES))
        return order[first : first + MOST_SIDES]

    # -- which question --------------------------------------------------------------------------------------------

    @property
    def _questions(self) -> list[Question]:
        return questions_of(self.sides)

    @property
    def question(self) -> Question | None:
        """The question on screen."""
        questions = self._questions
        return questions[min(self._at, len(questions) - 1)] if questions else None

    def _asked(self) -> RequestState | None:
        """The run's own request of the question on screen."""
        found = (side.request(self.question) for side in self.sides if not side.guest)
        return next((request for request in found if request is not None), None)

    def _prompt(self) -> str:
        asked = self._asked()
        return asked.queued.prompt if asked is not None else ""

    def _follow(self) -> None:
        """Goes to the question that is being answered."""
        if not self._following or not self.shown.active or self.rating:
            return
        questions = self._questions
        for index, side in enumerate(self.order):
            for question, request in side.asked().items():
                if not side.guest and request.sent is not None and request.ended is None:
                    self._at = questions.index(question) if question in questions else self._at
                    if self._room == 1 and self.tab != index:
                        self.tab = index
                        self.lay_out()
                    return

    def turn_to(self, answer: Answer) -> None:
        """Shows an answer and puts the focus on it."""
        side, request = answer
        questions = self._questions
        asked = next((question for question in questions if side.request(question) is request), None)
        if asked is not None:
            self._following = False
            self._at = questions.index(asked)
        order = self.order
        self.tab = order.index(side) if side in order else self.tab

    # -- the frame -------------------------------------------------------------------------------------------------

    def _title(self, width: int, height: int) -> list[SpanRow]:
        return [title_row(self.shown, "answers", width, glyphs_of(self.app))]

    def _question(self, width: int, height: int) -> list[SpanRow]:
        request = self._asked()
        if request is None:
            return [(("No question yet.", "muted"),)]
        side = next(side for side in self.sides if not side.guest)
        where = (self._at, len(self._questions))
        return question_rows(request.queued, side.item(request), where, self._state_words(), width, height)

    def _state_words(self) -> list[Span]:
        if self.found:
            return [(self.found, "warn")]
        words = []
        if self._looks.marked == "difference":
            words.append("underlined: only here")
        if self._locked:
            words.append("scrolled together")
        if not self._looks.reasoning:
            words.append("reasoning hidden")
        if self._following and self.shown.active and not self.rating:
            words.append("following the run")
        return [(", ".join(words), "muted")] if words else []

    def _tabs(self, width: int, height: int) -> list[SpanRow]:
        spans: list[Span] = []
        revealed = self.revealed
        for index, side in enumerate(self.order):
            name = self._board.title(side, LETTERS[index], revealed)
            spans.append((f" {name} ", "pick" if index == self.tab else series_style(side.index) if revealed else ""))
            spans.append((" ", ""))
        spans.append(("  tab changes", "muted"))
        return [tuple(crop(spans, width))]

    @property
    def _room(self) -> int:
        """How many answers stand side by side."""
        width = self.size.width
        fitting = max(1, width // COLUMN_CELLS) if width >= SEVERAL_CELLS else 1
        return min(fitting, MOST_SIDES)

    def lay_out(self) -> None:
        """Columns where they fit, else some of them with tabs."""
        if not self.is_running:
            return
        order, columns, room = self.on_columns, self.columns, self._room
        every = self.order
        self.tab = max(0, min(self.tab, len(every) - 1))
        self.query_one("#tabs").display = len(every) > room
        self.set_class(self.rating, "-rating")
        self.set_class(room == 1 and len(every) > 1, "-tabbed")
        at = order.index(every[self.tab]) if every and every[self.tab] in order else 0
        first = max(0, min(at - room + 1, len(order) - room))
        for index, column in enumerate(columns):
            column.display = index < len(order) and first <= index < first + room
        # A field that was closed has the focus until the next frame, and would take the keys that come before that.
        if columns and not (isinstance(self.focused, Input) and self.focused.display):
            self.set_focus(columns[at].text, scroll_visible=False)
        self._draw_columns()

    def on_resize(self, event: events.Resize) -> None:
        """Columns where they fit, else some of them with tabs."""
        self.call_after_refresh(self.lay_out)

    def on_unmount(self) -> None:
        """Lets the files of saved runs go, once nobody rates their answers any more."""
        for run in self._guests:
            run.close()

    # -- what is done ----------------------------------------------------------------------------------------------

    def action_move_question(self, step: int) -> None:
        """Goes to another question, and stays there while the run goes on."""
        self._following = False
        self._at = max(0, min(len(self._questions) - 1, self._at + step))
        self.found = ""
        if self.rating:
            self.tab = 0
            self.desk.chosen = 0
            self.lay_out()
        self._draw_columns()

    def action_follow(self) -> None:
        """Goes with the run, or stays."""
        self._following = not self._following
        self._follow()
        self._draw_columns()

    def action_move_contender(self, step: int) -> None:
        """Goes to another contender's answer."""
        if order := self.order:
            self._following = self._following and self._room > 1
            focused = [index for index, column in enumerate(self.columns) if column.text.has_focus]
            on_columns = self.on_columns
            if focused and focused[0] < len(on_columns):
                self.tab = order.index(on_columns[focused[0]])
            self.tab = (self.tab + step) % len(order)
            self.lay_out()

    def action_fold_reasoning(self) -> None:
        """Hides reasoning, or shows it."""
        self._looks.reasoning = not self._looks.reasoning
        self._draw_columns()

    def action_mark(self, what: str) -> None:
        """Marks the points or the differences, or nothing."""
        self._looks.marked = "" if self._looks.marked == what else what
        self._draw_columns()

    def action_lock_scroll(self) -> None:
        """Scrolls all answers together, or each by itself."""
        self._locked = not self._locked
        self._draw_columns()

    @on(StreamingText.Moved)
    def _scroll_others(self, event: StreamingText.Moved) -> None:
        for column in self.columns if self._locked else ():
            if column.text is not event.pane:
                column.text.scroll_lines(event.lines)

    @on(events.DescendantFocus)
    def _take_focus(self, event: events.DescendantFocus) -> None:
        """A click on an answer makes it the one that is rated."""
        order = self.on_columns
        at = next((index for index, column in enumerate(self.columns) if column.text is event.widget), None)
        if at is not None and at < len(order) and self.tab != (tab := self.order.index(order[at])):
            self.tab = tab
            self.query_one("#rating", Chrome).repaint()

    # -- leaving, other runs, and files ----------------------------------------------------------------------------

    def action_back(self) -> None:
        """Leaves what is typed, then the search, then rating, then the screen."""
        if self.leave_find():
            return
        if self.close_entry():
            self.lay_out()
        elif self.rating:
            self.action_rate()
        else:
            self.sparktop.go_back()

    def action_add_answers(self) -> None:
        """Shows the answers of a saved run beside these, or takes them away."""
        started = self.shown.state.started
        if started is None:
            self.sparktop.say("The run has not begun yet.")
            return
        shown = tuple(run.feed.id for run in self._guests)
        dialog = SavedRuns(self.sparktop.ports.places.runs, started.scenario.name, self.shown.feed.id, shown)
        self.app.push_screen(dialog, self._take_guest)

    def _take_guest(self, guest: Run | str | None) -> None:
        if isinstance(guest, Run):
            if len(self.sides) + len(guest.state.contenders) > MOST_ANSWERS:
                self.sparktop.say(f"No more than {MOST_ANSWERS} answers: take others away first.", "warning")
            else:
                self._guests.append(guest)
        elif guest is not None:
            gone = [run for run in self._guests if run.feed.id == guest]
            self._guests = [run for run in self._guests if run not in gone]
            for run in gone:
                if problem := run.close():
                    self.sparktop.say(problem, "warning")
        self.show()

    def action_copy(self) -> None:
        """Copies the answer and writes it to a file, since many terminals do not take a copy."""
        answer = self.answer
        if answer is None or not answer[1].answer:
            self.sparktop.say("There is no answer to copy yet.", "warning")
            return
        side, request = answer
        who = side.contender.name if self.revealed else self.name_of(side)
        name = re.sub(r"[^\w.-]+", "_", f"{side.run.feed.id}-{request.queued.item}-{who}.txt")
        path = self.sparktop.beside_runs("answers", name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(request.answer, encoding="utf-8", errors="replace")
        except OSError as error:
            self.sparktop.say(f"The answer could not be written: {error}", "error")
            return
        self.app.copy_to_clipboard(request.answer)
        self.sparktop.say(f"Copied if the terminal allows it; written to {path}")
