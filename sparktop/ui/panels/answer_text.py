"""The text of an answer on the screen, with what is marked in it."""

from __future__ import annotations

from typing import TypeAlias

from sparktop.model.state import Phase, RequestState
from sparktop.model.text import Printable
from sparktop.ui.widgets.streaming_text import StreamingText

Mark: TypeAlias = tuple[int, int, str]
"""First character, one past the last, and style class, in characters of the answer as the model made it."""

Marks: TypeAlias = tuple[Mark, ...]


class AnswerText(StreamingText, inherit_bindings=False):
    """The text; n and N belong to the screen, since they go through every answer."""

    BINDINGS = [b for b in StreamingText.BINDINGS if getattr(b, "key", "") not in ("n", "N")]  # noqa: RUF012

    def __init__(self, *, ascii_only: bool = False) -> None:
        super().__init__(ascii_only=ascii_only)
        self._request: RequestState | None = None
        self._reasoning = True
        self._fed = (0, 0)
        self._marked: tuple[Marks, int] = ((), 0)
        self._mixed = False

    def show(self, request: RequestState | None, reasoning: bool, marks: Marks) -> None:
        """Shows an answer so far; what is there already stays as it is.

        Args:
            request: The answer; None shows nothing.
            reasoning: Whether its reasoning is shown.
            marks: What is marked in the answer.
        """
        again = self._mixed and request is not None and request.ended is not None
        if request is not self._request or reasoning != self._reasoning or again:
            self._request, self._reasoning = request, reasoning
            self._fed = (0, 0)
            self._marked = ((), 0)
            self._mixed = False
            self.clear()
            if request is not None and request.ended is not None:
                # What is whole is read from its beginning.
                self.stay()
        if request is None or request.phase is Phase.QUEUED:
            return
        thought = request.reasoning if reasoning else ""
        self.append(thought[self._fed[0] :], "reasoning")
        # Many models begin with blank lines, which would push the answer out of sight.
        shown = request.answer.lstrip("\n")
        # Reasoning in the midst of an answer is shown where it comes; at the end all of it stands before the answer.
        self._mixed |= len(thought) > self._fed[0] and self._fed[1] > 0
        self.append(shown[self._fed[1] :], "answer")
        self._fed = (len(thought), len(shown))
        if (marks, len(thought)) != self._marked:
            self._marked = (marks, len(thought))
            self._mark()

    def on_resize(self) -> None:
        """Marks what could not be marked while there was no room for the text."""
        self.call_after_refresh(self._mark)

    def _mark(self) -> None:
        request, (marks, _) = self._request, self._marked
        if request is not None and self.size.width > 1:
            self.highlight(self._places(request.answer, marks))

    def _places(self, answer: str, marks: Marks) -> list[Mark]:
        """Where marks are in the text as it is shown: behind the reasoning, without what is not printable."""
        if not marks:
            return []
        self.flush()
        skipped = len(answer) - len(answer.lstrip("\n"))
        places = _shown_offsets(answer, skipped, sorted({at for mark in marks for at in mark[:2]}))
        begins = len(self.text) - places[-1]
        return [(begins + places[start], begins + places[end], name) for start, end, name in marks]


def _shown_offsets(answer: str, skipped: int, offsets: list[int]) -> dict[int, int]:
    """Returns where characters of an answer are shown; under -1, where its end is.

    Args:
        answer: As the model made it.
        skipped: Characters at its beginning that are not shown.
        offsets: Ascending.
    """
    printable = Printable()
    shown: dict[int, int] = {}
    length, at = 0, skipped
    for offset in offsets:
        stop = max(at, min(offset, len(answer)))
        length += len(printable.feed(answer[at:stop]))
        at = stop
        shown[offset] = length
    shown[-1] = length + len(printable.feed(answer[at:]))
    return shown
