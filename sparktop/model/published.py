"""Results that others published, and how a run compares with them.

A run is only held against results of the same model. Where it differs in anything else, that is said in words, and
where the two did not do the same work, no ratio is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from sparktop.model.catalogue import CatalogueModel, Quantization
from sparktop.model.document import Snapshot
from sparktop.model.scenario import Kind
from sparktop.model.subject import Subject, Work, difference, setting_differences, subject_of, work_of
from sparktop.model.summary import Summary

DOCUMENT_ISL: Final = 2048
"""Tokens of the prompts by the heading of the 13-row table, of which some rows do not say it themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number as it was published.

    Attributes:
        value: The number.
        about: It was given as approximate ("~58").
        decimals: Digits after the point that it was given with.
    """

    value: float
    about: bool = False
    decimals: int = 0

    @property
    def text(self) -> str:
        """As it was published: "82.74", "58.10", "~58"."""
        return ("~" if self.about else "") + f"{self.value:.{self.decimals}f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where figures are from.

    Attributes:
        id: Short name, as rows refer to it.
        name: Title of the document.
        url: Its address; empty if it has none.
        date: When it was published or taken, ISO 8601; empty if unknown.
    """

    id: str
    name: str
    url: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedSpeed:
    """One row: a model, a quantization, an engine, a shape of work, and how fast that was.

    Attributes:
        id: Short name, unique.
        model: Key of the model in the catalogue ("gpt-oss-20b").
        name: The model as the row names it ("GPT-OSS-20B").
        quantization: As the row names it ("MXFP4").
        engine: As the row names it ("llama.cpp").
        source: Where it is from.
        grade: Who measured: "NVIDIA", "llama.cpp", "community".
        how: What was special ("MTP, 5 drafted"); empty if nothing.
        note: What its source says of it; empty if nothing.
        sparks: Machines that it ran on.
        isl: Tokens of the prompt; null where the row does not say.
        osl: Tokens decoded; null where the row does not say.
        apart: Reading and decoding were measured apart: tg is from an empty context.
        batch: Streams decoded together.
        pp: Prompt tokens read per second; null if not published.
        tg: Tokens decoded per second, by all streams together; null if not published.
        latency_ms: Modelled milliseconds of 128 tokens, as published; null if not published.
        ceiling: Ceiling of tg that its source names; null if it names none.
    """

    id: str
    model: str
    name: str
    quantization: str
    engine: str
    source: Source
    grade: str
    how: str = ""
    note: str = ""
    sparks: int = 1
    isl: int | None = None
    osl: int | None = None
    apart: bool = False
    batch: int = 1
    pp: Figure | None = None
    tg: Figure | None = None
    latency_ms: int | None = None
    ceiling: Figure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedModel:
    """A model in an evaluation.

    Attributes:
        model: Key of the model in the catalogue.
        name: As the document names it ("Qwen2.5-72B-Instruct").
        label: In a few words ("72B 基座").
        size_gb: Size of its weights in GB.
        shards: Files that it comes in; null if not given.
        sparks: Machines that it ran on; null if not given.
        quantization: Of its weights; empty if not given.
        engine: What ran it; empty if not given.
        tok_s: Decoded tokens per second of one stream.
        tpot_ms: Milliseconds per output token.
        mean_response_s: Mean response time in seconds by scenario ("sutra-qa", "general").
        response_s: Response time in seconds by the id of the scenario's item ("G1").
        stars: 1 to 5 by dimension.
    """

    model: str
    name: str
    label: str
    size_gb: float
    shards: int | None = None
    sparks: int | None = None
    quantization: str = ""
    engine: str = ""
    tok_s: Figure
    tpot_ms: Figure
    mean_response_s: dict[str, Figure] = field(default_factory=dict)
    response_s: dict[str, Figure] = field(default_factory=dict)
    stars: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedBatch:
    """One row of an evaluation's throughput table.

    Attributes:
        name: The model, as in `EvaluatedModel.name`.
        batch: Requests issued together.
        total_s: Seconds until all were answered.
        qps: Requests per second.
    """

    name: str
    batch: int
    total_s: float
    qps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A published evaluation of several models on questions.

    Attributes:
        id: Short name.
        title: Its title.
        source: Where it is from.
        machines: What it ran on, in words.
        models: The models.
        dimensions: What stars were given for, as the document calls it, by the key of `EvaluatedModel.stars`.
        batches: The throughput table.
        remarks: What the document says of answers, by item and then by model name.
    """

    id: str
    title: str
    source: Source
    machines: str
    models: tuple[EvaluatedModel, ...]
    dimensions: dict[str, str] = field(default_factory=dict)
    batches: tuple[EvaluatedBatch, ...] = ()
    remarks: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """All that is known of others' results.

    Attributes:
        models: The catalogue.
        quantizations: What quantization makes of a weight.
        speeds: Rows of speeds, in the order of their documents.
        evaluations: Evaluations on questions.
    """

    models: tuple[CatalogueModel, ...]
    quantizations: tuple[Quantization, ...]
    speeds: tuple[PublishedSpeed, ...]
    evaluations: tuple[Evaluation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedComparison:
    """A row of a run beside a published row of the same model.

    Attributes:
        contender: Name of the contender.
        batch: Its batch size.
        published: The row.
        pp: Prompt tokens per second that the run measured; None if it did not.
        tg: Tokens decoded per second, by all streams together; None if it was not measured.
        pp_ratio: Run / published; None where one is missing or the prompts are not equally long.
        tg_ratio: The same of tg; None where prompt or answer are not equally long.
        differences: What is not the same, each as "engine: here vLLM, published llama.cpp".
    """

    contender: str
    batch: int
    published: PublishedSpeed
    pp: float | None
    tg: float | None
    pp_ratio: float | None
    tg_ratio: float | None
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationComparison:
    """A contender of a run of questions beside the same model in a published evaluation.

    Attributes:
        contender: Name of the contender.
        evaluation: The evaluation.
        published: The model in it.
        tok_s_ratio: Decode speed, run / published; None where it was not measured.
        tpot_ratio: TPOT, run / published.
        response_ratio: Mean response time, run / published; None where the run is of another scenario, or asked only
            some of its questions.
        differences: What is not the same.
    """

    contender: str
    evaluation: Evaluation
    published: EvaluatedModel
    tok_s_ratio: float | None
    tpot_ratio: float | None
    response_ratio: float | None
    differences: tuple[str, ...]


def compare_speeds(run: Snapshot, published: Published) -> tuple[SpeedComparison, ...]:
    """Returns what others measured with the models of a run at the same batch size, beside what it measured.

    Nothing for toys, and nothing for models that nobody published.
    """
    records = {record.contender.name: record for record in run.contenders}
    found = []
    for row in run.summary:
        record = records.get(row.contender)
        subject = subject_of(record, run, published.models) if record is not None else None
        if subject is None:
            continue
        requests = [one for one in run.requests if one.contender == row.contender and one.batch == row.batch]
        work = work_of(run, requests)
        keys = {subject.model.key, subject.model.base} - {""}
        found += [
            _beside(row, subject, work, other)
            for other in published.speeds
            if other.model in keys and other.batch == row.batch
        ]
    return tuple(found)


def _beside(row: Summary, subject: Subject, work: Work, other: PublishedSpeed) -> SpeedComparison:
    pp = row.prefill_tok_s.median
    tg = row.decode_tok_s.median if row.batch == 1 else row.aggregate_tok_s
    # Where the row itself does not say how long its prompts were, its document does for all of them.
    prompts = work.isl is not None and work.isl == (other.isl or DOCUMENT_ISL)
    both = prompts and work.osl == other.osl
    return SpeedComparison(
        contender=row.contender,
        batch=row.batch,
        published=other,
        pp=pp,
        tg=tg,
        pp_ratio=_ratio(pp, other.pp) if prompts else None,
        tg_ratio=_ratio(tg, other.tg) if both else None,
        differences=tuple(_differences(subject, work, other)),
    )


def _differences(subject: Subject, work: Work, other: PublishedSpeed) -> Iterator[str]:
    shape = f"{other.isl or DOCUMENT_ISL} tokens in, {other.osl or 'n/a'} out"
    if (work.isl, work.osl) != (other.isl or DOCUMENT_ISL, other.osl):
        yield difference("shape", work.text, shape)
    if other.isl is None:
        yield f"prompt: the published row does not say how long it was; {DOCUMENT_ISL} tokens by its document's heading"
    if other.apart:
        yield "decoding: published from an empty context, reading and decoding measured apart"
    yield from setting_differences(subject, other.model, other.quantization, other.engine, other.sparks)
    if other.how:
        yield difference("how", "plain", other.how)


def _ratio(own: float | None, other: Figure | None) -> float | None:
    return own / other.value if own is not None and other is not None and other.value else None


def compare_evaluations(run: Snapshot, published: Published) -> tuple[EvaluationComparison, ...]:
    """Returns evaluations in which the models of a run of questions took part; nothing for toys."""
    if run.scenario.kind is not Kind.QUESTIONS:
        return ()
    rows = {row.contender: row for row in run.summary if row.batch == 1}
    found = []
    for record in run.contenders:
        subject = subject_of(record, run, published.models)
        row = rows.get(record.contender.name)
        if subject is None or row is None:
            continue
        for evaluation in published.evaluations:
            for other in evaluation.models:
                if other.model == subject.model.key:
                    found.append(_evaluated(run, row, subject, evaluation, other))
    return tuple(found)


def _evaluated(
    run: Snapshot, row: Summary, subject: Subject, evaluation: Evaluation, other: EvaluatedModel
) -> EvaluationComparison:
    response = other.mean_response_s.get(run.scenario.name)
    asked = {request.item for request in run.requests if request.contender == row.contender}
    whole = asked == {item.id for item in run.scenario.items}
    own = row.mean_response_ms / 1e3 if row.mean_response_ms is not None else None
    differences = list(setting_differences(subject, other.model, other.quantization, other.engine, other.sparks))
    if response is None:
        differences.append(difference("scenario", run.scenario.name, " and ".join(other.mean_response_s)))
    else:
        if not whole:
            differences.append(difference("questions", f"{len(asked)}", f"all {len(run.scenario.items)}"))
        differences.append("answers: the published ones were as long as that model and its limit made them")
    return EvaluationComparison(
        contender=row.contender,
        evaluation=evaluation,
        published=other,
        tok_s_ratio=_ratio(row.decode_tok_s.median, other.tok_s),
        tpot_ratio=_ratio(row.tpot_ms.median, other.tpot_ms),
        response_ratio=_ratio(own, response) if whole else None,
        differences=tuple(differences),
    )
