"""Rating on the screen of answers: stars, notes, votes, blind or not, and taking them back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar, Final, TypeAlias

from textual import on
from textual.binding import BindingType
from textual.widgets import Input

from sparktop.model.rating_events import Choice, Noted, Rated, Rating, Voted
from sparktop.model.state import RequestState
from sparktop.ui.actions import Scope, bindings
from sparktop.ui.chrome import glyphs_of, safe, spread_out, whole
from sparktop.ui.panels.rating_bar import star_groups, vote_groups
from sparktop.ui.rating import Desk, can_rate
from sparktop.ui.run import Run
from sparktop.ui.screens.base import RunScreen
from sparktop.ui.screens.question import Question as Confirm
from sparktop.ui.sides import LETTERS, Question, Side, questions_of, shuffled
from sparktop.ui.widgets.line_widget import Span, SpanRow, row_width

MOST_LETTERS: Final = 2000
"""Characters of a note, and more than anybody types into one line."""

NAMING: Final = ("dashboard", "results")
"""Screens that tell which model was how fast, and so who wrote what."""

SHORT_CELLS: Final = 60
"""On a narrower screen only how many are rated is told, and not by whom."""

Answer: TypeAlias = tuple[Side, RequestState]
"""An answer, and whose it is."""

_CHOICES: Final = {Choice.FIRST: "the first is better", Choice.SECOND: "the second is better", Choice.TIE: "a tie"}


class RatedScreen(RunScreen):
    """What the screen of answers does with ratings; which answers stand where is told by whoever inherits it.

    Args:
        run: What is shown.

    Attributes:
        desk: Who rates, and what they said.
        rating: Whether the person rates now.
        sides: Whose answers there are.
        named: Questions at which it was told who wrote what: what is said of them is no more said blind.
        tab: Which of them, as they stand, has the focus.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.RATING)

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.desk = Desk(run, "")
        self.rating = False
        self.sides: list[Side] = []
        self.named: set[Question] = set()
        self.tab = 0
        self._asks = ""
        self._progress: tuple[object, tuple[int, int]] = (None, (0, 0))

    # -- who stands where ------------------------------------------------------------------------------------------

    @property
    def question(self) -> Question | None:
        """The question on screen."""
        raise NotImplementedError

    def turn_to(self, answer: Answer) -> None:
        """Shows an answer and puts the focus on it."""
        raise NotImplementedError

    def lay_out(self) -> None:
        """Draws everything anew."""
        raise NotImplementedError

    @property
    def order(self) -> list[Side]:
        """The sides as they stand from left to right: in votes two, and shuffled for who rates blind."""
        order = self.sides
        if self.desk.blind:
            order = shuffled(order, self.shown.feed.id, self.desk.rater, self.question)
        if self.desk.voting and len(order) > 2:
            order = list(self.desk.unvoted(order, self.question) or order[:2])
        return order

    @property
    def revealed(self) -> bool:
        """Whether it is known who wrote what."""
        return not self.desk.blind or self.desk.is_done(self.sides, self.question)

    @property
    def unseen(self) -> bool:
        """Whether what is said of this question now is said without knowing who wrote what."""
        return not self.revealed and self.question not in self.named

    @property
    def answer(self) -> Answer | None:
        """The answer that has the focus; None if there is none."""
        order = self.order
        if not order:
            return None
        side = order[min(self.tab, len(order) - 1)]
        request = side.request(self.question)
        return None if request is None else (side, request)

    # -- the bar ---------------------------------------------------------------------------------------------------

    def bar(self, width: int, height: int) -> list[SpanRow]:
        """What is rated, by what, by whom, and how far they are."""
        done, total = self._count()
        what = "compared" if self.desk.voting else "rated"
        blind = "" if not self.desk.blind else "names seen, " if self.question in self.named else "blind, "
        right: list[Span] = [
            (f"{blind}{safe(self.desk.rater)}: {done} of {total} {what}", "value" if done == total else "")
        ]
        if width < SHORT_CELLS:
            right = [(f"{done}/{total}", "value")]
        groups = self._vote_groups() if self.desk.voting else self._star_groups()
        room = width - row_width(right) - 1
        if len(groups) > 1 and row_width([*groups[0], *groups[1]]) > room:
            # What is chosen tells more than whose answer it is, which the tabs show too.
            groups = groups[1:]
        return [spread_out(whole(groups, room), right, width)]

    def _vote_groups(self) -> list[list[Span]]:
        order = self.order[:2]
        answers = [(side, request) for side in order if (request := side.request(self.question)) is not None]
        names = [LETTERS[at] if self.desk.blind else side.name for at, side in enumerate(order)]
        vote = self.desk.vote(answers[0], answers[1]) if len(answers) == 2 else None
        return vote_groups(names, vote, glyphs_of(self.app))

    def _star_groups(self) -> list[list[Span]]:
        answer = self.answer
        whose = "" if answer is None else self.name_of(answer[0])
        given = {} if answer is None else self.desk.stars(*answer)
        dimensions, chosen = self.desk.dimensions, self.desk.dimension
        return star_groups(whose, given, dimensions, chosen, self.sparktop.chinese, glyphs_of(self.app))

    def name_of(self, side: Side) -> str:
        """What a side is called on the screen now."""
        if self.revealed:
            return side.name
        order = self.order
        return LETTERS[order.index(side)] if side in order else "?"

    def _count(self) -> tuple[int, int]:
        runs = {id(side.run): side.run for side in self.sides}.values()
        key = (
            self.desk.rater,
            self.desk.voting,
            len(self.sides),
            *(
                (run.state.ratings.changed, sum(r.ended is not None for r in run.state.requests.values()))
                for run in runs
            ),
        )
        if key != self._progress[0]:
            self._progress = (key, self.desk.progress(self.sides, questions_of(self.sides)))
        return self._progress[1]

    # -- what is done ----------------------------------------------------------------------------------------------

    def action_rate(self) -> None:
        """Shows what is rated, or hides it."""
        self.rating = not self.rating
        if not self.rating:
            self.desk.blind = self.desk.voting = False
        self.lay_out()

    def action_stars(self, number: int) -> None:
        """Gives stars, or votes."""
        if self.desk.voting:
            if number in (1, 2):
                self._vote(Choice.FIRST if number == 1 else Choice.SECOND)
            else:
                self.sparktop.say("1 and 2 say which answer is better, 0 that neither is; v goes back to stars.")
            return
        answer = self.answer
        if answer is None or not can_rate(answer[1]):
            self.sparktop.say("There is no whole answer to rate here.", "warning")
            return
        self.rating = True
        if self._keep(lambda: self.desk.give(*answer, number, self.unseen)) and self.desk.is_rated(*answer):
            self._go_on()
        self.lay_out()

    def action_tie(self) -> None:
        """Says that neither answer is better."""
        if self.desk.voting:
            self._vote(Choice.TIE)
        else:
            self.sparktop.say("0 is a tie between two answers; v compares them two by two.")

    def _vote(self, choice: Choice) -> None:
        answers = [(side, request) for side in self.order[:2] if (request := side.request(self.question)) is not None]
        if len(answers) < 2 or not all(can_rate(request) for _, request in answers):
            self.sparktop.say("There are no two whole answers to compare here.", "warning")
            return
        self._keep(lambda: self.desk.compare(answers[0], answers[1], choice, self.unseen))
        self.lay_out()

    def _go_on(self) -> None:
        """Goes to the next answer to the question that is not rated yet."""
        order = self.order
        for step in range(1, len(order)):
            at = (self.tab + step) % len(order)
            side = order[at]
            request = side.request(self.question)
            if request is not None and can_rate(request) and not self.desk.is_rated(side, request):
                self.tab = at
                given = self.desk.stars(side, request)
                ids = [dimension.id for dimension in self.desk.dimensions]
                self.desk.chosen = next(index for index, name in enumerate(ids) if name not in given)
                return
        self.desk.chosen = 0

    def action_move_dimension(self, step: int) -> None:
        """Chooses another dimension."""
        self.rating = True
        self.desk.choose(step)
        self.lay_out()

    def action_undo(self) -> None:
        """Takes back what was said last."""
        taken: list[tuple[Run, Rating] | None] = []
        answer = self.answer
        if not self._keep(lambda: taken.append(self.desk.undo(answer))):
            return
        if taken[0] is None:
            self.sparktop.say("There is nothing to take back.")
            return
        run, rating = taken[0]
        if not isinstance(rating, Voted):
            found = next((one for one in self._answers(run) if one[1].queued.request == rating.request), None)
            if found is not None:
                self.turn_to(found)
        self.sparktop.say(f"Taken back: {self._told(rating)}")
        self.lay_out()

    def _answers(self, run: Run) -> Iterator[Answer]:
        for side in self.sides:
            if side.run is run:
                yield from ((side, request) for request in side.asked().values())

    def _told(self, rating: Rating) -> str:
        match rating:
            case Rated():
                names = {one.id: one.zh if self.sparktop.chinese else one.en for one in self.desk.dimensions}
                return f"{rating.stars} for {names.get(rating.dimension, rating.dimension)}"
            case Noted():
                return "the note" if rating.text else "that there is no note"
            case Voted():
                return f"the vote on {rating.item}, {_CHOICES[rating.choice]}"

    def action_blind(self) -> None:
        """Hides who wrote what, or shows it."""
        self.rating = True
        self.desk.blind = not self.desk.blind
        self.tab = 0
        self.lay_out()

    def may_leave_for(self, name: str) -> bool:
        """Whether another screen may be shown now: not one that names the models, while somebody rates blind."""
        done, total = self._count()
        if not self.desk.blind or done == total or name not in NAMING:
            return True

        def answered(yes: bool | None) -> None:
            if yes:
                self.desk.blind = False
                self.named.update(questions_of(self.sides))
                self.lay_out()
                self.sparktop.action_go(name)

        text = f"The {name} would tell who wrote what."
        self.app.push_screen(Confirm("Stop rating blind?", text, "Stop and show it", "Stay blind"), answered)
        return False

    def action_vote(self) -> None:
        """Compares answers two by two, or gives stars."""
        if len(self.sides) < 2 and not self.desk.voting:
            self.sparktop.say("There is only one contender: A adds the answers of a saved run.", "warning")
            return
        self.rating = True
        self.desk.voting = not self.desk.voting
        self.tab = 0
        self.lay_out()

    # -- what is typed ---------------------------------------------------------------------------------------------

    def action_note(self) -> None:
        """Asks for a note about the answer."""
        answer = self.answer
        if answer is None or not can_rate(answer[1]):
            self.sparktop.say("There is no whole answer to write a note about here.", "warning")
            return
        self._ask("note", f"a note about {self.name_of(answer[0])}, then enter", self.desk.note(*answer))

    def action_rater(self) -> None:
        """Asks who rates."""
        self._ask("rater", "who rates, then enter", self.desk.rater)

    def _ask(self, what: str, placeholder: str, value: str) -> None:
        self._asks = what
        field = self.query_one("#entry", Input)
        field.placeholder = placeholder
        field.value = value
        field.display = True
        self.set_focus(field)

    @on(Input.Submitted, "#entry")
    def _typed(self, event: Input.Submitted) -> None:
        text = " ".join(event.value.split())[:MOST_LETTERS]
        asked, answer = self._asks, self.answer
        self.close_entry()
        self.rating = True
        if asked == "rater" and text:
            self.desk.rater = text
        elif asked == "note" and answer is not None:
            self._keep(lambda: self.desk.write(*answer, text))
        self.lay_out()

    def close_entry(self) -> bool:
        """Closes the field for notes and names; returns whether it was open."""
        field = self.query_one("#entry", Input)
        was_open = bool(field.display)
        field.display = False
        return was_open

    def _keep(self, say: Callable[[], object]) -> bool:
        """Does something that is kept on disk; tells where it can't be."""
        try:
            say()
        except BlockingIOError:
            self.sparktop.say("Another sparktop rates this run: nothing was kept. Close it there first.", "error")
        except (OSError, ValueError) as error:
            self.sparktop.say(f"Nothing was kept: {error}", "error")
        else:
            return True
        return False
