"""What a run will do, before it does anything."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Final

from sparktop.engines.protocol import Room
from sparktop.model.records import Contender, Options
from sparktop.model.scenario import Item, Kind, Mode, Scenario
from sparktop.scenarios.fields import BadScenario

RANDOM_ITEM: Final = Item(id="random", prompt="", title="random tokens")
"""The item of prompts that are made of random tokens."""

_CONTEXT_STEP: Final = 256
_TEMPLATE_TOKENS: Final = 128
"""Room for what a chat template puts around a question."""


@dataclass(frozen=True, slots=True)
class Wave:
    """Requests that are issued together; the next wave waits until all have ended.

    Attributes:
        items: One request each.
        batch: Size of the batch that they are counted under; more than their number where the
            requests of a batch are issued one after another.
        repetition: From 0.
        warmup: Discarded.
    """

    items: tuple[Item, ...]
    batch: int
    repetition: int
    warmup: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A scenario for some contenders.

    Attributes:
        scenario: With the options already applied to it.
        contenders: In the order they run.
    """

    scenario: Scenario
    contenders: tuple[Contender, ...]
    options: Options

    def waves(self) -> tuple[Wave, ...]:
        """What every contender goes through, in order."""
        make = _question_waves if self.scenario.kind is Kind.QUESTIONS else _batch_waves
        return tuple(make(self.scenario))

    @property
    def planned(self) -> int:
        """Number of requests of the whole run, warm-up included."""
        return sum(len(wave.items) for wave in self.waves()) * len(self.contenders)

    def room(self) -> Room:
        """What each contender's engine must hold at once.

        The length of a text in tokens is not known before a model is loaded; a token of byte-level
        vocabularies is at least one byte, so the bytes are a bound that is never too small.
        """
        scenario = self.scenario
        slots = max(scenario.batches) if scenario.mode is Mode.CONCURRENT else 1
        if scenario.kind is Kind.PREFILL_DECODE:
            need = scenario.isl + scenario.osl
        else:
            longest = max((len(item.prompt.encode("utf-8", "replace")) for item in scenario.items), default=0)
            system = len(scenario.system.encode("utf-8", "replace"))
            need = longest + system + _TEMPLATE_TOKENS + scenario.sampling.max_tokens
        return Room(slots=slots, context=-(-(need + 1) // _CONTEXT_STEP) * _CONTEXT_STEP, sampling=scenario.sampling)


def make_plan(scenario: Scenario, contenders: tuple[Contender, ...], options: Options) -> Plan:
    """Applies the person's options (limit, max_tokens, seed, batches) to the scenario.

    Raises:
        BadScenario: It has nothing that an option could be applied to.
    """
    if options.batches and scenario.kind is not Kind.BATCH:
        raise BadScenario(
            f'--batches is for scenarios of kind "batch", and {scenario.name} is of kind "{scenario.kind}"'
        )
    if options.tensor_split:
        _check_shares(contenders, len(options.tensor_split))
    sampling = scenario.sampling
    osl = scenario.osl
    if options.max_tokens:
        sampling = dataclasses.replace(sampling, max_tokens=options.max_tokens)
        osl = options.max_tokens if osl else 0
    if scenario.kind is Kind.PREFILL_DECODE:
        sampling = dataclasses.replace(sampling, max_tokens=osl, ignore_eos=True)
    if options.seed is not None:
        sampling = dataclasses.replace(sampling, seed=options.seed)
    items = scenario.items[: options.limit] if options.limit else scenario.items
    batches = options.batches or scenario.batches
    applied = dataclasses.replace(scenario, sampling=sampling, items=items, osl=osl, batches=batches)
    return Plan(applied, contenders, options)


def _check_shares(contenders: tuple[Contender, ...], shares: int) -> None:
    split = {c.name: c.node.count("+") + 1 for c in contenders if "+" in c.node}
    if not split:
        raise BadScenario("--tensor-split is for a model that is split over machines: -m MODEL@NODE+NODE")
    for name, machines in split.items():
        if machines != shares:
            raise BadScenario(f"--tensor-split has {shares} shares, and {name} is split over {machines} machines")


def _question_waves(scenario: Scenario) -> Iterator[Wave]:
    for _ in range(scenario.warmup):
        yield Wave(scenario.items[:1], batch=1, repetition=0, warmup=True)
    for repetition in range(scenario.repetitions):
        for item in scenario.items:
            yield Wave((item,), batch=1, repetition=repetition)


def _batch_waves(scenario: Scenario) -> Iterator[Wave]:
    items = scenario.items or (RANDOM_ITEM,)
    for batch in scenario.batches:
        asked = tuple(islice(cycle(items), batch))
        for _ in range(scenario.warmup):
            # Warm-up at the cell's own shape: kernels and buffers are chosen by batch size.
            yield from _issue(scenario, asked, batch, repetition=0, warmup=True)
        for repetition in range(scenario.repetitions):
            yield from _issue(scenario, asked, batch, repetition, warmup=False)


def _issue(scenario: Scenario, asked: tuple[Item, ...], batch: int, repetition: int, warmup: bool) -> Iterator[Wave]:
    if scenario.mode is Mode.CONCURRENT:
        yield Wave(asked, batch, repetition, warmup)
    elif warmup:
        yield Wave(asked[:1], batch, repetition, warmup)
    else:
        for item in asked:
            yield Wave((item,), batch, repetition)
