"""What can be done on the screens of panels: the dashboard of a run, and the monitor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

from sparktop.ui.actions.action import Action, Scope, action

PANELS: Final = ("throughput", "latency", "gpu", "memory", "links", "processor", "contenders", "streams")
"""The panels of the dashboard, by the number that maximises them."""

MACHINE_PANELS: Final = ("memory", "gpu", "links", "processor", "processes", "server")
"""The same of the monitor."""

_LABELS: Final = {"gpu": "GPU"}


def _maximise(scope: Scope, stem: str, panels: Iterable[str]) -> Iterator[Action]:
    for number, panel in enumerate(panels, 1):
        name = _LABELS.get(panel, panel)
        tooltip = f"Show the {name} panel alone, or all panels again"
        handler = f"screen.maximise_panel('{panel}')"
        yield action(scope, f"{stem}-{panel}", str(number), handler, name[0].upper() + name[1:], tooltip)


DASHBOARD: Final[tuple[Action, ...]] = tuple(_maximise(Scope.DASHBOARD, "maximise", PANELS))
"""Showing one panel alone."""

_on_monitor = partial(action, Scope.MONITOR)

MONITOR: Final[tuple[Action, ...]] = (
    _on_monitor(
        "pause",
        "space",
        "screen.pause",
        "Freeze",
        "Freeze the view, or stop a recording that is played; again: go on",
        rank=12,
    ),
    _on_monitor(
        "keep-readings", "s", "screen.keep", "Snapshot", "Write all that was read so far to a JSON file", rank=30
    ),
    _on_monitor(
        "from-monitor", "m", "screen.menu", "Menu", "Go back to the menu, if the monitor was opened from there", rank=40
    ),
    _on_monitor("monitor-back", "escape", "screen.back", "Back", "Show all panels again, or go back to the menu"),
    *_maximise(Scope.MONITOR, "monitor", MACHINE_PANELS),
)
"""The machine alone."""

_on_panels = partial(action, Scope.PANELS)

SHARED: Final[tuple[Action, ...]] = (
    _on_panels(
        "next-panel",
        "tab",
        "screen.next_panel",
        "Next panel",
        "Show the next panel where only one fits, or while one is shown alone",
    ),
    _on_panels(
        "zoom-in", "plus", "screen.zoom(-1)", "Zoom in", "Show a shorter time in the charts, down to 10 s", rank=50
    ),
    _on_panels(
        "zoom-out", "minus", "screen.zoom(1)", "Zoom out", "Show a longer time in the charts, up to 10 min", rank=51
    ),
    _on_panels(
        "zoom-reset",
        "equals_sign",
        "screen.zoom(0)",
        "Zoom reset",
        "Show the usual time in the charts: it grows with the run up to 1 min",
    ),
)
"""What both have."""
