"""How many tokens of a prompt llama.cpp reads together (n_ubatch)."""

from __future__ import annotations

from typing import Final

GPU_UBATCH: Final = 2048
SPLIT_UBATCH: Final = 512
CPU_UBATCH: Final = 512
"""Prompt tokens per decode call. A call can't be interrupted, so a slow processor gets less. So does a model that is
split over machines: while one computes the next part of a prompt, another one still has the part before."""
