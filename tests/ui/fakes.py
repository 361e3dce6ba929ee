"""Ways out of the screens that lead nowhere: no model, no thread of a run, a clock that is set by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import idle
import recorded
from textual.pilot import Pilot
from textual.widget import Widget

from sparktop.model.events import Event
from sparktop.model.records import Contender, Options
from sparktop.places import Places
from sparktop.runner.contenders import BadContender
from sparktop.runner.plan import Plan, make_plan
from sparktop.scenarios.library import Library
from sparktop.ui.application import SparktopApp
from sparktop.ui.feed import Feed, MachineFeed
from sparktop.ui.ports import Ports, Verdict
from tests.replay_feed import ReplayFeed

UNICODE_TERMINAL = {"TERM": "xterm-256color", "LANG": "en_US.UTF-8"}

PATIENCE_S = 20.0
"""How long a test waits for what comes from outside, such as a thread that reads twice a second."""


def screen_text(app: SparktopApp) -> str:
    """What the terminal shows, row by row."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


async def settle(pilot: Pilot[int]) -> None:
    """Lets every message be handled, and what was put off until after a refresh be done."""
    await pilot.pause()
    for _ in range(100):  # on a busy machine a new screen takes its time to be mounted
        # What is shown now may have put something off again.
        await idle.wait_for_idle()
        if all(w.is_mounted for w in (pilot.app.screen, *pilot.app.screen.query(Widget))):
            return
        await pilot.pause(0.02)


async def until(bench: Bench, pilot: Pilot[int], is_so: Callable[[], bool]) -> bool:
    """Waits, however busy the machine is, until something is so; returns whether it came to that."""
    last = monotonic() + PATIENCE_S
    while monotonic() < last:
        bench.latest.poll()
        await settle(pilot)
        if is_so():
            return True
        await pilot.pause(0.02)
    return False


async def shows(bench: Bench, pilot: Pilot[int], text: str) -> None:
    """Waits until the screen shows a text; fails with what it shows instead."""
    if not await until(bench, pilot, lambda: text in screen_text(bench.latest)):
        raise AssertionError(f"{text!r} never came; the screen shows:\n{screen_text(bench.latest)}")


async def at(bench: Bench, pilot: Pilot[int], t: float) -> str:
    """Lets a run come to a time, in seconds since it began; returns what the screen shows."""
    bench.watch.t = 100.0 + t
    bench.latest.poll()
    await settle(pilot)
    return screen_text(bench.latest)


@dataclass
class Watch:
    """A clock that stands still until somebody moves it."""

    t: float = 100.0

    def __call__(self) -> float:
        """Seconds from some zero."""
        return self.t


@dataclass
class Bench:
    """An app on a bench: everything around it is fake and can be looked at.

    Attributes:
        home: Folder for the person's files.
        watch: The clock of app and feed.
        clock: Another clock in its place.
        events: What a started run replays.
        plans: What was started, in order.
        feeds: The feeds of those.
        verdicts: Names of contenders that do not fit, with the reason.
        recovered: What recovery tells.
        open: Makes a feed; a replay of `events` by default.
        machine: Makes the feed of this machine, where a test watches one from the menu.
        apps: What was made, in order.
    """

    home: Path
    watch: Watch = field(default_factory=Watch)
    clock: Callable[[], float] | None = None
    events: Sequence[Event] = ()
    plans: list[Plan] = field(default_factory=list)
    feeds: list[Feed] = field(default_factory=list)
    verdicts: dict[str, str] = field(default_factory=dict)
    recovered: tuple[str, ...] = ()
    open: Callable[[Plan], Feed] | None = None
    machine: Callable[[], MachineFeed] | None = None
    apps: list[SparktopApp] = field(default_factory=list)

    @property
    def latest(self) -> SparktopApp:
        """The app that was made last."""
        return self.apps[-1]

    @property
    def places(self) -> Places:
        """Folders under `home`."""
        return Places.of({"HOME": str(self.home)})

    def app(self, plan: Plan | None = None, environ: dict[str, str] = UNICODE_TERMINAL) -> SparktopApp:
        """Makes the app."""
        self.apps.append(SparktopApp(self._ports(), plan=plan, environ=environ))
        return self.latest

    def monitor(self, feed: MachineFeed, environ: dict[str, str] = UNICODE_TERMINAL) -> SparktopApp:
        """Makes the app that shows a machine alone."""
        self.apps.append(SparktopApp(self._ports(), machine=feed, environ=environ))
        return self.latest

    def _ports(self) -> Ports:
        library = Library(recorded.ROOT / "scenarios", self.places.scenarios)
        return Ports(
            scenarios=library.list,
            demos=lambda: (recorded.DEMO_BASE, recorded.DEMO_SUTRA),
            resolve=self._resolve,
            plan=make_plan,
            fits=self._fits,
            open=self._open,
            watch=self._watch_machine,
            recover=lambda: self.recovered,
            places=self.places,
            clock=self.clock or self.watch,
        )

    def default_plan(self) -> Plan:
        """Both demo models on the sutra questions."""
        return make_plan(recorded.scenario(), (recorded.DEMO_BASE, recorded.DEMO_SUTRA), Options())

    def _open(self, plan: Plan) -> Feed:
        self.plans.append(plan)
        feed = self.open(plan) if self.open else ReplayFeed("20260209-101500-sutra-qa", self.events, self.watch)
        self.feeds.append(feed)
        return feed

    def _watch_machine(self) -> MachineFeed:
        assert self.machine is not None
        return self.machine()

    def _fits(self, plan: Plan, contender: Contender) -> Verdict:
        if reason := self.verdicts.get(contender.name):
            return Verdict(ok=False, sentence=reason)
        return Verdict(ok=True, sentence="needs 0.1 GiB of 100.4 GiB")

    @staticmethod
    def _resolve(spec: str) -> Contender:
        path = Path(spec)
        if not path.is_file():
            raise BadContender(f'"{spec}" is no file and no demo model.')
        return Contender(name=path.stem, engine="llama.cpp", model=str(path), node="spark-a", size=path.stat().st_size)
