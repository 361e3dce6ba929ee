"""The terminal program's front door; nothing of Textual is imported before `run` is called."""

from __future__ import annotations

import os
from time import monotonic

from sparktop.model.records import Options
from sparktop.places import Places
from sparktop.runner.plan import Plan
from sparktop.scenarios.library import Library

FPS = 10
"""Most paints a second."""


def run(
    library: Library, places: Places, plan: Plan | None = None, options: Options | None = None, fps: int = FPS
) -> int:
    """Shows the menu, or a run at once, until the person leaves.

    Standard input and output have to be a terminal; see to that before.

    Args:
        library: The scenarios to choose from.
        places: Where runs, screenshots and logs go, and where the person's themes are.
        plan: A run to start without asking.
        options: What the menu's options say at first.
        fps: Most paints a second.

    Returns:
        The exit code: 0, 1 if the last run failed, 130 if it was interrupted, 129 or 143 after a hang-up or TERM.
    """
    # Textual reads it when it is imported; what the person set themselves goes before.
    os.environ.setdefault("TEXTUAL_FPS", str(max(1, fps)))

    from sparktop.ui.application import SparktopApp
    from sparktop.ui.wiring import real_ports

    app = SparktopApp(real_ports(library, places, monotonic), options=options or Options(), plan=plan, fps=fps)
    return app.run_until_left()
