"""Headers of well-known models, built from their published shapes.

Shapes are from each model's config.json on Hugging Face, tensors and their names from llama.cpp's
src/models/, types from its quantisation rules. Whether all that is right is held against the size
and the number of parameters that llama-bench printed for the very files (benches/dgx-spark.md of
ggml-org/llama.cpp, build 6918), which is where the speeds are from, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from sparktop.engines.gguf import Header, Tensor, Value

BLOCKS = {"F32": (1, 4, 0), "F16": (1, 2, 1), "Q4_0": (32, 18, 2), "Q8_0": (32, 34, 8), "MXFP4": (32, 17, 39)}
"""Elements and bytes of a block, and ggml's number of the type."""


@dataclass(frozen=True)
class Published:
    """A model.

    Attributes:
        source: Where the shape is from.
        matrix: Type of the matrices.
        table: Type of the token and output tables.
        expert: Type of the experts' matrices.
        gib: Size that llama-bench printed.
        billions: Parameters that it printed.
        decode: Tokens per second of one stream (tg32) by tokens of context.
    """

    source: str
    architecture: str
    layers: int
    width: int
    heads: int
    kv_heads: int
    head: int
    feed_forward: int
    vocabulary: int
    matrix: str
    table: str
    gib: float
    billions: float
    decode: dict[int, float]
    experts: int = 0
    used: int = 0
    expert: str = ""
    tied: bool = False
    window: int = 0
    attention_biases: tuple[str, ...] = ()
    norms: tuple[str, ...] = ("attn_norm", "ffn_norm")
    head_norms: bool = False
    sinks: bool = False
    expert_biases: bool = False
    keys: dict[str, Value] = field(default_factory=dict)

    def header(self) -> Header:
        """The header as the reader would return it."""
        tensors = tuple(_tensor(*tensor) for tensor in self._tensors())
        values: dict[str, Value] = {
            "block_count": self.layers,
            "embedding_length": self.width,
            "attention.head_count": self.heads,
            "attention.head_count_kv": self.kv_heads,
            "attention.key_length": self.head,
            "attention.value_length": self.head,
            "expert_count": self.experts,
            "expert_used_count": self.used,
        }
        if self.window:
            values["attention.sliding_window"] = self.window
        named = {f"{self.architecture}.{key}": value for key, value in (values | self.keys).items()}
        return Header(
            files=(),
            size=sum(tensor.size for tensor in tensors),
            values={"general.architecture": self.architecture, **named},
            lengths={"tokenizer.ggml.tokens": self.vocabulary},
            tensors=tensors,
        )

    def _tensors(self) -> Iterator[tuple[str, tuple[int, ...], str]]:
        yield "token_embd.weight", (self.width, self.vocabulary), self.table
        if not self.tied:
            yield "output.weight", (self.width, self.vocabulary), self.table
        yield "output_norm.weight", (self.width,), "F32"
        for block in range(self.layers):
            for name, shape, kind in self._block():
                yield f"blk.{block}.{name}", shape, kind

    def _block(self) -> Iterator[tuple[str, tuple[int, ...], str]]:
        query, keys = self.heads * self.head, self.kv_heads * self.head
        outputs = {"attn_q": query, "attn_k": keys, "attn_v": keys, "attn_output": self.width}
        for name, rows in outputs.items():
            yield f"{name}.weight", (query if name == "attn_output" else self.width, rows), self.matrix
            if name in self.attention_biases:
                yield f"{name}.bias", (rows,), "F32"
        for name in self.norms:
            yield f"{name}.weight", (self.width,), "F32"
        if self.head_norms:
            yield "attn_q_norm.weight", (self.head,), "F32"
            yield "attn_k_norm.weight", (self.head,), "F32"
        if self.sinks:
            yield "attn_sinks.weight", (self.heads,), "F32"
        matrices = {
            "ffn_gate": (self.width, self.feed_forward),
            "ffn_up": (self.width, self.feed_forward),
            "ffn_down": (self.feed_forward, self.width),
        }
        if not self.experts:
            for name, shape in matrices.items():
                yield f"{name}.weight", shape, self.matrix
            return
        yield "ffn_gate_inp.weight", (self.width, self.experts), "F32"
        if self.expert_biases:
            yield "ffn_gate_inp.bias", (self.experts,), "F32"
        for name, shape in matrices.items():
            yield f"{name}_exps.weight", (*shape, self.experts), self.expert
            if self.expert_biases:
                yield f"{name}_exps.bias", (shape[1], self.experts), "F32"


def _tensor(name: str, shape: tuple[int, ...], kind: str) -> Tensor:
    elements, size, number = BLOCKS[kind]
    assert shape[0] % elements == 0
    return Tensor(name, shape, number, math.prod(shape) // elements * size)


_GPT_OSS = {
    "architecture": "gpt-oss",
    "width": 2880,
    "heads": 64,
    "kv_heads": 8,
    "head": 64,
    "feed_forward": 2880,
    "vocabulary": 201_088,
    "matrix": "Q8_0",
    "table": "Q8_0",
    "expert": "MXFP4",
    "used": 4,
    "window": 128,
    "attention_biases": ("attn_q", "attn_k", "attn_v", "attn_output"),
    "norms": ("attn_norm", "post_attention_norm"),
    "sinks": True,
    "expert_biases": True,
}

QWEN25_7B = Published(
    source="Qwen/Qwen2.5-7B-Instruct; file: ggml-org/Qwen2.5-Coder-7B-Q8_0-GGUF, of the same shape",
    architecture="qwen2",
    layers=28,
    width=3584,
    heads=28,
    kv_heads=4,
    head=128,
    feed_forward=18_944,
    vocabulary=152_064,
    matrix="Q8_0",
    table="Q8_0",
    attention_biases=("attn_q", "attn_k", "attn_v"),
    gib=7.54,
    billions=7.62,
    decode={0: 29.30, 4096: 28.27, 8192: 27.42, 16384: 25.93, 32768: 22.70},
)
GPT_OSS_120B = Published(
    source="openai/gpt-oss-120b; file: ggml-org/gpt-oss-120b-GGUF",
    layers=36,
    experts=128,
    gib=59.02,
    billions=116.83,
    decode={0: 59.02, 4096: 53.95, 8192: 51.85, 16384: 48.03, 32768: 41.35},
    **_GPT_OSS,  # type: ignore[arg-type]
)
GPT_OSS_20B = Published(
    source="openai/gpt-oss-20b; file: ggml-org/gpt-oss-20b-GGUF",
    layers=24,
    experts=32,
    gib=11.27,
    billions=20.91,
    decode={0: 84.10, 4096: 77.36, 8192: 74.00, 16384: 68.85, 32768: 59.85},
    **_GPT_OSS,  # type: ignore[arg-type]
)
GEMMA3_4B = Published(
    source="google/gemma-3-4b-it; file: ggml-org/gemma-3-4b-it-qat-GGUF",
    architecture="gemma3",
    layers=34,
    width=2560,
    heads=8,
    kv_heads=4,
    head=256,
    feed_forward=10_240,
    vocabulary=262_144,
    matrix="Q4_0",
    table="Q8_0",
    tied=True,
    window=1024,
    norms=("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"),
    head_norms=True,
    gib=2.35,
    billions=3.88,
    decode={0: 78.97, 4096: 68.94, 8192: 67.81, 16384: 64.35, 32768: 58.38},
)
QWEN3_30B_A3B = Published(
    source="Qwen/Qwen3-30B-A3B; file: ggml-org/Qwen3-Coder-30B-A3B-Instruct-Q8_0-GGUF, of the same shape",
    architecture="qwen3moe",
    layers=48,
    width=2048,
    heads=32,
    kv_heads=4,
    head=128,
    feed_forward=768,
    vocabulary=151_936,
    matrix="Q8_0",
    table="Q8_0",
    expert="Q8_0",
    experts=128,
    used=8,
    head_norms=True,
    gib=30.25,
    billions=30.53,
    decode={0: 60.92, 4096: 53.52, 8192: 48.58, 16384: 40.81, 32768: 30.80},
)
