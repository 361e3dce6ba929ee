"""A model's shape, from its GGUF header: what llama.cpp will read of it, block by block.

What a header leaves unsaid is what llama.cpp assumes for the architecture (src/models/*.cpp and
llama-hparams.cpp of the version that is installed here).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sparktop.engines.gguf import Header
from sparktop.model.shape import Layer, ModelShape, Weight


@dataclass(frozen=True, slots=True)
class _Windows:
    """Which blocks of an architecture look back only so far (llama_hparams::set_swa_pattern).

    Attributes:
        period: One block in so many looks at everything.
        dense_first: It is the first of them, not the last.
        default: Positions, where the header does not say.
        forced: Positions, whatever the header says.
    """

    period: int
    dense_first: bool = False
    default: int = 0
    forced: int = 0


_WINDOWS: Final[Mapping[str, _Windows]] = {
    "afmoe": _Windows(4),
    "cohere2": _Windows(4),
    "cohere2moe": _Windows(4, dense_first=True),
    "exaone-moe": _Windows(4, default=128),
    "exaone4": _Windows(4, default=4096),
    "gemma2": _Windows(2, default=4096),
    "gemma3": _Windows(6),
    "gemma3n": _Windows(5),
    "gpt-oss": _Windows(2),
    "laguna": _Windows(4, dense_first=True),
    "llama4": _Windows(4, forced=8192),
    "mellum": _Windows(4),
    "muse-glimmer": _Windows(4),
    "olmo2": _Windows(4),
    "plamo3": _Windows(8),
    "smallthinker": _Windows(4, dense_first=True, forced=4096),
}
"""`load_swa_pattern` in src/models/*.cpp. Others give the pattern in the header, or look at everything."""

_EXAONE4_WINDOWED: Final = 64
"""Blocks of the one EXAONE 4 that has windows (exaone4.cpp)."""

_BLOCK: Final = re.compile(r"^blk\.(\d+)\.(.+)$")
_MIXERS: Final = ("ssm_", "time_mix_", "shortconv.")
_KEYS: Final = ("attn_k.", "attn_k_b.", "attn_kv_b.", "attn_kv_a_mqa.")
_STATE_BYTES: Final = 4
"""Recurrent state is kept in single precision."""


def model_shape(header: Header) -> ModelShape:
    """Returns the shape that a header describes."""
    count = header.number("block_count")
    parts: list[set[str]] = [set() for _ in range(count)]
    for tensor in header.tensors:
        if (match := _BLOCK.match(tensor.name)) and int(match[1]) < count:
            parts[int(match[1])].add(match[2])
    return ModelShape(
        architecture=header.architecture,
        weights=tuple(Weight(name=tensor.name, size=tensor.size) for tensor in header.tensors),
        layers=tuple(_layer(header, index, names) for index, names in enumerate(parts)),
        experts=header.number("expert_count"),
        prediction_layers=min(header.number("nextn_predict_layers"), count),
        approximations=tuple(_approximations(header, parts)),
    )


def _layer(header: Header, index: int, names: set[str]) -> Layer:
    window = _window(header, index)
    suffix = "_swa" if window else ""
    width = header.number("embedding_length") // max(header.number("attention.head_count"), 1)
    key = header.number("attention.key_length", width)
    value = header.number("attention.value_length", width)
    if _latent(header):
        value = 0  # values are a part of the cached keys (llama-kv-cache.cpp: has_v = !is_mla)
    elif suffix:
        key = header.number(f"attention.key_length{suffix}", key)
        value = header.number(f"attention.value_length{suffix}", value)
    recurrent = any(name.startswith(_MIXERS) for name in names)
    keeps_keys = not recurrent or any(name.startswith(_KEYS) for name in names)
    heads = _at(header.per_layer("attention.head_count_kv", header.number("attention.head_count")), index)
    state = header.number("ssm.inner_size") * header.number("ssm.state_size") * _STATE_BYTES
    return Layer(
        kv_heads=heads if keeps_keys else 0,
        key_length=key,
        value_length=value,
        window=window,
        experts_used=_at(header.per_layer("expert_used_count"), index),
        state=state if recurrent else 0,
    )


def _window(header: Header, index: int) -> int:
    """Positions that a block looks back at; 0 for all."""
    size = header.number("attention.sliding_window")
    given = header.values.get(f"{header.architecture}.attention.sliding_window_pattern")
    known = _WINDOWS.get(header.architecture)
    if header.architecture == "exaone4" and header.number("block_count") != _EXAONE4_WINDOWED:
        known = None
    if known is not None:
        size = known.forced or size or known.default
    if isinstance(given, tuple):
        return size if index < len(given) and given[index] else 0
    if known is None:
        return 0
    period = int(given) if isinstance(given, int | float) else known.period
    if period == 0:
        return size
    dense = index % period == (0 if known.dense_first else period - 1)
    return 0 if dense else size


def _latent(header: Header) -> bool:
    """Whether keys and values are kept as one compressed vector (multi-head latent attention)."""
    return header.number("attention.key_length_mla") > 0


def _approximations(header: Header, parts: list[set[str]]) -> Iterator[str]:
    if _latent(header) or header.number("attention.kv_lora_rank"):
        yield "latent attention: how often its compressed cache is read depends on the kernel"
    if header.architecture == "minimax-01" or any(name.startswith(_MIXERS) for names in parts for name in names):
        yield "recurrent layers: of their state only the larger part is counted, and only as read"
    if header.number("attention.indexer.top_k"):
        yield "sparse attention: all positions are counted, though only chosen ones are read"
    if header.architecture == "llama4":
        yield "chunked attention: the chunk is counted as full"
    if any("_chexps" in tensor.name for tensor in header.tensors):
        yield "chunk experts are counted in full"
    if unknown := sum(tensor.size == 0 for tensor in header.tensors):
        yield f"{unknown} tensors have a type that is not known here and are not counted"


def _at(values: tuple[int, ...], index: int) -> int:
    return values[index] if index < len(values) else 0
