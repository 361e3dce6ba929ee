"""The bytes of an answer and when each is due."""

from __future__ import annotations

import itertools
import json
import math
import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from tests.servers.truth.ask import Ask
from tests.servers.truth.options import Options

WORDS: Final = ("Some ", "bytes ", "of ", "a ", "字", "符", " come ", "in ", "两", "半", ", ", "😀", ".\n")
"""The tokens of every answer, again and again."""

THOUGHTS: Final = ("Let ", "me ", "想", "想", "… ")
"""The tokens of every reasoning."""

_BLOCK: Final = 256
_APART_S: Final = 0.002
_PROGRESS: Final = 4
_COMMENT_S: Final = 0.05
_FAULTS: Final = ("error", "cut", "reset", "stall", "malformed", "invalid", "line")


class Step(NamedTuple):
    """Something to send.

    Attributes:
        at: Seconds after the request's arrival; not before that.
        data: The bytes; "cut", "reset" and "stall" have none and are deeds.
        kind: "role", "progress", "comment", "reasoning", "answer", "part" (the first of a chunk),
            "finish", "usage", "done", or the mode that made it.
        tokens: How many tokens it brings.
        text: Their text.
        framed: Whether the bytes are pieces of a chunked transfer already.
    """

    at: float
    data: bytes
    kind: str
    tokens: int = 0
    text: str = ""
    framed: bool = False


def frame(data: bytes) -> bytes:
    """Returns bytes as one piece of a chunked transfer."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class Answer:
    """Everything about one answer to one request."""

    def __init__(self, name: str, model: str, ask: Ask, options: Options) -> None:
        self._ask = ask
        self._options = options
        self._id = f"{'chatcmpl' if ask.chat else 'cmpl'}-{name}"
        self._base: dict[str, Any] = {
            "id": self._id,
            "object": "chat.completion.chunk" if ask.chat else "text_completion",
            "created": int(time.time()),
            "model": model,
        }
        self._eol = "\r\n" if options.has("crlf") else "\n"
        self._data = "data:" if options.has("nospace") else "data: "
        self._fault = next((fault for fault in _FAULTS if options.has(fault)), "")
        self._at = ask.tokens // 2 if options.at < 0 else options.at

    def whole(self) -> tuple[float, dict[str, Any]]:
        """Returns an answer that is no stream, and its due time in seconds."""
        ask, options = self._ask, self._options
        thoughts, text = self._piece(0, ask.reasoning)[1], self._piece(ask.reasoning, ask.tokens)[1]
        choice: dict[str, Any] = {"index": 0, "finish_reason": ask.finish}
        if ask.chat:
            choice["message"] = {"role": "assistant", "content": text}
            if thoughts:
                choice["message"][options.field] = thoughts
        else:
            choice["text"] = text
        whole = {**self._base, "object": "chat.completion" if ask.chat else "text_completion", "choices": [choice]}
        if ask.usage:
            whole["usage"] = self._usage(ask.tokens)
        if options.has("timings"):
            whole["timings"] = self._timings(ask.tokens)
        return options.ttft + options.tpot * ask.tokens, whole

    def steps(self) -> Iterator[Step]:
        """Yields a stream's chunks, in order; each is made when the one before it is on its way."""
        steps = self._unpaced() if self._options.has("unpaced") else self._paced()
        return _split(steps) if self._options.has("split") else steps

    def _paced(self) -> Iterator[Step]:
        options, ask = self._options, self._ask
        yield from self._prefill()
        made = 0
        while made < ask.tokens or options.has("endless"):
            at = options.ttft + options.tpot * made
            if made >= self._at and self._fault:
                yield from self._failure(at)
                if self._fault in ("error", "cut", "reset", "stall"):
                    return
                self._fault = ""
            if options.has("comments"):
                yield Step(at, self._comment(), "comment")
            # A chunk holds reasoning or answer, never both.
            end = ask.tokens if made >= ask.reasoning else ask.reasoning
            tokens = options.per if options.has("endless") else min(options.per, end - made)
            yield self._token_step(at, made, made + tokens)
            made += tokens
        yield from self._ending(options.ttft + options.tpot * max(0, made - options.per))

    def _unpaced(self) -> Iterator[Step]:
        options, ask = self._options, self._ask
        yield from self._prefill()
        yield self._token_step(options.ttft, 0, 1)
        one = frame(self._token_step(options.ttft, 1, 2).data)
        blocks = itertools.repeat(_BLOCK, (ask.tokens - 1) // _BLOCK)
        block = one * _BLOCK
        for tokens in itertools.repeat(_BLOCK) if options.has("endless") else blocks:
            yield Step(options.ttft, block, "answer", tokens, framed=True)
        if rest := (ask.tokens - 1) % _BLOCK:
            yield Step(options.ttft, one * rest, "answer", rest, framed=True)
        yield from self._ending(options.ttft)

    def _prefill(self) -> Iterator[Step]:
        options, ask = self._options, self._ask
        if options.has("role"):
            yield Step(0, self._event({"role": "assistant", "content": ""} if ask.chat else ""), "role")
        if options.has("progress"):
            for part in range(1, _PROGRESS + 1):
                # Never at the very moment of the first token.
                at = options.ttft * part / (_PROGRESS + 1)
                progress = {
                    "total": ask.prompt_tokens,
                    "cache": options.cached,
                    "processed": ask.prompt_tokens * part // _PROGRESS,
                    "time_ms": round(at * 1e3),
                }
                delta = {"role": "assistant", "content": None} if ask.chat else ""
                yield Step(at, self._event(delta, prompt_progress=progress), "progress")
        if options.has("comments"):
            for number in range(1, math.ceil(options.ttft / _COMMENT_S)):
                yield Step(number * _COMMENT_S, self._comment(), "comment")

    def _token_step(self, at: float, first: int, end: int) -> Step:
        ask, options = self._ask, self._options
        kind, text = self._piece(first, end)
        delta: Any = text
        if ask.chat:
            delta = {options.field if kind == "reasoning" else "content": text}
            if first == 0 and not options.has("role"):
                delta["role"] = "assistant"
        more: dict[str, Any] = {}
        if ask.continuous:
            more["usage"] = self._usage(end)
        if ask.timings:
            more["timings"] = self._timings(end)
        last = end >= ask.tokens and options.has("merged") and not options.has("endless")
        ids = list(range(1000 + first, 1000 + end)) if ask.ids else None
        event = self._event(delta, finish=ask.finish if last else None, ids=ids, **more)
        return Step(at, event, kind, end - first, text)

    def _piece(self, first: int, end: int) -> tuple[str, str]:
        thinking = first < self._ask.reasoning
        words, start = (THOUGHTS, 0) if thinking else (WORDS, self._ask.reasoning)
        return "reasoning" if thinking else "answer", "".join(
            words[(number - start) % len(words)] for number in range(first, end)
        )

    def _ending(self, at: float) -> Iterator[Step]:
        ask, options = self._ask, self._options
        more: dict[str, Any] = {"usage": self._usage(ask.tokens)} if ask.continuous else {}
        if options.has("timings"):
            more["timings"] = self._timings(ask.tokens)
        if not options.has("merged") or "timings" in more:
            finish = None if options.has("merged") else ask.finish
            yield Step(at, self._event({} if ask.chat else "", finish=finish, **more), "finish")
        if ask.usage:
            payload = {**self._base, "choices": [], "usage": self._usage(ask.tokens)}
            yield Step(at, self._line(payload), "usage")
        if not options.has("nodone"):
            yield Step(at, self._done(), "done")

    def _failure(self, at: float) -> Iterator[Step]:
        if self._fault == "error":
            message = {"message": "the engine died", "type": "InternalServerError", "param": None, "code": 500}
            yield Step(at, self._line({"error": message}), "error")
            yield Step(at, self._done(), "done")
        elif self._fault == "malformed":
            event = self._event({"content": "half of"} if self._ask.chat else "half of")
            yield Step(at, event[: len(event) // 2] + (self._eol * 2).encode(), "malformed")
        elif self._fault == "invalid":
            event = self._event({"content": "???"} if self._ask.chat else "???")
            yield Step(at, event.replace(b"???", b"\xff\xfe\xc3"), "invalid")
        elif self._fault == "line":
            before, _, behind = self._event({"content": "?"} if self._ask.chat else "?").partition(b"?")
            left = self._options.size - len(before) - len(behind) + 2 * len(self._eol)
            yield Step(at, before, "line")
            while left > 0:
                yield Step(at, b"a" * min(left, 1 << 20), "line")
                left -= 1 << 20
            yield Step(at, behind, "line")
        else:
            yield Step(at, b"", self._fault)

    def _event(self, delta: Any, finish: str | None = None, ids: list[int] | None = None, **more: Any) -> bytes:
        choice: dict[str, Any] = {"index": 0, "delta" if self._ask.chat else "text": delta, "logprobs": None}
        choice["finish_reason"] = finish
        if ids is not None:
            choice["token_ids"] = ids
        return self._line({**self._base, "choices": [choice], **more})

    def _line(self, payload: dict[str, Any]) -> bytes:
        text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
        return f"{self._data}{text}{self._eol}{self._eol}".encode()

    def _done(self) -> bytes:
        return f"{self._data}[DONE]{self._eol}{self._eol}".encode()

    def _comment(self) -> bytes:
        return f": keep-alive{self._eol}{self._eol}".encode()

    def _usage(self, tokens: int) -> dict[str, Any]:
        ask = self._ask
        usage: dict[str, Any] = {
            "prompt_tokens": ask.prompt_tokens,
            "total_tokens": ask.prompt_tokens + tokens,
            "completion_tokens": tokens,
            "prompt_tokens_details": {"cached_tokens": self._options.cached},
        }
        if ask.reasoning:
            usage["completion_tokens_details"] = {"reasoning_tokens": min(tokens, ask.reasoning)}
        return usage

    def _timings(self, tokens: int) -> dict[str, Any]:
        options = self._options
        read = self._ask.prompt_tokens - options.cached
        prompt_ms, predicted_ms = options.ttft * 1e3 * options.lie, options.tpot * 1e3 * tokens * options.lie
        timings: dict[str, Any] = {
            "cache_n": options.cached,
            "prompt_n": read,
            "prompt_ms": prompt_ms,
            "prompt_per_token_ms": prompt_ms / max(1, read),
            "prompt_per_second": 1e3 * read / max(1e-9, prompt_ms),
            "predicted_n": tokens,
            "predicted_ms": predicted_ms,
            "predicted_per_token_ms": predicted_ms / max(1, tokens),
            "predicted_per_second": 1e3 * tokens / max(1e-9, predicted_ms),
        }
        if options.has("draft"):
            timings |= {"draft_n": tokens, "draft_n_accepted": tokens * 3 // 4}
        return timings


def byte_by_byte(steps: Iterator[Step], apart_s: float) -> Iterator[Step]:
    """Yields steps of one byte each; what a step brought is told with its last byte."""
    at = 0.0
    for step in steps:
        at = max(at, step.at)
        for byte in step.data[:-1]:
            yield Step(at, bytes((byte,)), "part", framed=step.framed)
            at += apart_s
        yield step._replace(at=at, data=step.data[-1:])
        at += apart_s


def _split(steps: Iterator[Step]) -> Iterator[Step]:
    for step in steps:
        if step.tokens and not step.framed:
            wide = next((place for place, byte in enumerate(step.data) if byte >= 0xC0), len(step.data) // 2)
            yield Step(step.at, step.data[: wide + 1], "part")
            yield step._replace(at=step.at + _APART_S, data=step.data[wide + 1 :])
        else:
            yield step
