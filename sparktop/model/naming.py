"""Which model, quantization and engine a name means: names of files, of servers' models, and what engines say.

Names are compared word by word, after capitals, separators and the change from letters to a digit: "Qwen2.5-72B",
"qwen2.5:72b" and "Qwen_2.5_72B" are the words qwen, 2.5, 72b.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePath
from typing import Final

from sparktop.model.catalogue import CatalogueModel

_WORD: Final = re.compile(r"[a-z]+(?![a-z])|\d+(?:\.\d+)*[a-z]?(?![a-z])|\d+(?:\.\d+)*")

_QUANTIZATION: Final = re.compile(
    r"(?<![a-z0-9])(mxfp4|nvfp4|fp8|bf16|f16|fp16|f32|awq|gptq|int4|int8"
    r"|iq\d(?:_[a-z]+)?|q\d_k_(?:xl|s|m|l)|q\d_k - (?:small|medium|large)|q\d_k|q\d_[01])(?![a-z0-9])"
)
_SAME: Final = {"fp16": "f16"}

_ENGINES: Final = {
    "llama-server": "llama.cpp",
    "llama-cpp-python": "llama.cpp",
    "llama.cpp": "llama.cpp",
    "vllm": "vLLM",
    "sglang": "SGLang",
    "tensorrt-llm": "TensorRT-LLM",
    "trt-llm": "TensorRT-LLM",
    "trtllm": "TensorRT-LLM",
    "ollama": "Ollama",
}


def words(name: str) -> tuple[str, ...]:
    """Returns the words of a name."""
    return tuple(_WORD.findall(name.lower()))


def find_model(models: Iterable[CatalogueModel], *names: str) -> CatalogueModel | None:
    """Returns the model that names mean: the first of them that means any.

    A name means a model whose words stand in it one after another ("Qwen2.5-72B" in
    "Qwen2.5-72B-Instruct-Q4_K_M-00001-of-00002.gguf"); of several the one with the most.

    Args:
        models: The catalogue.
        names: What there is, the most telling first: a file's name, then what the engine says of it.
    """
    known = sorted(
        ((words(name), model) for model in models for name in model.names), key=lambda one: len(one[0]), reverse=True
    )
    for name in names:
        given = words(PurePath(name).name)
        for wanted, model in known:
            if any(given[at : at + len(wanted)] == wanted for at in range(len(given) - len(wanted) + 1)):
                return model
    return None


def quantization_of(*names: str) -> str:
    """Returns the quantization that the first of some names gives, in capitals ("Q4_K_M"); empty if none does."""
    for name in names:
        if found := _QUANTIZATION.search(name.lower().replace(".gguf", "")):
            word = _SAME.get(found[1], found[1])
            kind, _, size = word.partition(" - ")
            return (f"{kind}_{size[0]}" if size else kind).upper()
    return ""


def engine_of(*names: str) -> str:
    """Returns the engine that the first of some names gives, as it is usually written; empty if none does."""
    for name in names:
        lower = name.lower()
        if found := next((engine for word, engine in _ENGINES.items() if word in lower), ""):
            return found
    return ""
