"""A question with two answers, asked before something that can't be undone."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from sparktop.ui.chrome import Chrome
from sparktop.ui.screens.base import Dialog
from sparktop.ui.widgets.line_widget import SpanRow
from sparktop.ui.widgets.wrap import WrappedText


class Question(Dialog[bool]):
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
        self._text = text
        self._keys: SpanRow = ((" enter ", "key"), (yes, ""), ("     esc ", "key"), (no, ""))

    def compose(self) -> ComposeResult:
        """Makes the box."""
        with Vertical(classes="panel") as box:
            box.border_title = self._title_text
            yield Chrome(lambda width, height: self._rows(width), id="question")

    def on_resize(self, event: events.Resize) -> None:
        """Makes room for the text at the new width."""
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        question = self.query_one("#question", Chrome)
        question.styles.height = len(self._rows(question.size.width))
        question.repaint()

    def _rows(self, width: int) -> list[SpanRow]:
        wrapped = WrappedText(max(1, width))
        wrapped.append(self._text)
        return [*(((row.text, ""),) for row in wrapped.rows), (), self._keys]

    def action_answer(self, answer: bool) -> None:
        """Ends with an answer."""
        self.dismiss(answer)
