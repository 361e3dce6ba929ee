"""One answer as it streams in: events of a server become text, times and counts. No input or output here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from sparktop.engines.http.chunks import (
    BadChunk,
    Chunk,
    Details,
    Progress,
    Timings,
    Usage,
    complaint,
    count,
    decode_chunk,
    milliseconds,
)
from sparktop.engines.http.failures import RequestLost, tidy
from sparktop.engines.http.sse import NamedData
from sparktop.engines.http.tally import Tally, met_stop_string
from sparktop.engines.text import Span, StreamText
from sparktop.model.events import Finish, RequestDone, TokenKind, Tokens, TokenSource

_DONE: Final = b"[DONE]"
_BYTES_A_TOKEN: Final = 256
"""No vocabulary's tokens are longer on average; what exceeds it is no answer of so many tokens."""

_SLACK: Final = 64 << 10
_LONGEST_PROMPT: Final = 1 << 40


class Answer:
    """Takes the events of one stream; raises `RequestLost` when they show that nothing can come of it.

    Args:
        max_tokens: What was asked for: a server that sends far more text is stopped.
        counts_end: The server's totals include the token that ends the generation.

    Attributes:
        ended: The stream has said that nothing more comes.
        finish: Why the answer ended; None as long as the server did not say.
        progress: How far the prompt has been read, where that is news; the taker sets it to None.
        moved: When something new came last: a token, or progress with the prompt.
    """

    def __init__(self, max_tokens: int, counts_end: bool, now: float) -> None:
        self.ended = False
        self.finish: Finish | None = None
        self.progress: Progress | None = None
        self.moved = now
        self._tally = Tally(counts_end)
        self._text = StreamText()
        self._limit = max_tokens * _BYTES_A_TOKEN + _SLACK
        self._size = 0
        self._processed = -1
        self._separate = False
        self._stop_string = False
        self._usage: Usage | None = None
        self._timings: Timings | None = None
        self._kind = TokenKind.ANSWER
        self._begun = False
        self._parts: list[str] = []
        self._outbox: list[tuple[TokenKind, list[str], list[float], list[int]]] = []

    def take(self, t: float, messages: Sequence[bytes]) -> None:
        """Takes the data of events that arrived together.

        Args:
            t: When, in seconds since the run began.

        Raises:
            RequestLost: The server reports an error, or what it sends is no answer.
        """
        kind, tokens, chunks = self._kind, 0, 0
        texts: list[str] = []
        try:
            for message in messages:
                if message.startswith(_DONE):
                    self.ended = True
                    break
                if not message:
                    continue
                if isinstance(message, NamedData) and message.name == "error":
                    raise RequestLost(f"the server reports an error: {tidy(_said(message))}")
                try:
                    chunk = decode_chunk(message)
                except BadChunk as error:
                    raise RequestLost(f"the server sent {error}") from None
                self._note(chunk)
                if not chunk.choices or (choice := chunk.choices[0]).index != 0:
                    continue
                reasoning, text = "", choice.text
                if (delta := choice.delta) is not None:
                    reasoning, text = delta.reasoning_content or delta.reasoning or "", delta.content
                new = self._tally.tokens(chunk, choice, text or reasoning)
                if choice.finish_reason:
                    self._finish(choice.finish_reason)
                    self._stop_string |= met_stop_string(choice)
                if new is None:
                    continue
                for new_kind, new_text in ((TokenKind.REASONING, reasoning), (TokenKind.ANSWER, text)):
                    if not new_text:
                        continue
                    if (chunks or texts) and kind is not new_kind:
                        self._arrive(t, kind, "".join(texts), tokens, chunks)
                        texts, tokens, chunks = [], 0, 0
                    kind = new_kind
                    texts.append(new_text)
                tokens += new
                chunks += 1
        finally:
            # What came before an error came, also where both arrived together.
            if chunks:
                self._arrive(t, kind, "".join(texts), tokens, chunks)

    @property
    def begun(self) -> bool:
        """Whether a token has come."""
        return self._begun

    @property
    def wants_count(self) -> bool:
        """Whether a tokenizer would know more of the answer's length than the server told."""
        return self._tally.wanting and not self._reported and self.begun

    @property
    def text(self) -> str:
        """All text so far, reasoning included."""
        return "".join(self._parts)

    def drain(self, request: int, now: float) -> Iterator[Tokens]:
        """Yields what came since the last time."""
        outbox, self._outbox = self._outbox, []
        for kind, texts, times, counts in outbox:
            text = "".join(texts)
            if text or times:
                yield Tokens(
                    t=times[-1] if times else now,
                    request=request,
                    kind=kind,
                    text=text,
                    times=tuple(times),
                    counts=tuple(counts),
                )

    def close(self) -> None:
        """Lets go of text that was held back; to be called before the last `drain`."""
        for kind, text in self._text.finish():
            self._put(kind, text, None, 0)

    def done(self, request: int, finish: Finish, t: float, tokenized: int | None = None) -> RequestDone:
        """Returns the request's end.

        Args:
            tokenized: The answer's length by a tokenizer; used where the server told none.
        """
        usage, timings = self._usage or Usage(), self._timings or Timings()
        reported, by = self._reported, TokenSource.FINAL_USAGE
        if not reported and tokenized:
            reported, by = tokenized, TokenSource.TOKENIZER
        settled = self._tally.settle(finish, reported, by, self._stop_string or by is TokenSource.TOKENIZER)
        details = usage.prompt_tokens_details
        prompt = count(usage.prompt_tokens)
        if prompt is None and (read := count(timings.prompt_n)) is not None:
            prompt = read + (count(timings.cache_n) or 0)
        cached = count(details.cached_tokens) if details else None
        drafted, accepted = _drafts(usage, timings)
        return RequestDone(
            t=round(t, 6),
            request=request,
            finish=finish,
            prompt_tokens=prompt,
            cached_tokens=count(timings.cache_n) if cached is None else cached,
            output_tokens=settled.total,
            prefill_ms=milliseconds(timings.prompt_ms) if count(timings.prompt_n) else None,
            token_source=settled.source,
            decode_ms=milliseconds(timings.predicted_ms) if count(timings.predicted_n) else None,
            decode_tokens=count(timings.predicted_n) or None,
            drafted_tokens=drafted,
            accepted_tokens=accepted,
            counts=settled.counts,
        )

    @property
    def _reported(self) -> int | None:
        """Tokens of the whole answer by the server's last word."""
        told = count(self._usage.completion_tokens) if self._usage is not None else None
        return told or (count(self._timings.predicted_n) if self._timings is not None else None)

    def _note(self, chunk: Chunk) -> None:
        if chunk.error is not None or chunk.object == "error":
            said = complaint(chunk.error) or complaint(chunk.message)
            raise RequestLost(f"the server reports an error: {tidy(said) or 'it does not say which'}")
        if chunk.usage is not None:
            self._usage = chunk.usage
        if chunk.timings is not None:
            self._timings = chunk.timings
        progress = chunk.prompt_progress
        if progress is not None and self._processed < progress.processed <= progress.total < _LONGEST_PROMPT:
            self._processed = progress.processed
            self.progress = progress

    def _finish(self, reason: str) -> None:
        match reason:
            case "length" | "max_tokens":
                self.finish = Finish.LENGTH
            case "abort" | "error" | "cancelled":
                raise RequestLost(f"the server gave the request up ({reason})")
            case "content_filter":
                raise RequestLost("the server's content filter ended the answer")
            case _:
                self.finish = Finish.STOP

    def _arrive(self, t: float, kind: TokenKind, text: str, tokens: int, chunks: int) -> None:
        size = len(text.encode("utf-8", "surrogatepass"))
        self._size += size
        if self._size > self._limit:
            raise RequestLost(
                f"the server sent more than {self._limit >> 10} KiB for an answer of so few tokens:"
                " it does not keep to max_tokens"
            )
        self._parts.append(text)
        spans = self._spans(kind, text)
        for its_kind, its_text in spans[:-1]:
            self._put(its_kind, its_text, None, 0)
        self._kind, text = spans[-1]
        self._begun = True
        self.moved = t
        joined = self._put(self._kind, text, t, tokens)
        self._tally.add(tokens, chunks, size, joined=joined)

    def _spans(self, kind: TokenKind, text: str) -> list[Span]:
        """Tells reasoning from answer also where the server does not; the tokens count for the last kind."""
        if kind is TokenKind.REASONING:
            self._separate = True
        if self._separate:
            return [(kind, text)]
        return self._text.feed(text.encode("utf-8", "surrogatepass")) or [(self._text.kind, "")]

    def _put(self, kind: TokenKind, text: str, t: float | None, tokens: int) -> bool:
        """Puts text into the outbox, and tokens that came at `t`; whether they became one with the last."""
        if not self._outbox or self._outbox[-1][0] is not kind:
            self._outbox.append((kind, [], [], []))
        _, texts, times, counts = self._outbox[-1]
        texts.append(text)
        if t is None:
            return False
        if times and times[-1] == t:
            counts[-1] += tokens
            return True
        times.append(t)
        counts.append(tokens)
        return False


def _drafts(usage: Usage, timings: Timings) -> tuple[int | None, int | None]:
    """Tokens guessed ahead, and those of them that the model confirmed."""
    details = usage.completion_tokens_details or Details()
    accepted, rejected = count(details.accepted_prediction_tokens) or 0, count(details.rejected_prediction_tokens) or 0
    if accepted or rejected:
        return accepted + rejected, accepted
    return count(timings.draft_n), count(timings.draft_n_accepted)


def _said(data: bytes) -> str:
    try:
        return complaint(msgspec.json.decode(data)) or data.decode("utf-8", "replace")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return data.decode("utf-8", "replace")
