"""Finding words in all answers at once."""

from __future__ import annotations

from textual import on
from textual.widgets import Input

from sparktop.ui.chrome import Chrome, safe
from sparktop.ui.panels.answer import AnswerColumn
from sparktop.ui.run import Run
from sparktop.ui.screens.rated import RatedScreen
from sparktop.ui.sides import Side


class SearchedScreen(RatedScreen):
    """A screen of answers in which words can be found.

    Args:
        run: What is shown.

    Attributes:
        found: Where what was looked for was found, in words; empty if nothing is looked for.
    """

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.found = ""

    @property
    def columns(self) -> list[AnswerColumn]:
        """The columns, from left to right."""
        return list(self.query(AnswerColumn))

    @property
    def on_columns(self) -> list[Side]:
        """The sides that have a column, from left to right."""
        raise NotImplementedError

    def action_find(self) -> None:
        """Asks what to find."""
        field = self.query_one("#find", Input)
        field.display = True
        self.set_focus(field)

    @on(Input.Submitted, "#find")
    def _find(self, event: Input.Submitted) -> None:
        query = event.value.strip()
        self._close_find()
        counts = [(column, column.text.find(query)) for column in self.columns]
        hits = ", ".join(f"{count} in {column.border_title}" for column, count in counts if count)
        self.found = (f'"{safe(query)}": {hits or "not found"}') if query else ""
        order = self.order
        found = [order.index(side) for side, (_, count) in zip(self.on_columns, counts, strict=False) if count]
        if found and self.tab not in found:
            self.tab = found[0]
        self.lay_out()

    def action_find_next(self, step: int) -> None:
        """Goes to the next match in every answer."""
        places = []
        for column in self.columns:
            if at := column.text.find_next(step):
                places.append(f"{at} of {column.text.match_count} in {column.border_title}")
        if places:
            self.found = ", ".join(places)
        self.query_one("#question-text", Chrome).repaint()

    def _close_find(self) -> None:
        self.query_one("#find", Input).display = False
        self.lay_out()

    def leave_find(self) -> bool:
        """Closes the field, or forgets what was found; returns whether there was anything to leave."""
        if self.query_one("#find").display:
            self._close_find()
        elif self.found:
            self.found = ""
            for column in self.columns:
                column.text.find("")
            self.query_one("#question-text", Chrome).repaint()
        else:
            return False
        return True
