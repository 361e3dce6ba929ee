"""A run as a list of events, with round figures that a test can work out by hand."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from sparktop.headless.drive import Inbox
from sparktop.model.events import (
    Event,
    ModelLoading,
    ModelReady,
    Notice,
    RequestFailed,
    RequestSent,
    RunEnded,
    RunStarted,
    Status,
)
from sparktop.model.records import Contender, Node, Options
from sparktop.model.scenario import Item, Kind, Scenario
from sparktop.runner.session import Outcome
from tests.made_up import done, info, queued, tokens

SCENARIO = Scenario(
    name="two",
    title="两个问题",
    description="",
    kind=Kind.QUESTIONS,
    items=(
        Item(id="Q1", prompt="一年有哪四个季节？", title="四季", points=(("春",), ("夏",), ("秋",), ("冬",))),
        Item(id="Q2", prompt="Who?", title="ASCII title"),
    ),
)
INFO = info("llama 1M F16", parameters=1_000_000, size=2_000_000, context=512, vocabulary=1000, layers=2, device="CPU")
NODE = Node(name="here", os="Linux", machine="", cpu="", cores=2, memory=0, gpus=(), driver="", llama_cpp="llama.cpp")


def contender(name: str, toy: bool = False) -> Contender:
    """A contender of that name."""
    return Contender(name=name, engine="llama.cpp", model=f"/m/{name}.gguf", node="here", toy=toy)


def beginning(*contenders: Contender, scenario: Scenario = SCENARIO, planned: int = 2) -> list[Event]:
    """The first events: the start, and every contender loaded."""
    return [
        RunStarted(
            t=0.0,
            id="run-1",
            created="2026-01-02T03:04:05+00:00",
            sparktop="0.1.0",
            scenario=scenario,
            options=Options(),
            nodes=(NODE,),
            contenders=contenders,
            planned=planned,
        ),
        *(ModelLoading(t=0.1, contender=c.name, fraction=0.5) for c in contenders),
        *(ModelReady(t=0.2, contender=c.name, model=INFO, load_s=0.1) for c in contenders),
    ]


def request(
    number: int, who: str, item: str, *, start: float, text: str, batch: int = 1, warmup: bool = False
) -> list[Event]:
    """A request of eleven tokens: the first 100 ms after it is sent, the others every 10 ms."""
    times = tuple(start + 0.1 + 0.01 * n for n in range(11))
    return [
        queued(number, who, item, t=start, max_tokens=64, batch=batch, warmup=warmup),
        RequestSent(t=start, request=number),
        tokens(number, times, text),
        done(number, times[-1], prompt_tokens=20, output_tokens=11, prefill_ms=50.0),
    ]


def failed(number: int, who: str, item: str, *, start: float, error: str) -> list[Event]:
    """A request that fails at once."""
    return [
        *request(number, who, item, start=start, text="")[:2],
        RequestFailed(t=start + 0.1, request=number, error=error),
    ]


def whole_run() -> list[Event]:
    """One toy answers both questions; the run completes."""
    return [
        *beginning(contender("demo-base", toy=True)),
        *request(0, "demo-base", "Q1", start=1.0, text="春天、夏天和秋天"),
        Notice(t=1.5, text="a note"),
        *request(1, "demo-base", "Q2", start=2.0, text="me"),
        RunEnded(t=3.0, status=Status.COMPLETED),
    ]


class ScriptedSession:
    """Behaves as a `Session`: gives its events, then ends, or waits until it is cancelled."""

    def __init__(self, events: Sequence[Event], inbox: Inbox, *, waits: bool = False, deaf: bool = False) -> None:
        """Takes the script.

        Args:
            events: Given at the start.
            inbox: Where they go.
            waits: Ends only when it is cancelled.
            deaf: Doesn't end then either.
        """
        self._events = events
        self._inbox = inbox
        self._waits = waits
        self._deaf = deaf
        self._end = threading.Event()
        self.cancelled = 0

    def start(self) -> None:
        """Gives the events."""
        for event in self._events:
            self._inbox.put(event)
        if not self._waits:
            self._end.set()

    def cancel(self) -> None:
        """Ends, unless it is deaf."""
        self.cancelled += 1
        if not self._deaf:
            self._inbox.put(RunEnded(t=9.0, status=Status.CANCELLED))
            self._end.set()

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """Waits for the end."""
        if not self._end.wait(timeout):
            return None
        return Outcome(Status.CANCELLED if self.cancelled else Status.COMPLETED, None, ())
