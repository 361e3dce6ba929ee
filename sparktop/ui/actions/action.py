"""What a thing is that a person can do, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """Where an action can be done."""

    EVERYWHERE = "Everywhere"
    MENU = "Menu"
    RUN = "During and after a run"
    DASHBOARD = "Dashboard"
    MONITOR = "Monitor"
    PANELS = "Panels"
    ANSWERS = "Answers"
    RATING = "Rating answers"
    REPLAY = "Replay"
    TAPE = "Replay, on the dashboard"
    HISTORY = "History"
    COMPARISON = "Comparison of two runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing that a person can do.

    Attributes:
        id: Unique name, by which a key can be given to it.
        keys: As Textual names them, the one to show first.
        label: One or two words for the footer.
        tooltip: One line for the help and the palette.
        scope: Where it can be done.
        handler: Textual's action string.
        rank: Place in the footer, lowest first; 0 keeps it out.
        priority: Whether it is taken before whatever has the focus.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    tooltip: str
    scope: Scope
    handler: str
    rank: int = 0
    priority: bool = False


def action(
    scope: Scope,
    id: str,  # noqa: A002  (the name Textual uses)
    keys: str,
    handler: str,
    label: str,
    tooltip: str,
    *,
    rank: int = 0,
    priority: bool = False,
) -> Action:
    """Declares an action in the fewest words: as `Action`, with its keys in one text, a blank between them."""
    return Action(
        id=id,
        keys=tuple(keys.split()),
        label=label,
        tooltip=tooltip,
        scope=scope,
        handler=handler,
        rank=rank,
        priority=priority,
    )
