"""What is asked: the records that a scenario file becomes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MAX_BATCH: Final = 256
"""Streams at once; llama.cpp holds no more sequences than that."""


class Kind(StrEnum):
    """What shape of work a scenario is."""

    QUESTIONS = "questions"
    """Each item is asked once, one request at a time; answers matter as much as speed."""
    BATCH = "batch"
    """The same prompt at several batch sizes: what does serving more streams at once buy?"""
    PREFILL_DECODE = "prefill-decode"
    """A random-token prompt of exactly ISL tokens, then exactly OSL decoded tokens."""


class Mode(StrEnum):
    """How the requests of one batch are issued."""

    CONCURRENT = "concurrent"
    """All at once: the engine decodes them together."""
    SEQUENTIAL = "sequential"
    """One after another, as a server without batching would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How the next token is chosen, and when to stop.

    Attributes:
        temperature: 0 is greedy (the default): the same prompt gives the same answer.
        top_k: Keep the k most likely tokens; 0 keeps all. Ignored when greedy.
        top_p: Keep the smallest set of tokens whose probability reaches p. Ignored when greedy.
        seed: Seed of the sampler; request `i` of a run uses `seed + i`.
        max_tokens: Most tokens to decode for one request.
        ignore_eos: Never end before max_tokens. For throughput only, never for questions.
        stop: The answer ends before the first of these strings.
    """

    temperature: float = 0.0
    top_k: int = 40
    top_p: float = 0.95
    seed: int = 0
    max_tokens: int = 512
    ignore_eos: bool = False
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture that a question is about; its bytes stay in its file.

    Attributes:
        name: As the scenario writes it: a path from its folder.
        path: The file.
        kind: Media type ("image/png").
        size: Bytes of the file.
        sha256: Of its bytes, in hexadecimal: another picture under the same name is another question.
    """

    name: str
    path: str
    kind: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question.

    Attributes:
        id: Short name, unique in the scenario ("Q1").
        prompt: The user's message.
        title: A few words for tables; the id where empty.
        category: Groups items in reports ("physics").
        points: What a good answer mentions. Each point is a row of spellings, any of which counts.
        ordered: The points are a chain: naming them in another order is an error of its own.
        source: The text that a good answer cites, without book-title marks; empty if none.
        source_names: Other names of that text, any of which counts.
        avoid: Known wrong attributions.
        image: The picture that goes with the prompt; null for none.
    """

    id: str
    prompt: str
    title: str = ""
    category: str = ""
    points: tuple[tuple[str, ...], ...] = ()
    ordered: bool = False
    source: str = ""
    source_names: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()
    image: Picture | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One thing that people rate an answer by.

    Attributes:
        id: Short name, unique in the scenario ("depth").
        en: What English screens and reports call it.
        zh: What Chinese ones call it.
    """

    id: str
    en: str
    zh: str


OVERALL: Final = Dimension(id="overall", en="overall", zh="总体")
"""What people rate where the scenario names no dimensions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """How people rate the answers.

    Attributes:
        dimensions: What they give stars for.
    """

    dimensions: tuple[Dimension, ...] = (OVERALL,)


RUBRIC: Final = (
    "Prefer the answer that is right and to the point, says where it has things from if the question asks for that, and"
    " is well written. Length alone is no merit."
)
"""What a model judges by where the scenario does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """How a model judges the answers.

    Attributes:
        rubric: What it is told to look for.
        max_tokens: Most tokens of one verdict, reasoning included.
    """

    rubric: str = RUBRIC
    max_tokens: int = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """Service level objectives: how long a user may have to wait. Null where there is none.

    Attributes:
        ttft_ms: Most milliseconds to the first token.
        tpot_ms: Most milliseconds per output token after the first chunk.
        response_ms: Most milliseconds to the last token.
    """

    ttft_ms: float | None = None
    tpot_ms: float | None = None
    response_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is asked of every contender.

    Attributes:
        name: As typed on the command line: lower case, digits and dashes.
        title: For people, a few words.
        description: For people, one or two sentences: what it does and what it tells.
        kind: The shape of the work.
        system: System message put before every prompt; empty for none.
        items: The questions (kinds `questions` and `batch`; a batch takes them in turn).
        sampling: How tokens are chosen and when to stop.
        batches: Batch sizes, in the order they run. `(1,)` for questions.
        mode: How the requests of a batch are issued.
        repetitions: How often every cell (item, or batch size) is measured.
        warmup: Requests of the cell's own shape that run first and are discarded.
        isl: Prompt length in tokens (kind `prefill-decode`), else 0.
        osl: Decoded tokens (kind `prefill-decode`), else 0.
        rating: How people rate the answers.
        judge: How a model judges them.
        slo: What a request has to meet to count for goodput.
    """

    name: str
    title: str
    description: str
    kind: Kind
    system: str = ""
    items: tuple[Item, ...] = ()
    sampling: Sampling = Sampling()
    batches: tuple[int, ...] = (1,)
    mode: Mode = Mode.CONCURRENT
    repetitions: int = 1
    warmup: int = 0
    isl: int = 0
    osl: int = 0
    rating: Rating = Rating()
    judge: Judge = Judge()
    slo: Slo = Slo()
