"""What holds a model back: the memory's bandwidth, or the processor's arithmetic.

Each judgement names its evidence. One that lacks a reading is not made: `reached` is None, which is
neither yes nor no.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sparktop.model.roofline import Roofline
from sparktop.model.verdicts import Code

BANDWIDTH_SHARE: Final = 0.60
"""From this share of the ceiling on, decoding waits for memory: healthy models on a GB10 reach 0.73 to 0.81."""

IDLE_SHARE: Final = 0.40
"""Below this share of the ceiling, memory is not what a prompt waits for. Prefill of the five models of
docs/roofline.md reads at 0.03 to 0.22."""

BUSY_PERCENT: Final = 90.0
"""A GPU that is busy so much of the time is not waiting for the program either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Whether one thing is the bottleneck.

    Attributes:
        code: What was judged.
        reached: Whether it is; None if that could not be judged.
        text: One sentence for people: the evidence, or what was lacking.
        evidence: The numbers that it rests on, by name: shares, bytes per second, percent.
    """

    code: Code
    reached: bool | None
    text: str
    evidence: dict[str, float]


def judge_decode(found: Roofline) -> Judgement:
    """Judges whether decoding is held back by memory bandwidth."""
    share, ceiling = found.share
    if found.achieved is None:
        return Judgement(code=Code.BANDWIDTH_BOUND, reached=None, text="no decode speed was measured", evidence={})
    if share is None:
        return Judgement(code=Code.BANDWIDTH_BOUND, reached=None, text=found.ceilings.source, evidence={})
    evidence = {"achieved": found.achieved, "ceiling": ceiling, "share": share}
    text = f"decoding reads {found.achieved / 1e9:.3g} GB/s, {share * 100:.0f} % of {ceiling / 1e9:.3g} GB/s"
    if share > 1:
        text += ": more than can be, so less is read than was estimated"
        return Judgement(code=Code.BANDWIDTH_BOUND, reached=None, text=text, evidence=evidence)
    return Judgement(code=Code.BANDWIDTH_BOUND, reached=share >= BANDWIDTH_SHARE, text=text, evidence=evidence)


def judge_prefill(read: float | None, ceiling: float | None, busy: float | None) -> Judgement:
    """Judges whether reading prompts is held back by arithmetic.

    Args:
        read: Bytes per second that the prompts' weights were read at (`prefill_bytes_per_token` x tokens per second).
        ceiling: Bytes per second that the memory can be read at.
        busy: Utilisation of the GPU while prompts were read, 0 to 100 percent.
    """
    lacking = [
        name
        for name, value in (("prefill speed", read), ("memory bandwidth", ceiling), ("GPU utilisation", busy))
        if value is None
    ]
    if read is None or ceiling is None or busy is None:
        return Judgement(code=Code.COMPUTE_BOUND, reached=None, text=f"not known: {', '.join(lacking)}", evidence={})
    share = read / ceiling
    return Judgement(
        code=Code.COMPUTE_BOUND,
        reached=share < IDLE_SHARE and busy >= BUSY_PERCENT,
        text=f"prefill reads {share * 100:.0f} % of {ceiling / 1e9:.3g} GB/s while the GPU is {busy:.0f} % busy",
        evidence={"achieved": read, "ceiling": ceiling, "share": share, "busy": busy},
    )
