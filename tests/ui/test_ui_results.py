"""The tables at the end, and whether the numbers can be trusted."""

from __future__ import annotations

from pathlib import Path

import recorded
from fakes import Bench, at, screen_text, settle

from sparktop.model.rating_events import AnswerAt, Choice, Judged, JudgingBegan, Rated, Stars, Voted
from sparktop.model.scenario import Sampling
from tests.model.spark import spark


async def results(bench: Bench, t: float, size: tuple[int, int] = (120, 40)) -> str:
    """What the results screen shows at a time of the run."""
    async with bench.app(bench.default_plan()).run_test(size=size) as pilot:
        bench.watch.t = 100.0 + t
        bench.latest.poll()
        await settle(pilot)
        await pilot.press("r")
        await settle(pilot)
        return screen_text(bench.latest)


async def test_every_contender_and_every_question(tmp_path: Path) -> None:
    text = await results(Bench(tmp_path, events=recorded.record()), 60)
    rows = {line.strip("│ ").split("  ")[0]: line for line in text.splitlines()}
    assert "10 of 10" in rows["demo-base (toy)"]
    assert "40.8" in rows["demo-base (toy)"]
    assert "33.8" in rows["demo-sutra (toy)"]
    assert "2.34 s" in rows["Q1 随顺觉"]
    assert rows["Q1 随顺觉"].count("5 of 5") == 2
    assert all(f"Q{n} " in text for n in range(1, 11))
    assert "Valid: no check found a fault." in text
    assert "toy models" in text
    assert "speed-up" not in text


async def test_before_the_end_nothing_is_judged(tmp_path: Path) -> None:
    text = await results(Bench(tmp_path, events=recorded.record()), 10)
    assert "it is judged at its end" in text
    assert "Valid" not in text
    assert "queued" in text
    assert "running" in text


async def test_opened_while_the_view_is_frozen_it_shows_what_there_is(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await at(bench, pilot, 31)
        await pilot.press("space", "r")
        await settle(pilot)
        text = await at(bench, pilot, 33)
        assert "PAUSED" in text
        assert "No request has ended yet" not in text
        assert "10 of 10" in text
        assert "it is judged at its end" in text


async def test_a_contender_that_failed_makes_the_run_invalid(tmp_path: Path) -> None:
    text = await results(Bench(tmp_path, events=recorded.record(fail="demo-sutra")), 60)
    assert "not valid:" in text
    assert "✗ " in text
    assert "failed" in text


async def test_what_does_not_fit_can_be_scrolled_to(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app(bench.default_plan()).run_test(size=(80, 24)) as pilot:
        bench.watch.t = 160.0
        bench.latest.poll()
        await settle(pilot)
        await pilot.press("r")
        await settle(pilot)
        assert "other-gpu-work" not in screen_text(bench.latest)
        await pilot.press("end")
        await pilot.pause(0.5)
        assert "other-gpu-work" in screen_text(bench.latest)


async def test_bandwidth_and_energy_where_they_are_known(tmp_path: Path) -> None:
    text = await results(Bench(tmp_path, events=spark()), 60)
    assert "Memory bandwidth, energy" in text
    assert "- qwen: 221 GB/s, 81 % of 273 GB/s: usual (73-81 %); 7.51 GB a token" in text
    assert "1.36 J a token decoded, 0.0293 J a token read (GPU only)" in text
    assert "= qwen: decoding reads 221 GB/s, 81 % of 273 GB/s: the memory's bandwidth holds it back" in text
    # The demo models are too small for a ceiling, and there is no GPU: no panel says nothing.
    assert "Memory bandwidth" not in await results(Bench(tmp_path, events=recorded.record()), 60)


async def test_ratings_are_among_the_results_people_and_models_apart(tmp_path: Path) -> None:
    at = "2026-02-09T10:00:00+08:00"
    base, tuned = AnswerAt(request=0, contender="demo-base"), AnswerAt(request=3, contender="demo-sutra")
    stars = [
        Rated(t=19.0, number=n, request=request, rater=rater, dimension="depth", stars=Stars(given), at=at)
        for n, (request, rater, given) in enumerate([(0, "ann", 2), (0, "bob", 3), (3, "ann", 5)], 1)
    ]
    vote = Voted(t=19.0, number=4, item="Q1", first=base, second=tuned, choice=Choice.SECOND, rater="ann", at=at)
    began = JudgingBegan(t=19.0, number=5, judge=recorded.DEMO_BASE, rubric="", sampling=Sampling(), planned=2, at=at)
    judged = Judged(
        t=19.0,
        number=6,
        judging=5,
        item="Q1",
        first=base,
        second=tuned,
        verdict=None,
        problem="-",
        text="?",
        reasoning="",
        at=at,
    )
    events = [*recorded.record(items=3), *stars, vote, began, judged]
    text = await results(Bench(tmp_path, events=events), 60, size=(120, 60))
    row = next(line for line in text.splitlines() if "2.5 (2)" in line)
    assert "demo-base" in row
    assert "5.0 (1)" in text
    assert "People: demo-base won 0 of 1 vote against demo-sutra: 0%" in text
    assert "The model demo-base (toy) as judge gave 1 verdict, 1 of them could not be read" in text
    plain = await results(Bench(tmp_path, events=recorded.record(items=3)), 60, size=(120, 60))
    assert "Stars" not in plain
    assert "compared" not in plain
