"""What can be done on every screen of a run."""

from __future__ import annotations

from functools import partial
from typing import Final

from sparktop.ui.actions.action import Action, Scope, action

_declare = partial(action, Scope.RUN)

RUN: Final[tuple[Action, ...]] = (
    _declare(
        "freeze",
        "space",
        "app.freeze",
        "Freeze",
        "Freeze the view (the run goes on), or stop a replay; again: go on",
        rank=12,
    ),
    _declare(
        "dashboard", "d", "app.go('dashboard')", "Dashboard", "Show what the run and the machine are doing", rank=10
    ),
    _declare("answers", "a", "app.go('answers')", "Answers", "Show the answers side by side", rank=10),
    _declare("results", "r", "app.go('results')", "Results", "Show the tables, so far or at the end", rank=11),
    _declare("menu", "m", "app.go('menu')", "Menu", "Go to the menu; a run that goes on is not stopped", rank=40),
    _declare("to-history", "H", "app.history", "History", "Show the runs so far; a run that goes on is not stopped"),
    _declare("cancel", "c", "app.cancel_run", "Cancel", "Stop the run after asking; what was measured is kept"),
    _declare("snapshot", "s", "app.snapshot", "Snapshot", "Write the run so far to a JSON file", rank=30),
    _declare("report", "w", "app.report", "Report", "Write a report of this run, as a page for a browser", rank=31),
    _declare("back", "escape", "screen.back", "Back", "Show all panels again, or go back one screen"),
)
"""Going from screen to screen, and stopping things."""
