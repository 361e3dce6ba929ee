"""What stands in frames: names of GPUs, models and scenarios, none of which is markup."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.content import Content

from sparktop.ui import theme
from sparktop.ui.panels.answer import AnswerColumn, View
from sparktop.ui.panels.base import Panel

HOSTILE = ["[/]", "a [red]b[/red]", "[@click=app.quit]x[/]", "model[v2].gguf", "["]


class Frames(App[None]):
    def get_theme_variable_defaults(self) -> dict[str, str]:
        return theme.defaults()

    def compose(self) -> ComposeResult:
        yield Panel("one", "One")
        yield AnswerColumn()


def shown(title: str | None) -> str:
    assert title is not None
    return Content.from_markup(title).plain


@pytest.mark.parametrize("text", HOSTILE)
async def test_nothing_in_a_frame_is_markup(text: str) -> None:
    app = Frames()
    async with app.run_test() as pilot:
        panel, answer = app.query_one("#one", Panel), app.query_one(AnswerColumn)
        panel.head(text)
        panel.number(1)
        panel.subtitle(text)
        answer.show(View(title=text, style="", request=None, now=0.0, rating=text))
        await pilot.pause()
        assert shown(panel.border_title) == f"1 {text}"
        assert shown(panel.border_subtitle) == text
        assert shown(answer.border_title) == shown(answer.border_subtitle) == text
        assert app.return_code is None
