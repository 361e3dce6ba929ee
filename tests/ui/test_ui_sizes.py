"""Every screen at every size: nothing fails, and what matters can be read."""

from __future__ import annotations

from pathlib import Path

import pytest
import recorded
from fakes import Bench, at, screen_text, settle

SIZES = [(200, 60), (120, 40), (80, 24), (60, 16), (40, 10), (20, 5), (3, 2)]
COMPLETE = [(200, 60), (120, 40), (80, 24)]


@pytest.fixture(scope="module")
def events() -> recorded.Events:
    return recorded.record()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_screen_survives_every_size(tmp_path: Path, size: tuple[int, int], events: recorded.Events) -> None:
    bench = Bench(tmp_path, events=events)
    async with bench.app().run_test(size=size) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await at(bench, pilot, 31)
        # A press waits until the app is idle again: that is when a broken screen would have failed.
        await pilot.press(
            *(
                "2",
                "3",
                "4",
                "5",
                "6",
                "7",
                "8",
                "escape",
                "a",
                "right_square_bracket",
                "tab",
                "slash",
                "escape",
                "r",
                "d",
            )
        )
        await pilot.press("question_mark", "escape", "q", "escape")
        await at(bench, pilot, 60)
        for key in ("a", "r", "d", "m"):
            await pilot.press(key)
            await settle(pilot)  # the next key is for the screen that this one opens
        await pilot.press("q")
    assert bench.latest.return_value == 0
    assert len(bench.plans) == 1


@pytest.mark.parametrize("size", COMPLETE, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_dashboard_is_complete(tmp_path: Path, size: tuple[int, int], events: recorded.Events) -> None:
    bench = Bench(tmp_path, events=events)
    async with bench.app(bench.default_plan()).run_test(size=size) as pilot:
        await at(bench, pilot, 31)
        text = screen_text(bench.latest)
        for part in (
            *("running 0:31", "12 of 20 requests", "left", "Throughput", "Time per output token", "Unified memory"),
            *("Contenders", "Streams", "121.7 GiB", "demo-base", "10/10", "demo-sutra", "answering", "Q3 五法"),
            *("now ", "mean ", "peak ", "p50 ", "p95 ", "p99 ", "available", "some 0.", "full 0.0 %", "swap"),
        ):
            assert part in text, part


@pytest.mark.parametrize("size", [(59, 20), (80, 15), (40, 10)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_one_panel_where_there_is_no_room_for_more(
    tmp_path: Path, size: tuple[int, int], events: recorded.Events
) -> None:
    bench = Bench(tmp_path, events=events)
    async with bench.app(bench.default_plan()).run_test(size=size) as pilot:
        await at(bench, pilot, 31)
        shown = []
        for _ in range(6):
            panels = [panel.id for panel in bench.latest.screen.query(".panel") if panel.display]
            assert len(panels) == 1
            shown += panels
            await pilot.press("tab")
            await settle(pilot)
        assert shown == ["throughput", "latency", "memory", "processor", "contenders", "streams"]


async def test_growing_and_shrinking_in_mid_run(tmp_path: Path, events: recorded.Events) -> None:
    bench = Bench(tmp_path, events=events)
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        for t, size in enumerate([(120, 40), (20, 5), (200, 60), (59, 15), (80, 24)]):
            await pilot.resize_terminal(*size)
            await at(bench, pilot, 20 + t)
        assert "8 Streams" in screen_text(bench.latest)
        shown = {panel.id for panel in bench.latest.screen.query(".panel") if panel.display}
        assert shown == {"throughput", "latency", "memory", "contenders", "streams"}


async def test_no_row_is_wider_than_the_terminal(tmp_path: Path, events: recorded.Events) -> None:
    bench = Bench(tmp_path, events=events)
    async with bench.app(bench.default_plan()).run_test(size=(80, 24)) as pilot:
        await at(bench, pilot, 31)
        for key in ("a", "r", "d"):
            await pilot.press(key)
            await settle(pilot)
            strips = bench.latest.screen._compositor.render_strips()
            assert {strip.cell_length for strip in strips} == {80}, key


async def test_the_smallest_dashboard_still_tells_how_fast(tmp_path: Path, events: recorded.Events) -> None:
    bench = Bench(tmp_path, events=events)
    async with bench.app(bench.default_plan()).run_test(size=(60, 16)) as pilot:
        await at(bench, pilot, 31)
        text = screen_text(bench.latest)
        for part in ("tok/s", "ms", "available", "demo-sutra", "answering", "▏ 20 %"):
            assert part in text, part
        text = await at(bench, pilot, 200)
        for part in (" tok/s ", " ms ", "available", "The run is completed."):
            assert part in text, part
