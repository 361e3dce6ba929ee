"""A run on a DGX Spark that never took place, for pictures of the dashboard.

The machine is a recorded one of tests/telemetry/recordings, whose numbers are put together from published readings: its
second moment is held for as long as the scene lasts. The models decode as fast as llama.cpp's published runs of them do
(docs/roofline.md). Prompts, answers and their lengths are made up, and no picture tells more of them than that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sparktop.model import events as made
from sparktop.model.records import Contender, Node, Options
from sparktop.model.roofline import GB10
from sparktop.model.scenario import Scenario
from sparktop.model.shape import Footprint
from sparktop.telemetry.changes import Changes
from sparktop.telemetry.played import moments, play
from tests.made_up import SPARK, done, info, queued, tokens

RECORDINGS: Final = Path(__file__).resolve().parents[1] / "tests" / "telemetry" / "recordings"

TOKENS: Final = 220
PROMPT: Final = 80
STEP_S: Final = 0.5
SLOW_STEPS: Final = 4
"""What is read less often than every half second is read every two seconds here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model as it was published to run.

    Attributes:
        gigabytes: Read for each token.
        tok_s: Tokens per second of one stream.
    """

    name: str
    description: str
    gigabytes: float
    tok_s: float


MODELS: Final = (
    Model(name="qwen2.5-7b", description="qwen2 7B Q8_0", gigabytes=7.51, tok_s=29.4),
    Model(name="gpt-oss-20b", description="gpt-oss 20B MXFP4", gigabytes=2.57, tok_s=83.4),
)


def scene(asked: Scenario, machines: dict[str, str], lasting: float) -> list[made.Event]:
    """Returns the events of a run.

    Args:
        asked: What is asked.
        machines: Recordings by the names of the nodes that they stand for. On one the models run one after another, on
            several at the same time, each on its own.
        lasting: Seconds; the run goes on at the end.
    """
    names = list(machines)
    found = [*_run(asked, names), *(event for name in names for event in machine(name, machines[name], lasting))]
    return sorted((event for event in found if event.t <= lasting), key=lambda event: event.t)


def watched(machines: dict[str, str], lasting: float) -> list[made.Event]:
    """Returns what is read of machines without a run.

    Args:
        machines: Recordings by the names of the nodes that they stand for.
        lasting: Seconds.
    """
    nodes = [made.NodeSeen(t=0.0, node=node) for node in _nodes(list(machines))]
    read = [event for name in machines for event in machine(name, machines[name], lasting)]
    return [*nodes, *sorted(read, key=lambda event: event.t)]


def _nodes(names: list[str]) -> tuple[Node, ...]:
    return tuple(replace(SPARK, name=name, os="Ubuntu 24.04", llama_cpp="") for name in names)


def _run(asked: Scenario, nodes: list[str]) -> Iterator[made.Event]:
    where = [nodes[at % len(nodes)] for at in range(len(MODELS))]
    contenders = tuple(
        Contender(name=one.name, engine="llama.cpp", model=f"/models/{one.name}.gguf", node=node)
        for one, node in zip(MODELS, where, strict=True)
    )
    yield made.RunStarted(
        t=0.0,
        id="scene",
        created="2026-02-09T10:15:00+08:00",
        sparktop="0.1.0",
        scenario=asked,
        options=Options(),
        nodes=_nodes(nodes),
        contenders=contenders,
        planned=len(MODELS) * len(asked.items),
    )
    requests = [(model, item.id) for model in MODELS for item in asked.items]
    for number, (model, item) in enumerate(requests):
        yield queued(number, model.name, item)
    number, free = 0, dict.fromkeys(nodes, 0.5)
    for model, node in zip(MODELS, where, strict=True):
        t = free[node]
        size = round(model.gigabytes * 1e9)
        model_info = info(model.description, parameters=0, size=size, context=8192, vocabulary=150_000)
        yield made.ModelLoading(t=t, contender=model.name, fraction=0.1)
        yield made.FootprintKnown(t=t, contender=model.name, footprint=Footprint(dense=size), ceilings=GB10)
        yield made.ModelReady(t=t + 3, contender=model.name, model=model_info, load_s=3.0)
        t += 3.1
        for at in range(len(asked.items)):
            length = TOKENS + 37 * (at % 4)
            yield from _answer(number, t, length, model.tok_s)
            t += 0.3 + length / model.tok_s
            number += 1
        yield made.ModelUnloaded(t=t, contender=model.name)
        free[node] = t


def _answer(number: int, t: float, length: int, tok_s: float) -> Iterator[made.Event]:
    yield made.RequestSent(t=t, request=number)
    yield made.PrefillProgress(t=t + 0.2, request=number, done=PROMPT, total=PROMPT)
    times = [t + 0.25 + at / tok_s for at in range(length)]
    for start in range(0, length, 5):
        group = tuple(times[start : start + 5])
        yield tokens(number, group, "。" * len(group))
    yield done(number, times[-1] + 0.01, prompt_tokens=PROMPT, output_tokens=length, prefill_ms=200.0)


def machine(node: str, recording: str, lasting: float) -> Iterator[made.Event]:
    """Yields the readings of a machine that stays as its recording left it.

    Args:
        node: Name of the node.
        recording: Which recording it is.
        lasting: Seconds.
    """
    changes = Changes(node)
    first, held = moments(play(RECORDINGS / recording))
    slow = {name: value for name, value in first.values.items() if name not in held.values}
    for step in range(int(lasting / STEP_S) + 1):
        values = dict(held.values) if step else dict(first.values)
        if step % SLOW_STEPS == 0:
            values |= slow
        # Energy is counted from the first reading on.
        values |= {name: value * step for name, value in held.values.items() if "energy" in name}
        yield changes.sample(replace(held, t=step * STEP_S, values=values))
