"""The dashboard: what it shows of the run and of the machine, and its keys."""

from __future__ import annotations

from pathlib import Path

import pytest
import recorded
from fakes import Bench, at, screen_text, settle

from sparktop.model.events import Notice, PrefillProgress, RequestDone, RequestSent, Status
from sparktop.model.state import RunState, fold
from sparktop.runner.session import Outcome
from sparktop.ui.remaining import remaining
from sparktop.ui.widgets.chart import TimeChart
from tests.replay_feed import ReplayFeed


async def test_a_model_that_loads(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        text = await at(bench, pilot, 0.7)
        assert "▸ demo-base   loading ███░" in text
        assert "40%" in text
        assert "· demo-sutra  queued" in text
        assert "loading demo-base" in text


async def test_a_prompt_that_is_read(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        read = next(e for e in bench.events if isinstance(e, PrefillProgress))
        assert "▸ prefill  ███░░░" in await at(bench, pilot, read.t + 0.001)


async def test_a_model_that_reasons(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        reasoning = next(e.t for e in bench.events if getattr(e, "kind", "") == "reasoning")
        assert "▸ reasoning" in await at(bench, pilot, reasoning + 0.001)


async def test_freezing_stops_the_view_and_not_the_run(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        assert "12 of 20 requests" in await at(bench, pilot, 31)
        await pilot.press("space")
        text = await at(bench, pilot, 43)
        assert "PAUSED 12 s" in text
        assert "12 of 20 requests" in text
        assert bench.latest.current is not None
        assert bench.latest.current.state.now > 42
        await pilot.press("space")
        text = await at(bench, pilot, 43.5)
        assert "PAUSED" not in text
        assert "17 of 20 requests" in text


async def test_one_panel_alone(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await at(bench, pilot, 31)
        await pilot.press("8")
        await settle(pilot)
        text = screen_text(bench.latest)
        assert "8 Streams" in text
        assert "1 Throughput" not in text
        assert all(f"Q{n} " in text for n in range(1, 11))
        await pilot.press("8")
        await settle(pilot)
        assert "1 Throughput" in screen_text(bench.latest)
        await pilot.press("4")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert "1 Throughput" in screen_text(bench.latest)


async def test_zooming_ends_at_both_ends(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await at(bench, pilot, 31)
        seen = []
        for keys in (["plus"] * 5, ["minus"] * 9, ["equals_sign"]):
            await pilot.press(*keys)
            await settle(pilot)
            seen.append({chart.window for chart in bench.latest.screen.query(TimeChart) if chart.is_on_screen})
        assert seen == [{10.0}, {600.0}, {60.0}]


async def test_what_the_kernel_does_not_tell(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record(psi=False))
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        text = await at(bench, pilot, 10)
        assert "pressure  ✓ ok  n/a (this kernel keeps no pressure" in text


async def test_a_worker_that_dies(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record(fail="demo-base"))
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        text = await at(bench, pilot, 12)
        assert "✗ demo-base" in text
        assert "The worker of this model was" in text
        assert "killed (signal 9)" in text
        assert f"log in {tmp_path}"[:20] in text
        assert ", 9 failed" in text
        assert "▸ demo-sutra" in text, "the rest goes on"
        messages = [n.message for n in bench.latest._notifications]
        assert any(m.startswith("demo-base: The worker of this model was killed") for m in messages)


async def test_a_notice_is_told_once_and_is_no_markup(tmp_path: Path) -> None:
    events = [recorded.record()[0], Notice(t=0.1, text="[bold]power[/bold] n/a\x1b[2J")]
    bench = Bench(tmp_path, events=events)
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await at(bench, pilot, 1)
        await at(bench, pilot, 2)
        assert [n.message for n in bench.latest._notifications] == ["[bold]power[/bold] n/a"]


async def test_the_end_says_what_to_do_and_where_the_run_is(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record(items=1))
    kept = tmp_path / "runs" / "a-run.json"

    class Kept(ReplayFeed):
        def wait(self, timeout: float | None = None) -> Outcome | None:
            problems = ("The journal could not be written: the disk is full.",)
            return Outcome(status=Status.COMPLETED, snapshot=kept, problems=problems)

    bench.open = lambda plan: Kept("a-run", bench.events, bench.watch)
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        text = await at(bench, pilot, 60)
        assert "The run is completed.  r results  a answers  m new run" in text
        assert str(kept)[:100] in text
        assert "✓ completed" in text
        assert "The journal could not be written: the disk is full." in [n.message for n in bench.latest._notifications]


async def test_a_snapshot_is_written_on_demand(tmp_path: Path) -> None:
    class Writing(ReplayFeed):
        def snapshot_now(self) -> Path:
            return tmp_path / "now.json"

    bench = Bench(tmp_path, events=recorded.record())
    bench.open = lambda plan: Writing("a-run", bench.events, bench.watch)
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await at(bench, pilot, 5)
        bench.latest.clear_notifications()
        await pilot.press("s")
        await bench.latest.workers.wait_for_complete()
        await settle(pilot)
        assert [n.message for n in bench.latest._notifications][-1:] == [f"Snapshot: {tmp_path / 'now.json'}"]


async def test_a_snapshot_that_cannot_be_written(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await at(bench, pilot, 5)
        await pilot.press("s")
        await bench.latest.workers.wait_for_complete()
        await settle(pilot)
        (last,) = [n for n in bench.latest._notifications if "snapshot" in n.message]
        assert last.message == "No snapshot was written: a replayed run is on disk already"
        assert last.severity == "error"


async def test_a_screenshot_is_written(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await at(bench, pilot, 5)
        await pilot.press("S")
        await settle(pilot)
        (path,) = (bench.places.runs.parent / "screenshots").iterdir()
        assert "Throughput" in path.read_text(encoding="utf-8")
        assert f"Screenshot: {path}" in [n.message for n in bench.latest._notifications]


async def test_a_run_that_cannot_be_started_says_why(tmp_path: Path) -> None:
    def refuse(plan: object) -> ReplayFeed:
        raise OSError("the disk is full")

    bench = Bench(tmp_path, open=refuse)
    async with bench.app().run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert "The run could not be started: the disk is full" in [n.message for n in bench.latest._notifications]
        assert "What to ask" in screen_text(bench.latest)


def until(t: float) -> RunState:
    return fold(event for event in recorded.record(reasoning=False) if event.t <= t)


def test_the_time_left_is_judged_by_what_has_ended() -> None:
    events = recorded.record(reasoning=False)
    assert remaining(fold(events[:3]), 0.0) is None
    sutra = next(e.t for e in events if isinstance(e, RequestDone) and e.request == 12)
    rest = remaining(until(sutra), sutra)
    assert rest is not None
    assert not rest.rough
    assert rest.seconds == pytest.approx(events[-1].t - sutra, abs=3)
    end = remaining(fold(events), events[-1].t)
    assert end is not None
    assert end.seconds == 0.0


def test_a_contender_that_has_not_run_makes_the_time_left_a_guess() -> None:
    events = recorded.record(reasoning=False)
    base = next(e.t for e in events if isinstance(e, RequestDone) and e.request == 4)
    rest = remaining(until(base), base)
    assert rest is not None
    assert rest.rough
    assert rest.unseen == ("demo-sutra",)
    # Fifteen requests at the pace of the five that ended.
    first = next(e.t for e in events if isinstance(e, RequestSent))
    assert rest.seconds == pytest.approx((base - first) / 5 * 15, rel=0.02)


async def test_a_guess_says_what_it_rests_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        bench.watch.t = 120.0
        bench.latest.poll()
        await settle(pilot)
        assert "left if demo-sutra is as fast" in screen_text(bench.latest)
        bench.watch.t = 140.0
        bench.latest.poll()
        await settle(pilot)
        text = screen_text(bench.latest)
        assert "about 0:" in text
        assert "as fast" not in text


async def test_time_stands_still_at_the_end(tmp_path: Path) -> None:
    events = recorded.record()
    bench = Bench(tmp_path, events=events)
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        bench.watch.t = 100.0 + events[-1].t
        bench.latest.poll()
        await settle(pilot)
        chart = bench.latest.screen.query(TimeChart).first()
        drawn = list(chart.rows)
        assert any("end" in text for text, _ in drawn[-1])
        bench.watch.t += 120
        bench.latest.poll()
        await settle(pilot)
        assert list(chart.rows) == drawn


async def test_a_failure_leaves_room_for_those_that_come_after(tmp_path: Path) -> None:
    events = recorded.record(fail="demo-base")
    bench = Bench(tmp_path, events=events)
    async with bench.app(bench.default_plan()).run_test(size=(80, 24)) as pilot:
        text = await at(bench, pilot, events[-1].t)
        assert "✗ demo-base" in text
        assert "The worker of this model was" in text
        assert "✓ demo-sutra" in text
