"""Whether two runs can be compared, and what beside their figures differs between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from sparktop.model.document import ContenderRecord, Snapshot
from sparktop.model.events import Status
from sparktop.model.records import Node
from sparktop.model.scenario import Item, Kind, Mode, Scenario


class NotComparable(ValueError):
    """Two runs have nothing in common that could be compared; the message is one sentence for the person."""


@dataclass(frozen=True, slots=True)
class Common:
    """What two runs both did.

    Attributes:
        items: Ids of the questions that both asked in the same words; "random" for random tokens.
        batches: Sizes of batches that both ran, ascending.
        notes: What only one of them did, in sentences.
    """

    items: frozenset[str]
    batches: tuple[int, ...]
    notes: tuple[str, ...]


def common(before: Snapshot, after: Snapshot) -> Common:
    """Returns what two runs both did.

    Raises:
        NotComparable: It is nothing, or they did it in different ways.
    """
    one, other = before.scenario, after.scenario
    if one.name != other.name or one.kind is not other.kind:
        raise NotComparable(
            f"{before.id} ran {one.name} ({one.kind}) and {after.id} {other.name} ({other.kind}):"
            " only runs of one scenario can be compared"
        )
    if (one.isl, one.osl) != (other.isl, other.osl):
        raise NotComparable(
            f"{before.id} read {one.isl} tokens and decoded {one.osl}, {after.id} {other.isl} and {other.osl}:"
            " speeds at different lengths say nothing of each other"
        )
    batches = tuple(sorted(set(one.batches) & set(other.batches)))
    if one.mode is not other.mode:
        # One request at a time is the same in both.
        batches = tuple(batch for batch in batches if batch == 1)
    if not batches:
        how = f"{_sizes(one)} and {_sizes(other)}"
        raise NotComparable(f"the two runs have no batch size in common: {how}")
    items, notes = _items(one, other)
    if notes and one.kind is Kind.BATCH:
        raise NotComparable(f"the batches of {before.id} and {after.id} are made of other questions")
    left_out = sorted(set(one.batches) ^ set(other.batches))
    if left_out:
        notes.append(f"Batches of {', '.join(map(str, left_out))} are in one of the runs only and are left out.")
    if one.mode is not other.mode:
        notes.append(
            f"One run issued batches {one.mode.value}, the other {other.mode.value}: only batch 1 is compared."
        )
    return Common(items, batches, tuple(notes))


def _sizes(scenario: Scenario) -> str:
    how = "" if scenario.mode is Mode.CONCURRENT else f" ({scenario.mode.value})"
    return f"{', '.join(map(str, scenario.batches))}{how}"


def _items(one: Scenario, other: Scenario) -> tuple[frozenset[str], list[str]]:
    if one.kind is Kind.PREFILL_DECODE or not (one.items or other.items):
        return frozenset({"random"}), []
    asked, again = ({item.id: (item.prompt, _picture(item)) for item in run.items} for run in (one, other))
    same = frozenset(identity for identity, question in asked.items() if again.get(identity) == question)
    if not same:
        raise NotComparable(f"the two runs of {one.name} have no question in common")
    notes = []
    reworded = [identity for identity in asked if identity in again and identity not in same]
    alone = [identity for identity in (*asked, *again) if (identity in asked) is not (identity in again)]
    if reworded:
        notes.append(f"{_named(reworded)} {_were(reworded)} asked in other words and {_were(reworded)} left out.")
    if alone:
        notes.append(f"{_named(alone)} {_were(alone)} asked in one of the runs only and {_were(alone)} left out.")
    return same, notes


def _picture(item: Item) -> str:
    return item.image.sha256 if item.image is not None else ""


def _named(ids: Sequence[str]) -> str:
    return ", ".join(ids) if len(ids) <= 4 else f"{len(ids)} questions"


def _were(ids: Sequence[str]) -> str:
    return "was" if len(ids) == 1 else "were"


def cautions(before: Snapshot, after: Snapshot) -> Iterator[str]:
    """Yields what speaks against holding the figures of two runs against each other."""
    if before.id == after.id:
        yield "Both are the same run."
    for run in (before, after):
        if run.status is not Status.COMPLETED:
            yield f"{run.id} is {run.status.value}: it has only a part of what it was to measure."
        faults = sum(verdict.severity == "fault" for verdict in run.validity.verdicts)
        if not run.validity.valid:
            count = f"{faults} fault{'s' if faults != 1 else ''}"
            yield f"{run.id} is not valid ({count}): its figures are not to be quoted."


def differences(before: Snapshot, after: Snapshot, pairs: Mapping[str, str]) -> Iterator[str]:
    """Yields what else changed from one run to the next, and could be why: in sentences.

    Args:
        before: One run.
        after: The other.
        pairs: Contenders of the one, and whom of the other each is held against.
    """
    one, other = before.scenario, after.scenario
    if one.system != other.system:
        yield "The system message is another."
    for name, what in (("temperature", "temperature"), ("max_tokens", "most tokens of an answer"), ("seed", "seed")):
        yield from _changed(what, getattr(one.sampling, name), getattr(other.sampling, name))
    if _rest(one) != _rest(other):
        yield "Tokens are chosen in another way (see scenario.sampling of both)."
    for name in ("ttft_ms", "tpot_ms", "response_ms"):
        yield from _changed(f"SLO of {name}", getattr(one.slo, name) or "none", getattr(other.slo, name) or "none")
    yield from _changed("warm-up requests", one.warmup, other.warmup)
    yield from _changed("repetitions", one.repetitions, other.repetitions)
    if before.options.together is not after.options.together:
        together = before.id if before.options.together else after.id
        yield f"In {together} all contenders ran at once."
    yield from _changed("sparktop", before.sparktop, after.sparktop)
    here, there = ({record.contender.name: record for record in run.contenders} for run in (before, after))
    for name, partner in pairs.items():
        if name in here and partner in there:
            yield from _contenders(name, here[name], there[partner])
    yield from _machines(before.nodes, after.nodes)


def _rest(scenario: Scenario) -> tuple[Any, ...]:
    sampling = scenario.sampling
    return (sampling.top_k, sampling.top_p, sampling.ignore_eos, sampling.stop)


def _contenders(name: str, one: ContenderRecord, other: ContenderRecord) -> Iterator[str]:
    a, b = one.contender, other.contender
    if a.url or b.url:
        yield from _changed(f"{name}: server", a.url or "none", b.url or "none")
    # The same file has a path here and a name, without the ending, on another machine.
    model, again = (c.model if c.url else PurePath(c.model).name.removesuffix(".gguf") for c in (a, b))
    yield from _changed(f"{name}: model", model or "the server's own", again or "the server's own")
    if model == again:
        yield from _changed(f"{name}: bytes of its file", a.size, b.size)
    yield from _changed(f"{name}: engine", a.engine, b.engine)
    yield from _changed(f"{name}: node", a.node, b.node)
    if one.info is not None and other.info is not None:
        yield from _changed(f"{name}: what the engine calls it", one.info.description, other.info.description)
        yield from _changed(f"{name}: devices", ", ".join(one.info.devices), ", ".join(other.info.devices))


def _machines(before: Sequence[Node], after: Sequence[Node]) -> Iterator[str]:
    here, there = ({node.name: node for node in nodes} for nodes in (before, after))
    yield from _changed("machines", ", ".join(here), ", ".join(there))
    named = [(name, node, there[name]) for name, node in here.items() if name in there]
    if not named and len(before) == len(after) == 1:
        named = [("the machine", before[0], after[0])]
    for name, one, other in named:
        for field, what in (
            ("machine", "product"),
            ("cpu", "processor"),
            ("cores", "processors"),
            ("gpus", "GPUs"),
            ("driver", "NVIDIA driver"),
            ("os", "operating system"),
            ("llama_cpp", "llama.cpp"),
        ):
            yield from _changed(f"{name}: {what}", _text(getattr(one, field)), _text(getattr(other, field)))


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _changed(what: str, one: object, other: object) -> Iterator[str]:
    if one != other:
        first, second = (text if (text := str(value)) else "unknown" for value in (one, other))
        yield f"{what}: {first}, then {second}."
