"""What a request gets, as it asks for it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final
from urllib.parse import parse_qsl

MODES: Final = {
    "plain": "a chunk with role and first token, one chunk a token, usage if asked for, [DONE]",
    # What good servers do.
    "role": "a chunk with the role and an empty content at once, before the prefill",
    "reasoning": "the first half of the tokens (or `reasoning` of them) is reasoning",
    "progress": "prompt_progress chunks during prefill, like llama-server's, whoever asked",
    "timings": "timings in the last chunk, and in each if timings_per_token asks, like llama-server's",
    "draft": "with timings: draft_n and draft_n_accepted",
    "ids": "token_ids in each chunk where return_token_ids asks, like vLLM's",
    "usage": "continuous usage, whoever asked",
    "nousage": "no usage, whoever asked",
    "early": "ends after `tokens`, whatever ignore_eos and min_tokens ask",
    "tokenize": "POST /tokenize tells the tokens of a text",
    "merged": "the last token comes with its finish_reason, not before it",
    # What the format allows.
    "crlf": "lines end with CRLF",
    "nospace": "no space behind `data:`",
    "comments": "a comment before each chunk, and every 50 ms of prefill",
    "split": "each chunk in two writes 2 ms apart, inside a character where it has one of several bytes",
    "nodone": "no [DONE]",
    # What goes wrong. `at` says after how many tokens; not given: half of them.
    "error": "an error object in the stream, then [DONE]",
    "cut": "the connection ends without the last chunk of the transfer",
    "reset": "as cut, by a TCP reset",
    "stall": "nothing more comes, and the connection stays",
    "malformed": "a chunk whose JSON breaks off, then the rest",
    "invalid": "a chunk whose bytes are no UTF-8, then the rest",
    "busy": "the first `times` requests with these options get `status` and Retry-After `after`",
    "redirect": "307 to the same path without options, where it would work",
    "html": "200 with a page of HTML",
    "endless": "a body that never ends",
    "line": "a line of `size` bytes",
    "slow": "the body comes a byte at a time, one every `tpot`",
    "slowhead": "the head too",
    "silent": "the request is taken and never answered",
    "unpaced": "all tokens as fast as they are taken",
}
"""What each mode does; several are joined by commas."""


class BadOption(Exception):
    """An option is not known or its value makes no sense; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a request is answered.

    Attributes:
        mode: Some of `MODES`, joined by commas.
        ttft: Seconds from the request's arrival to the first token.
        tpot: Seconds a token.
        tokens: How many there are, unless the request's own limit is lower, or ignore_eos or
            min_tokens ask for more.
        per: Tokens in a chunk.
        reasoning: How many of the tokens are reasoning; -1 is half of them in mode "reasoning", else 0.
        field: What reasoning is called in a delta: "reasoning_content" or "reasoning".
        prompt: Prompt tokens told; -1 counts them.
        cached: How many of those came from the cache.
        at: After how many tokens a thing goes wrong; -1 is half of them.
        status: What a busy server says.
        after: Retry-After, in seconds.
        times: How often a busy server says it.
        size: Bytes of the long line.
        lie: What the server's timings are multiplied with.
        key: Anything; makes options of their own for `times`.
    """

    mode: str = "plain"
    ttft: float = 0.2
    tpot: float = 0.01
    tokens: int = 64
    per: int = 1
    reasoning: int = -1
    field: str = "reasoning_content"
    prompt: int = -1
    cached: int = 0
    at: int = -1
    status: int = 503
    after: float = 1
    times: int = 1
    size: int = 100_000_000
    lie: float = 1.0
    key: str = ""

    def has(self, mode: str) -> bool:
        """Whether a mode is on."""
        return mode in self.mode.split(",")

    def changed(self, query: str) -> Options:
        """Returns these with what a query says.

        Raises:
            BadOption: It says something that is not known.
        """
        said: dict[str, str | int | float] = {}
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
            for key, value in pairs:
                said[key] = _KINDS[key](value)
        except (KeyError, ValueError) as error:
            raise BadOption(f"no such option, or no such value: {error}") from None
        options = replace(self, **said)  # type: ignore[arg-type]
        if unknown := set(options.mode.split(",")) - set(MODES):
            raise BadOption(f"no such mode: {', '.join(sorted(unknown))}")
        return options


_KINDS: Final = {field.name: {"str": str, "int": int, "float": float}[str(field.type)] for field in fields(Options)}
