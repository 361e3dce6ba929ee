"""What can be done in the menu."""

from __future__ import annotations

from functools import partial
from typing import Final

from sparktop.ui.actions.action import Action, Scope, action

_declare = partial(action, Scope.MENU)

MENU: Final[tuple[Action, ...]] = (
    _declare("start", "enter", "screen.start", "Start", "Start the chosen scenario with the chosen contenders", rank=1),
    _declare("next-field", "tab", "app.focus_next", "Next", "Go to the next list or field (shift+tab: back)", rank=3),
    _declare("toggle", "space", "screen.choose", "Pick", "Choose a contender, or leave it out", rank=2),
    _declare(
        "place",
        "p",
        "screen.place",
        "Place",
        "Choose where a model runs: on which machine, or split over several",
        rank=4,
    ),
    _declare("own-model", "o", "screen.own_model", "Add", "Type the path of a .gguf file, MODEL@NODE or a URL", rank=5),
    _declare("give-up", "escape", "screen.give_up", "Stop", "Stop connecting to another machine"),
    _declare("to-run", "d", "app.go('dashboard')", "Dashboard", "Go back to the run, if there is one"),
    _declare("monitor", "M", "app.monitor", "Monitor", "Show what the machine is doing, without a run", rank=6),
    _declare(
        "history",
        "h H",
        "app.history",
        "History",
        "Show the runs so far: open, compare, replay, delete, run again",
        rank=7,
    ),
)
"""Choosing what is run, and going elsewhere."""
