"""The machine alone on the screen: played recordings, this machine, and one that hangs."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import UNICODE_TERMINAL, Bench, screen_text, settle, shows
from rich.cells import cell_len
from textual.pilot import Pilot
from textual.screen import Screen

from sparktop.model.events import NodeSeen
from sparktop.runner.watch import LiveMachine, RecordedMachine
from sparktop.telemetry.machine import Inputs
from sparktop.telemetry.recorded import Recording
from sparktop.ui import glyphs
from sparktop.ui.feed import MachineFeed
from sparktop.ui.machine_feed import LiveMachineFeed, PlayedMachineFeed
from sparktop.ui.panels.watching import machine_title_row
from sparktop.ui.run import Run
from sparktop.ui.screens.menu import MenuScreen
from sparktop.ui.screens.monitor import MonitorScreen
from sparktop.ui.widgets.chart import TimeChart
from tests.made_up import SPARK
from tests.replay_feed import ReplayFeed
from tests.telemetry.cases import FOLDER, FakeDriver, lay
from tests.telemetry.machines import CASES

SIZES = [(200, 60), (120, 40), (80, 24), (60, 16), (40, 10), (20, 5), (3, 2)]
LOADED = next(case for case in CASES if case.name == "spark-loaded")


def played(bench: Bench, name: str, speed: float = 1.0) -> MachineFeed:
    return PlayedMachineFeed(RecordedMachine(FOLDER / name), bench.watch, speed)


async def at(bench: Bench, pilot: Pilot[int], t: float) -> str:
    """Brings the recording to a time and returns what is shown."""
    bench.watch.t = 100.0 + t
    bench.latest.poll()
    await settle(pilot)
    bench.latest.poll()
    await settle(pilot)
    return screen_text(bench.latest)


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """A recording of 20 s, in which every second another 1 GiB is used."""
    root = tmp_path / "root"
    lay(root, LOADED.trees[0])
    inputs = Inputs(root=root, driver=FakeDriver(LOADED.answers[0]), clock=lambda: 0.0, page_size=65536, me=4000)
    made = Recording(tmp_path / "long", inputs)
    meminfo = (root / "proc/meminfo").read_text()
    for tick in range(41):
        available = (60 - tick / 2) * 2**20
        (root / "proc/meminfo").write_text(re.sub(r"MemAvailable: +\d+", f"MemAvailable: {available:.0f}", meminfo))
        for source in made.sources:
            source.read(tick / 2)
    made.close()
    return tmp_path / "long"


@pytest.mark.parametrize("name", ["spark-rdma", "x86-h200", "laptop-bare"])
async def test_every_size(tmp_path: Path, name: str) -> None:
    bench = Bench(tmp_path)
    async with bench.monitor(played(bench, name)).run_test(size=SIZES[0]) as pilot:
        for t, size in enumerate([*SIZES, SIZES[0]]):
            await pilot.resize_terminal(*size)
            text = await at(bench, pilot, t / 10)
            assert {strip.cell_length for strip in bench.latest.screen._compositor.render_strips()} == {size[0]}
            if size[0] >= 40:
                assert "GiB" in text, text
            # A press waits until the app is idle again: that is when a broken screen would have failed.
            await pilot.press("1", "tab", "escape")
        await pilot.press("q")
    assert bench.latest.return_value == 0


async def test_a_loaded_spark_is_complete(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with bench.monitor(played(bench, "spark-loaded")).run_test(size=(120, 40)) as pilot:
        text = await at(bench, pilot, 1.0)
        for part in (
            *("monitor  spark-loaded", "of 121.7 GiB", "1 Unified memory", "2 GPU", "3 RoCE", "4 Processor"),
            *("96 %", "2,411 MHz", "61.0 W", "142.5 W", "end 0:00 of 0:00"),
        ):
            assert part in text, f"{part} is not in\n{text}"
        rows = [re.split(r"\s{2,}", row.strip("│ ")) for row in text.splitlines() if row.startswith("│    ")]
        assert ["4010", "python (llama)", "59.0 GiB", "sparktop's"] in rows
        assert ["5000", "vllm", "2.0 GiB", "another's"] in rows


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_a_fault_that_takes_seconds_to_judge_is_not_denied_before(tmp_path: Path, size: tuple[int, int]) -> None:
    bench = Bench(tmp_path)
    async with bench.monitor(played(bench, "spark-pd-fault")).run_test(size=size) as pilot:
        text = await at(bench, pilot, 3.1)
        assert "No alert yet: GPU 0 busy at 20 % clock for 3 s, judged after 5" in text
        assert "No alert." not in text
        for t in (6.1, 9.0):
            text = await at(bench, pilot, t)
            assert "✗ fault GPU 0 stuck at 611 MHz, 14 W: power-delivery fault; unplug for 60 s" in text
            assert "No alert" not in text


@pytest.mark.parametrize(
    ("width", "says"),
    [
        (120, "sparktop  monitor  spark-1, spark-2, spark-3  3 x NVIDIA DGX Spark  3 x NVIDIA GB10"),
        (70, "sparktop  monitor  spark-1, spark-2, spark-3"),
        (60, " spark-1, spark-2, spark-3"),
        (45, " spark-1, spark-2 +1"),
        (35, " spark-1 +2"),
    ],
)
def test_the_title_names_every_machine(tmp_path: Path, width: int, says: str) -> None:
    nodes = [replace(SPARK, name=f"spark-{number}") for number in (1, 2, 3)]
    run = Run(ReplayFeed("three", [NodeSeen(t=0.0, node=node) for node in nodes], lambda: 0.0))
    run.pull()
    row = machine_title_row(run, played(Bench(tmp_path), "laptop-bare"), width, glyphs.UNICODE)
    text = "".join(part for part, _ in row)
    assert text.startswith(f"{says} ")
    assert cell_len(text) == width


async def test_what_is_not_there_takes_no_room(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with bench.monitor(played(bench, "laptop-bare")).run_test(size=(120, 40)) as pilot:
        text = await at(bench, pilot, 1.0)
        assert "GPU n/a: " in text
        assert "2 GPU" not in text
        assert "On the GPU" not in text
        assert "waiting for the first reading" not in text
        shown = [panel.id for panel in bench.latest.screen.query(".panel") if panel.display]
        assert "memory" in shown
        assert not {"gpu", "processes"} & set(shown)
        # Asked for alone, it says why.
        await pilot.press("2")
        await settle(pilot)
        assert [panel.id for panel in bench.latest.screen.query(".panel") if panel.display] == ["gpu"]


async def test_a_recording_is_played_stopped_and_held_at_its_end(tmp_path: Path, long: Path) -> None:
    bench = Bench(tmp_path)
    feed = PlayedMachineFeed(RecordedMachine(long), bench.watch, 2.0)
    async with bench.monitor(feed).run_test(size=(120, 40)) as pilot:
        await at(bench, pilot, 0.0)
        text = await at(bench, pilot, 4.0)
        assert "playing 2x 0:08 of 0:20" in text
        assert "available 52.0 GiB" in text
        await pilot.press("space")
        text = await at(bench, pilot, 60.0)
        assert "PAUSED" in text
        assert "0:08 of 0:20" in text
        assert "available 52.0 GiB" in text
        await pilot.press("space")
        text = await at(bench, pilot, 61.0)
        assert "playing 2x 0:10 of 0:20" in text
        assert "available 50.0 GiB" in text
        text = await at(bench, pilot, 100.0)
        assert "end 0:20 of 0:20" in text
        assert "available 40.0 GiB" in text
        assert "lowest 40.0 GiB" in text
        assert "these are its last readings" in text
        chart = bench.latest.screen.query(TimeChart).first()
        drawn = list(chart.rows)
        text = await at(bench, pilot, 1000.0)
        assert list(chart.rows) == drawn
        await pilot.press("space")
        await settle(pilot)
        assert "The recording is at its end." in [n.message for n in bench.latest._notifications]
        assert "PAUSED" not in screen_text(bench.latest)


def test_the_speed_is_that_of_the_clock(long: Path) -> None:
    t = 0.0
    feed = PlayedMachineFeed(RecordedMachine(long), lambda: t, 10.0)
    feed.start()
    first = feed.drain()
    t = 1.0
    assert feed.now() == 10.0
    events = [*first, *feed.drain()]
    assert max(event.t for event in events) == 10.0
    t = 99.0
    assert feed.now() == 20.0
    assert feed.drain()[-1].t == 20.0
    assert feed.drain() == []


async def test_a_snapshot_has_all_that_was_read(tmp_path: Path, long: Path) -> None:
    bench = Bench(tmp_path)
    feed = PlayedMachineFeed(RecordedMachine(long), bench.watch)
    async with bench.monitor(feed).run_test(size=(120, 40)) as pilot:
        await at(bench, pilot, 0.0)
        await at(bench, pilot, 3.0)
        await pilot.press("s")
        await bench.latest.workers.wait_for_complete()
        await settle(pilot)
        (path,) = (bench.places.runs.parent / "readings").iterdir()
        assert f"Snapshot: {path}" in [n.message for n in bench.latest._notifications]
    document = json.loads(path.read_text())
    assert (document["schema"], document["node"], document["recording"]) == ("sparktop.machine/1", "long", "long")
    assert document["values"]["memory.available"] == 57 * 2**30
    assert document["units"]["memory.available"] == "bytes"
    (series,) = (one for one in document["telemetry"] if one["channel"] == "memory.available")
    assert series["t_s"] == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
    assert {(one["pid"], one["name"], one["own"]) for one in document["processes"]} == {
        (4010, "python (llama)", True),
        (5000, "vllm", False),
    }


async def test_before_the_first_reading_there_is_no_snapshot(tmp_path: Path) -> None:
    class Silent(PlayedMachineFeed):
        def drain(self) -> tuple[()]:
            return ()

    bench = Bench(tmp_path)
    feed = Silent(RecordedMachine(FOLDER / "spark-idle"), bench.watch)
    async with bench.monitor(feed).run_test(size=(120, 40)) as pilot:
        assert "waiting for the first reading" in await at(bench, pilot, 0.0)
        await pilot.press("s")
        await settle(pilot)
        assert [n.message for n in bench.latest._notifications] == ["There is no snapshot yet: nothing was read yet"]


async def live(
    tmp_path: Path, check: Callable[[Bench, Pilot[int]], object], feed: LiveMachineFeed, **environ: str
) -> str:
    """Watches a machine until it was read; returns what was shown last."""
    bench = Bench(tmp_path, clock=time.monotonic)
    async with bench.monitor(feed, {**UNICODE_TERMINAL, **environ}).run_test(size=(120, 40)) as pilot:
        await shows(bench, pilot, "available")
        await check(bench, pilot)  # type: ignore[misc]
        return screen_text(bench.latest)


async def test_this_machine_goes_on_while_the_view_is_frozen(tmp_path: Path) -> None:
    async def check(bench: Bench, pilot: Pilot[int]) -> None:
        text = screen_text(bench.latest)
        assert f"monitor  {os.uname().nodename}" in text
        assert "▸ live 0:0" in text
        await pilot.press("space")
        await shows(bench, pilot, "PAUSED")
        run = bench.latest.machine.run
        assert run is not None
        frozen_at = run.state.now
        while run.state.now < frozen_at + 1:
            await pilot.pause(0.1)
            bench.latest.poll()
        await pilot.press("space")
        await shows(bench, pilot, "▸ live")

    await live(tmp_path, check, LiveMachineFeed(LiveMachine(), time.monotonic))


async def test_recording_shows_and_says_when_it_breaks_off(tmp_path: Path) -> None:
    folder = tmp_path / "case"
    made = Recording(folder, Inputs())

    async def check(bench: Bench, pilot: Pilot[int]) -> None:
        text = screen_text(bench.latest)
        assert " REC " in text
        assert f"Recording into {folder}" in text
        made._tapes[0].problem = "the recording is not complete: No space left on device"
        await shows(bench, pilot, " NOT RECORDED ")
        await shows(bench, pilot, "! the recording is not complete: No space left on device")
        while not bench.latest._notifications:
            await pilot.pause(0.05)
        assert [n.message for n in bench.latest._notifications] == [made._tapes[0].problem]

    await live(tmp_path, check, LiveMachineFeed(LiveMachine(made), time.monotonic, folder))


async def test_a_file_that_never_answers_is_a_gap_and_the_screen_goes_on(tmp_path: Path) -> None:
    root = tmp_path / "root"
    lay(root, LOADED.trees[0])
    (root / "proc/stat").unlink()
    os.mkfifo(root / "proc/stat")  # opened for reading it waits for a writer, for ever
    inputs = Inputs(root=root, driver=FakeDriver(LOADED.answers[0]), page_size=65536, me=4000)
    feed = LiveMachineFeed(LiveMachine(Recording(tmp_path / "case", inputs), inputs=inputs), time.monotonic)

    async def check(bench: Bench, pilot: Pilot[int]) -> None:
        await shows(bench, pilot, "no answer for")
        run = bench.latest.machine.run
        assert run is not None
        begun = run.state.now
        while run.state.now < begun + 1:
            await pilot.pause(0.1)
            bench.latest.poll()
        assert "available 44.0 GiB" in screen_text(bench.latest)
        begun = time.monotonic()
        await pilot.press("q")
        while bench.latest.is_running and time.monotonic() < begun + 5:
            await pilot.pause(0.05)
        assert time.monotonic() - begun < 3

    await live(tmp_path, check, feed)
    # What hung is let go, so that its thread ends with the test.
    fd = os.open(root / "proc/stat", os.O_RDWR | os.O_NONBLOCK)
    os.close(fd)


def on_top(bench: Bench) -> type[Screen[object]]:
    """Which screen is shown."""
    return type(bench.latest.screen)


async def test_from_the_menu_and_back(tmp_path: Path) -> None:
    class Telling(LiveMachineFeed):
        stopped = threading.Event()

        def cancel(self) -> None:
            super().cancel()
            self.stopped.set()

    bench = Bench(tmp_path, clock=time.monotonic, machine=lambda: Telling(LiveMachine(), time.monotonic))
    async with bench.app().run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("M")
        await shows(bench, pilot, "available")
        assert on_top(bench) is MonitorScreen
        assert "m Menu" in screen_text(bench.latest)
        await pilot.press("1", "escape")
        await settle(pilot)
        assert on_top(bench) is MonitorScreen
        await pilot.press("escape")
        await settle(pilot)
        assert on_top(bench) is MenuScreen
        assert Telling.stopped.wait(5)
        assert bench.latest.machine.run is None
        await pilot.press("M")
        await shows(bench, pilot, "available")
        await pilot.press("m")
        await settle(pilot)
        assert on_top(bench) is MenuScreen


async def test_alone_there_is_no_menu(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with bench.monitor(played(bench, "spark-idle")).run_test(size=(120, 40)) as pilot:
        text = await at(bench, pilot, 0.0)
        assert "m Menu" not in text
        for key in ("m", "escape"):
            bench.latest.clear_notifications()
            await pilot.press(key)
            await settle(pilot)
            assert isinstance(bench.latest.screen, MonitorScreen)
            assert any("q quits" in n.message for n in bench.latest._notifications)


async def test_a_poor_terminal_gets_ascii(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    environ = {"TERM": "linux", "LANG": "C"}
    async with bench.monitor(played(bench, "spark-loaded"), environ).run_test(size=(100, 40)) as pilot:
        await at(bench, pilot, 0.0)
        text = await at(bench, pilot, 0.4)
        assert "playing" in text
        assert text.isascii(), sorted({c for c in text if not c.isascii()})


async def test_a_name_from_a_recording_cannot_act_on_the_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "x\x1b[31m\u202ey"
    folder.mkdir()
    for path in (FOLDER / "spark-loaded").iterdir():
        (folder / path.name).write_text(path.read_text().replace("(vllm)", "(v\\u001b]0;z\\u0007[b]m[/b])"))
    bench = Bench(tmp_path)
    feed = PlayedMachineFeed(RecordedMachine(folder), bench.watch)
    async with bench.monitor(feed).run_test(size=(120, 40)) as pilot:
        text = await at(bench, pilot, 1.0)
        assert "[b]m[/b]" in text
        assert not set(text) & set("\x1b\x07\u202e")
