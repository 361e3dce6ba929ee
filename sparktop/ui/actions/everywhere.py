"""What can be done on every screen."""

from __future__ import annotations

from functools import partial
from typing import Final

from sparktop.ui.actions.action import Action, Scope, action

_declare = partial(action, Scope.EVERYWHERE)

EVERYWHERE: Final[tuple[Action, ...]] = (
    _declare("quit", "q", "app.leave", "Quit", "Leave sparktop; asks first while a run goes on", rank=90),
    _declare("interrupt", "ctrl+c ctrl+q", "app.leave", "Quit", "The same, also while you type", priority=True),
    _declare(
        "suspend",
        "ctrl+z",
        "app.suspend_process",
        "Suspend",
        'Go back to the shell ("fg" comes back); not while a run or a recording goes on',
        priority=True,
    ),
    _declare("help", "question_mark f1", "app.help", "Help", "Show every key and what the numbers mean", rank=80),
    _declare("palette", "ctrl+p", "app.command_palette", "Palette", "Find an action by its name", priority=True),
    _declare("theme", "t", "app.next_theme", "Theme", "Change to the next theme"),
    _declare("screenshot", "S", "app.keep_screenshot", "Screenshot", "Write this screen to an SVG file"),
)
"""Leaving, help, looks."""
