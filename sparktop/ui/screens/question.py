"""A question with two answers, asked before something that can't be undone."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from sparktop.ui.chrome import Chrome


class Question(ModalScreen[bool]):
    """Asks; enter and y mean yes, esc and n mean no.

    Args:
        title: The question.
        text: What yes would do.
        yes: Label of yes.
        no: Label of no.
    """

    CSS_PATH = "question.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,y", "answer(True)", show=False),
        Binding("escape,n,q", "answer(False)", show=False),
    ]

    def __init__(self, title: str, text: str, yes: str, no: str) -> None:
        super().__init__()
        self._title_text = title
        self._lines = ((text, ""),), (), ((" enter ", "key"), (yes, ""), ("     esc ", "key"), (no, ""))

    def compose(self) -> ComposeResult:
        """Makes the box."""
        with Vertical(classes="panel") as box:
            box.border_title = self._title_text
            yield Chrome(lambda width, height: [*self._lines], id="question")

    def action_answer(self, answer: bool) -> None:
        """Ends with an answer."""
        self.dismiss(answer)
