"""The terminal program's front door; nothing of Textual is imported before `run` is called."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from sparktop.model.records import Options
from sparktop.places import Places
from sparktop.scenarios.library import Library

if TYPE_CHECKING:
    from sparktop.runner.background import Outcome
    from sparktop.runner.others import Others
    from sparktop.runner.plan import Plan
    from sparktop.runner.watch import LiveMachine, RecordedMachine
    from sparktop.store.runs import RunEntry
    from sparktop.store.tape import Tape
    from sparktop.ui.application import SparktopApp
    from sparktop.ui.rating import Sitting

FPS = 10
"""Most paints a second."""


@dataclass(frozen=True, slots=True)
class Left:
    """How the screen was left.

    Attributes:
        code: The exit code: 0, 1 if the last run failed, 130 if it was interrupted, 129 or 143 after a hang-up or TERM.
        outcome: How the last run ended that was begun on the screen; None if there was none.
    """

    code: int
    outcome: Outcome | None = None


def run(
    library: Library,
    places: Places,
    plan: Plan | None = None,
    options: Options | None = None,
    fps: int = FPS,
    others: Others | None = None,
    problem: str = "",
) -> Left:
    """Shows the menu, or a run at once, until the person leaves.

    Standard input and output have to be a terminal; see to that before.

    Args:
        library: The scenarios to choose from.
        places: Where runs, screenshots and logs go, and where the person's themes are.
        plan: A run to start without asking.
        options: What the menu's options say at first.
        fps: Most paints a second.
        others: Machines elsewhere that models can be placed on.
        problem: What is wrong with the configuration, in one sentence to begin with; empty if nothing is.

    Returns:
        How that was.
    """
    _before_textual(fps)

    from sparktop.ui.application import SparktopApp
    from sparktop.ui.wiring import real_ports

    ports = real_ports(library, places, monotonic, others)
    return _left(SparktopApp(ports, options=options or Options(), plan=plan, fps=fps, problem=problem))


def watch(
    library: Library,
    places: Places,
    machine: LiveMachine | RecordedMachine,
    *,
    recorded_to: Path | None = None,
    speed: float = 1.0,
    seconds: float | None = None,
    fps: int = FPS,
) -> int:
    """Shows a machine alone, until the person leaves.

    Standard input and output have to be a terminal; see to that before.

    Args:
        library: The scenarios.
        places: Where snapshots and screenshots go, and where the person's themes are.
        machine: This machine, or a recording.
        recorded_to: Where this machine is recorded meanwhile, if it is.
        speed: Seconds of a recording that pass in a second.
        seconds: Leaves by itself after so many.
        fps: Most paints a second.

    Returns:
        The exit code: 0, or 129 or 143 after a hang-up or TERM.
    """
    _before_textual(fps)

    from sparktop.runner.watch import RecordedMachine
    from sparktop.ui.application import SparktopApp
    from sparktop.ui.feed import MachineFeed
    from sparktop.ui.machine_feed import LiveMachineFeed, PlayedMachineFeed
    from sparktop.ui.wiring import real_ports

    feed: MachineFeed
    if isinstance(machine, RecordedMachine):
        feed = PlayedMachineFeed(machine, monotonic, speed)
    else:
        feed = LiveMachineFeed(machine, monotonic, recorded_to)
    ports = real_ports(library, places, monotonic)
    return SparktopApp(ports, machine=feed, seconds=seconds, fps=fps).run_until_left()


def replay(
    library: Library,
    places: Places,
    tape: Tape,
    entry: RunEntry,
    *,
    speed: float = 1.0,
    at_s: float = 0.0,
    fps: int = FPS,
    others: Others | None = None,
) -> Left:
    """Shows a run that is over, in the screens of a run, until the person leaves.

    Standard input and output have to be a terminal; see to that before.

    Args:
        library: The scenarios, as the menu is behind it.
        places: Where everything else is.
        tape: What happened in the run.
        entry: Its files.
        speed: Seconds of the run that pass in a second.
        at_s: Where it begins, in seconds of the run.
        fps: Most paints a second.
        others: Machines elsewhere that the menu offers.

    Returns:
        How that was.
    """
    _before_textual(fps)

    from sparktop.ui.application import SparktopApp
    from sparktop.ui.replay import Replay
    from sparktop.ui.wiring import real_ports

    played = Replay(tape, monotonic, speed=speed, at_s=at_s, entry=entry)
    return _left(SparktopApp(real_ports(library, places, monotonic, others), replay=played, fps=fps))


def rate(
    library: Library,
    places: Places,
    tape: Tape,
    entry: RunEntry,
    sitting: Sitting,
    fps: int = FPS,
    others: Others | None = None,
) -> Left:
    """Shows the answers of a run that is over, for somebody who came to rate them.

    Standard input and output have to be a terminal; see to that before.

    Args:
        library: The scenarios, as the menu is behind it.
        places: Where everything else is.
        tape: What happened in the run.
        entry: Its files.
        sitting: Who rates, and how.
        fps: Most paints a second.
        others: Machines elsewhere that the menu offers.

    Returns:
        How that was.
    """
    _before_textual(fps)

    from sparktop.ui.application import SparktopApp
    from sparktop.ui.replay import Replay
    from sparktop.ui.wiring import real_ports

    run = Replay(tape, monotonic, at_s=tape.length_s, entry=entry)
    ports = real_ports(library, places, monotonic, others)
    return _left(SparktopApp(ports, replay=run, rating=sitting, fps=fps))


def _left(app: SparktopApp) -> Left:
    code = app.run_until_left()
    run = app.current
    return Left(code, None if run is None else run.outcome or run.feed.wait(0))


def _before_textual(fps: int) -> None:
    # Textual reads it when it is imported; what the person set themselves goes before.
    os.environ.setdefault("TEXTUAL_FPS", str(max(1, fps)))
