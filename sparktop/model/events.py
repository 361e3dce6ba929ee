"""Everything that happens in a run, as small frozen records.

The journal is these records, one JSON object a line; the screens, the snapshot and the report
are folds over them. Times are seconds since the run began, on the monotonic clock of the machine
that started it; whoever makes an event converts to that clock before the event leaves its room.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from sparktop.model.open_names import OpenNames
from sparktop.model.records import Contender, ModelInfo, Node, Options
from sparktop.model.roofline import Ceilings
from sparktop.model.scenario import Scenario
from sparktop.model.shape import Footprint


class TokenKind(StrEnum):
    """What a token belongs to."""

    REASONING = "reasoning"
    ANSWER = "answer"


class Finish(StrEnum):
    """Why a request ended."""

    STOP = "stop"
    """The model ended its answer, or a stop string was met."""
    LENGTH = "length"
    """The token limit was reached."""
    CANCELLED = "cancelled"
    ERROR = "error"


class TokenSource(OpenNames):
    """Where the token counts come from, most trusted first; later versions may know others."""

    TOKEN_IDS = "token ids"
    """Every token was seen by its id."""
    USAGE = "continuous usage"
    TIMINGS = "per-token timings"
    FINAL_USAGE = "final usage spread over the chunks"
    TOKENIZER = "tokenizer"
    CHUNKS = "chunks"
    """One token a chunk was assumed: shown with a "~"."""


class Status(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    COMPLETED = "completed"
    """Every request ended, though some may have failed."""
    CANCELLED = "cancelled"
    """A person stopped it."""
    FAILED = "failed"
    """No request of any contender succeeded."""
    INTERRUPTED = "interrupted"
    """sparktop went away in mid-run; completed from the journal afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened.

    Attributes:
        t: Seconds since the run began.
    """

    t: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """Always the first event of a run.

    Attributes:
        id: Unique name of the run, also its file name.
        created: Wall-clock time of t = 0, ISO 8601 with offset.
        sparktop: Version of the program.
        planned: Number of requests that the run will make, warm-up included.
    """

    id: str
    created: str
    sparktop: str
    scenario: Scenario
    options: Options
    nodes: tuple[Node, ...]
    contenders: tuple[Contender, ...]
    planned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSeen(Event):
    """A machine is being read: the first event about it where there is no run that names it."""

    node: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLoading(Event):
    """A contender's model is being loaded; `fraction` runs from 0 to 1."""

    contender: str
    fraction: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReady(Event):
    """A contender's model is loaded and takes requests.

    Attributes:
        load_s: Seconds from the order to load until ready.
    """

    contender: str
    model: ModelInfo
    load_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FootprintKnown(Event):
    """What a contender's loaded model reads for each token, and how fast that can be read where it runs."""

    contender: str
    footprint: Footprint
    ceilings: Ceilings


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineFound(Event):
    """How fast the same was in earlier runs on the same machine.

    Attributes:
        batch: Size of the batch.
        runs: Ids of the runs, oldest first.
        decode_tok_s: Decode speed of each of them, tokens per second of all streams together while all decode.
    """

    contender: str
    batch: int
    runs: tuple[str, ...]
    decode_tok_s: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUnloaded(Event):
    """A contender's model is gone from memory.

    Attributes:
        exit: How its process ended, in words; empty when it ended as asked.
    """

    contender: str
    exit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContenderFailed(Event):
    """A contender can't go on; its unfinished requests fail with it.

    Attributes:
        error: One sentence: what failed, and what to do.
        log: The end of the engine's log; may be empty.
        unreachable: Nothing answers where its engine should be.
    """

    contender: str
    error: str
    log: str = ""
    unreachable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestQueued(Event):
    """A request was made up and waits for its turn.

    Attributes:
        request: Number of the request, unique in the run.
        item: Id of the scenario's item; "random" for random-token prompts.
        repetition: From 0.
        batch: Size of the batch that it belongs to.
        prompt: The user's message as sent; empty for random-token prompts.
        warmup: Measured by nobody: runs before its cell and is discarded.
        max_tokens: Most tokens that it may produce.
    """

    request: int
    contender: str
    item: str
    repetition: int
    batch: int
    prompt: str
    max_tokens: int
    warmup: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSent(Event):
    """The request was handed to the engine: the zero of its TTFT.

    An engine behind a network tells it again when the request really goes out; the last one counts.
    """

    request: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefillProgress(Event):
    """How far the prompt has been read, in tokens."""

    request: int
    done: int
    total: int
    cached: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens(Event):
    """Tokens came: one or more chunks of one kind.

    Attributes:
        text: The text of all chunks together, raw as the model made it.
        times: When each chunk was made, seconds since the run began.
        counts: Number of tokens in each chunk, parallel to `times`; a guess where `RequestDone` brings better ones.
    """

    request: int
    kind: TokenKind
    text: str
    times: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestDone(Event):
    """A request ended without an error.

    Attributes:
        prompt_tokens: Length of the prompt in tokens, template included; None if unknown.
        cached_tokens: Part of it that came from a prefix cache; None if unknown.
        output_tokens: Tokens produced; the end-of-generation token is not counted.
        prefill_ms: The engine's own timing of the prompt; None if it gives none.
        decode_ms: The engine's own timing of what it decoded; None if it gives none.
        decode_tokens: Tokens that this time is for, as the engine counts them; None if it gives none.
        drafted_tokens: Tokens that were guessed ahead (speculative decoding); None if unknown.
        accepted_tokens: Those of them that the model confirmed; None if unknown.
        draft_steps: Steps of the model in which that was; None if unknown.
        drafts_of: Requests that these three are of: 1, or with this one all that ran beside it and ended before, where
            the server counts them together alone.
        unread_ms: The longest that something that had arrived over a network lay unread, or may have; None where
            that is not known.
        rtt_ms: Round trip to the engine's machine, of the network alone; None where it is not known or there is none.
        counts: Tokens in each chunk of the request, where `Tokens` could only guess them; else empty.
    """

    request: int
    finish: Finish
    prompt_tokens: int | None
    cached_tokens: int | None
    output_tokens: int
    prefill_ms: float | None
    token_source: TokenSource
    decode_ms: float | None = None
    decode_tokens: int | None = None
    drafted_tokens: int | None = None
    accepted_tokens: int | None = None
    draft_steps: int | None = None
    drafts_of: int = 1
    unread_ms: float | None = None
    rtt_ms: float | None = None
    counts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFailed(Event):
    """A request ended with an error; what had arrived before is kept."""

    request: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleTaken(Event):
    """The machine was read.

    Attributes:
        node: Name of the node.
        values: Reading by channel name (see `sparktop.model.channels`), in the channel's unit.
        missing: Reason by channel name, for what could not be read: where that is new, or for another reason than
            before. It holds until the channel has a value again; the bare name of a source, until one of its
            channels has.
    """

    node: str
    values: dict[str, float]
    missing: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockMeasured(Event):
    """The clock of another node was held against the run's; its events' times rest on this.

    Attributes:
        node: Name of the node.
        offset_s: What was added to the node's own time to get seconds since the run began.
        uncertainty_s: Most seconds that this can be wrong, whatever the network does: half the round trip, and more
            as the measurement ages.
        rtt_s: Round trip of the exchange that it rests on.
    """

    node: str
    offset_s: float
    uncertainty_s: float
    rtt_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSeen(Event):
    """A process that holds memory of a GPU was looked up, as it came there.

    Attributes:
        node: Name of the node.
        pid: Its number.
        name: The command, as the kernel has it: 15 bytes at most, and without arguments, which may be secret. Empty if
            it can't be read.
        own: Whether it is sparktop or was started by it; None if that can't be told, as in a container.
    """

    node: str
    pid: int
    name: str
    own: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSeen(Event):
    """A server of language models that is watched has given away what it is.

    Attributes:
        node: Name of the node that watches it.
        server: Where it is, as in its channels ("127.0.0.1:8000").
        kind: What it is, for people ("vLLM").
    """

    node: str
    server: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Event):
    """Something that the person should know and that stops nothing."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded(Event):
    """The last event of a run, or of a recording of a machine; only ratings may follow (see `rating_events`)."""

    status: Status
