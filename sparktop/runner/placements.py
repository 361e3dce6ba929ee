"""The places where a contender could run: the machines that have its model, and several of them together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Final

from sparktop.model.records import Contender
from sparktop.runner.contenders import file_name, is_elsewhere, longer_name, on_node
from sparktop.runner.split_fit import AND, machines

if TYPE_CHECKING:
    from sparktop.nodes.protocol import ModelFile

_MOST_SPLITS: Final = 4
"""Machines up to which every combination is offered; of more, pairs and all together."""


def placements(
    contender: Contender,
    here: Sequence[Contender],
    elsewhere: Mapping[str, Sequence[ModelFile]],
    own_name: str,
) -> tuple[Contender, ...]:
    """Returns a contender once for every place: machines alone first, then splits, of fewer machines first.

    A place has a model of the same name; whether it is the same file, nobody knows, but its size is told. The first
    machine of a split has the model and runs it; that is where the contender is now, if it can be.

    Args:
        contender: On a machine, or split; one on a server runs where that is, and has no other place.
        here: Contenders of this machine, among which its model may be.
        elsewhere: What other machines can load, by the name of the machine.
        own_name: What this machine is called.
    """
    if contender.url:
        return (contender,)
    holders = dict(_holders(contender, here, elsewhere, own_name))
    everywhere = [own_name, *elsewhere]
    first = machines(contender)[0]
    alone = [holders[name] for name in everywhere if name in holders]
    return (
        *alone,
        *(_split(holders, those, first) for those in _groups(everywhere) if not holders.keys().isdisjoint(those)),
    )


def _holders(
    contender: Contender, here: Sequence[Contender], elsewhere: Mapping[str, Sequence[ModelFile]], own_name: str
) -> Iterator[tuple[str, Contender]]:
    name = file_name(contender.model)
    own = [contender, *here]
    local = next((one for one in own if not (one.url or is_elsewhere(one)) and file_name(one.model) == name), None)
    if local is not None:
        # A split one is called by its machines as well.
        alone = local if AND not in local.node else replace(local, name=local.name.rpartition("@")[0] or local.name)
        yield own_name, replace(alone, node=own_name)
    for node, models in elsewhere.items():
        # Where there are two of one name, the first has the plain one.
        found = next((model for model in models if file_name(model.name) == name), None)
        if found is not None:
            placed = on_node(found, node)
            yield node, replace(placed, name=longer_name(placed))


def _groups(everywhere: Sequence[str]) -> Iterator[tuple[str, ...]]:
    count = len(everywhere)
    sizes = range(2, count + 1) if count <= _MOST_SPLITS else (2, count)
    for size in sizes:
        yield from combinations(everywhere, size)


def _split(holders: Mapping[str, Contender], those: Sequence[str], wish: str) -> Contender:
    first = wish if wish in those and wish in holders else next(name for name in those if name in holders)
    others = [name for name in those if name != first]
    placed = replace(holders[first], node=AND.join([first, *others]))
    # The name of a model elsewhere has its machine in it already.
    name = placed.name.removesuffix(f"@{first}")
    return replace(placed, name=longer_name(replace(placed, name=name)))
