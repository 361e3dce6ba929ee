"""Makes the pictures of docs/screens: the program's own SVG export, from the journal of a real run of the demo models.

    python scripts/make_screens.py [JOURNAL]

Without a journal it takes the one that the tests replay. The monitor is that of a recorded machine with a GPU. What the
screens look like on one DGX Spark and on two is a scene (see spark_scene.py).
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from textual.pilot import Pilot

from sparktop.model.codec import decode, encode
from sparktop.model.events import Event, RequestSent, RunStarted
from sparktop.model.records import Contender, Options
from sparktop.model.state import fold
from sparktop.places import Places
from sparktop.runner.contenders import demo_contenders
from sparktop.runner.plan import Plan, make_plan
from sparktop.runner.session import Outcome
from sparktop.scenarios.library import Library
from sparktop.store.recovery import recover
from sparktop.store.runs import find_run
from sparktop.ui.application import SparktopApp
from sparktop.ui.feed import Feed, MachineFeed
from sparktop.ui.ports import Ports, Verdict
from sparktop.ui.saved import SavedFeed
from sparktop.ui.wiring import real_ports

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts.spark_scene import scene, watched  # noqa: E402
from tests.replay_feed import ReplayFeed  # noqa: E402

JOURNAL = ROOT / "tests" / "ui" / "demo-run.jsonl"
MACHINE = ROOT / "tests" / "telemetry" / "real" / "h100-decoding"
SCREENS = ROOT / "docs" / "screens"
TERMINAL = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "USER": "ann"}
FULL, SMALL = (120, 40), (80, 24)

SCENE_S = 108.4
"""Seconds into a scene: the second model is at its fifth question, and the first one's curve is still in sight."""

PAIR_S = 34.0
"""Seconds into the scene of a pair: both models are at work."""

PAIR = {"spark-1": "spark-loaded", "spark-2": "spark-loaded"}
LINKED = {"spark-1": "spark-rdma", "spark-2": "spark-rdma"}


class WatchedFeed(ReplayFeed):
    """Machines that are watched without a run."""

    recorded_to: Path | None = None
    played_from, length_s, speed, paused, problem = "", 0.0, 1.0, False, ""

    def pause(self) -> bool:
        """A machine goes on, whoever looks."""
        return False


class KeptFeed(ReplayFeed):
    """A replay that says where a person would find the run."""

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """How the run ended, with the file that it would have."""
        outcome = super().wait(timeout)
        return outcome and replace(outcome, snapshot=Path(f"/home/you/.local/share/sparktop/runs/{self.id}.json"))


class Stage:
    """The program with a recorded run, and a clock that is set by hand."""

    def __init__(self, events: Sequence[Event], home: Path) -> None:
        self._events = events
        self._home = home
        self.now = 0.0

    def app(self, feed: Feed | None = None) -> SparktopApp:
        """Makes the app, with the contenders of the journal; it plays that, or what another feed gives."""
        state = fold(self._events)
        recorded = tuple(c.contender for c in state.contenders.values())
        here = {contender.name: contender for contender in demo_contenders()}
        places = Places.of({"HOME": str(self._home)})
        ports = real_ports(Library(ROOT / "scenarios", places.scenarios), places, lambda: self.now)

        def fits(plan: Plan, contender: Contender) -> Verdict:
            return ports.fits(plan, here[contender.name])

        def open_feed(plan: Plan) -> Feed:
            return feed or KeptFeed(state.started.id if state.started else "", self._events, lambda: self.now)

        staged: Ports = replace(ports, demos=lambda: recorded, fits=fits, open=open_feed, plan=make_plan)
        return SparktopApp(staged, options=Options(), environ=TERMINAL)

    async def at(self, pilot: Pilot[int], t: float) -> None:
        """Plays up to a time, as fast as a person would see it."""
        while self.now < t:
            self.now = min(t, self.now + 0.25)
            assert isinstance(pilot.app, SparktopApp)
            pilot.app.poll()
            await pilot.pause()


def _opens(feed: Feed) -> Callable[[Plan], Feed]:
    return lambda plan: feed


async def keep(pilot: Pilot[int], name: str) -> None:
    """Writes what is on the screen."""
    await pilot.pause(0.3)
    path = SCREENS / f"{name}.svg"
    assert isinstance(pilot.app, SparktopApp)
    path.write_text(pilot.app.picture(), encoding="utf-8")
    print(path.relative_to(ROOT))


async def shoot(events: Sequence[Event], home: Path) -> None:
    """Makes every picture."""
    sent = {e.request: e.t for e in events if isinstance(e, RequestSent)}
    # The second contender is at its eighth question: both have something to show.
    late = sent[17] + 0.2
    stage = Stage(events, home)
    async with stage.app().run_test(size=FULL) as pilot:
        await pilot.pause(1.0)
        await keep(pilot, "menu")
        await pilot.press("enter")
        await stage.at(pilot, late)
        await keep(pilot, "dashboard")
        await stage.at(pilot, events[-1].t + 1)
        await pilot.press("a")
        await keep(pilot, "answers")
        await pilot.press("r")
        await keep(pilot, "results")


async def shoot_answers(events: Sequence[Event], home: Path) -> None:
    """Makes the pictures of answers on a small screen, marked by what only one says, and as they are rated."""
    first = events[0]
    assert isinstance(first, RunStarted)
    stage = Stage(events, home)
    runs = Places.of({"HOME": str(home)}).runs
    runs.mkdir(parents=True)
    (runs / f"{first.id}.jsonl").write_bytes(b"".join(encode(event) + b"\n" for event in events))
    recover(runs)
    for name, size, keys in (
        ("answers-80x24", SMALL, ("right", "right")),
        ("answers-difference", FULL, (*["right"] * 2, "x")),
        ("rating-blind", FULL, (*["right"] * 3, "b", "4", "5", "4")),
        ("rating", FULL, ("5", "4", "5", "5", "1", "2", "1", "4")),
    ):
        app = stage.app(SavedFeed(find_run(runs, first.id)))
        async with app.run_test(size=size) as pilot:
            await pilot.pause(1.0)
            await pilot.press("enter")
            await pilot.pause(1.0)
            await pilot.press("a")
            await pilot.pause(1.0)
            await pilot.press(*keys)
            await keep(pilot, name)
            await pilot.press("q")


async def shoot_scenes(home: Path) -> None:
    """Makes the pictures of a Spark at work, and of a pair with a model on each."""
    stage = Stage((), home)
    places = Places.of({"HOME": str(home)})
    library = Library(ROOT / "scenarios", places.scenarios)
    ports = real_ports(library, places, lambda: stage.now)
    plan = make_plan(library.get("sutra-qa"), demo_contenders(), Options())
    alone = {"spark-a": "spark-loaded"}
    for name, machines, size, lasting in (
        ("dashboard-spark", alone, FULL, SCENE_S),
        ("dashboard-80x24", alone, SMALL, SCENE_S),
        ("dashboard-pair", PAIR, FULL, PAIR_S),
    ):
        events = scene(plan.scenario, machines, lasting)
        stage.now = 0.0
        feed = KeptFeed("scene", events, lambda: stage.now)
        app = SparktopApp(replace(ports, open=_opens(feed)), plan=plan, environ=TERMINAL)
        async with app.run_test(size=size) as pilot:
            await pilot.pause(0.5)
            await stage.at(pilot, lasting)
            await keep(pilot, name)


async def shoot_monitor(home: Path) -> None:
    """Makes the pictures of machines alone: of one in the middle of its recording, and of a pair with a busy link."""
    from sparktop.runner.watch import RecordedMachine
    from sparktop.ui.machine_feed import PlayedMachineFeed

    # A recording is called as its folder is.
    folder = Path(shutil.copytree(MACHINE / "recording", home / MACHINE.name))
    stage = Stage((), home)
    places = Places.of({"HOME": str(home)})
    ports = real_ports(Library(ROOT / "scenarios", places.scenarios), places, lambda: stage.now)
    linked = WatchedFeed("monitor", watched(LINKED, 60.0), lambda: stage.now)
    feeds: dict[str, MachineFeed] = {
        "monitor": PlayedMachineFeed(RecordedMachine(folder), lambda: stage.now),
        "monitor-pair": linked,
    }
    for name, feed in feeds.items():
        stage.now = 0.0
        async with SparktopApp(ports, machine=feed, environ=TERMINAL).run_test(size=FULL) as pilot:
            await pilot.pause(0.5)
            await stage.at(pilot, 26.0)
            await keep(pilot, name)


def main() -> None:
    """Makes the pictures of the journal that was named."""
    journal = Path(sys.argv[1]) if len(sys.argv) > 1 else JOURNAL
    events = [decode(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    SCREENS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        asyncio.run(shoot(events, Path(home)))
        asyncio.run(shoot_answers(events, Path(home)))
        asyncio.run(shoot_scenes(Path(home)))
        asyncio.run(shoot_monitor(Path(home)))


if __name__ == "__main__":
    main()
