"""A run that never took place, but could have: two contenders, the sutra questions, Chinese answers.

`record()` gives the events that a session would make, with plausible times. The figures are made
up and deterministic; nothing in the program measures or shows them as results.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import msgspec

from sparktop.model import channels
from sparktop.model.events import (
    ContenderFailed,
    Event,
    Finish,
    ModelLoading,
    ModelReady,
    ModelUnloaded,
    Notice,
    PrefillProgress,
    RequestFailed,
    RequestSent,
    RunEnded,
    RunStarted,
    SampleTaken,
    Status,
    TokenKind,
)
from sparktop.model.records import Contender, Options
from sparktop.model.scenario import Item, Scenario
from tests.made_up import SPARK, done, info, queued, tokens

Events: TypeAlias = tuple[Event, ...]

ROOT = Path(__file__).parents[2]
GIB = 1024**3

REASONING = "用户问的是经典中的术语，先确认出处，再按原文的次第说明，最后给出引文。"

ANSWERS = (
    (
        "“随顺觉”见于《杂阿含经》。经中说：于色如实知其味、知其患、知其离。\n\n"
        "1. **味**：缘色而生喜乐，是名色味。\n2. **患**：色无常、苦、变易法，是名色患。\n"
        "3. **离**：于色调伏欲贪、断欲贪、越欲贪，是名色离。\n\n"
        "如实知已，于色生厌；生厌故离欲；离欲故解脱。由此可知，随顺觉不是另外的一种觉，"
        "而是顺着“如实知见→厌→离欲→解脱”的次第，一步一步走到觉悟。"
    ),
    (
        "八不出自龙树《中论》开篇：“不生亦不灭，不常亦不断，不一亦不异，不来亦不出。”"
        "它不是八个并列的命题，而是从四个方面否定自性：若法有自性，则生灭、常断、一异、来去都说不通。"
        "正因为诸法缘起，所以没有自性；没有自性，所以是空。空不是没有，而是离开两边的中道。"
    ),
    (
        "五法是名、相、妄想、正智、如如，见《楞伽经》。前三者属迷：因相立名，依名起妄想；"
        "后二者属悟：以正智观察名相不可得，妄想不生，即是如如。所以五法讲的是由迷到悟的次第，而不是五个孤立的概念。"
        "Lankavatara 的英译作 name, appearance, discrimination, right knowledge, suchness。"
    ),
    (
        "这一段的意思是：心不住于色、声、香、味、触、法而生起清净心。《金刚经》说：“不应住色生心，"
        "不应住声香味触法生心，应无所住而生其心。”无住不是什么都不想，而是不执著于所缘。"
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How fast a made-up contender is."""

    tok_s: float
    prefill_tok_s: float
    load_s: float


DEMO_BASE = Contender(
    name="demo-base", engine="llama.cpp", model="/opt/demo/demo-base.gguf", node="spark-a", size=3_212_544, toy=True
)
DEMO_SUTRA = Contender(
    name="demo-sutra", engine="llama.cpp", model="/opt/demo/demo-sutra.gguf", node="spark-a", size=3_212_544, toy=True
)
SPEEDS = {
    "demo-base": Speed(tok_s=41.0, prefill_tok_s=520.0, load_s=1.4),
    "demo-sutra": Speed(tok_s=34.0, prefill_tok_s=480.0, load_s=1.6),
}


def scenario(name: str = "sutra-qa") -> Scenario:
    """Reads one of the scenarios that come with the program."""
    with (ROOT / "scenarios" / f"{name}.toml").open("rb") as file:
        return msgspec.convert({"name": name, **tomllib.load(file)}, Scenario)


def record(
    *,
    items: int = 10,
    contenders: tuple[Contender, ...] = (DEMO_BASE, DEMO_SUTRA),
    fail: str = "",
    reasoning: bool = True,
    psi: bool = True,
    seed: int = 7,
) -> tuple[Event, ...]:
    """Returns a run's events in order of time.

    Args:
        items: How many of the questions are asked.
        contenders: Who is asked, one after another.
        fail: Name of a contender whose worker dies in its second question.
        reasoning: Whether the second contender thinks before it answers.
        psi: Whether the kernel tells of memory pressure.
        seed: Of everything random in it.
    """
    made = _record(items, contenders, fail, reasoning, psi, random.Random(seed))
    return tuple(sorted(made, key=lambda event: event.t))


def _record(
    items: int,
    contenders: tuple[Contender, ...],
    fail: str,
    reasoning: bool,
    psi: bool,
    dice: random.Random,
) -> Iterator[Event]:
    asked = scenario()
    chosen = asked.items[:items]
    yield RunStarted(
        t=0.0,
        id="20260209-101500-sutra-qa",
        created="2026-02-09T10:15:00+08:00",
        sparktop="0.1.0",
        scenario=asked,
        options=Options(limit=items),
        nodes=(SPARK,),
        contenders=contenders,
        planned=len(contenders) * len(chosen),
    )
    numbers = {c.name: range(i * len(chosen), (i + 1) * len(chosen)) for i, c in enumerate(contenders)}
    for contender in contenders:
        for number, item in zip(numbers[contender.name], chosen, strict=True):
            yield queued(number, contender.name, item.id, prompt=item.prompt)
    yield Notice(t=0.0, text="Power of the whole machine can't be read: no spbm driver.")
    machine = _Machine(dice, psi)
    t = 0.1
    for contender in contenders:
        yield from machine.until(t)
        for event in _load(contender, t, machine):
            yield from machine.until(event.t)
            t = event.t
            yield event
        for index, (number, item) in enumerate(zip(numbers[contender.name], chosen, strict=True)):
            if contender.name == fail and index == 1:
                yield RequestSent(t=t, request=number)
                yield PrefillProgress(t=t + 0.2, request=number, done=20, total=61)
                error = "The worker of this model was killed (signal 9); see its log."
                yield ContenderFailed(t=t + 0.3, contender=contender.name, error=error, log="ggml_abort: out of memory")
                for left in numbers[contender.name][index:]:
                    yield RequestFailed(t=t + 0.3, request=left, error=error)
                t += 0.4
                break
            thinks = reasoning and contender is contenders[-1] and len(contenders) > 1
            for event in _ask(number, item, index, SPEEDS[contender.name], t, thinks, dice):
                yield from machine.until(event.t)
                t = event.t
                yield event
            t += 0.01
        yield ModelUnloaded(t=t, contender=contender.name, exit="signal 9" if contender.name == fail else "")
        machine.held = 0
        t += 0.3
    yield RunEnded(t=t, status=Status.COMPLETED)


def _load(contender: Contender, t: float, machine: _Machine) -> Iterator[Event]:
    speed = SPEEDS[contender.name]
    for step in range(11):
        machine.held = contender.size * step / 10 + 1.5 * GIB * step
        yield ModelLoading(t=t + speed.load_s * step / 10, contender=contender.name, fraction=step / 10)
    t += speed.load_s
    model = info("llama 3M Q8_0", parameters=3_100_000, size=contender.size, context=1024, layers=6, device="CPU")
    yield ModelReady(t=t, contender=contender.name, model=model, load_s=speed.load_s)


def _ask(
    number: int, item: Item, index: int, speed: Speed, t: float, thinks: bool, dice: random.Random
) -> Iterator[Event]:
    prompt = 30 + len(item.prompt)
    sent = t
    yield RequestSent(t=t, request=number)
    for read in (prompt // 2, prompt):
        t += prompt / 2 / speed.prefill_tok_s
        yield PrefillProgress(t=t, request=number, done=read, total=prompt)
    answer = ANSWERS[index % len(ANSWERS)]
    parts = [(TokenKind.REASONING, REASONING)] if thinks else []
    count = 0
    for kind, text in [*parts, (TokenKind.ANSWER, answer)]:
        pieces = [text[i : i + 2] for i in range(0, len(text), 2)]
        for start in range(0, len(pieces), 3):
            group = pieces[start : start + 3]
            times = []
            for _ in group:
                t += max(0.004, dice.gauss(1 / speed.tok_s, 0.12 / speed.tok_s))
                times.append(t)
            count += len(group)
            yield tokens(number, tuple(times), "".join(group), kind)
    yield done(
        number,
        t,
        prompt_tokens=prompt,
        output_tokens=count,
        prefill_ms=prompt / speed.prefill_tok_s * 1e3,
        finish=Finish.STOP if index % 4 else Finish.LENGTH,
    )
    assert t > sent


class _Machine:
    """Readings twice a second."""

    def __init__(self, dice: random.Random, psi: bool) -> None:
        self._dice = dice
        self._psi = psi
        self._next = 0.0
        self.held = 0.0

    def until(self, t: float) -> Iterator[SampleTaken]:
        """Yields the samples that were due before `t`."""
        while self._next <= t:
            yield self._sample(self._next)
            self._next += 0.5

    def _sample(self, t: float) -> SampleTaken:
        total = SPARK.memory
        used = 9.3 * GIB + self.held + self._dice.uniform(0, 0.2) * GIB
        cache = 21.5 * GIB
        values = {
            channels.MEMORY_TOTAL: float(total),
            channels.MEMORY_USED: used,
            channels.MEMORY_AVAILABLE: total - used,
            channels.MEMORY_CACHE: cache,
            channels.MEMORY_FREE: total - used - cache,
            channels.SWAP_TOTAL: 16.0 * GIB,
            channels.SWAP_USED: 0.4 * GIB,
            channels.SWAP_IN: 0.0,
            channels.SWAP_OUT: 0.0,
            channels.CPU_LOAD: self._dice.uniform(60, 96),
        }
        missing = {}
        if self._psi:
            values |= {channels.PSI_SOME: self._dice.uniform(0, 0.6), channels.PSI_FULL: 0.0}
        else:
            reason = "this kernel keeps no pressure figures (CONFIG_PSI)"
            missing = {channels.PSI_SOME: reason, channels.PSI_FULL: reason}
        return SampleTaken(t=t, node=SPARK.name, values=values, missing=missing)
