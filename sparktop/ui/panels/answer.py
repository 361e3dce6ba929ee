"""One contender's answer to the question on screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Vertical

from sparktop.model import metrics
from sparktop.model.events import Finish
from sparktop.model.scoring import Score
from sparktop.model.state import Phase, RequestState
from sparktop.ui.chrome import Chrome, crop, glyphs_of, plain, safe, whole
from sparktop.ui.format import millis, seconds, speed
from sparktop.ui.panels.answer_text import AnswerText, Marks
from sparktop.ui.widgets.labels import cut
from sparktop.ui.widgets.line_widget import Span, SpanRow, row_width
from sparktop.ui.widgets.wrap import WrappedText


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a column shows.

    Attributes:
        title: Who answers, or a letter where that is hidden.
        style: The contender's style; empty where it would tell who it is.
        request: What is shown; None if it was never asked.
        now: Seconds since the run began.
        hidden: Why the text is not shown; empty if it is.
        bare: Whether figures are hidden, as they would tell who it is.
        reasoning: Whether reasoning is shown.
        score: The answer held against the question; None if there is nothing to hold it against.
        fastest: Whether no other answer came faster.
        best: Whether no other answer names as many points.
        own: What only this answer says, in a few words; empty where that is not asked for.
        marks: What is marked in the text.
        rating: How it is rated, for the lower frame.
    """

    title: str
    style: str
    request: RequestState | None
    now: float
    hidden: str = ""
    bare: bool = False
    reasoning: bool = True
    score: Score | None = None
    fastest: bool = False
    best: bool = False
    own: str = ""
    marks: Marks = ()
    rating: str = ""


class AnswerColumn(Vertical):
    """An answer with its figures above it.

    Args:
        ascii_only: Whether to draw with ASCII.

    Attributes:
        text: The text of the answer.
        view: What is shown.
    """

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__(classes="panel answer")
        self.text = AnswerText(ascii_only=ascii_only)
        self.view: View | None = None

    def compose(self) -> ComposeResult:
        """Makes the figures and the text."""
        yield Chrome(self._figures, classes="figures")
        yield Chrome(self._score, classes="score")
        yield self.text

    @property
    def request(self) -> RequestState | None:
        """The answer that is shown."""
        return self.view.request if self.view is not None else None

    def show(self, view: View) -> None:
        """Shows an answer so far; what is there already stays as it is."""
        before, self.view = self.view, view
        if before is None or before.title != view.title:
            self.border_title = plain(view.title)
        # A change of the frame paints the whole panel anew.
        if before is None or before.rating != view.rating:
            self.border_subtitle = plain(view.rating)
        if before is None or before.style != view.style:
            if before is not None and before.style:
                self.remove_class(before.style)
            if view.style:
                self.add_class(view.style)
        self.text.show(view.request if not view.hidden else None, view.reasoning, view.marks)
        for figures in self.query(Chrome):
            figures.repaint()

    # -- figures ---------------------------------------------------------------------------------------------------

    def _figures(self, width: int, height: int) -> list[SpanRow]:
        view = self.view
        if view is None:
            return []
        request = view.request
        signs = glyphs_of(self.app)
        if request is None:
            return [(("not asked", "muted"),)]
        # Whose turn has not come yet would tell who it is.
        if view.hidden:
            return [((cut(view.hidden, width, signs.ellipsis), "muted"),)]
        if request.sent is None and request.phase is not Phase.FAILED:
            return [((f"{signs.waiting} queued", "muted"),)]
        if request.error:
            return self._error("failed" if view.bare else request.error, width, height)
        rows: list[list[Span]] = [[self._phase(request)]]
        for figure in self._figure_list(view, request):
            value, unit = figure
            piece: list[Span] = [(f"  {value}", "value"), (f" {unit}" if unit else "", "muted")]
            # A figure that is cut could be read as another figure. Both latencies stand on one row, if that is free.
            if row_width([*rows[-1], *piece]) > width or (unit == "TTFT" and len(rows) == 1 < height):
                rows.append([])
                piece[0] = (value, "value")
            rows[-1] += piece
        if request.reasoning and not view.reasoning:
            note: list[Span] = [("  reasoning hidden", "muted")]
            if row_width([*rows[-1], *note]) <= width:
                rows[-1] += note
        return [tuple(row) for row in rows[:height]]

    def _figure_list(self, view: View, request: RequestState) -> list[tuple[str, str]]:
        if view.bare:
            return []
        stream = request.stream
        last = request.ended if request.ended is not None else view.now
        fast = " = fastest" if view.fastest else ""
        points = view.score.text if view.score is not None and not self._has_score_row else ""
        return [
            *([(points, "points")] if points else []),
            (seconds(last - request.sent) if request.sent is not None else "", ""),
            (f"{request.output_tokens:,}", "tokens"),
            (speed(metrics.decode_tok_s(stream)), f"tok/s{fast}"),
            (millis(metrics.ttft_ms(stream)), "TTFT"),
            (millis(metrics.tpot_ms(stream)), "TPOT"),
        ]

    @property
    def _has_score_row(self) -> bool:
        return any(row.display and row.size.height for row in self.query(".score"))

    def _error(self, error: str, width: int, height: int) -> list[SpanRow]:
        signs = glyphs_of(self.app)
        wrapped = WrappedText(max(8, width - 2))
        wrapped.append(safe(error))
        lines = [row.text for row in wrapped.rows]
        if len(lines) > height > 0:
            lines[height - 1] = cut(lines[height - 1] + signs.ellipsis * 2, width - 2, signs.ellipsis)
        marks = [f"{signs.failed} ", *["  "] * len(lines)]
        return [((mark, "bad"), (text, "bad")) for mark, text in zip(marks, lines[:height], strict=False)]

    def _phase(self, request: RequestState) -> Span:
        signs = glyphs_of(self.app)
        if request.ended is not None and not request.error and not (request.answer + request.reasoning).strip():
            return ("! empty answer", "warn")
        match request.finish:
            case Finish.STOP:
                return (f"{signs.ok} done", "ok")
            case Finish.LENGTH:
                return (f"{signs.ok} at limit", "warn")
            case Finish.CANCELLED:
                return ("! cancelled", "warn")
            case _:
                return (f"{signs.working} {request.phase}", "key")

    # -- what it is worth ------------------------------------------------------------------------------------------

    def _score(self, width: int, height: int) -> list[SpanRow]:
        view = self.view
        if view is None or view.bare or view.hidden:
            return []
        rows: list[SpanRow] = []
        if view.own:
            rows.append((("only here ", "muted"), (view.own, "value")))
        if view.score is not None:
            rows += self._points(view.score, view.best, width)
        return [tuple(crop(row, width)) for row in rows[:height]]

    def _points(self, found: Score, best: bool, width: int) -> list[SpanRow]:
        signs = glyphs_of(self.app)
        groups: list[Sequence[Span]] = []
        if found.total:
            groups.append([(found.text, "value"), (" points", "muted"), (" = most" if best else "", "value")])
        for wrong in found.wrong:
            groups.append([(f"  {signs.failed} wrong source {safe(wrong.name)}", "bad")])
        if found.source is not None:
            cited = bool(found.source.spans)
            sign, style = (signs.ok, "ok") if cited else (signs.failed, "warn")
            groups.append(
                [(f"  {sign} ", style), (f"{safe(found.source.name)}{'' if cited else ' not cited'}", "muted")]
            )
        if found.misplaced:
            groups.append([(f"  ! out of order {' '.join(map(safe, found.misplaced))}", "warn")])
        first = whole(groups, width)
        rest = [group for group in groups if not set(group) <= set(first)]
        missing: list[Span] = []
        if found.missing:
            missing = [("missing ", "muted"), ("  ".join(map(safe, found.missing)), "")]
        second = [*(span for group in rest for span in group), *((("  ", ""),) if rest and missing else ()), *missing]
        return [tuple(first), *((tuple(second),) if second else ())]
