"""What can be done with the runs so far: finding them, playing them again, comparing two."""

from __future__ import annotations

from functools import partial
from typing import Final

from sparktop.ui.actions.action import Action, Scope, action

_play = partial(action, Scope.REPLAY)
_wind = partial(action, Scope.TAPE)

REPLAY: Final[tuple[Action, ...]] = (
    _play("replay-back", "less_than_sign", "screen.step(-10)", "-10 s", "Go back by 10 s", rank=13),
    _play("replay-on", "greater_than_sign", "screen.step(10)", "+10 s", "Go on by 10 s", rank=14),
    _play(
        "replay-before",
        "left_curly_bracket",
        "screen.place(-1)",
        "Before",
        "Go back to where a load, a request or a first token began",
        rank=15,
    ),
    _play(
        "replay-next",
        "right_curly_bracket",
        "screen.place(1)",
        "Next",
        "Go on to the next load, request or first token",
        rank=16,
    ),
    _play("replay-beginning", "left_parenthesis", "screen.edge(-1)", "Beginning", "Go to the beginning of the run"),
    _play("replay-end", "right_parenthesis", "screen.edge(1)", "End", "Go to the end of the run"),
    _play(
        "replay-go-to", "g", "screen.go_to", "Go to", "Go to a time of the run that you type, as 90 or 1:30:00", rank=17
    ),
    _wind("tape-back", "left", "screen.step(-10)", "-10 s", "Go back 10 s, as < does"),
    _wind("tape-on", "right", "screen.step(10)", "+10 s", "Go on 10 s, as > does"),
    _wind(
        "tape-before",
        "left_square_bracket",
        "screen.place(-1)",
        "Before",
        "Go back to where something began, as { does",
    ),
    _wind("tape-next", "right_square_bracket", "screen.place(1)", "Next", "Go on to the next thing, as } does"),
    _wind("tape-beginning", "home", "screen.edge(-1)", "Beginning", "Go to the beginning, as ( does"),
    _wind("tape-end", "end", "screen.edge(1)", "End", "Go to the end, as ) does"),
)
"""Going about in a replay. On the dashboard, where nothing else wants them, the arrows do it too."""

_choose = partial(action, Scope.HISTORY)

HISTORY: Final[tuple[Action, ...]] = (
    _choose(
        "open", "enter r", "screen.open('results')", "Open", "Show the results of the run under the cursor", rank=1
    ),
    _choose("open-answers", "a", "screen.open('answers')", "Answers", "Show its answers", rank=10),
    _choose(
        "open-dashboard",
        "d",
        "screen.open('dashboard')",
        "Dashboard",
        "Show its dashboard, as it was at the end",
        rank=11,
    ),
    _choose("play", "p", "screen.play", "Play", "Play it again from its beginning", rank=2),
    _choose(
        "filter",
        "slash",
        "screen.filter",
        "Filter",
        "Show only runs that have some words: of the name, the models, the date, how they ended",
        rank=3,
    ),
    _choose(
        "mark", "space", "screen.mark", "Mark", "Mark the run, to compare it with another; again: unmark it", rank=4
    ),
    _choose(
        "compare",
        "c",
        "screen.compare",
        "Compare",
        "Compare the two marked runs, or the marked one with that under the cursor",
        rank=5,
    ),
    _choose(
        "run-again",
        "R",
        "screen.run_again",
        "Run again",
        "Run the same once more: scenario, contenders and options",
        rank=6,
    ),
    _choose("delete", "x delete", "screen.delete", "Delete", "Move the run to the trash, after asking", rank=7),
    _choose("undo-delete", "u", "screen.undo", "Undo", "Bring back what was deleted last", rank=8),
    _choose("sort", "s", "screen.sort", "Sort", "Sort by the next column", rank=9),
    _choose(
        "report-runs",
        "w",
        "screen.report",
        "Report",
        "Write a report of the marked runs, or of the one under the cursor, as a page for a browser",
        rank=12,
    ),
    _choose("turn-round", "o", "screen.turn_round", "Turn round", "Turn the order round"),
    _choose("history-menu", "m", "app.go('menu')", "Menu", "Go to the menu", rank=40),
    _choose("history-back", "escape", "screen.back", "Back", "Show all runs again, or go back to the menu"),
)
"""The list of runs."""

_compare = partial(action, Scope.COMPARISON)

COMPARISON: Final[tuple[Action, ...]] = (
    _compare("comparison-back", "escape", "screen.back", "Back", "Go back to the history", rank=1),
    _compare("comparison-turn", "o", "screen.turn_round", "Turn round", "Compare the other way round", rank=2),
    _compare(
        "comparison-changes",
        "f",
        "screen.only_changes",
        "Changes",
        "Show only figures that changed by more than they vary, or all of them",
        rank=3,
    ),
    _compare("comparison-menu", "m", "app.go('menu')", "Menu", "Go to the menu", rank=40),
)
"""Two runs side by side."""
