"""The snapshot as a document: every record of it, field for field as in its JSON.

Within a version of the format fields are only ever added, always with a default, so that this
program reads what an older one wrote.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from sparktop.model.events import Finish, Status, TokenSource
from sparktop.model.parts import LinkUse, SplitPart
from sparktop.model.phases import PhaseSpan
from sparktop.model.ratings import Ratings
from sparktop.model.records import Contender, ModelInfo, Node, Options
from sparktop.model.roofline import Ceilings
from sparktop.model.scenario import Scenario
from sparktop.model.scoring import Score
from sparktop.model.shape import Footprint
from sparktop.model.summary import Summary
from sparktop.model.validity import Validity

SCHEMA: Final = "sparktop.run/1"
"""Name and version of the document. Within a version fields are only ever added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContenderRecord:
    """A model that was measured.

    Attributes:
        contender: What was to run, and where.
        info: What the engine says of the loaded model; null if it was never loaded.
        load_s: Seconds from the order to load until ready; null if it was never loaded.
        error: Why it could not go on; null if it could.
        log: End of the engine's log where it failed, else empty.
        footprint: What its model reads for each token; null if that is not known.
        ceilings: How fast that can be read where it ran; null if that is not known.
        parts: What each machine holds of it, where it is split over several; the first runs llama.cpp.
        links: What went over the connection to each of the further ones.
    """

    contender: Contender
    info: ModelInfo | None
    load_s: float | None
    error: str | None
    log: str
    footprint: Footprint | None = None
    ceilings: Ceilings | None = None
    parts: tuple[SplitPart, ...] = ()
    links: tuple[LinkUse, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCounts:
    """Tokens of one request.

    Attributes:
        prompt: Tokens in the prompt, template included; null if unknown.
        cached: Tokens of the prompt that came from a prefix cache; null if unknown.
        output: Tokens decoded, reasoning included; the end-of-generation token is not counted.
        source: Where the counts come from; null if the request never ended.
    """

    prompt: int | None
    cached: int | None
    output: int
    source: TokenSource | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunks:
    """What arrived, in the order in which it arrived.

    Attributes:
        t_ms: When each chunk arrived, in milliseconds since the request was sent.
        n: Tokens in each chunk; as long as t_ms.
        reasoning: Runs of chunks that are reasoning, each as [first, one past the last].
    """

    t_ms: tuple[float, ...]
    n: tuple[int, ...]
    reasoning: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMetrics:
    """Figures of one request, computed from its chunks; null where not defined.

    Attributes:
        ttft_ms: Milliseconds from sent to the first token, reasoning included.
        ttfa_ms: Milliseconds from sent to the first token of the answer.
        e2e_ms: Milliseconds from sent to the last token.
        tpot_ms: Milliseconds per output token after the first chunk.
        decode_tok_s: Tokens per second after the first chunk.
        prefill_tok_s: Prompt tokens read per second.
        prefill_estimated: Whether prefill_tok_s was estimated from TTFT.
    """

    ttft_ms: float | None
    ttfa_ms: float | None
    e2e_ms: float | None
    tpot_ms: float | None
    decode_tok_s: float | None
    prefill_tok_s: float | None
    prefill_estimated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord:
    """One request; warm-up is not among them.

    Attributes:
        request: Number of the request, unique in the run.
        contender: Name of the contender that was asked.
        item: Id of the scenario's item; "random" for random-token prompts.
        repetition: Repetition that it belongs to, from 0.
        batch: Size of the batch that it belongs to.
        max_tokens: Most tokens that it was allowed to decode.
        prompt: The user's message as sent; empty for random-token prompts.
        answer: The answer, raw as the model made it.
        reasoning: The reasoning before the answer, raw; empty if there was none.
        sent_s: When it was sent, in seconds since the run began; null if it never was.
        ended_s: When it ended, in seconds since the run began; null if it never did.
        prefill_ms: The engine's own timing of the prompt in milliseconds; null if it gives none.
        decode_ms: The engine's own timing of what it decoded in milliseconds; null if it gives none.
        decode_tokens: Tokens that this time is for, as the engine counts them; null if it gives none.
        drafted_tokens: Tokens that were guessed ahead (speculative decoding); null if unknown.
        accepted_tokens: Those of them that the model confirmed; null if unknown.
        draft_steps: Steps of the model in which that was; null if unknown.
        drafts_of: Requests that these three are of: 1, or with this one all that ran beside it and ended before, where
            the server counts them together alone.
        unread_ms: The longest, in milliseconds, that something that had arrived over a network lay unread, or may
            have; null if that is not known.
        rtt_ms: Round trip to the server in milliseconds, of the network alone; null where it is not known or there is
            none.
        finish: Why it ended; null if it never did.
        error: What went wrong; null if nothing did.
        score: The answer held against its item; null where it did not come to its natural end, or the item asks for
            nothing that could be found by rule.
    """

    request: int
    contender: str
    item: str
    repetition: int
    batch: int
    max_tokens: int
    prompt: str
    answer: str
    reasoning: str
    sent_s: float | None
    ended_s: float | None
    tokens: TokenCounts
    chunks: Chunks
    prefill_ms: float | None
    metrics: RequestMetrics
    finish: Finish | None
    error: str | None
    score: Score | None = None
    decode_ms: float | None = None
    decode_tokens: int | None = None
    drafted_tokens: int | None = None
    accepted_tokens: int | None = None
    draft_steps: int | None = None
    drafts_of: int = 1
    unread_ms: float | None = None
    rtt_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Readings of one quantity of one machine.

    Attributes:
        node: Name of the machine.
        channel: Name of the quantity ("memory.used").
        unit: Its unit.
        t_s: When it was read, in seconds since the run began. In long runs older readings are
            thinned: of four neighbours the lowest and the highest stay.
        values: What was read; null marks a gap.
    """

    node: str
    channel: str
    unit: str
    t_s: tuple[float, ...]
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A quantity that could not be read when the run was last looked at.

    Attributes:
        node: Name of the machine.
        channel: Name of the quantity.
        reason: Why.
    """

    node: str
    channel: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRecord:
    """Something that the person was told during the run.

    Attributes:
        t_s: When, in seconds since the run began.
        text: What.
    """

    t_s: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockRecord:
    """How sure the times of another machine are, of which the clock was held against the run's all the time.

    Attributes:
        node: Name of the machine.
        offset_s: What was added to its own time last to get seconds since the run began.
        uncertainty_s: Most seconds by which times of it can be wrong, at the worst moment of the run.
        rtt_s: Round trip of the exchange on which the last offset rests.
    """

    node: str
    offset_s: float
    uncertainty_s: float
    rtt_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A run of sparktop.

    Attributes:
        schema: Name and version of this format.
        id: Unique name of the run.
        created: Wall-clock time at which the run began, ISO 8601 with offset.
        status: How the run stood when this was written.
        sparktop: Version of the program that made the run.
        duration_s: Seconds from the run's beginning to its last event.
        planned: Requests that the run was to make, warm-up included.
        scenario: What was asked.
        options: What the person chose beside the scenario.
        nodes: The machines.
        contenders: The models, in the order in which they ran.
        validity: What speaks against the figures.
        summary: The figures, for each contender and batch size.
        requests: Every request, in the order in which they were queued.
        telemetry: What was read of the machines.
        missing: What could not be read, and why.
        notices: What the person was told during the run.
        definitions: What each figure means.
        phases: What went on when, so that what was read can be told apart; in the order in which they began. Those of
            contenders that ran at once overlap.
        ratings: What people and models think of the answers; null if nobody has said anything.
        clocks: How sure the times of the other machines are.
    """

    schema: Literal["sparktop.run/1"]
    id: str
    created: str
    status: Status
    sparktop: str
    duration_s: float
    planned: int
    scenario: Scenario
    options: Options
    nodes: tuple[Node, ...]
    contenders: tuple[ContenderRecord, ...]
    validity: Validity
    summary: tuple[Summary, ...]
    requests: tuple[RequestRecord, ...]
    telemetry: tuple[Series, ...]
    missing: tuple[Missing, ...]
    notices: tuple[NoticeRecord, ...]
    definitions: dict[str, str]
    phases: tuple[PhaseSpan, ...] = ()
    ratings: Ratings | None = None
    clocks: tuple[ClockRecord, ...] = ()
