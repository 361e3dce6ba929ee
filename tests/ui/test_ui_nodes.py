"""Several machines on one screen: what they come to, whose line is whose, and that nothing is lost where room is short.

Their readings are those of recorded machines (tests/telemetry/recordings), held for as long as a scene lasts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from fakes import UNICODE_TERMINAL, Bench, Watch, screen_text, settle
from rich.cells import cell_len
from textual.pilot import Pilot

from scripts.spark_scene import scene, watched
from sparktop.model.events import Event, NodeSeen, SampleTaken
from sparktop.ui.chrome import Chrome
from sparktop.ui.panels.alerts import AlertBar
from sparktop.ui.panels.machine_panel import MachinePanel
from sparktop.ui.widgets.chart import TimeChart
from tests.made_up import SPARK
from tests.replay_feed import ReplayFeed

SIZES: Final = [(200, 60), (120, 40), (100, 30), (80, 24), (60, 16)]
LASTING: Final = 30.0
LONG: Final = ("spark-of-the-third-floor-alpha", "spark-of-the-third-floor-gamma")
CHINESE: Final = ("机房东侧的火花一号", "机房东侧的火花二号")
ASCII_TERMINAL: Final = {"TERM": "linux", "LANG": "C"}


class WatchedFeed(ReplayFeed):
    """Machines that are watched without a run."""

    recorded_to: Path | None = None
    played_from, length_s, speed, paused, problem = "", 0.0, 1.0, False, ""

    def pause(self) -> bool:
        """A machine goes on, whoever looks."""
        return False


def linked(*names: str) -> list[Event]:
    """Machines with 189.85 Gb/s of RDMA each way."""
    return watched(dict.fromkeys(names, "spark-rdma"), LASTING)


def mixed() -> list[Event]:
    """A Spark, a server with a discrete GPU, and a machine with nothing to read but memory and load."""
    return watched({"spark-1": "spark-loaded", "big": "x86-h200", "laptop": "laptop-bare"}, LASTING)


def lost(events: Sequence[Event], node: str, since: float) -> list[Event]:
    """The same, but that nothing comes from a machine any more: as a connection that was lost is told."""
    before = [e for e in events if not isinstance(e, SampleTaken) or e.node != node or e.t < since]
    told = {name for e in before if isinstance(e, SampleTaken) and e.node == node for name in (*e.values, *e.missing)}
    gap = SampleTaken(t=since, node=node, values={}, missing=dict.fromkeys(told, f"no connection to {node}"))
    return sorted([*before, gap], key=lambda event: event.t)


class Seen:
    """A monitor that was watched to the end of a scene."""

    def __init__(self, bench: Bench, pilot: Pilot[int]) -> None:
        self._bench, self._pilot = bench, pilot

    @property
    def text(self) -> str:
        return screen_text(self._bench.latest)

    @property
    def status(self) -> str:
        bar = self._bench.latest.screen.query_one(AlertBar)
        return "".join(text for row in bar.rows for text, _ in row).rstrip()

    def panel(self, name: str) -> MachinePanel:
        return self._bench.latest.screen.query_one(f"#{name}", MachinePanel)

    def figures(self, name: str) -> list[str]:
        return ["".join(text for text, _ in row).rstrip() for row in self.panel(name).query_one(Chrome).rows]

    def chart(self, name: str) -> list[str]:
        return ["".join(text for text, _ in row) for row in self.panel(name).query_one(TimeChart).rows]

    async def at(self, t: float) -> None:
        self._bench.watch.t = 100.0 + t
        self._bench.latest.poll()
        await settle(self._pilot)

    async def resized(self, size: tuple[int, int]) -> None:
        await self._pilot.resize_terminal(*size)
        await settle(self._pilot)
        await self.at(LASTING)


async def seen(
    tmp_path: Path,
    events: Sequence[Event],
    sizes: Sequence[tuple[int, int]],
    environ: Mapping[str, str] = UNICODE_TERMINAL,
) -> list[tuple[tuple[int, int], Mapping[str, list[str]], str, str]]:
    """Returns what a monitor shows at each size: its panels' rows, its status line, and the whole screen."""
    bench = Bench(tmp_path, watch=Watch())
    found: list[tuple[tuple[int, int], Mapping[str, list[str]], str, str]] = []
    async with bench.monitor(WatchedFeed("nodes", events, bench.watch), dict(environ)).run_test(size=sizes[0]) as pilot:
        view = Seen(bench, pilot)
        await view.at(LASTING)
        for size in sizes:
            await view.resized(size)
            rows = {
                one.id or "": view.figures(one.id or "")
                for one in bench.latest.screen.query(MachinePanel)
                if one.display
            }
            found.append((size, rows, view.status, view.text))
    return found


def lines(rows: Mapping[str, list[str]], panel: str, name: str) -> list[str]:
    return [row for row in rows[panel] if row.startswith(name)]


@pytest.mark.parametrize("count", [2, 3, 4])
async def test_every_machine_is_on_every_panel_at_every_size(tmp_path: Path, count: int) -> None:
    names = [f"spark-{number}" for number in range(1, count + 1)]
    for size, rows, status, text in await seen(tmp_path, linked(*names), SIZES):
        for panel in ("memory", "gpu", "links", "processor"):
            for name in names:
                (row, *_) = lines(rows, panel, name)
                assert re.search(r"\d", row.removeprefix(name)), (size, panel, row)
        assert not [row for panel in rows.values() for row in panel if "…" in row], (size, text)
        assert "…" not in status, (size, status)
        assert status.startswith("No alert.  "), (size, status)
        assert re.search(r"\d+ %", status), (size, status)


async def test_sums_say_what_they_cover(tmp_path: Path) -> None:
    ((_, rows, _, text),) = await seen(tmp_path, linked("spark-1", "spark-2"), [(120, 40)])
    assert rows["gpu"][2] == "together   94 % mean       110.0 W        118.0 GiB held"
    assert "together 155.4 of 243.4 GiB 64 %  available 88.0 GiB" in rows["memory"]
    assert "together             380G     380G        0        0" in rows["links"]
    assert "bytes between them count once in and once out" in text
    assert "together 3.2 of 40 cores busy" in rows["processor"]


async def test_a_sum_without_a_machine_says_of_how_many_it_is(tmp_path: Path) -> None:
    ((_, rows, _, _),) = await seen(tmp_path, mixed(), [(120, 40)])
    assert lines(rows, "gpu", "laptop") == ["laptop   n/a (no NVIDIA driver)"]
    assert rows["gpu"][3].startswith("2 of 3     97 % mean       756.0 W")
    assert lines(rows, "links", "laptop") == ["laptop   n/a (no /sys/class/net)"]
    assert len(lines(rows, "links", "2 of 3")) == 1
    assert "together 16.6 of 60 cores busy  142.5 W (spark-1 only)" in rows["processor"]


async def test_a_machine_that_is_lost_says_so_once_in_each_panel(tmp_path: Path) -> None:
    events = lost(linked("spark-1", "spark-2"), "spark-2", 12.0)
    for size, rows, status, _ in await seen(tmp_path, events, SIZES):
        assert status == "! spark-2: no connection for 18 s", size
        for panel in ("memory", "gpu", "links", "processor"):
            (row,) = lines(rows, panel, "spark-2")
            assert row in (
                "spark-2! n/a (no connection for 18 s)",
                "spark-2! no connection 18 s",
                "spark-2! no connection",
            ), (size, panel)
            assert any(row.startswith("1 of 2") for row in rows[panel]), (size, panel)


@pytest.mark.parametrize("names", [LONG, CHINESE], ids=["long", "Chinese"])
async def test_long_names_are_told_apart_at_every_size(tmp_path: Path, names: tuple[str, str]) -> None:
    for size, rows, status, text in await seen(tmp_path, linked(*names), SIZES):
        assert all(cell_len(line) == size[0] for line in text.splitlines())
        for panel in ("memory", "gpu", "links", "processor"):
            starts = [row.split(" ")[0] for row in rows[panel] if row[:1] in (names[0][0], "…")]
            assert len(set(starts)) == 2, (size, panel, starts)
            assert all(names[starts.index(one) and 1].endswith(one.strip("…!")) for one in dict.fromkeys(starts))
        assert "%" in status, (size, status)


async def test_more_machines_than_rows_are_counted(tmp_path: Path) -> None:
    names = [f"spark-{number}" for number in range(1, 9)]
    for size, rows, status, _ in await seen(tmp_path, linked(*names), [(120, 40), (60, 16)]):
        assert status.startswith("No alert.  8 machines  GPU 94-94 %"), size
        for panel in ("memory", "gpu", "links", "processor"):
            assert lines(rows, panel, "together"), (size, panel)


async def test_every_line_of_a_chart_has_its_tag(tmp_path: Path) -> None:
    events = watched({"vm": "laptop-bare", **dict.fromkeys(("spark-1", "spark-2", "spark-3"), "spark-rdma")}, LASTING)
    bench = Bench(tmp_path)
    for environ, size in ((UNICODE_TERMINAL, (100, 50)), (ASCII_TERMINAL, (100, 50))):
        bench.watch.t = 100.0
        async with bench.monitor(WatchedFeed("nodes", events, bench.watch), dict(environ)).run_test(size=size) as pilot:
            view = Seen(bench, pilot)
            await view.at(LASTING)
            legend, *picture = view.chart("gpu")
            ink = "" if environ is ASCII_TERMINAL else "━"
            assert [f"{ink}{number}" in legend for number in "123"] == [True] * 3, legend
            assert "vm" not in legend, "it has no GPU, and so no line"
            assert "123" in "".join(row.split(" ")[-1] for row in picture), picture
            legend, *picture = view.chart("processor")
            assert f"{ink}m vm" in legend
            if environ is ASCII_TERMINAL:
                assert re.search("[m123]{8}", "".join(picture)), "without colour a line is drawn with its tag"
                assert "".join(view.chart("processor")).isascii()
            await pilot.press("q")


async def test_a_line_that_ends_is_marked_where_it_ends(tmp_path: Path) -> None:
    events = lost(linked("spark-1", "spark-2"), "spark-2", 12.0)
    bench = Bench(tmp_path)
    async with bench.monitor(WatchedFeed("nodes", events, bench.watch)).run_test(size=(120, 40)) as pilot:
        view = Seen(bench, pilot)
        await view.at(LASTING)
        marked = [row for row in view.chart("gpu") if "×" in row]
        assert len(marked) == 1
        ends = [row.rstrip()[-1] for row in view.chart("gpu")[1:-1] if row.rstrip()[-1] not in "┤│"]
        assert ends == ["1"]


async def test_the_same_number_on_two_machines_is_two_processes(tmp_path: Path) -> None:
    ((_, _, _, text),) = await seen(tmp_path, linked("spark-1", "spark-2"), [(120, 40)])
    rows = [re.split(r"\s{2,}", row.strip("│ "))[:2] for row in text.splitlines() if " 4010 " in row]
    assert rows == [["spark-1", "4010"], ["spark-2", "4010"]]


async def test_a_model_on_each_machine(tmp_path: Path) -> None:
    """Both speeds, both costs, and where each runs, at once."""
    bench = Bench(tmp_path)
    plan = bench.default_plan()
    bench.events = scene(plan.scenario, {"spark-1": "spark-loaded", "spark-2": "spark-loaded"}, 34.0)
    async with bench.app(plan).run_test(size=(120, 40)) as pilot:
        view = Seen(bench, pilot)
        for t in (10.0, 20.0, 34.0):
            await view.at(t)
        for part in (
            *("━ qwen2.5-7b 3", "━ gpt-oss-20b ", "on spark-1", "on spark-2"),
            *("qwen2.5-7b 221 GB/s, 81 %", "gpt-oss-20b 21", "together 3.2 of 40 cores busy  285.0 W sys_total"),
        ):
            assert part in view.text, f"{part} is not in\n{view.text}"
        assert re.search(r"energy   GPU only  spark-1 2\.\d\d J  spark-2 0\.\d\d J/token", view.text), view.text


async def test_where_nothing_is_wrong_the_status_line_tells_of_a_machine_in_need(tmp_path: Path) -> None:
    """Ten machines can't all be named: those in trouble are."""
    names = [f"machine-{letter}" for letter in "abcdefghij"]
    events: list[Event] = [NodeSeen(t=0.0, node=replace(SPARK, name=name)) for name in names]
    for step in range(12):
        for at, name in enumerate(names):
            if name == "machine-g" and step > 4:
                continue
            values = {"cpu.load": 10.0 * at, "memory.total": 100.0, "memory.used": 50.0, "memory.available": 50.0}
            events.append(SampleTaken(t=step / 2, node=name, values=values, missing={}))
    bench = Bench(tmp_path)
    async with bench.monitor(WatchedFeed("nodes", events, bench.watch)).run_test(size=(80, 24)) as pilot:
        view = Seen(bench, pilot)
        await view.at(5.5)
        assert view.status == "No alert.  machine-g ! old 4 s   10 machines  CPU 0-90 %  memory 50-50 %"
