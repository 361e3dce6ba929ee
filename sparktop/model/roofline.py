"""How fast a model can decode on a machine: bytes that a step reads against bytes a second.

While a model decodes, every step reads the weights it needs and the keys and values of every
sequence from memory once; nothing else takes as long, so bandwidth sets the ceiling. Shares are of
a ceiling that is named: the memory's own, or one measured by reading.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sparktop.model.shape import Footprint

HALF: Final = 2.0
"""Bytes of a number in llama.cpp's default KV cache (F16)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How one decode step is run.

    Attributes:
        batch: Sequences decoded together.
        context: Positions that each of them holds, on average.
        drafted: Tokens drafted for each sequence, that the step checks as well.
        accepted_length: Tokens that a step brings each sequence: 1, and what was accepted of the draft.
        key_bytes: Bytes of a number in the cache of keys.
        value_bytes: Bytes of a number in the cache of values.
    """

    batch: int = 1
    context: float = 0.0
    drafted: float = 0.0
    accepted_length: float = 1.0
    key_bytes: float = HALF
    value_bytes: float = HALF


@dataclass(frozen=True, slots=True, kw_only=True)
class StepBytes:
    """What a decode step reads, in bytes; all sequences together.

    Attributes:
        weights: Weights, of experts those that are expected to be needed.
        kv: Keys and values.
        state: Recurrent state.
        tokens: Tokens that the step brings, over all sequences.
        approximations: Why this is not exact, one reason each.
    """

    weights: float
    kv: float
    state: float
    tokens: float
    approximations: tuple[str, ...] = ()

    @property
    def total(self) -> float:
        """Bytes of the whole step."""
        return self.weights + self.kv + self.state

    @property
    def per_token(self) -> float:
        """Bytes for each token that comes of it."""
        return self.total / self.tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """How fast a machine's memory can be read, in bytes per second.

    Attributes:
        theoretical: What its memory moves by specification; null if unknown.
        measured: What reading was seen to reach; null if nobody measured.
        source: Where these come from, or why they are unknown.
        low: Least share of `theoretical` that decoding usually reaches; null if unknown.
        high: Most of it.
    """

    theoretical: float | None
    measured: float | None
    source: str
    low: float | None = None
    high: float | None = None


GB10: Final = Ceilings(
    theoretical=273e9,
    measured=232e9,
    source="GB10: 256-bit LPDDR5X-8533 by specification; 231-234 GB/s measured by read kernels on the GPU",
    low=0.73,
    high=0.81,
)
"""A DGX Spark's GPU.

Specification: NVIDIA DGX Spark datasheet, 256 bit x 8533 MT/s / 8 = 273 GB/s. Measured: antirez/ds4, issue 773. The
band: five models of llama.cpp's benches/dgx-spark.md, decoding at batch 1 with an empty context (docs/roofline.md).
"""

_GB10_PROCESSOR: Final = "256-bit LPDDR5X-8533 by specification"


@dataclass(frozen=True, slots=True, kw_only=True)
class Roofline:
    """A decode speed held against its ceiling.

    Attributes:
        bytes_per_token: Bytes read for each token: (weights + KV + state) of a step / its tokens.
        weight_bytes_per_token: Of these, weights.
        kv_bytes_per_token: Of these, keys and values.
        achieved: Bytes read per second: bytes_per_token x tok_s; null without a speed.
        share_theoretical: achieved / the memory's bandwidth by specification.
        share_measured: achieved / the bandwidth that reading was seen to reach.
        ceiling_tok_s: Tokens per second of all sequences if the higher of the known ceilings were reached.
        ceilings: The ceilings.
        approximations: Why this is not exact, one reason each; empty if it is.
    """

    bytes_per_token: float
    weight_bytes_per_token: float
    kv_bytes_per_token: float
    achieved: float | None
    share_theoretical: float | None
    share_measured: float | None
    ceiling_tok_s: float | None
    ceilings: Ceilings
    approximations: tuple[str, ...]

    @property
    def share(self) -> tuple[float | None, float]:
        """Share of the ceiling that counts, and that ceiling: by specification, else measured; None if unknown."""
        if self.share_theoretical is not None and self.ceilings.theoretical is not None:
            return self.share_theoretical, self.ceilings.theoretical
        if self.share_measured is not None and self.ceilings.measured is not None:
            return self.share_measured, self.ceilings.measured
        return None, 0.0


def distinct_experts(count: int, used: int, tokens: float) -> float:
    """Returns how many experts of a block several tokens are expected to need together.

    E(1 - (1 - k/E)^n) for n tokens that each choose k of E, as if every choice were equally likely: exact for one
    token. Real routers prefer some experts, so several tokens need fewer than this (docs/roofline.md).
    """
    return count * (1 - math.pow(1 - used / count, tokens))


def step_bytes(model: Footprint, step: Step) -> StepBytes:
    """Returns what one decode step reads.

    Keys and values: over all blocks, heads x (key length x bytes + value length x bytes) x min(context, window), for
    every sequence. What is written (one position) and the activations are left out: they are thousands of times less.
    """
    rows = step.batch * (1 + step.drafted)
    weights = model.dense + sum(
        experts.size * distinct_experts(experts.count, experts.used, rows) / experts.count for experts in model.experts
    )
    kv = sum(
        (cache.keys * step.key_bytes + cache.values * step.value_bytes)
        * (min(step.context, cache.window) if cache.window else step.context)
        for cache in model.caches
    )
    reasons = list(model.approximations)
    if model.experts and rows > 1:
        reasons.append("the experts that a batch needs are estimated, as if every choice were equally likely")
    if step.accepted_length != 1 or step.drafted:
        reasons.append("what drafting reads is not counted")
    return StepBytes(
        weights=weights,
        kv=step.batch * kv,
        state=float(step.batch * model.state),
        tokens=step.batch * step.accepted_length,
        approximations=tuple(reasons),
    )


def prefill_bytes_per_token(model: Footprint, chunk: int) -> float:
    """Returns what reading a prompt in chunks reads of the weights, in bytes for each of its tokens.

    Args:
        model: The model.
        chunk: Tokens that are read together (llama.cpp's ubatch), or the prompt's length if that is less.
    """
    return step_bytes(model, Step(batch=chunk)).weights / chunk


def ceilings_of(gpus: Sequence[str], devices: Sequence[str], measured: float | None, how: str) -> Ceilings:
    """Returns the ceilings for a model on a machine.

    Args:
        gpus: Names of the machine's GPUs.
        devices: Where the model's weights lie, as the engine names it ("CUDA0 (NVIDIA GB10)", "CPU").
        measured: Bytes per second that the processor was seen to read; None if that was not measured.
        how: How it was measured, or why it was not.
    """
    spark = any("GB10" in name for name in gpus)
    if set(devices) == {"CPU"}:
        source = f"{_GB10_PROCESSOR}; {how}" if spark else how
        return Ceilings(theoretical=GB10.theoretical if spark else None, measured=measured, source=source)
    if devices and all("GB10" in device for device in devices):
        return GB10
    where = ", ".join(devices) or "where the model runs"
    return Ceilings(theoretical=None, measured=None, source=f"the memory bandwidth of {where} is not known")


def layer_split(parts: Sequence[tuple[str, float, Ceilings]]) -> Ceilings:
    """Returns the ceilings of a model whose layers lie on several machines, which read one after another.

    A token takes sum(bytes_i / B_i) for the bytes that machine i holds and its bandwidth B_i, so together they read
    sum(bytes_i) / sum(bytes_i / B_i) bytes per second: the harmonic mean, weighted by what each holds. What goes over
    the links takes its time too, so this is a ceiling and no more.

    Args:
        parts: Name, bytes and ceilings of each machine.
    """
    ceilings = [own for _, _, own in parts]
    if all(own == ceilings[0] for own in ceilings):
        return ceilings[0]
    theoretical = _harmonic([(held, own.theoretical) for _, held, own in parts])
    measured = _harmonic([(held, own.measured) for _, held, own in parts])
    told = parts
    if theoretical is None and measured is None:
        told = [part for part in parts if part[2].theoretical is None and part[2].measured is None] or parts
    return Ceilings(
        theoretical=theoretical,
        measured=measured,
        source="; ".join(f"{name}: {own.source}" for name, _, own in told),
    )


def _harmonic(parts: Sequence[tuple[float, float | None]]) -> float | None:
    if not all(speed and speed > 0 for _, speed in parts):
        return None
    takes = sum(held / speed for held, speed in parts if speed)
    return sum(held for held, _ in parts) / takes if takes > 0 else None


def roofline(step: StepBytes, ceilings: Ceilings, tok_s: float | None) -> Roofline:
    """Holds a decode speed against its ceiling.

    Args:
        step: What a step reads.
        ceilings: What the machine can read.
        tok_s: Tokens per second of all sequences together, while all decode; None if not measured.
    """
    achieved = None if tok_s is None else step.per_token * tok_s
    highest = max(filter(None, (ceilings.theoretical, ceilings.measured)), default=None)
    return Roofline(
        bytes_per_token=step.per_token,
        weight_bytes_per_token=step.weights / step.tokens,
        kv_bytes_per_token=step.kv / step.tokens,
        achieved=achieved,
        share_theoretical=_share(achieved, ceilings.theoretical),
        share_measured=_share(achieved, ceilings.measured),
        ceiling_tok_s=None if highest is None else highest / step.per_token if step.total else None,
        ceilings=ceilings,
        approximations=step.approximations,
    )


def _share(achieved: float | None, ceiling: float | None) -> float | None:
    return achieved / ceiling if achieved is not None and ceiling else None


def sentence(found: Roofline) -> str:
    """Returns what is to be said of a speed: "198 GB/s, 73 % of 273 GB/s: usual (73-81 %)"."""
    if found.achieved is None:
        return f"{found.bytes_per_token / 1e9:.2f} GB a token; no speed was measured"
    text = f"{'about ' if found.approximations else ''}{found.achieved / 1e9:.3g} GB/s"
    share, of = found.share
    if share is None:
        return f"{text}; {found.ceilings.source}"
    text += f", {share * 100:.0f} % of {of / 1e9:.3g} GB/s"
    if share > 1:
        return f"{text}: more than can be, so less is read than was estimated"
    low, high = found.ceilings.low, found.ceilings.high
    if found.share_theoretical is None or low is None or high is None:
        return text
    shown = round(share, 2)
    place = "below what is usual" if shown < low else "above what is usual" if shown > high else "usual"
    return f"{text}: {place} ({low * 100:.0f}-{high * 100:.0f} %)"
