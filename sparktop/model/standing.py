"""Where a contender and a request stand."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from enum import StrEnum

from sparktop.model import metrics
from sparktop.model.events import BaselineFound, Finish, RequestDone, RequestFailed, RequestQueued, TokenSource
from sparktop.model.parts import LinkUse, SplitPart
from sparktop.model.records import Contender, ModelInfo
from sparktop.model.roofline import Ceilings
from sparktop.model.shape import Footprint
from sparktop.model.timeseries import TokenRate


class Phase(StrEnum):
    """What a request or a contender is doing."""

    QUEUED = "queued"
    LOADING = "loading"
    READY = "ready"
    PREFILL = "prefill"
    REASONING = "reasoning"
    ANSWERING = "answering"
    DONE = "done"
    FAILED = "failed"


@dataclass(slots=True)
class ContenderState:
    """A contender so far.

    Attributes:
        fraction: Load progress, 0 to 1.
        ready: When it was loaded, in seconds since the run began; None before.
        error: Why it can't go on; empty while it can.
        log: End of the engine's log, where it failed.
        unreachable: Nothing answered where its engine should be.
        footprint: What its model reads for each token; None if that is not known.
        ceilings: How fast that can be read where it runs; None if that is not known.
        baselines: Its speed in earlier runs, by batch size.
        parts: What each machine holds of it, where it is split over several; the first runs llama.cpp.
        links: What went over the connection to each of the further ones, by their name.
    """

    contender: Contender
    phase: Phase = Phase.QUEUED
    fraction: float = 0.0
    info: ModelInfo | None = None
    load_s: float | None = None
    ready: float | None = None
    error: str = ""
    log: str = ""
    unreachable: bool = False
    rate: TokenRate = field(default_factory=TokenRate)
    footprint: Footprint | None = None
    ceilings: Ceilings | None = None
    baselines: dict[int, BaselineFound] = field(default_factory=dict)
    parts: tuple[SplitPart, ...] = ()
    links: dict[str, LinkUse] = field(default_factory=dict)


@dataclass(slots=True)
class RequestState:
    """A request so far. Times are seconds since the run began.

    Attributes:
        prefilled: Prompt tokens read so far.
        times: When each chunk arrived.
        counts: Tokens in each chunk.
        reasoning_chunks: Indices of the chunks that are reasoning.
        changed: Grows with every change, for views that redraw only what moved.
    """

    queued: RequestQueued
    phase: Phase = Phase.QUEUED
    sent: float | None = None
    prefilled: int = 0
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    times: array[float] = field(default_factory=lambda: array("d"))
    counts: array[int] = field(default_factory=lambda: array("L"))
    reasoning_chunks: list[int] = field(default_factory=list)
    reasoning_parts: list[str] = field(default_factory=list)
    answer_parts: list[str] = field(default_factory=list)
    output_tokens: int = 0
    prefill_ms: float | None = None
    decode_ms: float | None = None
    decode_tokens: int | None = None
    drafted_tokens: int | None = None
    accepted_tokens: int | None = None
    draft_steps: int | None = None
    drafts_of: int = 1
    unread_ms: float | None = None
    rtt_ms: float | None = None
    token_source: TokenSource | None = None
    finish: Finish | None = None
    error: str = ""
    ended: float | None = None
    changed: int = 0

    @property
    def answer(self) -> str:
        """The answer so far, raw."""
        if len(self.answer_parts) > 1:
            self.answer_parts[:] = ["".join(self.answer_parts)]
        return self.answer_parts[0] if self.answer_parts else ""

    @property
    def reasoning(self) -> str:
        """The reasoning so far, raw."""
        if len(self.reasoning_parts) > 1:
            self.reasoning_parts[:] = ["".join(self.reasoning_parts)]
        return self.reasoning_parts[0] if self.reasoning_parts else ""

    @property
    def stream(self) -> metrics.Stream:
        """What the metrics are computed from."""
        reasoning = set(self.reasoning_chunks)
        first = next((i for i in range(len(self.times)) if i not in reasoning), None)
        return metrics.Stream(
            sent=self.sent if self.sent is not None else 0.0,
            times=self.times,
            counts=self.counts,
            first_answer=first,
        )

    @property
    def ok(self) -> bool:
        """Whether it came to its natural end."""
        return self.finish in (Finish.STOP, Finish.LENGTH)

    def done(self, event: RequestDone) -> None:
        """Takes its end."""
        self.phase = Phase.DONE
        self.finish = event.finish
        self.prompt_tokens = event.prompt_tokens
        self.cached_tokens = event.cached_tokens
        self.prefilled = event.prompt_tokens or self.prefilled
        self.output_tokens = event.output_tokens
        self.prefill_ms = event.prefill_ms
        self.decode_ms = event.decode_ms
        self.decode_tokens = event.decode_tokens
        self.drafted_tokens = event.drafted_tokens
        self.accepted_tokens = event.accepted_tokens
        self.draft_steps = event.draft_steps
        self.drafts_of = event.drafts_of
        self.unread_ms = event.unread_ms
        self.rtt_ms = event.rtt_ms
        if len(event.counts) == len(self.times):
            self.counts = array("L", event.counts)
        self.token_source = event.token_source
        self.ended = event.t
        self.changed += 1

    def failed(self, event: RequestFailed) -> None:
        """Takes that nothing came of it."""
        self.phase = Phase.FAILED
        self.finish = Finish.ERROR
        self.error = event.error
        self.ended = event.t
        self.changed += 1
