"""The table of all actions, and what is made from it: the bindings and the footer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from textual.binding import Binding, BindingType

from sparktop.ui.actions.action import Action, Scope
from sparktop.ui.actions.answers import RATING, READING
from sparktop.ui.actions.everywhere import EVERYWHERE
from sparktop.ui.actions.history import COMPARISON, HISTORY, REPLAY
from sparktop.ui.actions.menu import MENU
from sparktop.ui.actions.panels import DASHBOARD, MONITOR, SHARED
from sparktop.ui.actions.run import RUN

ACTIONS: Final[tuple[Action, ...]] = (
    *EVERYWHERE,
    *MENU,
    *RUN,
    *DASHBOARD,
    *MONITOR,
    *SHARED,
    *READING,
    *RATING,
    *REPLAY,
    *HISTORY,
    *COMPARISON,
)
"""Everything a person can do, in the order in which the help shows it."""


def of(scopes: Iterable[Scope]) -> tuple[Action, ...]:
    """Returns the actions of some scopes, in the order of the table."""
    wanted = frozenset(scopes)
    return tuple(action for action in ACTIONS if action.scope in wanted)


def bindings(*scopes: Scope) -> list[BindingType]:
    """Returns the bindings of some scopes, for a `BINDINGS` of Textual."""
    return [_binding(action) for action in of(scopes)]


def binding(id: str) -> Binding:  # noqa: A002  (the name Textual uses)
    """Returns the binding of one action, by its id."""
    return next(_binding(action) for action in ACTIONS if action.id == id)


def _binding(action: Action) -> Binding:
    return Binding(
        key=",".join(action.keys),
        action=action.handler,
        description=action.label,
        tooltip=action.tooltip,
        id=action.id,
        show=False,
        priority=action.priority,
    )


def footer(*scopes: Scope) -> tuple[Action, ...]:
    """Returns the actions that the footer of some scopes shows, most important first."""
    return tuple(sorted((a for a in of(scopes) if a.rank), key=lambda action: action.rank))
