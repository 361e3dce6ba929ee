"""What a server streams, as far as it is of use: types for decoding, and nothing that costs time.

The fields are OpenAI's, with those that llama-server, vLLM, SGLang, TensorRT-LLM and Ollama add to
them (docs/servers.md says which are whose). What is not named here is skipped, not built.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec


class Details(msgspec.Struct):
    """Parts of a count of tokens: of the prompt's the first, of the answer's the others."""

    cached_tokens: int | None = None
    accepted_prediction_tokens: int | None = None
    rejected_prediction_tokens: int | None = None


class Usage(msgspec.Struct):
    """Tokens so far, or of the whole request."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: Details | None = None
    completion_tokens_details: Details | None = None


class Timings(msgspec.Struct):
    """llama-server's own timings; its counts of prompt tokens leave out those from the cache."""

    cache_n: int | None = None
    prompt_n: int | None = None
    prompt_ms: float | None = None
    predicted_n: int | None = None
    predicted_ms: float | None = None
    draft_n: int | None = None
    draft_n_accepted: int | None = None


class Progress(msgspec.Struct):
    """How far llama-server has read the prompt; `processed` includes what came from the cache."""

    total: int = 0
    cache: int = 0
    processed: int = 0


class Delta(msgspec.Struct):
    """A piece of a chat message."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class Choice(msgspec.Struct):
    """A piece of one answer: `delta` of a chat completion, `text` of a completion.

    `stop_reason` (vLLM, TensorRT-LLM) and `matched_stop` (SGLang) are a string only where a stop
    string was met.
    """

    index: int = 0
    delta: Delta | None = None
    text: str | None = None
    finish_reason: str | None = None
    token_ids: list[int] | None = None
    stop_reason: int | str | None = None
    matched_stop: int | str | None = None


class Chunk(msgspec.Struct):
    """One event of a stream; `error` instead of the rest where something went wrong."""

    choices: list[Choice] | None = None
    usage: Usage | None = None
    timings: Timings | None = None
    prompt_progress: Progress | None = None
    error: Any = None
    object: str = ""
    message: Any = None


_MOST: Final = 1 << 40

_DECODER: Final = msgspec.json.Decoder(Chunk, strict=False)


class BadChunk(ValueError):
    """An event is no chunk; the message says why."""


def decode_chunk(data: bytes) -> Chunk:
    """Returns a chunk.

    Raises:
        BadChunk: It is not JSON, no UTF-8, or of another shape.
    """
    try:
        return _DECODER.decode(data)
    except msgspec.ValidationError as error:
        raise BadChunk(f"a chunk of a shape that is not known here ({error})") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadChunk("a chunk that is not JSON") from None


def count(value: int | None) -> int | None:
    """Returns a count that a server told; None if it is none that could be."""
    return value if value is not None and 0 <= value < _MOST else None


def milliseconds(value: float | None) -> float | None:
    """Returns a time that a server told; None if it is none that could be, or nothing was timed."""
    return value if value is not None and 0 < value < _MOST else None


def complaint(document: Any) -> str:
    """Returns what a server's error says, whichever of the usual shapes it has; empty if there is nothing to say."""
    if isinstance(document, str):
        return document
    if isinstance(document, dict):
        for name in ("error", "message", "detail", "msg", "type"):
            if text := complaint(document.get(name)):
                return text
    if isinstance(document, list) and document:
        return complaint(document[0])
    return ""
