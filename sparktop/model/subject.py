"""What a contender of a run was, in the terms of published results: model, quantization, engine, machines, work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sparktop.model.catalogue import CatalogueModel
from sparktop.model.document import ContenderRecord, RequestRecord, Snapshot
from sparktop.model.naming import engine_of, find_model, quantization_of
from sparktop.model.scenario import Kind
from sparktop.model.text import one_line

_PARAMETERS_OFF: Final = 0.12
"""Share by which a model's weights may differ from the published number: vision parts and rounding, no more."""

_SPARK_GPU: Final = "GB10"
_COUNTS: Final = {1: "one DGX Spark", 2: "two DGX Sparks"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one row of a run did.

    Attributes:
        isl: Tokens of every prompt; None if they were not all alike, or are not known.
        osl: Tokens decoded for every prompt; None if that was not fixed.
        text: The same in words.
    """

    isl: int | None
    osl: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A contender.

    Attributes:
        model: What it is in the catalogue.
        quantization: As its names say; empty if they do not.
        engine: As it is usually written; empty if unknown.
        sparks: DGX Sparks that it ran on; 0 if it was another machine, None if that is not known.
        machines: What it ran on, in words.
    """

    model: CatalogueModel
    quantization: str
    engine: str
    sparks: int | None
    machines: str


def subject_of(record: ContenderRecord, run: Snapshot, models: Iterable[CatalogueModel]) -> Subject | None:
    """Returns what a contender was; None for toys and for models that the catalogue does not have."""
    contender, info = record.contender, record.info
    if contender.toy:
        return None
    description = info.description if info is not None else ""
    model = find_model(models, contender.model, contender.name, description)
    if model is None:
        return None
    if info is not None and info.parameters is not None:
        published = model.parameters * 1e9
        if abs(info.parameters - published) > published * _PARAMETERS_OFF:
            return None
    sparks, machines = _machines(record, run)
    return Subject(
        model=model,
        quantization=quantization_of(contender.model, contender.name, description),
        engine=engine_of(description, contender.engine) if contender.url else engine_of(contender.engine),
        sparks=sparks,
        machines=machines,
    )


def machine_count(sparks: int) -> str:
    """Returns "one DGX Spark", "two DGX Sparks"."""
    return _COUNTS.get(sparks, f"{sparks} DGX Sparks")


def work_of(run: Snapshot, requests: Sequence[RequestRecord]) -> Work:
    """Returns what requests of one contender and batch size did."""
    scenario = run.scenario
    if scenario.kind is Kind.PREFILL_DECODE:
        # What was decoded, not what was asked for: --max-tokens shortens it.
        return _shape(scenario.isl, _only(request.max_tokens for request in requests))
    prompts = sorted({request.tokens.prompt for request in requests if request.tokens.prompt is not None})
    if scenario.kind is Kind.BATCH and scenario.sampling.ignore_eos:
        isl = prompts[0] if len(prompts) == 1 else None
        osl = _only(request.max_tokens for request in requests)
        return _shape(isl, osl, f"{prompts[0]} to {prompts[-1]}" if prompts else "n/a")
    return Work(isl=None, osl=None, text="questions, answered as long as the model wants")


def setting_differences(
    subject: Subject, model: str, quantization: str, engine: str, sparks: int | None
) -> Iterator[str]:
    """Yields what is not as it was published; what was not published is left out.

    Args:
        subject: The contender.
        model: Key of the published model.
        quantization: As published; empty if it was not.
        engine: As published; empty if it was not.
        sparks: DGX Sparks, as published; None if it was not.
    """
    if subject.model.key != model:
        yield difference("model", subject.model.name, "the model that it was made of")
    if quantization and subject.quantization != quantization.upper():
        yield difference("quantization", subject.quantization or "not known", quantization)
    if engine and subject.engine != engine:
        yield difference("engine", subject.engine or "not known", engine)
    if sparks is not None and subject.sparks != sparks:
        yield difference("machines", subject.machines, machine_count(sparks))


def difference(what: str, here: str, there: str) -> str:
    """Returns a difference in words: "engine: here vLLM, published llama.cpp"."""
    return f"{what}: here {here}, published {there}"


def _shape(isl: int | None, osl: int | None, prompts: str = "") -> Work:
    return Work(isl=isl, osl=osl, text=f"{prompts if isl is None else isl} tokens in, {osl or 'n/a'} out")


def _only(values: Iterable[int]) -> int | None:
    different = set(values)
    return different.pop() if len(different) == 1 else None


def _machines(record: ContenderRecord, run: Snapshot) -> tuple[int | None, str]:
    """How many DGX Sparks a contender ran on, and what it ran on in words."""
    if record.contender.url and all(node.name != record.contender.node for node in run.nodes):
        return None, f"the server {one_line(record.contender.node)}"
    names = record.contender.node.split("+")
    nodes = [node for node in run.nodes if node.name in names]
    if not nodes:
        return None, "an unknown machine"
    if all(any(_SPARK_GPU in gpu for gpu in node.gpus) for node in nodes):
        return len(nodes), machine_count(len(nodes))
    what = [one_line(node.gpus[0] if node.gpus else node.cpu or node.machine) or "an unknown machine" for node in nodes]
    return 0, " and ".join(dict.fromkeys(what))
