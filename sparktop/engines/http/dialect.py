"""What each server understands beyond OpenAI's API, and request bodies in its dialect.

A server of an unknown kind gets fields of OpenAI's alone: some refuse what they do not know. Where
the fields are from: llama.cpp tools/server/README.md; vLLM vllm/entrypoints/openai/*/protocol.py;
SGLang python/sglang/srt/entrypoints/openai/protocol.py; TensorRT-LLM tensorrt_llm/serve/openai_protocol.py
(which refuses unknown fields); Ollama openai/openai.go.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sparktop.engines.protocol import Generation
from sparktop.model.scenario import Sampling
from sparktop.model.servers import ServerKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one kind of server is spoken to.

    Attributes:
        label: Name of the server, for people.
        always: Further fields of every request.
        stream_options: Further fields of `stream_options`.
        top_k: It takes `top_k`.
        ignore_eos: It takes `ignore_eos`.
        min_tokens: It takes `min_tokens`.
        salt: Name of the field that keeps requests from sharing a cached prefix; empty if it has none.
        token_prompts: Completions take a prompt of token ids.
        tokenize: Path of what tells a text's tokens, from the server's root; empty if there is none.
        tokenize_field: What the text is called there.
        counts_drafts: How the names begin under which its page of metrics counts the tokens that it guessed ahead, as
            its answers don't; empty if it does not.
        counts_end: Its counts of output tokens include the one that ends the generation.
    """

    label: str
    always: dict[str, Any] = field(default_factory=dict)
    stream_options: dict[str, Any] = field(default_factory=dict)
    top_k: bool = False
    ignore_eos: bool = False
    min_tokens: bool = False
    salt: str = ""
    token_prompts: bool = False
    tokenize: str = ""
    tokenize_field: str = "prompt"
    counts_drafts: str = ""
    counts_end: bool = True

    @property
    def own_fields(self) -> frozenset[str]:
        """Names of the fields that are not OpenAI's: an older server of the kind may refuse them."""
        taken = {
            "top_k": self.top_k,
            "ignore_eos": self.ignore_eos,
            "min_tokens": self.min_tokens,
            self.salt: self.salt,
        }
        return frozenset(self.always) | {name for name, has in taken.items() if has}


LLAMA_SERVER: Final = Dialect(
    label=ServerKind.LLAMA_SERVER.value,
    always={"return_progress": True, "timings_per_token": True, "cache_prompt": False},
    top_k=True,
    ignore_eos=True,
    token_prompts=True,
    tokenize="/tokenize",
    tokenize_field="content",
)

VLLM: Final = Dialect(
    label=ServerKind.VLLM.value,
    always={"return_token_ids": True},
    stream_options={"continuous_usage_stats": True},
    top_k=True,
    ignore_eos=True,
    min_tokens=True,
    salt="cache_salt",
    counts_drafts="vllm",
    token_prompts=True,
    tokenize="/tokenize",
)

SGLANG: Final = Dialect(
    label=ServerKind.SGLANG.value,
    counts_drafts="sglang",
    always={"return_token_ids": True},
    stream_options={"continuous_usage_stats": True},
    top_k=True,
    ignore_eos=True,
    min_tokens=True,
    token_prompts=True,
    tokenize="/tokenize",
)

TENSORRT_LLM: Final = Dialect(
    label=ServerKind.TENSORRT_LLM.value,
    stream_options={"continuous_usage_stats": True},
    top_k=True,
    ignore_eos=True,
    min_tokens=True,
    token_prompts=True,
)

OLLAMA: Final = Dialect(label=ServerKind.OLLAMA.value)

LLAMA_CPP_PYTHON: Final = Dialect(label="llama-cpp-python", top_k=True, counts_end=False)

GENERIC: Final = Dialect(label=ServerKind.OTHER.value, counts_end=False)

DIALECTS: Final = {
    ServerKind.LLAMA_SERVER: LLAMA_SERVER,
    ServerKind.VLLM: VLLM,
    ServerKind.SGLANG: SGLANG,
    ServerKind.TENSORRT_LLM: TENSORRT_LLM,
    ServerKind.OLLAMA: OLLAMA,
    ServerKind.OTHER: GENERIC,
}
"""By the kind of server."""


@dataclass(frozen=True, slots=True)
class Body:
    """A request as it goes out.

    Attributes:
        path: Behind the API's base address.
        fields: The JSON object.
    """

    path: str
    fields: dict[str, Any]


def chat(generation: Generation, model: str, dialect: Dialect) -> Body:
    """Returns the request for an answer to a generation's prompt."""
    nonce = _nonce() if generation.uncached else ""
    fields: dict[str, Any] = {}
    # At the very front, before what requests of a run have in common.
    system, prompt = generation.system, generation.prompt
    if nonce and not dialect.salt:
        system, prompt = (f"[{nonce}] {system}", prompt) if system else (system, f"[{nonce}] {prompt}")
    messages = [{"role": "system", "content": system}] if system else []
    content: str | list[dict[str, Any]] = prompt
    if generation.image:
        # The text first: what is unique of it has to be in front of what the picture becomes.
        content = [{"type": "text", "text": prompt}, {"type": "image_url", "image_url": {"url": generation.image}}]
    fields["messages"] = [*messages, {"role": "user", "content": content}]
    return Body("/chat/completions", fields | _common(generation.sampling, model, dialect, nonce))


def completion(prompt: str | Sequence[int], sampling: Sampling, model: str, dialect: Dialect) -> Body:
    """Returns the request for the continuation of a text, or of a sequence of token ids."""
    fields = {"prompt": prompt if isinstance(prompt, str) else list(prompt)}
    return Body("/completions", fields | _common(sampling, model, dialect, ""))


def _common(sampling: Sampling, model: str, dialect: Dialect, nonce: str) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "model": model,
        "stream": True,
        "stream_options": {"include_usage": True, **dialect.stream_options},
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "seed": sampling.seed,
        **dialect.always,
    }
    if sampling.temperature > 0:
        fields["top_p"] = sampling.top_p
        if dialect.top_k and sampling.top_k:
            fields["top_k"] = sampling.top_k
    if sampling.stop:
        fields["stop"] = list(sampling.stop)
    if sampling.ignore_eos and dialect.ignore_eos:
        fields["ignore_eos"] = True
    if sampling.ignore_eos and dialect.min_tokens:
        fields["min_tokens"] = sampling.max_tokens
    if nonce and dialect.salt:
        fields[dialect.salt] = nonce
    return fields


def _nonce() -> str:
    return secrets.token_hex(8)
