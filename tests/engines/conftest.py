"""Real workers: llama.cpp on the demo models, and clients of servers."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sparktop.engines.http.engine import HttpEngine
from sparktop.engines.llama.engine import LlamaEngine
from sparktop.engines.llama.rpc_host import RpcServer
from sparktop.engines.protocol import Generation, Room
from sparktop.engines.wire import Split
from sparktop.engines.worker_engine import Wiring, WorkerEngine
from sparktop.model.events import (
    ContenderFailed,
    Event,
    ModelReady,
    ModelUnloaded,
    RequestDone,
    RequestFailed,
    RequestSent,
    TokenKind,
    Tokens,
)
from sparktop.model.scenario import Sampling
from sparktop.resources import demo_dir


@dataclass
class Heard:
    """What an engine told."""

    seen: list[Event] = field(default_factory=list)
    origin_ns: int = 0

    def done(self, request: int) -> RequestDone:
        (event,) = (e for e in self.seen if isinstance(e, RequestDone | RequestFailed) and e.request == request)
        assert isinstance(event, RequestDone), event
        return event

    def failed(self, request: int) -> RequestFailed:
        (event,) = (e for e in self.seen if isinstance(e, RequestFailed) and e.request == request)
        return event

    def tokens(self, request: int) -> list[Tokens]:
        return [e for e in self.seen if isinstance(e, Tokens) and e.request == request]

    def answer(self, request: int, kind: TokenKind = TokenKind.ANSWER) -> str:
        return "".join(e.text for e in self.tokens(request) if e.kind is kind)

    def times(self, request: int) -> list[float]:
        return [time for e in self.tokens(request) for time in e.times]

    def counts(self, request: int) -> list[int]:
        """Tokens in each chunk, as they stand in the end."""
        done = [e.counts for e in self.seen if isinstance(e, RequestDone) and e.request == request and e.counts]
        return list(done[0]) if done else [count for e in self.tokens(request) for count in e.counts]

    def sent(self, request: int) -> float:
        """When the request went out."""
        return [e.t for e in self.seen if isinstance(e, RequestSent) and e.request == request][-1]


@dataclass(kw_only=True)
class Bench(Heard):
    """An engine with its events."""

    engine: WorkerEngine
    events: queue.SimpleQueue[Event]
    clock: Callable[[], float]
    log: Path

    def until(self, *kinds: type[Event], count: int = 1, timeout: float = 60) -> Event:
        """Waits for `count` events of some kinds; returns the last."""
        while True:
            event = self.events.get(timeout=timeout)
            self.seen.append(event)
            if isinstance(event, kinds):
                count -= 1
                if count == 0:
                    return event

    def ready(self) -> ModelReady:
        event = self.until(ModelReady, ContenderFailed)
        assert isinstance(event, ModelReady), event
        return event

    def ask(self, *generations: Generation) -> None:
        """Submits and waits until all have ended."""
        self.engine.submit(generations)
        self.until(RequestDone, RequestFailed, count=len(generations))


MakeBench = Callable[..., Bench]


@contextmanager
def benches(folder: Path) -> Iterator[Callable[[Callable[[Wiring], WorkerEngine]], Bench]]:
    """Opens engines, each with its wiring, and makes sure that no worker is left."""
    made: list[Bench] = []

    def open_engine(make: Callable[[Wiring], WorkerEngine]) -> Bench:
        origin = time.monotonic_ns()

        def clock() -> float:
            return (time.monotonic_ns() - origin) / 1e9

        events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        log = folder / f"worker-{len(made)}.log"
        engine = make(Wiring(contender="demo", log=log, emit=events.put, clock=clock, origin_ns=origin))
        made.append(Bench(engine=engine, events=events, clock=clock, log=log, origin_ns=origin))
        engine.open()
        return made[-1]

    yield open_engine
    for one in made:
        if not any(isinstance(e, ModelUnloaded | ContenderFailed) for e in one.seen):
            one.engine.close()
            one.until(ModelUnloaded, ContenderFailed, timeout=20)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[MakeBench]:
    """Makes engines of llama.cpp."""
    with benches(tmp_path) as open_engine:

        def make(model: Path | None = None, slots: int = 1, context: int = 1024, split: Split | None = None) -> Bench:
            path, room = model or demo_dir() / "demo-sutra.gguf", Room(slots=slots, context=context, threads=1)
            return open_engine(lambda wiring: LlamaEngine(wiring, path=path, room=room, split=split))

        yield make


@pytest.fixture
def http_bench(tmp_path: Path) -> Iterator[MakeBench]:
    """Makes clients of servers."""
    with benches(tmp_path) as open_engine:

        def make(url: str, model: str = "", *, key: str = "", silence_s: float = 20, slots: int = 1) -> Bench:
            room = Room(slots=slots, context=1024)
            return open_engine(
                lambda wiring: HttpEngine(wiring, url=url, model=model, key=key, silence_s=silence_s, room=room)
            )

        yield make


@pytest.fixture
def start_rpc(tmp_path: Path) -> Iterator[Callable[..., RpcServer]]:
    """Starts servers of llama.cpp's RPC, and makes sure that none is left."""
    made: list[RpcServer] = []

    def start(node: str = "spark-2", **others: Any) -> RpcServer:
        server = RpcServer(node, "127.0.0.1", log=tmp_path / f"{node}.log", **others)
        made.append(server)
        server.start()
        return server

    yield start
    for server in made:
        server.stop()
        assert not server.alive


def question(request: int, prompt: str = "什么是过拟合？", **sampling: object) -> Generation:
    """A question, greedy and short unless said otherwise."""
    return Generation(request=request, prompt=prompt, sampling=Sampling(**{"max_tokens": 40, **sampling}))  # type: ignore[arg-type]
