"""Everything a person can do, in one table: the bindings, the footer, the help and the palette come from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from textual.binding import Binding, BindingType

from sparktop.ui.action import Action, Scope
from sparktop.ui.answers_actions import RATING, READING
from sparktop.ui.history_actions import COMPARISON, HISTORY, REPLAY

__all__ = ["ACTIONS", "MACHINE_PANELS", "PANELS", "Action", "Scope", "bindings", "footer", "key_name", "of"]


PANELS: Final = ("throughput", "latency", "gpu", "memory", "links", "processor", "contenders", "streams")
"""The panels of the dashboard, by the number that maximises them."""

MACHINE_PANELS: Final = ("memory", "gpu", "links", "processor", "processes", "server")
"""The same of the monitor."""


_LABELS: Final = {"gpu": "GPU"}


def _maximise(number: int, panel: str, scope: Scope) -> Action:
    return Action(
        id=f"maximise-{panel}" if scope is Scope.DASHBOARD else f"{scope.lower()}-{panel}",
        keys=(str(number),),
        label=_LABELS.get(panel, panel.capitalize()),
        tooltip=f"Show the {_LABELS.get(panel, panel)} panel alone, or all panels again",
        scope=scope,
        handler=f"screen.maximise_panel('{panel}')",
    )


ACTIONS: Final[tuple[Action, ...]] = (
    Action(
        id="quit",
        keys=("q",),
        label="Quit",
        tooltip="Leave sparktop; asks first while a run goes on",
        scope=Scope.EVERYWHERE,
        handler="app.leave",
        rank=90,
    ),
    Action(
        id="interrupt",
        keys=("ctrl+c", "ctrl+q"),
        label="Quit",
        tooltip="The same, also while you type",
        scope=Scope.EVERYWHERE,
        handler="app.leave",
        priority=True,
    ),
    Action(
        id="help",
        keys=("question_mark", "f1"),
        label="Help",
        tooltip="Show every key and what the numbers mean",
        scope=Scope.EVERYWHERE,
        handler="app.help",
        rank=80,
    ),
    Action(
        id="palette",
        keys=("ctrl+p",),
        label="Palette",
        tooltip="Find an action by its name",
        scope=Scope.EVERYWHERE,
        handler="app.command_palette",
        priority=True,
    ),
    Action(
        id="theme",
        keys=("t",),
        label="Theme",
        tooltip="Change to the next theme",
        scope=Scope.EVERYWHERE,
        handler="app.next_theme",
    ),
    Action(
        id="screenshot",
        keys=("S",),
        label="Screenshot",
        tooltip="Write this screen to an SVG file",
        scope=Scope.EVERYWHERE,
        handler="app.keep_screenshot",
    ),
    Action(
        id="start",
        keys=("enter",),
        label="Start",
        tooltip="Start the chosen scenario with the chosen contenders",
        scope=Scope.MENU,
        handler="screen.start",
        rank=1,
    ),
    Action(
        id="next-field",
        keys=("tab",),
        label="Next field",
        tooltip="Go to the next list or field (shift+tab: back)",
        scope=Scope.MENU,
        handler="app.focus_next",
        rank=3,
    ),
    Action(
        id="toggle",
        keys=("space",),
        label="Choose",
        tooltip="Choose a contender, or leave it out",
        scope=Scope.MENU,
        handler="screen.choose",
        rank=2,
    ),
    Action(
        id="own-model",
        keys=("o",),
        label="Own model",
        tooltip="Type the path of a .gguf file",
        scope=Scope.MENU,
        handler="screen.own_model",
        rank=4,
    ),
    Action(
        id="to-run",
        keys=("d",),
        label="Dashboard",
        tooltip="Go back to the run, if there is one",
        scope=Scope.MENU,
        handler="app.go('dashboard')",
    ),
    Action(
        id="monitor",
        keys=("M",),
        label="Monitor",
        tooltip="Show what the machine is doing, without a run",
        scope=Scope.MENU,
        handler="app.monitor",
        rank=5,
    ),
    Action(
        id="history",
        keys=("h", "H"),
        label="History",
        tooltip="Show the runs so far: open, compare, replay, delete, run again",
        scope=Scope.MENU,
        handler="app.history",
        rank=6,
    ),
    Action(
        id="freeze",
        keys=("space",),
        label="Freeze",
        tooltip="Freeze the view (the run goes on), or stop a replay; again: go on",
        scope=Scope.RUN,
        handler="app.freeze",
        rank=12,
    ),
    Action(
        id="dashboard",
        keys=("d",),
        label="Dashboard",
        tooltip="Show what the run and the machine are doing",
        scope=Scope.RUN,
        handler="app.go('dashboard')",
        rank=10,
    ),
    Action(
        id="answers",
        keys=("a",),
        label="Answers",
        tooltip="Show the answers side by side",
        scope=Scope.RUN,
        handler="app.go('answers')",
        rank=10,
    ),
    Action(
        id="results",
        keys=("r",),
        label="Results",
        tooltip="Show the tables, so far or at the end",
        scope=Scope.RUN,
        handler="app.go('results')",
        rank=11,
    ),
    Action(
        id="menu",
        keys=("m",),
        label="Menu",
        tooltip="Go to the menu; a run that goes on is not stopped",
        scope=Scope.RUN,
        handler="app.go('menu')",
        rank=40,
    ),
    Action(
        id="to-history",
        keys=("H",),
        label="History",
        tooltip="Show the runs so far; a run that goes on is not stopped",
        scope=Scope.RUN,
        handler="app.history",
    ),
    Action(
        id="cancel",
        keys=("c",),
        label="Cancel",
        tooltip="Stop the run after asking; what was measured is kept",
        scope=Scope.RUN,
        handler="app.cancel_run",
    ),
    Action(
        id="snapshot",
        keys=("s",),
        label="Snapshot",
        tooltip="Write the run so far to a JSON file",
        scope=Scope.RUN,
        handler="app.snapshot",
        rank=30,
    ),
    Action(
        id="back",
        keys=("escape",),
        label="Back",
        tooltip="Show all panels again, or go back one screen",
        scope=Scope.RUN,
        handler="screen.back",
    ),
    *(_maximise(number, panel, Scope.DASHBOARD) for number, panel in enumerate(PANELS, 1)),
    Action(
        id="pause",
        keys=("space",),
        label="Freeze",
        tooltip="Freeze the view, or stop a recording that is played; again: go on",
        scope=Scope.MONITOR,
        handler="screen.pause",
        rank=12,
    ),
    Action(
        id="keep-readings",
        keys=("s",),
        label="Snapshot",
        tooltip="Write all that was read so far to a JSON file",
        scope=Scope.MONITOR,
        handler="screen.keep",
        rank=30,
    ),
    Action(
        id="from-monitor",
        keys=("m",),
        label="Menu",
        tooltip="Go back to the menu, if the monitor was opened from there",
        scope=Scope.MONITOR,
        handler="screen.menu",
        rank=40,
    ),
    Action(
        id="monitor-back",
        keys=("escape",),
        label="Back",
        tooltip="Show all panels again, or go back to the menu",
        scope=Scope.MONITOR,
        handler="screen.back",
    ),
    *(_maximise(number, panel, Scope.MONITOR) for number, panel in enumerate(MACHINE_PANELS, 1)),
    Action(
        id="next-panel",
        keys=("tab",),
        label="Next panel",
        tooltip="Show the next panel where only one fits, or while one is shown alone",
        scope=Scope.PANELS,
        handler="screen.next_panel",
    ),
    Action(
        id="zoom-in",
        keys=("plus",),
        label="Zoom in",
        tooltip="Show a shorter time in the charts, down to 10 s",
        scope=Scope.PANELS,
        handler="screen.zoom(-1)",
        rank=50,
    ),
    Action(
        id="zoom-out",
        keys=("minus",),
        label="Zoom out",
        tooltip="Show a longer time in the charts, up to 10 min",
        scope=Scope.PANELS,
        handler="screen.zoom(1)",
        rank=51,
    ),
    Action(
        id="zoom-reset",
        keys=("equals_sign",),
        label="Zoom reset",
        tooltip="Show the usual time in the charts: it grows with the run up to 1 min",
        scope=Scope.PANELS,
        handler="screen.zoom(0)",
    ),
    Action(
        id="next-question",
        keys=("right_square_bracket", "right"),
        label="Next question",
        tooltip="Show the answers to the next question",
        scope=Scope.ANSWERS,
        handler="screen.move_question(1)",
        rank=1,
    ),
    Action(
        id="previous-question",
        keys=("left_square_bracket", "left"),
        label="Previous",
        tooltip="Show the answers to the question before",
        scope=Scope.ANSWERS,
        handler="screen.move_question(-1)",
        rank=2,
    ),
    Action(
        id="follow",
        keys=("f",),
        label="Follow",
        tooltip="Go with the run from question to question, or stay",
        scope=Scope.ANSWERS,
        handler="screen.follow",
        rank=3,
    ),
    Action(
        id="next-contender",
        keys=("tab",),
        label="Next contender",
        tooltip="Go to the next contender's answer (shift+tab: back)",
        scope=Scope.ANSWERS,
        handler="screen.move_contender(1)",
        rank=4,
    ),
    Action(
        id="previous-contender",
        keys=("shift+tab",),
        label="Previous contender",
        tooltip="Go to the contender before",
        scope=Scope.ANSWERS,
        handler="screen.move_contender(-1)",
    ),
    Action(
        id="find",
        keys=("slash",),
        label="Find",
        tooltip="Find words in the answers",
        scope=Scope.ANSWERS,
        handler="screen.find",
        rank=5,
    ),
    Action(
        id="find-next",
        keys=("n",),
        label="Next match",
        tooltip="Go to the next match",
        scope=Scope.ANSWERS,
        handler="screen.find_next(1)",
    ),
    Action(
        id="find-previous",
        keys=("N",),
        label="Previous match",
        tooltip="Go to the match before",
        scope=Scope.ANSWERS,
        handler="screen.find_next(-1)",
    ),
    Action(
        id="copy",
        keys=("y",),
        label="Copy",
        tooltip="Copy the answer, and write it to a file as well",
        scope=Scope.ANSWERS,
        handler="screen.copy",
        rank=6,
    ),
    *READING,
    *RATING,
    *REPLAY,
    *HISTORY,
    *COMPARISON,
)
"""Everything a person can do, in the order in which the help shows it."""

_NAMES: Final = {
    "question_mark": "?",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "slash": "/",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "left_parenthesis": "(",
    "right_parenthesis": ")",
    "escape": "esc",
    "full_stop": ".",
    "comma": ",",
    "left": "←",
    "right": "→",
    "f1": "F1",
}


def key_name(key: str, ascii_only: bool = False) -> str:
    """Returns a key as people call it."""
    name = _NAMES.get(key, key)
    return key if ascii_only and not name.isascii() else name


def of(scopes: Iterable[Scope]) -> tuple[Action, ...]:
    """Returns the actions of some scopes, in the order of the table."""
    wanted = frozenset(scopes)
    return tuple(action for action in ACTIONS if action.scope in wanted)


def bindings(*scopes: Scope) -> list[BindingType]:
    """Returns the bindings of some scopes, for a `BINDINGS` of Textual."""
    return [
        Binding(
            key=",".join(action.keys),
            action=action.handler,
            description=action.label,
            tooltip=action.tooltip,
            id=action.id,
            show=False,
            priority=action.priority,
        )
        for action in of(scopes)
    ]


def footer(*scopes: Scope) -> tuple[Action, ...]:
    """Returns the actions that the footer of some scopes shows, most important first."""
    return tuple(sorted((a for a in of(scopes) if a.rank), key=lambda action: action.rank))
