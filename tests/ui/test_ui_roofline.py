"""The roofline on the dashboard: what the model says, drawn to scale, and a reason where nothing is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import recorded
from fakes import Bench, at, settle

from sparktop.model.events import (
    Event,
    Finish,
    FootprintKnown,
    ModelReady,
    PrefillProgress,
    RequestDone,
    RequestSent,
    SampleTaken,
    TokenSource,
)
from sparktop.model.roofline import GB10, Ceilings
from sparktop.model.shape import Footprint
from sparktop.ui.panels.alerts import AlertBar
from sparktop.ui.panels.roofline import RooflineGauge
from sparktop.ui.run import Run
from tests.made_up import SPARK, info, queued, tokens
from tests.replay_feed import ReplayFeed

UNKNOWN = Ceilings(theoretical=None, measured=None, source="the memory bandwidth of Vulkan0 is not known")
PROCESSOR = Ceilings(theoretical=None, measured=20e9, source="read by 8 threads")
INFO = info("qwen2 7B Q8_0", parameters=7_600_000_000, size=8_000_000_000, vocabulary=152_064)


def decoding(
    ceilings: Ceilings | None, dense: int = 5_000_000_000, approximations: tuple[str, ...] = ()
) -> list[Event]:
    """A run that decodes 40 tokens a second from its second second on; each reads `dense` bytes."""
    events: list[Event] = [
        recorded.record()[0],
        queued(0, "demo-base", "Q1"),
        ModelReady(t=0.5, contender="demo-base", model=INFO, load_s=0.5),
        RequestSent(t=1.0, request=0),
        PrefillProgress(t=1.5, request=0, done=60, total=60),
    ]
    if ceilings is not None:
        known = Footprint(dense=dense, approximations=approximations)
        events.append(FootprintKnown(t=0.6, contender="demo-base", footprint=known, ceilings=ceilings))
    for step in range(40):
        t = 2.0 + step / 10
        times = tuple(t + (at - 3) / 40 for at in range(4))
        events.append(replace(tokens(0, times, "法" * 4), t=t))
    return sorted(events, key=lambda event: event.t)


def rows(bench: Bench) -> list[str]:
    gauge = bench.latest.screen.query_one(RooflineGauge)
    return ["".join(text for text, _ in row) for row in gauge.rows]


async def test_the_share_of_the_ceiling_drawn_to_scale(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=decoding(GB10))
    async with bench.app(bench.default_plan()).run_test(size=(200, 60)) as pilot:
        await at(bench, pilot, 5.0)
        bar, words = rows(bench)
        # 40 tok/s x 5 GB = 200 GB/s, of 273 by specification and 232 measured.
        assert words.startswith("200 GB/s, 73 % of 273 GB/s: usual (73-81 %); 86 % of 232 GB/s measured; 5 GB a token")
        assert bar.index("[") == int(0.73 * len(bar))
        assert bar.index("]") == int(0.81 * len(bar))
        assert bar.index("|") == int(232 / 273 * len(bar))
        assert bar.rindex("━") + 1 == round(200 / 273 * len(bar))


@pytest.mark.parametrize(
    ("size", "told"),
    [((120, 40), "200 GB/s, 73 % of 273 GB/s: usual (73-81 %)"), ((80, 24), "200 GB/s, 73 %: usual (73-81 %)")],
)
async def test_where_room_is_short_the_judgement_stays(tmp_path: Path, size: tuple[int, int], told: str) -> None:
    bench = Bench(tmp_path, events=decoding(GB10))
    async with bench.app(bench.default_plan()).run_test(size=size) as pilot:
        await at(bench, pilot, 5.0)
        assert rows(bench)[-1] == told


FINDING = "bandwidth-bound: decoding reads 200 GB/s, 73 % of 273"


@pytest.mark.parametrize(
    ("size", "fault", "told"),
    [
        ((120, 40), False, "finding alone"),
        ((200, 60), False, "finding on a row of its own"),
        ((80, 24), True, "fault alone"),
        ((200, 60), True, "both"),
    ],
)
async def test_what_holds_it_back_never_crowds_out_what_is_wrong(
    tmp_path: Path, size: tuple[int, int], fault: bool, told: str
) -> None:
    events = decoding(GB10)
    if fault:
        hot = {"gpu.0.utilization": 99.0, "gpu.0.throttle_hw_thermal": 60.0}
        node = SPARK.name
        events += [SampleTaken(t=2.0 + step / 2, node=node, values=hot) for step in range(7)]
    bench = Bench(tmp_path, events=sorted(events, key=lambda event: event.t))
    async with bench.app(bench.default_plan()).run_test(size=size) as pilot:
        await at(bench, pilot, 5.0)
        bar = bench.latest.screen.query_one(AlertBar)
        shown = ["".join(text for text, _ in row) for row in bar.rows]
        assert bar.urgent == fault, "a finding is nothing wrong"
        assert (FINDING in "".join(shown)) == (told != "fault alone"), shown
        assert ("fault GPU 0 held back by the hardware, for heat, 60 % of the time" in shown[0]) == fault
        assert sum(map(bool, shown)) == (2 if told == "finding on a row of its own" else 1)
        assert not any("more" in row for row in shown)


async def test_what_is_told(tmp_path: Path) -> None:
    cases = (
        (decoding(GB10, 3_000_000_000), "120 GB/s, 44 % of 273 GB/s: below what is usual (73-81 %)"),
        (decoding(GB10, approximations=("MLA",)), "about 200 GB/s, 73 % of 273 GB/s: usual (73-81 %)"),
        (decoding(PROCESSOR, 400_000_000), "16 GB/s, 80 % of 20 GB/s"),
        (decoding(UNKNOWN), "200 GB/s; the memory bandwidth of Vulkan0 is not known"),
        (decoding(None), "roofline n/a (bytes per token are not known)"),
        (decoding(GB10)[:4], "roofline n/a (nothing was decoded yet)"),
        (decoding(GB10)[:2], "roofline n/a (no model is loaded)"),
    )
    bench = Bench(tmp_path)
    async with bench.app().run_test(size=(120, 40)) as pilot:
        for events, told in cases:
            run = Run(ReplayFeed("a-run", events, bench.watch, skip_s=5.0))
            run.pull()
            gauge = RooflineGauge()
            await bench.latest.screen.mount(gauge)
            await settle(pilot)
            gauge.show(run, 2)
            await settle(pilot)
            assert "".join(text for text, _ in gauge.rows[-1]).startswith(told)
            await gauge.remove()


async def test_between_two_answers_the_last_stays_in_sight(tmp_path: Path) -> None:
    done = RequestDone(
        t=5.9,
        request=0,
        finish=Finish.STOP,
        prompt_tokens=60,
        cached_tokens=0,
        output_tokens=160,
        prefill_ms=400.0,
        token_source=TokenSource.TOKEN_IDS,
    )
    bench = Bench(tmp_path, events=[*decoding(GB10)[:-1], done])
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await at(bench, pilot, 5.0)
        await at(bench, pilot, 8.0)
        assert rows(bench)[-1] == "last 200 GB/s, 73 % of 273 GB/s: usual (73-81 %)"
