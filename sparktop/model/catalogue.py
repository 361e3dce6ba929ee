"""Models that are known by name: their shape, and what that makes a machine read and hold.

The sums are those of `sparktop.model.shape`, from a published shape instead of a file's header: norms and biases are
left out, which is less than 0.2 % of any model here (tests hold both against each other).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sparktop.model.shape import Cache, Experts, Footprint

SPARK_MEMORY: Final = 127_600_748 << 10
"""Bytes of memory that the kernel of a DGX Spark manages: MemTotal, 127,600,748 kB, of the 128 GB."""

_HALF: Final = 2
"""Bytes of a number in the cache of keys and values."""

_STATE_BYTES: Final = 4
"""Recurrent state is kept in single precision."""

_CONVOLUTION: Final = 4
"""Positions that the short convolution of a Gated DeltaNet sees (linear_conv_kernel_dim)."""


class Mixer(StrEnum):
    """How a block brings positions together."""

    SOFTMAX = "softmax"
    """Attention with keys and values of every position."""
    DELTA = "delta"
    """Gated DeltaNet: a state of fixed size in place of keys and values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """Blocks whose attention is alike.

    Attributes:
        layers: How many of them there are.
        kind: How they bring positions together.
        heads: Heads of queries; of a DeltaNet, of values.
        kv_heads: Heads of keys and values; of a DeltaNet, of keys.
        head: Numbers of one head.
        window: Positions that they look back at; 0 for all.
        gated: Queries come with a gate of the same size.
        shared_values: Values are the keys, without a matrix of their own.
    """

    layers: int
    kind: Mixer = Mixer.SOFTMAX
    heads: int
    kv_heads: int
    head: int
    window: int = 0
    gated: bool = False
    shared_values: bool = False

    def weights(self, width: int) -> int:
        """Weights of one block's attention.

        Args:
            width: Numbers of the hidden state.
        """
        queries, keys = self.heads * self.head, self.kv_heads * self.head
        if self.kind is Mixer.DELTA:
            # Here "queries" is the width of the values: in (q, k, v), gate z, out; alpha and beta by head; convolution.
            mixed = 2 * keys + queries
            return width * (mixed + queries + 2 * self.heads) + queries * width + mixed * _CONVOLUTION
        return width * (queries * (2 if self.gated else 1) + keys * (1 if self.shared_values else 2)) + queries * width


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """A model's shape.

    Attributes:
        source: Where it was read.
        width: Numbers of the hidden state (hidden_size).
        vocabulary: Rows of the token table.
        attention: The blocks, by how they attend.
        tied: The output table is the token table.
        feed_forward: Width of the part that every token goes through, shared experts included; 0 if there is none.
        experts: Experts of a block; 0 in a dense model.
        used: Experts that one token goes through.
        expert_width: Width of one expert.
    """

    source: str
    width: int
    vocabulary: int
    attention: tuple[Attention, ...]
    tied: bool = False
    feed_forward: int = 0
    experts: int = 0
    used: int = 0
    expert_width: int = 0

    @property
    def layers(self) -> int:
        """Blocks."""
        return sum(group.layers for group in self.attention)

    @property
    def matrix_weights(self) -> int:
        """Weights of attention and of what every token goes through."""
        attention = sum(group.layers * group.weights(self.width) for group in self.attention)
        return attention + self.layers * 3 * self.width * self.feed_forward

    @property
    def expert_weights(self) -> int:
        """Weights of all experts."""
        return self.layers * self.experts * 3 * self.width * self.expert_width

    @property
    def router_weights(self) -> int:
        """Weights that choose the experts."""
        return self.layers * self.width * self.experts

    @property
    def table_weights(self) -> int:
        """Weights of the token table; the output table has as many."""
        return self.width * self.vocabulary

    @property
    def parameters(self) -> int:
        """All weights."""
        tables = self.table_weights * (1 if self.tied else 2)
        return self.matrix_weights + self.expert_weights + self.router_weights + tables

    @property
    def active_parameters(self) -> int:
        """Weights that one token needs, without the token table, of which it takes a row."""
        experts = self.expert_weights * self.used // self.experts if self.experts else 0
        return self.matrix_weights + experts + self.router_weights + self.table_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """Bits of a weight, scales included, by what the weight is for.

    Attributes:
        name: As it is called ("MXFP4").
        matrix: Attention, dense feed-forward parts and shared experts.
        expert: Experts.
        output: The output table.
        embedding: The token table, where it is not the output table.
        router: What chooses the experts.
        source: Where this is from.
        approximate: Why sizes counted with it are not exact; empty if they are.
    """

    name: str
    matrix: float
    expert: float
    output: float
    embedding: float
    router: float
    source: str
    approximate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueModel:
    """A model.

    Attributes:
        key: Short name, unique ("gpt-oss-20b").
        name: For people.
        names: Ways in which files and servers name it; see `sparktop.model.naming`.
        parameters: Weights in billions, as published.
        base: Key of the model that it was made of, where that is in the catalogue too; empty if not.
        architecture: Its shape; null if it is not known.
        unknown: Why not; empty if it is.
    """

    key: str
    name: str
    names: tuple[str, ...]
    parameters: float
    base: str = ""
    architecture: Architecture | None = None
    unknown: str = ""


def weight_bytes(shape: Architecture, quantization: Quantization) -> int:
    """Returns the bytes of all weights: what the file has, and what memory has to hold."""
    embedding = 0.0 if shape.tied else shape.table_weights * quantization.embedding
    return round((_step_bits(shape, quantization) + shape.expert_weights * quantization.expert + embedding) / 8)


def footprint_of(shape: Architecture, quantization: Quantization) -> Footprint:
    """Returns what a decode step reads."""
    experts = round(shape.expert_weights * quantization.expert / 8)
    softmax = [group for group in shape.attention if group.kind is Mixer.SOFTMAX]
    recurrent = [group for group in shape.attention if group.kind is Mixer.DELTA]
    reasons = [quantization.approximate] if quantization.approximate else []
    if recurrent:
        reasons.append("recurrent layers: of their state only the larger part is counted, and only as read")
    return Footprint(
        dense=round(_step_bits(shape, quantization) / 8),
        experts=(Experts(size=experts, count=shape.experts, used=shape.used),) if shape.experts else (),
        caches=tuple(
            Cache(keys=numbers, values=numbers, window=group.window)
            for group in softmax
            for numbers in [group.layers * group.kv_heads * group.head]
        ),
        state=sum(group.layers * group.heads * group.head * group.head * _STATE_BYTES for group in recurrent),
        approximations=tuple(reasons),
    )


def kv_bytes(shape: Architecture, context: int) -> int:
    """Returns the bytes that one sequence of so many tokens keeps: keys, values (F16) and recurrent state."""
    numbers = sum(
        2 * group.layers * group.kv_heads * group.head * (min(context, group.window) if group.window else context)
        for group in shape.attention
        if group.kind is Mixer.SOFTMAX
    )
    state = sum(
        group.layers * group.heads * group.head * group.head * _STATE_BYTES
        for group in shape.attention
        if group.kind is Mixer.DELTA
    )
    return numbers * _HALF + state


def machines_needed(need: int, memory: int, reserve: int, most: int = 2) -> int | None:
    """Returns how many machines hold a model, split evenly; None if even `most` do not.

    Args:
        need: Bytes of weights, keys and values.
        memory: Bytes of one machine's memory.
        reserve: Bytes that must stay free on each.
        most: Machines that there can be.
    """
    return next((count for count in range(1, most + 1) if need / count + reserve <= memory), None)


def _step_bits(shape: Architecture, quantization: Quantization) -> float:
    """Bits of the weights that every step reads."""
    return (
        shape.matrix_weights * quantization.matrix
        + shape.router_weights * quantization.router
        + shape.table_weights * quantization.output
    )
