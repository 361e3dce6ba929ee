"""Every key, from the table of actions, and what the numbers mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from sparktop.model import metrics
from sparktop.ui.actions import ACTIONS, Scope, key_name
from sparktop.ui.chrome import Chrome, glyphs_of
from sparktop.ui.screens.base import Dialog
from sparktop.ui.widgets.line_widget import SpanRow
from sparktop.ui.widgets.wrap import WrappedText

KEY_CELLS = 17


class HelpScreen(Dialog[None]):
    """Every key, those of the screen below first.

    Args:
        scopes: Of the screen below.
    """

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "dismiss_help", "Close", show=False),
    ]

    def __init__(self, scopes: Sequence[Scope]) -> None:
        super().__init__()
        rest = [scope for scope in Scope if scope not in scopes]
        self._scopes = [*scopes, *rest]

    def compose(self) -> ComposeResult:
        """Makes the box."""
        with VerticalScroll(classes="panel") as box:
            box.border_title = "Help"
            box.border_subtitle = "esc closes"
            yield Chrome(self._rows, id="help")

    def on_resize(self) -> None:
        """Makes room for as many lines as the width asks for."""
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        chrome = self.query_one("#help", Chrome)
        if chrome.size.width:
            chrome.styles.height = len(self._rows(chrome.size.width, 0))

    def _rows(self, width: int, height: int) -> list[SpanRow]:
        ascii_only = glyphs_of(self.app).ascii
        rows: list[SpanRow] = []
        for scope in self._scopes:
            rows.append(((scope.value, "title"),))
            for action in ACTIONS:
                if action.scope is scope:
                    keys = "  ".join(key_name(key, ascii_only) for key in action.keys)
                    rows += _entry(keys, action.tooltip, width)
            rows.append(())
        rows.append((("What the numbers mean", "title"),))
        for name, meaning in metrics.DEFINITIONS.items():
            rows += _entry(name, meaning, width)
        return rows

    def action_dismiss_help(self) -> None:
        """Goes back."""
        self.dismiss(None)


def _entry(name: str, text: str, width: int, cells: int = KEY_CELLS) -> list[SpanRow]:
    wrapped = WrappedText(max(16, width - cells))
    wrapped.append(text)
    first, *rest = wrapped.rows
    return [
        ((name.ljust(cells), "key"), (first.text, "")),
        *(((" " * cells, ""), (row.text, "")) for row in rest),
    ]
