"""What several machines come to together, and which of them that covers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len

from sparktop.model.records import named_before
from sparktop.ui.panels.machine import Machine
from sparktop.ui.widgets.line_widget import Span

TOGETHER: Final = "together"
"""What the row of a sum is called."""

SHORT: Final = "all"
"""The same where names of machines have less room."""

NAMED_CELLS: Final = 12
"""Cells of a name that finds room behind a figure."""


@dataclass(frozen=True, slots=True)
class Sum:
    """A quantity of several machines, added up.

    Attributes:
        value: The sum over those that it covers; None if it covers none.
        of: Names of the machines that it covers.
    """

    value: float | None
    of: tuple[str, ...]


def apart(found: Sequence[Machine]) -> list[Machine]:
    """Returns machines without those that were named before: one may be connected to under two names."""
    twice = named_before([machine.node for machine in found if machine.node is not None])
    return [machine for machine in found if machine.node is None or machine.node.name not in twice]


def summed(found: Sequence[Machine], get: Callable[[Machine], float | None]) -> Sum:
    """Adds up a quantity of those machines that tell it."""
    told = {machine.name: value for machine in found if (value := get(machine)) is not None}
    told = {machine.name: told[machine.name] for machine in apart([one for one in found if one.name in told])}
    return Sum(sum(told.values()) if told else None, tuple(told))


def worth_a_row(found: Sequence[Machine], tells: Callable[[Machine], bool]) -> bool:
    """Whether a sum says more than its summands: two machines tell the quantity, or have told it before.

    Args:
        found: The machines.
        tells: Whether one has ever told it: a row must not come and go with each reading.
    """
    return len(apart([machine for machine in found if tells(machine)])) > 1


def label(base: Sum, found: Sequence[Machine]) -> str:
    """What the row of a sum is called: a sum that leaves machines out says of how many it is."""
    return TOGETHER if len(base.of) == (count := len(apart(found))) else f"{len(base.of)} of {count}"


def covers(one: Sum, base: Sum, found: Sequence[Machine]) -> list[Span]:
    """Says which machines a figure covers, if those are others than its row says."""
    if one.of == base.of or one.value is None:
        return []
    named = len(one.of) == 1 and cell_len(one.of[0]) <= NAMED_CELLS
    whose = f"{one.of[0]} only" if named else f"{len(one.of)} of {len(apart(found))}"
    return [(f" ({whose})", "warn")]
