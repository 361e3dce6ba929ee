"""How fast the same was before: earlier runs of one model, asked the same, on the same machine.

No more than the head of a snapshot is read, newest first, and only until enough is found.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from sparktop.model.decoding import decode_speed
from sparktop.model.events import Status
from sparktop.model.records import Contender, ModelInfo, Node, Options
from sparktop.model.scenario import Scenario
from sparktop.model.snapshot import SCHEMA
from sparktop.model.state import RunState
from sparktop.model.summary import Summary
from sparktop.store.heads import head_bytes

KEPT: Final = 20
"""Earlier runs that a speed is held against: the newest, as a machine changes over the months."""

LOOKED_AT: Final = 500
"""Snapshots of the same scenario that are opened at most; each takes a fraction of a millisecond."""

_NAME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-(?P<scenario>.+)\.json")
_MEMORY_TOLERANCE: Final = 0.02
"""MemTotal changes a little with every kernel."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """Speeds of earlier runs.

    Attributes:
        runs: Ids of the runs, oldest first.
        decode_tok_s: Decode speed of each, in tokens per second of all streams together.
    """

    runs: tuple[str, ...]
    decode_tok_s: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trust:
    valid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ran:
    contender: Contender
    info: ModelInfo | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """The part of a snapshot that is looked at."""

    schema: str
    id: str
    status: Status
    scenario: Scenario
    options: Options
    nodes: tuple[Node, ...]
    contenders: tuple[_Ran, ...]
    validity: _Trust
    summary: tuple[Summary, ...]


def find_baselines(runs: Path, state: RunState, contender: str, most: int = LOOKED_AT) -> dict[int, Baseline]:
    """Returns how fast a loaded contender was in earlier runs, by batch size; of none where there was none.

    A run counts if it completed and no fault was found in it, and if the scenario asked the same (its texts, lengths,
    batches and sampling, all but the seed and the repetitions), of the same file with the same engine, on the same
    devices of a machine of the same name and hardware. Files that are broken, or no snapshots, are passed over.

    Args:
        runs: Folder of the runs; it need not exist.
        state: The run, with the contender's model loaded.
        contender: Its name.
        most: Snapshots that are opened at most.
    """
    started, current = state.started, state.contenders.get(contender)
    if started is None or current is None or current.info is None:
        return {}
    scenario = started.scenario
    sought = _work(scenario, started.options, current.contender, current.info)
    nodes = _nodes(started.nodes, current.contender)
    found: dict[int, list[tuple[str, float]]] = {batch: [] for batch in scenario.batches}
    for path in _candidates(runs, scenario.name, started.id)[:most]:
        if all(len(speeds) >= KEPT for speeds in found.values()):
            break
        head = _read_head(path)
        if head is None or head.id == started.id or not head.validity.valid or head.status is not Status.COMPLETED:
            continue
        names = {
            ran.contender.name
            for ran in head.contenders
            if ran.info is not None
            and _work(head.scenario, head.options, ran.contender, ran.info) == sought
            and _alike(_nodes(head.nodes, ran.contender), nodes)
        }
        for row in head.summary:
            speed = decode_speed(row)
            room = found.get(row.batch)
            if row.contender in names and room is not None and len(room) < KEPT and speed and math.isfinite(speed):
                room.append((head.id, speed))
    return {
        batch: Baseline(tuple(run for run, _ in reversed(speeds)), tuple(speed for _, speed in reversed(speeds)))
        for batch, speeds in found.items()
    }


def _candidates(runs: Path, scenario: str, own: str) -> list[Path]:
    """Snapshots whose names say that they are of a scenario, newest first."""
    again = re.compile(re.escape(scenario) + r"(-\d+)?")
    try:
        with os.scandir(runs) as entries:
            names = [
                entry.name
                for entry in entries
                if (match := _NAME.fullmatch(entry.name)) is not None
                and again.fullmatch(match["scenario"])
                and entry.name != f"{own}.json"
                # A pipe of that name would be waited for.
                and entry.is_file()
            ]
    except OSError:
        return []
    return [runs / name for name in sorted(names, reverse=True)]


def _read_head(path: Path) -> _Head | None:
    try:
        head = msgspec.json.decode(head_bytes(path), type=_Head)
    except (OSError, msgspec.DecodeError, RecursionError):
        return None
    return head if head.schema == SCHEMA else None


def _work(scenario: Scenario, options: Options, contender: Contender, info: ModelInfo) -> tuple[Any, ...]:
    """What has to be the same for two speeds to be of the same work."""
    # A model at an address is known by all of it, a file by its name wherever it lies.
    model = contender.model if "://" in contender.model else Path(contender.model).name
    return (
        (scenario.name, scenario.kind, scenario.system, tuple(item.prompt for item in scenario.items)),
        tuple(item.image.sha256 if item.image is not None else "" for item in scenario.items),
        replace(scenario.sampling, seed=0),
        (scenario.batches, scenario.mode, scenario.isl, scenario.osl, scenario.warmup > 0),
        (contender.engine, contender.node, model, contender.size),
        (info.description, info.parameters, info.devices),
        options.tensor_split if "+" in contender.node else (),
    )


def _nodes(nodes: Iterable[Node], contender: Contender) -> list[Node]:
    names = contender.node.split("+")
    return sorted((node for node in nodes if node.name in names), key=lambda node: node.name)


def _alike(one: Sequence[Node], other: Sequence[Node]) -> bool:
    """Whether machines are the same hardware; what runs on them may have changed."""
    return len(one) == len(other) and all(
        (a.name, a.machine, a.cpu, a.cores, a.gpus) == (b.name, b.machine, b.cpu, b.cores, b.gpus)
        and abs(a.memory - b.memory) <= _MEMORY_TOLERANCE * max(a.memory, b.memory)
        for a, b in zip(one, other, strict=True)
    )
