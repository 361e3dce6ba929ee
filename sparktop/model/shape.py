"""What a model makes its machine read for every token: its weights and its caches, as sizes.

`ModelShape` is what a file's header says, tensor by tensor; `Footprint` is the part of it that
decides how fast the model can decode, small enough to be kept with a run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_BLOCK: Final = re.compile(r"^blk\.(\d+)\.")

_LOOKED_UP: Final = frozenset({"position_embd.weight", "token_types.weight", "per_layer_token_embd.weight"})
"""Tables of which a token takes one row (llama-arch.cpp, GGML_OP_GET_ROWS): next to nothing is read."""

_EMBEDDING: Final = "token_embd.weight"
_OUTPUT: Final = "output.weight"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """One tensor.

    Attributes:
        name: As GGUF names it ("blk.0.ffn_up_exps.weight").
        size: Bytes.
    """

    name: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One block's caches, and how its experts are chosen.

    Attributes:
        kv_heads: Heads of keys and values; 0 if the block keeps none.
        key_length: Numbers in the key of one head and position.
        value_length: Numbers in the value of one head and position.
        window: Positions that attention looks back at; 0 for all.
        experts_used: Experts that one token goes through; 0 if the block has none.
        state: Bytes of recurrent state of one sequence.
    """

    kv_heads: int
    key_length: int
    value_length: int
    window: int = 0
    experts_used: int = 0
    state: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """A model as its header describes it.

    Attributes:
        architecture: Name of the architecture ("llama").
        weights: Every tensor.
        layers: Every block, prediction blocks included.
        experts: Experts of a block; 0 in a dense model.
        prediction_layers: How many of the last blocks only predict further tokens (NextN, MTP).
        approximations: Why bytes counted from this are not exact, one reason each.
    """

    architecture: str
    weights: tuple[Weight, ...]
    layers: tuple[Layer, ...]
    experts: int = 0
    prediction_layers: int = 0
    approximations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Experts:
    """Weights of which a token needs only a part.

    Attributes:
        size: Bytes of all experts together.
        count: Experts in a block.
        used: Experts that one token goes through.
    """

    size: int
    count: int
    used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """Keys and values of blocks that look equally far back.

    Attributes:
        keys: Numbers in the keys of one position, over all heads of all these blocks.
        values: The same for values.
        window: Positions that are looked back at; 0 for all.
    """

    keys: int
    values: int
    window: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What one decode step of a model reads, apart from how many sequences and how long they are.

    Attributes:
        dense: Bytes of weights that every step reads, shared experts and the output table included.
        experts: Weights of which a step reads a part.
        caches: Keys and values of each sequence.
        state: Bytes of recurrent state of each sequence.
        approximations: Why bytes counted from this are not exact, one reason each.
    """

    dense: int
    experts: tuple[Experts, ...] = ()
    caches: tuple[Cache, ...] = ()
    state: int = 0
    approximations: tuple[str, ...] = ()

    @property
    def weights(self) -> int:
        """Bytes of all weights that a step can read."""
        return self.dense + sum(experts.size for experts in self.experts)


def footprint(shape: ModelShape) -> Footprint:
    """Returns what a decode step of a model reads.

    Not counted: the token table, of which a token takes one row, unless it is also the output table (there is no
    output.weight), when it counts once; and blocks that only predict further tokens, which run when drafting alone.
    """
    tied = all(weight.name != _OUTPUT for weight in shape.weights)
    used_layers = len(shape.layers) - shape.prediction_layers
    dense = 0
    experts: dict[tuple[int, int], int] = {}
    for weight in shape.weights:
        block = int(match[1]) if (match := _BLOCK.match(weight.name)) else None
        if (
            weight.name in _LOOKED_UP
            or (weight.name == _EMBEDDING and not tied)
            or _predicts(weight, block, used_layers)
        ):
            continue
        used = shape.layers[block].experts_used if block is not None and block < len(shape.layers) else 0
        # "_shexp" and "_chexps" do not hold this: shared experts are read for every token.
        if "_exps" in weight.name and 0 < used < shape.experts:
            experts[shape.experts, used] = experts.get((shape.experts, used), 0) + weight.size
        else:
            dense += weight.size
    return Footprint(
        dense=dense,
        experts=tuple(Experts(size=size, count=count, used=used) for (count, used), size in experts.items()),
        caches=_caches(shape.layers[:used_layers]),
        state=sum(layer.state for layer in shape.layers[:used_layers]),
        approximations=shape.approximations,
    )


def _predicts(weight: Weight, block: int | None, used_layers: int) -> bool:
    return "nextn." in weight.name or (block is not None and block >= used_layers)


def _caches(layers: tuple[Layer, ...]) -> tuple[Cache, ...]:
    keys: dict[int, int] = {}
    values: dict[int, int] = {}
    for layer in layers:
        if layer.kv_heads:
            keys[layer.window] = keys.get(layer.window, 0) + layer.kv_heads * layer.key_length
            values[layer.window] = values.get(layer.window, 0) + layer.kv_heads * layer.value_length
    return tuple(Cache(keys=keys[window], values=values[window], window=window) for window in sorted(keys))
