"""What a request for tokens asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from tests.servers.truth.options import Options

_TOKEN: Final = re.compile(r"[A-Za-z0-9]+|[^\sA-Za-z0-9]")
_TEMPLATE: Final = 5
"""Tokens that this server's chat template adds to each message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request for tokens, with the options that it came under.

    Attributes:
        chat: Whether it is for a chat completion.
        stream: Whether as a stream.
        tokens: How many tokens it gets.
        finish: Why it gets no more: "stop" or "length".
        prompt_tokens: By this server's count.
        reasoning: How many of the tokens are reasoning; they come first.
        usage: Whether usage is told at the end.
        continuous: Whether usage is told in each chunk.
        ids: Whether each chunk tells its token ids.
        timings: Whether each chunk tells the server's timings.
    """

    chat: bool
    stream: bool
    tokens: int
    finish: str
    prompt_tokens: int
    reasoning: int
    usage: bool
    continuous: bool
    ids: bool
    timings: bool


def count(text: str) -> int:
    """Returns how many tokens a text has: words, and every other character that is no blank."""
    return len(_TOKEN.findall(text))


def ids(text: str) -> list[int]:
    """Returns an id for each token of a text."""
    return [sum(token.encode()) for token in _TOKEN.findall(text)]


def ask(body: dict[str, Any], chat: bool, options: Options) -> Ask:
    """Returns what a request's body asks for."""
    stream_options = body.get("stream_options") or {}
    limit = body.get("max_completion_tokens") or body.get("max_tokens") or body.get("n_predict")
    tokens = options.tokens
    if not options.has("early"):
        tokens = limit if limit and body.get("ignore_eos") else max(tokens, body.get("min_tokens") or 0)
    if limit:
        tokens = min(tokens, limit)
    told = not options.has("nousage")
    continuous = told and bool(options.has("usage") or stream_options.get("continuous_usage_stats"))
    return Ask(
        chat=chat,
        stream=bool(body.get("stream")),
        tokens=tokens,
        finish="length" if limit and tokens >= limit else "stop",
        prompt_tokens=_prompt(body) if options.prompt < 0 else options.prompt,
        reasoning=_reasoning(options, tokens) if chat else 0,
        usage=told and bool(continuous or stream_options.get("include_usage") or not body.get("stream")),
        continuous=continuous,
        ids=options.has("ids") and bool(body.get("return_token_ids")),
        timings=options.has("timings") and bool(body.get("timings_per_token")),
    )


def _reasoning(options: Options, tokens: int) -> int:
    if options.reasoning >= 0:
        return min(tokens, options.reasoning)
    return tokens // 2 if options.has("reasoning") else 0


def _prompt(body: dict[str, Any]) -> int:
    if "messages" not in body:
        prompt = body.get("prompt") or ""
        return len(prompt) if isinstance(prompt, list) else count(prompt)
    return sum(_TEMPLATE + sum(map(count, _texts(message.get("content")))) for message in body["messages"])


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    return [part.get("text", "") for part in content or () if part.get("type") == "text"]
