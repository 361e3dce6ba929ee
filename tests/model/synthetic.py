"""Runs made up event by event, with times that a test can compute by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sparktop.model.events import (
    Event,
    Finish,
    ModelLoading,
    ModelReady,
    ModelUnloaded,
    RequestDone,
    RequestFailed,
    RequestQueued,
    RequestSent,
    RunEnded,
    RunStarted,
    SampleTaken,
    Status,
    TokenKind,
    Tokens,
    TokenSource,
)
from sparktop.model.records import Contender, Node, Options
from sparktop.model.scenario import Item, Kind, Sampling, Scenario
from tests.made_up import info

NODE = Node(
    name="spark-a",
    os="Ubuntu 24.04, Linux 6.14",
    machine="NVIDIA DGX Spark",
    cpu="Cortex-X925",
    cores=20,
    memory=119 * 2**30,
    gpus=("NVIDIA GB10",),
    driver="580.95",
    llama_cpp="0.3.36 (CUDA)",
)
QUESTIONS = Scenario(
    name="three",
    title="Three",
    description="Three questions.",
    kind=Kind.QUESTIONS,
    items=tuple(Item(id=f"Q{n}", prompt=f"第{n}问？") for n in (1, 2, 3)),
    sampling=Sampling(max_tokens=64),
)
INFO = info("llama 8B Q8_0", parameters=8_000_000_000, size=8 * 2**30, vocabulary=128_000, layers=32)


def throughput(kind: Kind = Kind.BATCH, *, repetitions: int = 1, max_tokens: int = 4, isl: int = 0) -> Scenario:
    """A scenario that measures speed alone."""
    return Scenario(
        name="speed",
        title="Speed",
        description="",
        kind=kind,
        items=QUESTIONS.items if kind is Kind.BATCH else (),
        sampling=Sampling(max_tokens=max_tokens, ignore_eos=True),
        batches=(1, 2),
        repetitions=repetitions,
        warmup=1,
        isl=isl,
        osl=max_tokens if isl else 0,
    )


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request: when it was sent, and (time, tokens, text) of each chunk, on the run's clock."""

    chunks: Sequence[tuple[float, int, str]] = ((1.2, 1, "春"), (1.3, 1, "夏"), (1.4, 1, "秋"), (1.5, 1, "冬"))
    sent: float | None = 1.0
    contender: str = "qwen"
    item: str = "Q1"
    batch: int = 1
    repetition: int = 0
    warmup: bool = False
    reasoning: int = 0
    """Number of chunks at the beginning that are reasoning."""
    finish: Finish | None = Finish.STOP
    prompt_tokens: int | None = 20
    cached_tokens: int | None = 0
    output_tokens: int | None = None
    max_tokens: int = 4
    prefill_ms: float | None = 100.0
    source: TokenSource = TokenSource.TOKEN_IDS
    more: dict[str, Any] = field(default_factory=dict)
    """Further fields of its end."""

    def events(self, number: int) -> list[Event]:
        """Its events in order; the chunks come in one `Tokens` for each kind."""
        events: list[Event] = []
        if self.sent is not None:
            events.append(RequestSent(t=self.sent, request=number))
        for kind, chunks in (
            (TokenKind.REASONING, self.chunks[: self.reasoning]),
            (TokenKind.ANSWER, self.chunks[self.reasoning :]),
        ):
            if chunks:
                events.append(
                    Tokens(
                        t=chunks[-1][0],
                        request=number,
                        kind=kind,
                        text="".join(text for _, _, text in chunks),
                        times=tuple(t for t, _, _ in chunks),
                        counts=tuple(n for _, n, _ in chunks),
                    )
                )
        end = (self.chunks[-1][0] if self.chunks else self.sent or 0.0) + 0.01
        if self.finish is Finish.ERROR:
            events.append(RequestFailed(t=end, request=number, error="the engine went away"))
        elif self.finish is not None:
            counted = sum(n for _, n, _ in self.chunks)
            events.append(
                RequestDone(
                    t=end,
                    request=number,
                    finish=self.finish,
                    prompt_tokens=self.prompt_tokens,
                    cached_tokens=self.cached_tokens,
                    output_tokens=counted if self.output_tokens is None else self.output_tokens,
                    prefill_ms=self.prefill_ms,
                    token_source=self.source,
                    **self.more,
                )
            )
        return events


@dataclass(frozen=True, kw_only=True)
class Run:
    """A whole run of one node."""

    requests: Sequence[Request] = (Request(),)
    scenario: Scenario = QUESTIONS
    contenders: Sequence[str] = ("qwen",)
    toys: Sequence[str] = ()
    options: Options = field(default_factory=Options)
    samples: Sequence[SampleTaken] = ()
    extra: Sequence[Event] = ()
    node: Node = NODE
    status: Status | None = Status.COMPLETED
    id: str = "2026-11-23T07-15-04-three"
    loads: bool = True

    def events(self) -> list[Event]:
        """All events, in the order of their times."""
        contenders = tuple(
            Contender(
                name=name, engine="llama.cpp", model=f"/models/{name}.gguf", node=self.node.name, toy=name in self.toys
            )
            for name in self.contenders
        )
        start = RunStarted(
            t=0.0,
            id=self.id,
            created="2026-11-23T07:15:04+08:00",
            sparktop="0.1.0",
            scenario=self.scenario,
            options=self.options,
            nodes=(self.node,),
            contenders=contenders,
            planned=len(self.requests),
        )
        queued = [
            RequestQueued(
                t=0.0,
                request=number,
                contender=request.contender,
                item=request.item,
                repetition=request.repetition,
                batch=request.batch,
                prompt="" if request.item == "random" else "一年有哪四个季节？",
                max_tokens=request.max_tokens,
                warmup=request.warmup,
            )
            for number, request in enumerate(self.requests)
        ]
        middle: list[Event] = [*self.samples, *self.extra]
        for name in self.contenders if self.loads else ():
            middle.append(ModelLoading(t=0.1, contender=name, fraction=0.5))
            middle.append(ModelReady(t=0.9, contender=name, model=INFO, load_s=0.8))
        for number, request in enumerate(self.requests):
            middle += request.events(number)
        middle.sort(key=lambda event: event.t)
        last = max((event.t for event in middle), default=0.0)
        end: list[Event] = [ModelUnloaded(t=last, contender=name) for name in self.contenders if self.loads]
        if self.status is not None:
            end.append(RunEnded(t=last, status=self.status))
        return [start, *queued, *middle, *end]


def sample(t: float, **values: float) -> SampleTaken:
    """A reading; `memory_used=1.0` is the channel "memory.used"."""
    return SampleTaken(t=t, node=NODE.name, values={name.replace("_", "."): value for name, value in values.items()})
