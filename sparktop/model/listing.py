"""The catalogue as a list: what each model needs, how fast it could be, and what was published of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sparktop.model.catalogue import (
    SPARK_MEMORY,
    CatalogueModel,
    Quantization,
    footprint_of,
    kv_bytes,
    machines_needed,
    weight_bytes,
)
from sparktop.model.pressure import FLOOR
from sparktop.model.published import EvaluatedModel, Evaluation, Figure, Published, PublishedSpeed, Source
from sparktop.model.roofline import Ceilings, Step, roofline, step_bytes
from sparktop.model.tiers import Tier, tier

CONTEXT: Final = 4096
"""Tokens of the one sequence that memory is counted for."""

QUESTIONS: Final = "questions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Memory that models are to fit into, in bytes.

    Attributes:
        free: What there is.
        reserve: What must stay free.
    """

    free: int
    reserve: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What follows from a model's shape and quantization; null where that is not known.

    Attributes:
        unknown: Why nothing could be counted; empty if it could.
        parameters: Weights.
        active_parameters: Weights that one token needs.
        size: Bytes of all weights.
        need: The same with keys and values of one sequence of `CONTEXT` tokens.
        bytes_per_token: Bytes that decoding a token reads, of one sequence with an empty context.
        ceiling_tok_s: Tokens per second if one machine's memory were read at its full bandwidth; null if that is not
            known. It is for one token a step: speculative decoding can pass it.
        sparks: DGX Sparks that hold it; null if two do not.
        fits: Whether it fits into the memory in hand; null if none was given.
        approximations: Why the figures are not exact, one reason each.
    """

    unknown: str = ""
    parameters: int | None = None
    active_parameters: int | None = None
    size: int | None = None
    need: int | None = None
    bytes_per_token: float | None = None
    ceiling_tok_s: float | None = None
    sparks: int | None = None
    fits: bool | None = None
    approximations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One row: a model as somebody ran it.

    Attributes:
        model: Key of the model.
        name: For people.
        quantization: Of its weights.
        counted: What that makes a machine read and hold.
        engine: What ran it, as published; empty if that was not said.
        how: What was special; empty if nothing.
        shape: Tokens in and out, "2048/128"; "?" where the row does not say; or "questions".
        pp: Prompt tokens per second, as published; null if not published.
        tg: Decoded tokens per second of one stream, as published; null if not published.
        tier: Tier of `tg`.
        published_on: DGX Sparks that it was measured on; null if not given.
        grade: Who measured; empty if that was not said.
        source: Where it is from.
        note: What its source says of it; empty if nothing.
    """

    model: str
    name: str
    quantization: str
    counted: Counted
    engine: str = ""
    how: str = ""
    shape: str
    pp: Figure | None = None
    tg: Figure | None = None
    tier: Tier | None = None
    published_on: int | None = None
    grade: str = ""
    source: Source
    note: str = ""


def list_models(published: Published, ceilings: Ceilings, memory: Memory | None = None) -> tuple[Listed, ...]:
    """Returns a row for each published speed of a single stream, and for each model of an evaluation.

    Args:
        published: All published results and the catalogue.
        ceilings: How fast one machine reads its memory.
        memory: What models are to fit into; None says for how many DGX Sparks alone.
    """
    return tuple(_rows(published, ceilings, memory))


def _rows(published: Published, ceilings: Ceilings, memory: Memory | None) -> Iterator[Listed]:
    models = {model.key: model for model in published.models}
    kinds = {kind.name: kind for kind in published.quantizations}
    read = {(row.model, row.quantization) for row in published.speeds if row.pp is not None}
    for row in published.speeds:
        # Of one stream of a batched bench another row of the same model, with a prompt speed, says more.
        if row.batch == 1 and (row.pp is not None or (row.model, row.quantization) not in read):
            yield _speed(row, _count(models[row.model], kinds[row.quantization], ceilings, memory))
    for evaluation in published.evaluations:
        for one in evaluation.models:
            yield _evaluated(evaluation, one, _count(models[one.model], kinds.get(one.quantization), ceilings, memory))


def _count(model: CatalogueModel, kind: Quantization | None, ceilings: Ceilings, memory: Memory | None) -> Counted:
    shape = model.architecture
    if shape is None or kind is None:
        return Counted(unknown=model.unknown if shape is None else "its quantization is not known")
    size = weight_bytes(shape, kind)
    need = size + kv_bytes(shape, CONTEXT)
    found = roofline(step_bytes(footprint_of(shape, kind), Step()), ceilings, None)
    return Counted(
        parameters=shape.parameters,
        active_parameters=shape.active_parameters,
        size=size,
        need=need,
        bytes_per_token=found.bytes_per_token,
        ceiling_tok_s=found.ceiling_tok_s,
        sparks=machines_needed(need, SPARK_MEMORY, FLOOR),
        fits=None if memory is None else need + memory.reserve <= memory.free,
        approximations=found.approximations,
    )


def _speed(row: PublishedSpeed, counted: Counted) -> Listed:
    return Listed(
        model=row.model,
        name=row.name,
        quantization=row.quantization,
        counted=counted,
        engine=row.engine,
        how=row.how,
        shape=f"{row.isl or '?'}/{row.osl or '?'}",
        pp=row.pp,
        tg=row.tg,
        tier=None if row.tg is None else tier(row.tg.value),
        published_on=row.sparks,
        grade=row.grade,
        source=row.source,
        note=row.note,
    )


def _evaluated(evaluation: Evaluation, one: EvaluatedModel, counted: Counted) -> Listed:
    return Listed(
        model=one.model,
        name=one.name,
        quantization=one.quantization,
        counted=counted,
        engine=one.engine,
        shape=QUESTIONS,
        tg=one.tok_s,
        tier=tier(one.tok_s.value),
        published_on=one.sparks,
        source=evaluation.source,
    )
