"""What is wrong with a machine at this moment, for the screens that show it live.

A verdict (see `sparktop.model.validity`) is about a whole run; an alert is about the last ten seconds, and goes away by
itself. Both have the same codes and rest on the same rules.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from sparktop.model.state import RunState
from sparktop.model.verdicts import Code, Severity

RECENT_S: Final = 10.0
"""What was read longer ago than this is not "now"."""

LINE_CELLS: Final = 76
"""An alert's text fits into a line of an 80-column screen, inside a frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that is wrong now.

    Attributes:
        code: Stable name, the same as the verdict's.
        severity: How bad: a fault spoils what is measured now, a note has to be known.
        node: The machine.
        text: One sentence of at most 76 cells without the machine's name.
        evidence: The numbers that it rests on, by name.
    """

    code: Code
    severity: Severity
    node: str
    text: str
    evidence: dict[str, float | str] = field(default_factory=dict)


def alerts(state: RunState, now: float) -> tuple[Alert, ...]:
    """Returns what is wrong now, faults first; works without a run too.

    Args:
        state: The run so far, or what was read of machines without one.
        now: Seconds on the clock of the events.
    """
    return ()
