"""Servers of language models that are known by name, and how each gives itself away."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final


class ServerKind(StrEnum):
    """What answers at an address; the value is its name for people."""

    LLAMA_SERVER = "llama-server"
    VLLM = "vLLM"
    SGLANG = "SGLang"
    TENSORRT_LLM = "TensorRT-LLM"
    OLLAMA = "Ollama"
    OTHER = "OpenAI-compatible server"


_OWNERS: Final = {
    "llamacpp": ServerKind.LLAMA_SERVER,
    "vllm": ServerKind.VLLM,
    "sglang": ServerKind.SGLANG,
    "tensorrt_llm": ServerKind.TENSORRT_LLM,
}
"""By "owned_by" of a model in the answer of /v1/models; Ollama puts the model's namespace there.

From llama.cpp tools/server/server-context.cpp, vLLM vllm/entrypoints/openai/engine/protocol.py, SGLang
python/sglang/srt/entrypoints/openai/protocol.py, TensorRT-LLM tensorrt_llm/serve/openai_protocol.py.
"""

_METRICS: Final = {
    "llamacpp:": ServerKind.LLAMA_SERVER,
    "vllm:": ServerKind.VLLM,
    "sglang:": ServerKind.SGLANG,
    "trtllm_": ServerKind.TENSORRT_LLM,
}
"""By the beginning of the names on its Prometheus page."""

OLLAMA_ROOT: Final = b"Ollama is running"
"""What Ollama answers to GET / (server/routes.go); no other of these does."""


def kind_of_models(document: Any) -> ServerKind | None:
    """Returns what a server is by its answer to GET /v1/models.

    Args:
        document: The answer's JSON; anything is taken.

    Returns:
        None where the answer gives nothing away.
    """
    models = document.get("data") if isinstance(document, Mapping) else None
    first = models[0] if isinstance(models, list) and models else None
    owner = first.get("owned_by") if isinstance(first, Mapping) else None
    return _OWNERS.get(owner) if isinstance(owner, str) else None


def kind_of_metric(name: str) -> ServerKind | None:
    """Returns what a server is by the name of one of its metrics; None where that gives nothing away."""
    return next((kind for start, kind in _METRICS.items() if name.startswith(start)), None)
