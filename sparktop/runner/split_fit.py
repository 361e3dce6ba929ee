"""Whether a split contender fits: the memory of all its machines, held against what it needs."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sparktop.engines.protocol import Room
from sparktop.model.records import Contender
from sparktop.nodes.fit import Fit, assess_model, assess_nothing

if TYPE_CHECKING:
    # Other machines take 5 MB to import, and most runs have none.
    from sparktop.runner.fleet import Fleet

AND: Final = "+"
"""Between the names of a split contender's machines."""

_GIB: Final = 1 << 30


def machines(contender: Contender) -> tuple[str, ...]:
    """Returns the names of the machines that a contender runs on; the first runs the engine."""
    return tuple(contender.node.split(AND))


def is_split(contender: Contender) -> bool:
    """Whether a contender is split over machines by llama.cpp's RPC."""
    return AND in contender.node and not contender.url


class SplitFit:
    """The sum of memory over all machines of a split contender, some of which have to be asked.

    Args:
        contender: It.
        room: What its context must hold.
        reserve: Bytes that must stay free on each machine; None for each one's default.
        shares: One number a machine; empty for what each can give.
        fleet: The other machines.
        proc: Folder of this machine's kernel files.
    """

    def __init__(
        self,
        contender: Contender,
        room: Room,
        reserve: int | None,
        shares: Sequence[float],
        fleet: Fleet,
        proc: Path = Path("/proc"),
    ) -> None:
        self._shares = tuple(shares)
        self._nodes = machines(contender)
        first, *others = self._nodes
        self._asked: list[Future[Fit]] = [
            fleet.fits(first, contender.model, room, reserve, split=True)
            if first in fleet
            else _told(assess_model(Path(contender.model), room, reserve, proc, split=True))
        ]
        for name in others:
            self._asked.append(
                fleet.fits(name, "", room, reserve) if name in fleet else _told(assess_nothing(reserve, proc))
            )

    def result(self) -> Fit | None:
        """The sum; None until everybody has answered."""
        if not all(one.done() for one in self._asked):
            return None
        return together(self._nodes, [one.result() for one in self._asked], self._shares)

    def shares(self) -> tuple[float, ...]:
        """One number a machine, in proportion to what it takes; to be asked once there is a sum."""
        return self._shares or given([one.result() for one in self._asked])


def _told(fit: Fit) -> Future[Fit]:
    told: Future[Fit] = Future()
    told.set_result(fit)
    return told


def given(fits: Sequence[Fit]) -> tuple[float, ...]:
    """Returns what each machine can give beyond its reserve, in bytes; the same of all where one does not tell."""
    free = [fit.allocatable - fit.reserve if fit.allocatable is not None else 0 for fit in fits]
    return tuple(map(float, free)) if all(one > 0 for one in free) else (1.0,) * len(fits)


def together(nodes: Sequence[str], fits: Sequence[Fit], shares: Sequence[float]) -> Fit:
    """Returns the sum of memory of several machines for one model.

    Args:
        nodes: Their names.
        fits: What each has; the first also what the whole model needs. Every machine has buffers of its own for what it
            computes.
        shares: One number a machine; empty for what each can give.
    """
    whole = fits[0]
    for name, fit in zip(nodes, fits, strict=True):
        if fit.problem:
            return replace(fit, problem=f"{name}: {fit.problem}" if name not in fit.problem else fit.problem)
    parts = shares or given(fits)
    compute = whole.compute * len(fits)
    rule = " + ".join(
        f"{name} {fit.allocatable / _GIB:,.1f}: {fit.rule}" if fit.allocatable is not None else f"{name} unknown"
        for name, fit in zip(nodes, fits, strict=True)
    )
    known = [fit.allocatable for fit in fits if fit.allocatable is not None]
    sum_of_all = replace(
        whole,
        compute=compute,
        allocatable=sum(known) if len(known) == len(fits) else None,
        reserve=sum(fit.reserve for fit in fits),
        rule=rule,
    )
    if not sum_of_all.ok:
        return sum_of_all
    for name, fit, part in zip(nodes, fits, parts, strict=True):
        need = int((whole.weights + whole.kv) * part / sum(parts)) + whole.compute
        if fit.allocatable is not None and need + fit.reserve > fit.allocatable:
            return replace(
                sum_of_all,
                problem=f"the part of {name} does not fit: it would be {need / _GIB:,.1f} GiB, and"
                f" {fit.allocatable / _GIB:,.1f} GiB can be allocated there ({fit.rule}), of which"
                f" {fit.reserve / _GIB:,.1f} must stay free: give it a smaller share with --tensor-split",
            )
    return sum_of_all
