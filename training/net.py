"""The network: a Llama of a few million parameters, in plain torch, exactly as llama.cpp's arch `llama` computes it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of the network. Every row length is a multiple of 32, which Q8_0 needs.

    Attributes:
        vocab: Entries of the tokenizer.
        width: Length of the residual stream.
        layers: Number of blocks.
        heads: Query heads.
        kv_heads: Key and value heads, each shared by several query heads.
        hidden: Inner length of the feed-forward part.
        context: The longest sequence that the file promises; training sees much shorter ones.
        rope_base: RoPE's frequency base.
        epsilon: RMSNorm's.
    """

    vocab: int
    width: int = 192
    layers: int = 6
    heads: int = 6
    kv_heads: int = 2
    hidden: int = 512
    context: int = 4096
    rope_base: float = 10000.0
    epsilon: float = 1e-5

    @property
    def head(self) -> int:
        """Length of one head."""
        return self.width // self.heads


def rotation(shape: Shape, length: int) -> Tensor:
    """Return the complex unit numbers by which RoPE turns each pair of a head, (length, head / 2)."""
    frequencies = shape.rope_base ** (-torch.arange(0, shape.head, 2, dtype=torch.float64) / shape.head)
    angles = torch.outer(torch.arange(length, dtype=torch.float64), frequencies)
    return torch.polar(torch.ones_like(angles), angles).to(torch.complex64)


def turn(x: Tensor, by: Tensor) -> Tensor:
    """Apply RoPE to (batch, heads, length, head).

    Arch `llama` pairs neighbours: (0, 1), (2, 3) and so on. Pairing the two halves would be another model.
    """
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * by[: x.shape[2]]).flatten(-2)


class Block(nn.Module):  # type: ignore[misc, unused-ignore]  # torch may be missing where types are checked
    """One transformer block: attention, then a gated feed-forward part, each behind an RMSNorm."""

    def __init__(self, shape: Shape) -> None:
        """Make the block's weights."""
        super().__init__()
        self.shape = shape
        self.attn_norm = nn.RMSNorm(shape.width, eps=shape.epsilon)
        self.attn_q = nn.Linear(shape.width, shape.width, bias=False)
        self.attn_k = nn.Linear(shape.width, shape.kv_heads * shape.head, bias=False)
        self.attn_v = nn.Linear(shape.width, shape.kv_heads * shape.head, bias=False)
        self.attn_output = nn.Linear(shape.width, shape.width, bias=False)
        self.ffn_norm = nn.RMSNorm(shape.width, eps=shape.epsilon)
        self.ffn_gate = nn.Linear(shape.width, shape.hidden, bias=False)
        self.ffn_up = nn.Linear(shape.width, shape.hidden, bias=False)
        self.ffn_down = nn.Linear(shape.hidden, shape.width, bias=False)

    def forward(self, x: Tensor, by: Tensor) -> Tensor:
        """Return the stream after this block."""
        batch, length, _ = x.shape
        normed = self.attn_norm(x)
        projections = (self.attn_q, self.attn_k, self.attn_v)
        query, key, value = (p(normed).view(batch, length, -1, self.shape.head).transpose(1, 2) for p in projections)
        query, key = turn(query, by), turn(key, by)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True)
        x = x + self.attn_output(mixed.transpose(1, 2).reshape(batch, length, -1))
        normed = self.ffn_norm(x)
        return x + self.ffn_down(functional.silu(self.ffn_gate(normed)) * self.ffn_up(normed))


class Net(nn.Module):  # type: ignore[misc, unused-ignore]
    """The language model. Input and output embedding are one matrix, which halves the file's largest part."""

    def __init__(self, shape: Shape) -> None:
        """Make the weights."""
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Embedding(shape.vocab, shape.width)
        self.blk = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.output_norm = nn.RMSNorm(shape.width, eps=shape.epsilon)
        self.register_buffer("by", rotation(shape, shape.context), persistent=False)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                # The two matrices that write to the stream start smaller, so that its size does not grow with depth.
                writes = name.endswith(("attn_output.weight", "ffn_down.weight"))
                nn.init.normal_(weight, std=0.04 / (2 * shape.layers) ** 0.5 if writes else 0.04)

    def hidden(self, tokens: Tensor) -> Tensor:
        """Return the normed stream (batch, length, width) after the last block."""
        x = self.token_embd(tokens)
        for block in self.blk:
            x = block(x, self.by)
        return self.output_norm(x)

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the scores of every token after each of these positions."""
        return hidden @ self.token_embd.weight.T
