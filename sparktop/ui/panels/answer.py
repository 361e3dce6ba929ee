"""One contender's answer to the question on screen."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical

from sparktop.model import metrics
from sparktop.model.events import Finish
from sparktop.model.records import Contender
from sparktop.model.state import Phase, RequestState
from sparktop.ui.chrome import Chrome, cut, glyphs_of, safe
from sparktop.ui.format import millis, seconds, speed
from sparktop.ui.panels.base import series_style
from sparktop.ui.widgets.line_widget import Span, SpanRow, row_width
from sparktop.ui.widgets.streaming_text import StreamingText
from sparktop.ui.widgets.wrap import WrappedText


class AnswerText(StreamingText, inherit_bindings=False):
    """The text; n and N belong to the screen, since they go through every answer."""

    BINDINGS = [b for b in StreamingText.BINDINGS if getattr(b, "key", "") not in ("n", "N")]  # noqa: RUF012


class AnswerColumn(Vertical):
    """An answer with its figures above it.

    Args:
        contender: Whose answer.
        index: Its place among the contenders.
        ascii_only: Whether to draw with ASCII.

    Attributes:
        text: The text of the answer.
        request: What is shown.
    """

    def __init__(self, contender: Contender, index: int, ascii_only: bool = False) -> None:
        super().__init__(classes="panel answer")
        self.contender = contender
        self.border_title = safe(contender.name) + (" (toy)" if contender.toy else "")
        self.add_class(series_style(index))
        self.text = AnswerText(ascii_only=ascii_only)
        self.request: RequestState | None = None
        self._now = 0.0
        self._fed = (0, 0)

    def compose(self) -> ComposeResult:
        """Makes the figures and the text."""
        yield Chrome(self._figures, classes="figures")
        yield self.text

    def show(self, request: RequestState | None, now: float) -> None:
        """Shows an answer so far; what is there already stays as it is."""
        self._now = now
        if request is not self.request:
            self.request = request
            self._fed = (0, 0)
            self.text.clear()
        if request is not None and request.phase is not Phase.QUEUED:
            reasoning, answer = request.reasoning, request.answer
            self.text.append(reasoning[self._fed[0] :], "reasoning")
            # Many models begin with blank lines, which would push the answer out of sight.
            shown = answer.lstrip("\n")
            self.text.append(shown[self._fed[1] :], "answer")
            self._fed = (len(reasoning), len(shown))
        for figures in self.query(Chrome):
            figures.repaint()

    def _figures(self, width: int, height: int) -> list[SpanRow]:
        request = self.request
        signs = glyphs_of(self.app)
        if request is None or (request.sent is None and request.phase is not Phase.FAILED):
            return [((f"{signs.waiting} queued", "muted"),)]
        if request.error:
            wrapped = WrappedText(max(8, width - 2))
            wrapped.append(safe(request.error))
            lines = [row.text for row in wrapped.rows]
            if len(lines) > height > 0:
                lines[height - 1] = cut(lines[height - 1] + signs.ellipsis * 2, width - 2, signs.ellipsis)
            marks = [f"{signs.failed} ", *["  "] * len(lines)]
            return [((mark, "bad"), (text, "bad")) for mark, text in zip(marks, lines[:height], strict=False)]
        stream = request.stream
        last = request.ended if request.ended is not None else self._now
        rows: list[list[Span]] = [[self._phase(request)]]
        figures = (
            (seconds(last - request.sent) if request.sent is not None else "", ""),
            (f"{request.output_tokens:,}", "tokens"),
            (speed(metrics.decode_tok_s(stream)), "tok/s"),
            (millis(metrics.ttft_ms(stream)), "TTFT"),
            (millis(metrics.tpot_ms(stream)), "TPOT"),
        )
        for value, unit in figures:
            piece: list[Span] = [(f"  {value}", "value"), (f" {unit}" if unit else "", "muted")]
            # A figure that is cut could be read as another figure. Both latencies stand on one row.
            if row_width([*rows[-1], *piece]) > width or (unit == "TTFT" and height > 1):
                rows.append([])
            rows[-1] += piece
        return [tuple(row) for row in rows[:height]]

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
