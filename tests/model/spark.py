"""A run on a DGX Spark, made up so that every figure of its roofline and its energy can be computed by hand.

The model reads 7.51 GB for each token and decodes 29.4 of them a second, as Qwen2.5-7B Q8_0 does there
(docs/roofline.md); powers are round numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sparktop.model.events import Event, Finish, FootprintKnown, SampleTaken
from sparktop.model.roofline import GB10
from sparktop.model.shape import Footprint
from tests.model.synthetic import NODE, Request, Run

SPEED = 29.4
DENSE = Footprint(dense=7_510_000_000)


def energy(t: float) -> float:
    """Of the GPU: 5 W at rest, 60 W from 2 to 6 s (prefill), 40 W from then to 16 s (decode)."""
    return 5 * t + 55 * min(max(t - 2, 0), 4) + 35 * min(max(t - 6, 0), 10)


def readings(busy: float = 96.0, energy: Callable[[float], float] = energy, end: float = 18.0) -> list[SampleTaken]:
    """Two a second; the GPU is busy from 2 to 16 s, and the whole machine takes 30 W more than it."""
    found = []
    for n in range(int(2 * end)):
        t = 0.137 + 0.5 * n
        values = {
            "gpu.0.energy": energy(t),
            "gpu.0.utilization": busy if 2 <= t <= 16 else 0.0,
            "rail.sys_total.energy": energy(t) + 30 * t,
        }
        found.append(SampleTaken(t=t, node=NODE.name, values=values))
    return found


def answer(sent: float = 2.0, first: float = 6.0, seconds: float = 10.0, **fields: Any) -> Request:
    """A prompt of 8192 tokens read in 4 s, and 29.4 tokens a second."""
    chunks = [(first + n / SPEED, 1, "字") for n in range(int(seconds * SPEED) + 1)]
    return Request(
        sent=sent, chunks=chunks, prompt_tokens=8192, prefill_ms=4000.0, max_tokens=295, finish=Finish.LENGTH, **fields
    )


def spark(
    *requests: Request, model: Footprint = DENSE, samples: Sequence[SampleTaken] = (), **fields: Any
) -> list[Event]:
    known = FootprintKnown(t=0.95, contender="qwen", footprint=model, ceilings=GB10)
    return Run(requests=requests or [answer()], samples=samples or readings(), extra=[known], **fields).events()
