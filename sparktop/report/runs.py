"""The runs of a report, sorted into parts: what asked the same is compared, the rest stands for itself."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from sparktop.model.document import ContenderRecord, RequestRecord, Snapshot
from sparktop.model.records import Node
from sparktop.model.scenario import Item, Kind, Scenario


@dataclass(frozen=True, slots=True)
class Run:
    """A run in a report.

    Attributes:
        label: Short name in this report ("R1").
        snapshot: The run.
    """

    label: str
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Entrant:
    """A contender of one run, as it is compared with others.

    Attributes:
        label: What tables show; unique in its part.
        run: The run.
        record: What the run has of it.
        requests: Its requests.
    """

    label: str
    run: Run
    record: ContenderRecord
    requests: tuple[RequestRecord, ...]

    @property
    def name(self) -> str:
        """Its name in the run."""
        return self.record.contender.name

    @property
    def identity(self) -> tuple[str, ...]:
        """What makes it the same contender in another run: name, file, engine, place."""
        contender = self.record.contender
        model = contender.model if contender.url else PurePath(contender.model).name
        return (contender.name, model, contender.engine, contender.node, contender.url)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The machines that it ran on, as far as the run knows them."""
        names = self.record.contender.node.split("+")
        return tuple(node for node in self.run.snapshot.nodes if node.name in names)

    @property
    def sparks(self) -> int:
        """Machines that it ran on."""
        return len(self.record.contender.node.split("+"))

    def batches(self) -> list[int]:
        """Sizes of the batches that it was asked in, ascending."""
        return sorted({request.batch for request in self.requests})

    def answers(self, item: str) -> list[RequestRecord]:
        """Its requests for an item, by repetition."""
        own = [request for request in self.requests if request.item == item]
        return sorted(own, key=lambda request: (request.repetition, request.request))


@dataclass(frozen=True, slots=True)
class Part:
    """Runs that asked the same.

    Attributes:
        id: Unique in the report, fit for an address ("sutra-qa", "sutra-qa-2").
        runs: The runs, in the order in which they were named.
        entrants: Their contenders.
        changed: A part before this one has a scenario of the same name that asks something else.
    """

    id: str
    runs: tuple[Run, ...]
    entrants: tuple[Entrant, ...]
    changed: bool = False

    @property
    def scenario(self) -> Scenario:
        """What was asked."""
        return self.runs[0].snapshot.scenario

    @property
    def kind(self) -> Kind:
        """The shape of the work."""
        return self.scenario.kind

    @property
    def items(self) -> tuple[Item, ...]:
        """The questions."""
        return self.scenario.items


def label_runs(snapshots: Sequence[Snapshot]) -> tuple[Run, ...]:
    """Returns the runs with their short names."""
    return tuple(Run(f"R{number}", snapshot) for number, snapshot in enumerate(snapshots, 1))


def sort_into_parts(runs: Iterable[Run], toy: str) -> tuple[Part, ...]:
    """Returns the parts, in the order of their first runs.

    Args:
        runs: The runs.
        toy: What the labels of toy models say.
    """
    grouped: dict[tuple[Any, ...], list[Run]] = {}
    for run in runs:
        grouped.setdefault(_asked(run.snapshot.scenario), []).append(run)
    named: Counter[str] = Counter()
    parts = []
    for group in grouped.values():
        name = group[0].snapshot.scenario.name
        named[name] += 1
        number = named[name]
        parts.append(
            Part(
                id=name if number == 1 else f"{name}-{number}",
                runs=tuple(group),
                entrants=tuple(_entrants(group, toy)),
                changed=number > 1,
            )
        )
    return tuple(parts)


def _asked(scenario: Scenario) -> tuple[Any, ...]:
    """What has to be the same for two runs to have asked the same: all but the seed, the repetitions and the words."""
    return (
        (scenario.name, scenario.kind, scenario.system, tuple(map(_sent, scenario.items))),
        replace(scenario.sampling, seed=0),
        (scenario.batches, scenario.mode, scenario.isl, scenario.osl, scenario.warmup > 0, scenario.slo),
    )


def _sent(item: Item) -> Item:
    """What the models see of an item: how it is called and scored is no part of that."""
    return replace(item, title="", category="", points=(), ordered=False, source="", source_names=(), avoid=())


def _entrants(runs: Sequence[Run], toy: str) -> Iterable[Entrant]:
    names = Counter(itertools.chain.from_iterable((c.contender.name for c in run.snapshot.contenders) for run in runs))
    for run in runs:
        requests: dict[str, list[RequestRecord]] = {}
        for request in run.snapshot.requests:
            requests.setdefault(request.contender, []).append(request)
        for record in run.snapshot.contenders:
            name = record.contender.name
            label = name + (toy if record.contender.toy else "") + (f" · {run.label}" if names[name] > 1 else "")
            yield Entrant(label, run, record, tuple(requests.get(name, ())))
