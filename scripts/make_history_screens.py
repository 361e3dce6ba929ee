"""Makes the pictures of docs/history.md from runs of the demo models that it makes first; takes half a minute.

    python scripts/make_history_screens.py

The last of the runs has both models at work at once, so that there is something to compare.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic

from textual.pilot import Pilot

from sparktop.places import Places
from sparktop.scenarios.library import Library
from sparktop.ui.application import SparktopApp
from sparktop.ui.screens.comparison import ComparisonScreen
from sparktop.ui.screens.replay import ReplayDashboard
from sparktop.ui.wiring import real_ports

ROOT = Path(__file__).resolve().parents[1]
SCREENS = ROOT / "docs" / "screens"
TERMINAL = {"TERM": "xterm-256color", "LANG": "C.UTF-8"}
SIZE = (120, 40)
RUNS = (("smoke",), ("general", "--limit", "4"), ("prefill-decode",), ("sutra-qa",), ("sutra-qa", "--together"))


def run_all(home: Path) -> None:
    """Runs everything that the list shows."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}
    for words in RUNS:
        command = [sys.executable, "-m", "sparktop", "run", *words, "--headless"]
        subprocess.run(command, env=environ, cwd=ROOT, check=True, capture_output=True)


async def until(pilot: Pilot[int], app: SparktopApp, screen: type) -> None:
    """Waits for a screen."""
    while not isinstance(app.screen, screen):
        await pilot.pause(0.05)
    await pilot.pause(0.5)


def keep(app: SparktopApp, home: Path, name: str) -> None:
    """Writes what is on the screen; nobody needs to see where it was made."""
    path = SCREENS / f"{name}.svg"
    path.write_text(app.picture().replace(str(home), "/home/you"), encoding="utf-8")
    print(path.relative_to(ROOT))


async def shoot(home: Path) -> None:
    """Makes the pictures."""
    places = Places.of({"HOME": str(home)})
    app = SparktopApp(real_ports(Library(ROOT / "scenarios", places.scenarios), places, monotonic), environ=TERMINAL)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(0.5)
        await pilot.press("h")
        await pilot.pause(1.0)
        await pilot.press("down", "space", "up")
        await pilot.pause(0.5)
        keep(app, home, "history")
        await pilot.press("c")
        await until(pilot, app, ComparisonScreen)
        keep(app, home, "comparison")
        await pilot.press("escape", "p")
        await until(pilot, app, ReplayDashboard)
        await pilot.press("g", "3", "enter")
        await pilot.press("space")
        await pilot.pause(0.5)
        keep(app, home, "replay")
        await pilot.press("q")


def main() -> None:
    """Runs, and makes the pictures."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        run_all(Path(folder))
        asyncio.run(shoot(Path(folder)))


if __name__ == "__main__":
    main()
