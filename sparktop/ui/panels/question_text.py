"""The question above the answers."""

from __future__ import annotations

from collections.abc import Sequence

from sparktop.model.events import RequestQueued
from sparktop.model.scenario import Item
from sparktop.ui.chrome import crop, safe, spread_out
from sparktop.ui.widgets.line_widget import Span, SpanRow
from sparktop.ui.widgets.wrap import WrappedText


def question_rows(
    queued: RequestQueued,
    item: Item | None,
    where: tuple[int, int],
    words: Sequence[Span],
    width: int,
    height: int,
) -> list[SpanRow]:
    """Lays out a question: its name, then its prompt as far as there is room.

    Args:
        queued: What was asked.
        item: What the scenario says of it; None if that is not known.
        where: Which of the questions it is, from 0, and how many there are.
        words: How the screen stands, at the right.
        width: Cells across.
        height: Rows.

    Returns:
        No more rows than there is room for.
    """
    left: list[Span] = [(f"{safe(queued.item)} ", "title")]
    if item and item.title:
        left.append((f"{safe(item.title)} ", "value"))
    if queued.batch > 1:
        left.append((f"in a batch of {queued.batch} ", "muted"))
    left.append((f" {where[0] + 1} of {where[1]}", "muted"))
    wrapped = WrappedText(width)
    wrapped.append(safe(queued.prompt) or "Random tokens.")
    prompt: list[SpanRow] = [((row.text, ""),) for row in wrapped.rows]
    if len(prompt) > height - 1 > 0:
        prompt[height - 2] = tuple(crop([(wrapped.rows[height - 2].text + "………", "")], width))
    return [spread_out(left, words, width), *prompt][:height]
