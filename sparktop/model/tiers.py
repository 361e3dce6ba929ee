"""How usable a decode speed is, in the three tiers of the published table of one DGX Spark.

"DGX Spark (GB10) local model throughput, 13 models", 2026-05-24: win from 30 tokens per second of one stream on
(flows), tie from 10 (usable), loss below (impractical); and the time that 128 tokens take at that speed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

WIN_TOK_S: Final = 30.0
TIE_TOK_S: Final = 10.0

LATENCY_TOKENS: Final = 128
"""Tokens whose time the table models."""


class Tier(StrEnum):
    """How usable a decode speed is."""

    WIN = "win"
    TIE = "tie"
    LOSS = "loss"


def tier(tok_s: float) -> Tier:
    """Returns the tier of a decode speed of one stream, in tokens per second."""
    if tok_s >= WIN_TOK_S:
        return Tier.WIN
    return Tier.TIE if tok_s >= TIE_TOK_S else Tier.LOSS


def modelled_latency_ms(tok_s: float, tokens: int = LATENCY_TOKENS) -> float:
    """Returns the milliseconds that so many tokens take at a decode speed: tokens / speed x 1000.

    Args:
        tok_s: Decoded tokens per second; above 0.
        tokens: How many.
    """
    return tokens / tok_s * 1e3
