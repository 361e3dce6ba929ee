"""Results that others published, and how a run compares with them.

A run is only held against results of the same model. Where it differs in anything else, that is said in words, and
where the two did not do the same work, no ratio is given.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sparktop.model.catalogue import CatalogueModel
from sparktop.model.document import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number as it was published.

    Attributes:
        value: The number.
        about: It was given as approximate ("~58").
    """

    value: float
    about: bool = False

    @property
    def text(self) -> str:
        """As it was published: "82.74", "~58"."""
        return ("~" if self.about else "") + f"{self.value:g}"


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
        batch: Streams decoded together.
        pp: Prompt tokens read per second; null if not published.
        tg: Tokens decoded per second, by all streams together; null if not published.
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
    batch: int = 1
    pp: Figure | None = None
    tg: Figure | None = None
    ceiling: Figure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedModel:
    """A model in an evaluation.

    Attributes:
        model: Key of the model in the catalogue.
        name: As the document names it ("Qwen2.5-72B-Instruct").
        label: In a few words ("72B base").
        size_gb: Size of its weights in GB.
        shards: Files that it comes in; null if not given.
        sparks: Machines that it ran on; null if not given.
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
        batches: The throughput table.
        remarks: What the document says of answers, by item and then by model name.
    """

    id: str
    title: str
    source: Source
    machines: str
    models: tuple[EvaluatedModel, ...]
    batches: tuple[EvaluatedBatch, ...] = ()
    remarks: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """All that is known of others' results.

    Attributes:
        models: The catalogue.
        speeds: Rows of speeds, in the order of their documents.
        evaluations: Evaluations on questions.
    """

    models: tuple[CatalogueModel, ...]
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
        pp_ratio: Run / published; None where one is missing or the shapes differ.
        tg_ratio: The same of tg.
        differences: What is not the same, one sentence part each ("engine: here vLLM, published llama.cpp").
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
        response_ratio: Mean response time, run / published; None where the run is of another scenario.
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
    """Returns what others measured with the models of a run, beside what it measured; nothing for toys."""
    raise NotImplementedError


def compare_evaluations(run: Snapshot, published: Published) -> tuple[EvaluationComparison, ...]:
    """Returns evaluations in which the models of a run of questions took part; nothing for toys."""
    raise NotImplementedError
