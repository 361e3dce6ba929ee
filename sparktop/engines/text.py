"""From token pieces to text: bytes to characters, stop strings, reasoning told from the answer."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Final

from sparktop.model.events import TokenKind

Span = tuple[TokenKind, str]

THINK: Final = ("<think>", "</think>")
"""What Qwen3, DeepSeek-R1 and others put around their reasoning."""

CHANNEL, START, MESSAGE, END = "<|channel|>", "<|start|>", "<|message|>", "<|end|>"
"""The harmony format of gpt-oss: `<|channel|>analysis<|message|>...<|end|><|start|>assistant...`."""

BLANKS: Final = 256
"""Blanks before an answer that may still turn out to stand before a <think>."""

MARKERS: Final = frozenset((*THINK, CHANNEL, START, MESSAGE, END))
"""Control tokens whose text the splitter must see; other control tokens have none."""

_LONGEST_HEADER: Final = 256
"""Characters; a header names a role, a channel and at most a function."""


class StreamText:
    """Turns the pieces of one answer into spans of text of one kind.

    Characters split over tokens wait until they are whole; text that may yet become a stop string
    or a marker waits until it is decided.

    Args:
        stop: The answer ends before the first of these.
        reasoning: The chat template has already opened the reasoning.
    """

    def __init__(self, stop: Sequence[str] = (), reasoning: bool = False) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stop = tuple(text for text in stop if text)
        self._pending = ""
        self._begun = reasoning
        self._header: str | None = None
        self._skip_lines = False
        self.kind = TokenKind.REASONING if reasoning else TokenKind.ANSWER
        self.stopped = False

    def feed(self, piece: bytes) -> list[Span]:
        """Takes the bytes of one token; returns the text that is decided by now."""
        if self.stopped:
            return []
        text = self._decoder.decode(piece)
        if not text:
            return []
        if self._plain and "<" not in text and not self._pending:
            return [(self.kind, text)]
        self._pending += text
        return self._release(final=False)

    @property
    def _plain(self) -> bool:
        """Whether text without a "<" can't be the beginning of anything: nearly always."""
        return self._begun and not self._stop and self._header is None and not self._skip_lines

    def finish(self) -> list[Span]:
        """Returns what was held back; to be called once, after the last token."""
        if self.stopped:
            return []
        self._pending += self._decoder.decode(b"", final=True)
        return self._release(final=True)

    def _release(self, final: bool) -> list[Span]:
        spans: list[Span] = []
        while self._pending and not self.stopped:
            if self._step(spans, final):
                break
        return spans

    def _step(self, spans: list[Span], final: bool) -> bool:
        """Decides some of the pending text; True if no more can be decided now."""
        if self._header is not None:
            return self._read_header(spans, final)
        if self._skip_lines:  # the blank lines between reasoning and answer
            self._pending = self._pending.lstrip("\n")
            self._skip_lines = not self._pending
        markers = self._markers()
        at, found = _first(self._pending, (*markers, *self._stop))
        if found is None:
            keep = 0 if final else _held_back(self._pending, (*markers, *self._stop))
            decided = self._pending[: len(self._pending) - keep]
            if not final and not self._begun and not decided.strip() and len(decided) < BLANKS:
                return True  # blank lines before a possible <think> belong to neither
            self._say(spans, decided)
            self._pending = self._pending[len(decided) :]
            return True
        before = self._pending[:at]
        self._pending = self._pending[at + len(found) :]
        if found == THINK[0] and before.strip():
            self._say(spans, before + found)  # an answer that speaks of the marker
        elif found == THINK[0]:
            self.kind = TokenKind.REASONING
            self._begun = True
        elif found == THINK[1]:
            self._say(spans, before)
            self.kind = TokenKind.ANSWER
            self._skip_lines = True
        elif found in (CHANNEL, START):
            self._say(spans, before)
            self._header = found
        elif found == END:
            self._say(spans, before)
        else:
            self._say(spans, before)
            self.stopped = True
        return False

    def _read_header(self, spans: list[Span], final: bool) -> bool:
        # "<|start|>assistant<|channel|>final<|message|>": only what comes last names the channel.
        header, found, rest = self._pending.partition(MESSAGE)
        if not found and not final and len(header) <= _LONGEST_HEADER and "\n" not in header:
            return True
        if not found:  # an answer that speaks of the marker
            self._say(spans, self._header or "")
            self._header = None
            return False
        channel = header.rpartition(CHANNEL)[2]
        self.kind = TokenKind.ANSWER if "final" in channel else TokenKind.REASONING
        self._pending = rest
        self._header = None
        self._begun = True
        return False

    def _markers(self) -> tuple[str, ...]:
        harmony = (CHANNEL, START, END)
        if self.kind is TokenKind.REASONING:
            return (THINK[1], *harmony)
        # An answer may speak of "<think>"; only at its beginning does the word open reasoning.
        return harmony if self._begun else (THINK[0], *harmony)

    def _say(self, spans: list[Span], text: str) -> None:
        if not text:
            return
        self._begun = True
        if spans and spans[-1][0] is self.kind:
            spans[-1] = (self.kind, spans[-1][1] + text)
        else:
            spans.append((self.kind, text))


def _first(text: str, needles: Sequence[str]) -> tuple[int, str | None]:
    """Position and value of the needle that comes first."""
    hits = [(at, needle) for needle in needles if (at := text.find(needle)) >= 0]
    return min(hits, default=(-1, None), key=lambda hit: hit[0])


def _held_back(text: str, needles: Sequence[str]) -> int:
    """Length of the longest end of `text` that could grow into a needle."""
    longest = max((len(needle) for needle in needles), default=1) - 1
    for length in range(min(longest, len(text)), 0, -1):
        tail = text[-length:]
        if any(needle.startswith(tail) for needle in needles):
            return length
    return 0
