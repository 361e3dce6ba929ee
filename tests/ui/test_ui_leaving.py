"""Quitting, cancelling and signals: asked when it matters, quick when it must be."""

from __future__ import annotations

import gc
from pathlib import Path
from weakref import WeakSet

import recorded
from fakes import Bench, screen_text, settle, shows
from textual.pilot import Pilot
from textual.widget import Widget

from sparktop.model.events import Status
from sparktop.ui.painted import forget_painted
from sparktop.ui.screens.dashboard import DashboardScreen
from sparktop.ui.screens.menu import MenuScreen
from sparktop.ui.screens.question import Question
from tests.replay_feed import ReplayFeed


async def in_mid_run(bench: Bench, pilot: Pilot[int]) -> ReplayFeed:
    """Brings the run to its tenth second."""
    bench.watch.t = 110.0
    bench.latest.poll()
    await settle(pilot)
    feed = bench.feeds[-1]
    assert isinstance(feed, ReplayFeed)
    return feed


async def test_q_quits_at_once_where_nothing_runs(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with bench.app().run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("q")
    assert bench.latest.return_value == 0


async def test_ctrl_c_quits_while_something_is_typed(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with bench.app().run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("o", "q", "q", "ctrl+c")
    assert bench.latest.return_value == 0


async def test_quitting_asks_while_a_run_goes_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app(bench.default_plan()).run_test(size=(80, 24)) as pilot:
        await in_mid_run(bench, pilot)
        await pilot.press("q")
        await settle(pilot)
        assert isinstance(bench.latest.screen, Question)
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(bench.latest.screen, DashboardScreen)
        assert bench.latest.current is not None
        assert bench.latest.current.active


async def test_quitting_in_mid_run_cancels_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app(bench.default_plan()).run_test(size=(80, 24)) as pilot:
        feed = await in_mid_run(bench, pilot)
        await pilot.press("ctrl+c", "ctrl+c")
        await settle(pilot)
    assert bench.latest.return_value == 130
    assert feed.drain()[-1].status is Status.CANCELLED  # type: ignore[attr-defined]


async def test_quitting_after_the_end_does_not_ask(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record(items=1))
    async with bench.app(bench.default_plan()).run_test(size=(80, 24)) as pilot:
        bench.watch.t = 200.0
        bench.latest.poll()
        await settle(pilot)
        await pilot.press("q")
    assert bench.latest.return_value == 0


async def test_cancelling_asks_and_keeps_the_screens(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await in_mid_run(bench, pilot)
        await pilot.press("c")
        await settle(pilot)
        assert "Stop the run?" in screen_text(bench.latest)
        await pilot.press("enter")
        await shows(bench, pilot, "! cancelled")
        text = screen_text(bench.latest)
        assert "The run is cancelled." in text


async def test_a_run_goes_on_behind_the_menu(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await in_mid_run(bench, pilot)
        await pilot.press("m")
        await settle(pilot)
        assert isinstance(bench.latest.screen, MenuScreen)
        assert "a run goes on" in screen_text(bench.latest)
        bench.watch.t = 131.0
        bench.latest.poll()
        await pilot.press("enter")
        await settle(pilot)
        assert len(bench.plans) == 1, "a second run must not start beside the first"
        await pilot.press("d")
        await settle(pilot)
        await shows(bench, pilot, "12 of 20 requests")


async def test_a_second_run_gets_screens_of_its_own(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record(items=2))
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        bench.watch.t = 200.0
        bench.latest.poll()
        await settle(pilot)
        # What the first run's widgets painted, which goes with them.
        painted = WeakSet(widget._styles_cache for widget in pilot.app.screen.query(Widget))
        assert painted
        await pilot.press("a", "m")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        await shows(bench, pilot, "0 of 4 requests")
        assert len(bench.feeds) == 2
        forget_painted()
        gc.collect()
        assert not painted
