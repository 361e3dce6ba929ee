"""Which panels a dashboard shows at a size: whole rows, every panel in one place, and nothing lost that has no room."""

from __future__ import annotations

from pathlib import Path

import pytest
import recorded
from fakes import Bench, at, screen_text, settle
from hypothesis import given
from hypothesis import strategies as st

from sparktop.model.events import Event, SampleTaken
from sparktop.ui.actions import PANELS
from sparktop.ui.screens.arrangement import COLUMNS, MACHINE, arrange

MOST = [panel for panel in PANELS if panel not in MACHINE]


@given(st.integers(60, 300), st.integers(16, 100), st.sets(st.sampled_from(MACHINE)))
def test_rows_are_full_and_in_order(width: int, height: int, has: set[str]) -> None:
    wanted = [panel for panel in PANELS if panel in has | {"memory", "processor"} or panel in MOST]
    arranged = arrange(width, height, wanted)
    names = [name for name, _ in arranged.spans]
    assert names == sorted(set(names), key=PANELS.index)
    assert set(names) <= set(wanted)
    assert {"throughput", "latency", "memory", "streams"} <= arranged.shown
    assert "gpu" in arranged.shown or "gpu" not in wanted
    rows, filled = 0, 0
    for _, span in arranged.spans:
        filled += span
        assert filled <= COLUMNS
        if filled == COLUMNS:
            rows, filled = rows + 1, 0
    assert filled == 0
    assert rows == len(arranged.rows)


@pytest.mark.parametrize("size", [(120, 40), (200, 60), (80, 40), (190, 36)])
def test_large_screens_show_everything(size: tuple[int, int]) -> None:
    assert arrange(*size, PANELS).shown == set(PANELS)


@pytest.mark.parametrize("size", [(80, 24), (60, 16), (119, 29)])
def test_small_screens_keep_what_matters(size: tuple[int, int]) -> None:
    shown = ["throughput", "latency", "gpu", "memory", "streams"]
    assert arrange(*size, PANELS).shown == set(shown)


def on_a_spark() -> list[Event]:
    """The made-up run on a machine with everything."""
    more = {"gpu.0.utilization": 96.0, "port.0.up": 1.0, "port.0.rx": 0.0, "cpu.x925.load": 5.0}
    return [
        SampleTaken(t=e.t, node=e.node, values=e.values | more) if isinstance(e, SampleTaken) else e
        for e in recorded.record()
    ]


async def test_panels_without_room_are_named_and_a_key_away(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=on_a_spark())
    async with bench.app(bench.default_plan()).run_test(size=(80, 24)) as pilot:
        text = await at(bench, pilot, 31)
        assert "5 links  6 processor  7 contenders" in text.splitlines()[-2]
        await pilot.press("7")
        await settle(pilot)
        assert "7 Contenders" in screen_text(bench.latest)
        await pilot.press("escape", "tab")
        await settle(pilot)
        assert "5 RoCE links" in screen_text(bench.latest), "tab begins with the first that has no room"
        await pilot.press("tab")
        await settle(pilot)
        assert "6 Processor and power" in screen_text(bench.latest)
        await pilot.press("escape")
        await settle(pilot)
        assert "1 Throughput" in screen_text(bench.latest)


async def test_resizing_while_a_run_goes_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=on_a_spark())
    async with bench.app(bench.default_plan()).run_test(size=(200, 60)) as pilot:
        for t, size in enumerate([(120, 40), (60, 16), (40, 10), (80, 24), (120, 30), (200, 60)]):
            await pilot.resize_terminal(*size)
            text = await at(bench, pilot, 20 + t)
            shown = [panel.id for panel in bench.latest.screen.query(".panel") if panel.display]
            if size == (40, 10):
                assert shown == ["throughput"]
            else:
                assert shown == [name for name, _ in arrange(*size, PANELS).spans]
                assert [str(PANELS.index(name) + 1) in text for name in shown if name] == [True] * len(shown)
            regions = [panel.region for panel in bench.latest.screen.query(".panel") if panel.display]
            assert all(region.height >= 3 or size == (40, 10) for region in regions)
            assert not any(a.overlaps(b) for a in regions for b in regions if a is not b)
