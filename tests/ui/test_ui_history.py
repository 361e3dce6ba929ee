"""The list of runs, the runs that are opened from it, and two of them compared: a real run of the demo models."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
import recorded
from fakes import UNICODE_TERMINAL, Bench, screen_text, settle
from textual.pilot import Pilot
from textual.widgets import Input

from sparktop.model.codec import decode, encode
from sparktop.model.events import Notice, RunStarted
from sparktop.model.rating_events import Rated
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import fold
from sparktop.runner.contenders import BadContender
from sparktop.store.journal import Journal
from sparktop.store.names import journal_path, snapshot_path
from sparktop.store.snapshots import write_snapshot
from sparktop.ui.panels.answer import AnswerColumn
from sparktop.ui.screens.comparison import ComparisonScreen
from sparktop.ui.screens.dashboard import DashboardScreen
from sparktop.ui.screens.history import HistoryScreen
from sparktop.ui.screens.menu import MenuScreen
from sparktop.ui.screens.replay import ReplayAnswers, ReplayDashboard, ReplayResults

DEMO = Path(__file__).with_name("demo-run.jsonl")
EVENTS = [decode(line) for line in DEMO.read_bytes().splitlines()]
END = EVENTS[-1].t
SIZES = [(120, 40), (80, 24), (40, 10), (3, 2)]


def keep(bench: Bench, day: int, change: Callable[[dict[str, Any]], None] | None = None) -> str:
    """Writes the run as that of a day of November; what of it is changed goes into its snapshot."""
    runs = bench.places.runs
    runs.mkdir(parents=True, exist_ok=True)
    first = EVENTS[0]
    assert isinstance(first, RunStarted)
    identity = f"2026-11-{day:02d}T08-31-11-sutra-qa"
    began = replace(first, id=identity, created=f"2026-11-{day:02d}T08:31:11.000+00:00")
    events = [began, *EVENTS[1:]]
    journal_path(runs, identity).write_bytes(b"".join(encode(event) + b"\n" for event in events))
    path = snapshot_path(runs, identity)
    write_snapshot(take_snapshot(fold(events)), path)
    if change is not None:
        document = orjson.loads(path.read_bytes())
        change(document)
        path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    return identity


def runs_left(bench: Bench) -> list[str]:
    return sorted(path.stem for path in bench.places.runs.glob("*.json"))


async def until(pilot: Pilot[int], bench: Bench, done: Callable[[], bool]) -> str:
    """Waits for what is done in threads; returns what the screen shows then."""
    for _ in range(1000):
        bench.latest.poll()
        await settle(pilot)
        if done():
            return screen_text(bench.latest)
        await pilot.pause(0.02)
    raise AssertionError(f"it never came; the screen shows:\n{screen_text(bench.latest)}")


async def shows(pilot: Pilot[int], bench: Bench, *texts: str) -> str:
    return await until(pilot, bench, lambda: all(text in screen_text(bench.latest) for text in texts))


async def on(pilot: Pilot[int], bench: Bench, screen: type) -> str:
    return await until(pilot, bench, lambda: isinstance(bench.latest.screen, screen))


async def listed(pilot: Pilot[int], bench: Bench) -> str:
    """Goes from the menu to the list."""
    await settle(pilot)
    await pilot.press("h")
    return await shows(pilot, bench, " sparktop  history ")


def told(bench: Bench) -> list[str]:
    return [notice.message for notice in bench.latest._notifications]


# -- the list ----------------------------------------------------------------------------------------------------------


async def test_without_runs_it_says_what_to_do(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with bench.app().run_test(size=(80, 24)) as pilot:
        await listed(pilot, bench)
        await shows(pilot, bench, "There is no run yet: esc goes to the menu", "0 runs")
        # Nothing there, and nothing breaks.
        await pilot.press("enter", "p", "a", "d", "space", "c", "x", "u", "R", "s", "o")
        await settle(pilot)
        assert isinstance(bench.latest.screen, HistoryScreen)
        await pilot.press("escape")
        await on(pilot, bench, MenuScreen)


async def test_runs_are_listed_with_what_tells_them_apart(tmp_path: Path) -> None:
    def faulty(document: dict[str, Any]) -> None:
        document["validity"]["valid"] = False
        document["status"] = "cancelled"
        document["contenders"][0]["contender"]["name"] = "通义千问[red]\x1b[31m"

    bench = Bench(tmp_path)
    keep(bench, 1)
    keep(bench, 2, faulty)
    (bench.places.runs / "2026-11-03T00-00-00-x.json").write_text("hello")
    async with bench.app().run_test(size=(120, 40)) as pilot:
        await listed(pilot, bench)
        text = await shows(pilot, bench, "3 runs")
        rows = [line for line in text.splitlines() if "2026-11-0" in line and "│" in line][:3]
        assert "broken" in rows[0]
        assert "通义千问[red], demo-sutra" in rows[1]
        assert "cancelled" in rows[1]
        assert "✗ no" in rows[1]
        assert "✓ yes" in rows[2]
        assert "completed" in rows[2]
        assert "not a snapshot of sparktop" in text
        assert {strip.cell_length for strip in bench.latest.screen._compositor.render_strips()} == {120}
        await pilot.press("enter")
        await settle(pilot)
        assert any("can't be read" in message for message in told(bench))
        await pilot.press("end")
        await shows(pilot, bench, "to the first token", "mean response", "10 of 10")


@pytest.mark.parametrize("size", [(200, 60), (120, 40), (80, 24), (60, 16)])
async def test_a_run_tells_where_its_contenders_ran(tmp_path: Path, size: tuple[int, int]) -> None:
    long = "Qwen2.5-72B-Instruct-Q4_K_M-00001-of-00012"

    def elsewhere(document: dict[str, Any]) -> None:
        document["nodes"][0]["name"] = "workstation"
        one, other = (ran["contender"] for ran in document["contenders"])
        one["node"] = "spark-2"
        other["node"] = "workstation+spark-2"
        for row in document["summary"]:
            row["contender"] = long if row["contender"] == one["name"] else row["contender"]
        one["name"] = long

    bench = Bench(tmp_path)
    keep(bench, 1, elsewhere)
    keep(bench, 2)
    async with bench.app().run_test(size=size) as pilot:
        await listed(pilot, bench)
        text = await shows(pilot, bench, "to the first", " demo-base  10 of 10 ")
        await pilot.press("end")
        text = await shows(pilot, bench, "@spark-2  10 of 10", "demo-sutra@workstation+spar")
        # Names give way before figures do.
        assert len([line for line in text.splitlines() if " of 10" in line and " tok/s" in line]) == 2


async def test_typing_narrows_the_list(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for day in (1, 2, 13):
        keep(bench, day)
    async with bench.app().run_test(size=(80, 24)) as pilot:
        await listed(pilot, bench)
        await shows(pilot, bench, "3 runs")
        await pilot.press("slash", *"11-13 SUTRA")
        await shows(pilot, bench, '1 of 3 runs with "11-13 SUTRA"')
        await pilot.press("enter", "escape")
        await shows(pilot, bench, "3 runs")
        await pilot.press("slash", *"qwen")
        await shows(pilot, bench, "No run has all these words")
        assert bench.latest.screen.query_one("#filter", Input).has_focus
        await pilot.press("escape")
        await shows(pilot, bench, "3 runs")
        assert isinstance(bench.latest.screen, HistoryScreen)


async def test_the_list_is_sorted_by_any_column(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for day, took in ((1, 30.0), (2, 20.0), (3, 40.0)):
        keep(bench, day, partial(dict.update, duration_s=took))
    async with bench.app().run_test(size=(120, 40)) as pilot:
        await listed(pilot, bench)
        await shows(pilot, bench, "began ▼")

        def days() -> list[str]:
            rows = [line for line in screen_text(bench.latest).splitlines() if "sutra-qa  demo" in line]
            return [row.split("2026-11-")[1][:2] for row in rows]

        assert days() == ["03", "02", "01"]
        await pilot.press("o")
        await settle(pilot)
        assert days() == ["01", "02", "03"]
        for _ in range(6):
            await pilot.press("s")
        await shows(pilot, bench, "took ▼")
        assert days() == ["03", "01", "02"]


async def test_a_thousand_runs_are_no_burden(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    keep(bench, 1)
    source = snapshot_path(bench.places.runs, runs_left(bench)[0])
    for number in range(1000):
        (bench.places.runs / f"2026-10-01T{number // 60:02}-{number % 60:02}-00-sutra-qa.json").hardlink_to(source)
    async with bench.app().run_test(size=(120, 40)) as pilot:
        await listed(pilot, bench)
        await shows(pilot, bench, "1,001 runs", "more")


# -- opening -----------------------------------------------------------------------------------------------------------


async def test_a_run_is_opened_at_its_end_on_each_of_its_screens(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    keep(bench, 1)
    state = fold(EVENTS)
    async with bench.app().run_test(size=(120, 40)) as pilot:
        await listed(pilot, bench)
        await shows(pilot, bench, "1 run ")
        await pilot.press("enter")
        await on(pilot, bench, ReplayResults)
        text = await shows(pilot, bench, "end of the replay", "10 of 10")
        assert "Recorded in" in text
        await pilot.press("a")
        await on(pilot, bench, ReplayAnswers)
        await until(pilot, bench, lambda: len(bench.latest.screen.query(AnswerColumn)) == 2)
        await shows(pilot, bench, "随顺觉")
        await pilot.press("d")
        await on(pilot, bench, ReplayDashboard)
        text = await shows(pilot, bench, "The run is completed.", "20 of 20 requests")
        assert "Streams" in text
        replay = bench.latest.past.replay
        assert replay is not None
        assert take_snapshot(replay.state).requests == take_snapshot(state).requests
        # Notices of that day are not news.
        assert told(bench) == []
        await pilot.press("escape")
        await on(pilot, bench, HistoryScreen)
        assert bench.latest.past.replay is None


async def test_a_run_is_played_stopped_and_searched(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    keep(bench, 1)
    async with bench.app().run_test(size=(120, 40)) as pilot:
        await listed(pilot, bench)
        await shows(pilot, bench, "1 run ")
        await pilot.press("p")
        await on(pilot, bench, ReplayDashboard)
        replay = bench.latest.past.replay
        assert replay is not None
        bench.watch.t += 3.0
        await shows(pilot, bench, "▸ replay 0:03 of 0:")
        done = screen_text(bench.latest).split(" of 20 requests")[0].split()[-1]
        assert 0 < int(done) < 20
        await pilot.press("space")
        await shows(pilot, bench, " PAUSED ")
        bench.watch.t += 100.0
        await settle(pilot)
        assert replay.now == 3.0
        await pilot.press("right_curly_bracket")
        await settle(pilot)
        assert replay.now in [place.t for place in replay.tape.places]
        assert replay.now > 3.0
        await pilot.press("end")
        await shows(pilot, bench, "20 of 20 requests", "end of the replay")
        await pilot.press("home")
        await shows(pilot, bench, "0 of 20 requests", " PAUSED ")
        # The charts forget what is not yet.
        assert "peak" not in screen_text(bench.latest)
        await pilot.press("g", *"0:04", "enter")
        await until(pilot, bench, lambda: replay.now == 4.0)
        await pilot.press("g", *"soon", "enter")
        await shows(pilot, bench, "That is no time")
        await pilot.press("escape")
        await settle(pilot)
        assert replay.now == 4.0
        # On the answers, where the arrows go from question to question.
        await pilot.press("a")
        await on(pilot, bench, ReplayAnswers)
        await pilot.press("greater_than_sign")
        await until(pilot, bench, lambda: replay.now == min(14.0, END))
        await pilot.press("less_than_sign")
        await until(pilot, bench, lambda: replay.now == max(0.0, min(14.0, END) - 10.0))
        await pilot.press("left_parenthesis")
        await until(pilot, bench, lambda: replay.now == 0.0)
        await pilot.press("right_parenthesis")
        await until(pilot, bench, lambda: replay.now == END)
        await pilot.press("m")
        await on(pilot, bench, MenuScreen)


async def test_answers_go_back_too(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    keep(bench, 1)
    async with bench.app().run_test(size=(120, 40)) as pilot:
        await listed(pilot, bench)
        await shows(pilot, bench, "1 run ")
        await pilot.press("a")
        await on(pilot, bench, ReplayAnswers)
        await until(pilot, bench, lambda: len(bench.latest.screen.query(AnswerColumn)) == 2)
        replay = bench.latest.past.replay
        assert replay is not None

        def texts() -> list[str]:
            return [column.text.text for column in bench.latest.screen.query(AnswerColumn)]

        def answers() -> list[str]:
            return [replay.state.measured(name)[0].answer.lstrip("\n") for name in replay.state.contenders]

        whole = answers()
        assert all(whole)
        await until(pilot, bench, lambda: texts() == whole)
        half = replay.state.measured("demo-base")[0]
        assert half.sent is not None
        assert half.ended is not None
        replay.freeze()
        replay.seek((half.times[0] + half.ended) / 2)
        bench.latest.poll()
        bench.latest.screen.show()  # type: ignore[attr-defined]
        await until(pilot, bench, lambda: texts() == answers())
        assert 0 < len(texts()[0]) < len(whole[0])
        assert texts()[1] == ""


async def test_answers_of_a_run_from_the_list_are_rated(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    journal = journal_path(bench.places.runs, keep(bench, 1))
    async with bench.app().run_test(size=(120, 40)) as pilot:
        await listed(pilot, bench)
        await shows(pilot, bench, "1 run ")
        await pilot.press("a")
        await on(pilot, bench, ReplayAnswers)
        await until(pilot, bench, lambda: len(bench.latest.screen.query(AnswerColumn)) == 2)
        await pilot.press("4")
        await until(pilot, bench, lambda: b'"event":"rated"' in journal.read_bytes())
        replay = bench.latest.past.replay
        assert replay is not None
        (said,) = replay.state.ratings.standing()
        assert isinstance(said, Rated)
        assert said.stars == 4
        # The first closes the stars. Back from where it was entered is back to the list, and lets the run's files go.
        await pilot.press("escape")
        await settle(pilot)
        await pilot.press("escape")
        await on(pilot, bench, HistoryScreen)
        await pilot.press("x", "enter")
        await shows(pilot, bench, "0 runs")


async def test_where_only_the_snapshot_is_left_it_says_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    journal_path(bench.places.runs, keep(bench, 1)).unlink()
    async with bench.app().run_test(size=(120, 40)) as pilot:
        await listed(pilot, bench)
        await shows(pilot, bench, "no journal")
        await pilot.press("d")
        await on(pilot, bench, ReplayDashboard)
        await shows(pilot, bench, "! The journal of this run is gone", "20 of 20 requests")
        await pilot.press("r")
        # What a run of that day was judged by is not judged anew.
        await shows(pilot, bench, "Valid: no check found a fault.")


async def test_a_run_that_goes_on_is_left_in_peace(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    keep(bench, 1)
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await on(pilot, bench, DashboardScreen)
        bench.watch.t += 10.0
        await pilot.press("H")
        await on(pilot, bench, HistoryScreen)
        await shows(pilot, bench, "1 run ")
        await pilot.press("enter")
        await on(pilot, bench, ReplayResults)
        await pilot.press("c")
        await settle(pilot)
        assert "No run goes on." in told(bench)
        assert bench.latest.current is not None
        assert bench.latest.current.active
        bench.watch.t += 10.0
        await pilot.press("m")
        await on(pilot, bench, MenuScreen)
        await pilot.press("d")
        await on(pilot, bench, DashboardScreen)
        text = await shows(pilot, bench, "running 0:20")
        assert not isinstance(bench.latest.screen, ReplayDashboard), text


async def test_a_run_that_ends_meanwhile_is_listed_as_it_stands(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    keep(bench, 1)
    identity = keep(bench, 2)
    snapshot_path(bench.places.runs, identity).unlink()
    path = journal_path(bench.places.runs, identity)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    journal = Journal(path, pytest.fail)
    journal.append(Notice(t=END, text="still there"))
    while b"still there" not in path.read_bytes():
        time.sleep(0.01)
    async with bench.app().run_test(size=(120, 40)) as pilot:
        await listed(pilot, bench)
        await shows(pilot, bench, "2 runs", " running ")
        await pilot.press("down", "space")
        journal.close()
        text = await shows(pilot, bench, " interrupted ")
        assert "1 marked" in text
        (row,) = [line for line in text.splitlines() if "▸" in line]
        assert "2026-11-01" in row


# -- deleting, repeating -----------------------------------------------------------------------------------------------


async def test_a_deleted_run_can_be_brought_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    old, new = keep(bench, 1), keep(bench, 2)
    async with bench.app().run_test(size=(80, 24)) as pilot:
        await listed(pilot, bench)
        await shows(pilot, bench, "2 runs")
        await pilot.press("x")
        await shows(pilot, bench, "Move this run to the trash?", new)
        await pilot.press("escape")
        await settle(pilot)
        assert runs_left(bench) == [old, new]
        await pilot.press("delete", "enter")
        await shows(pilot, bench, "1 run ")
        assert runs_left(bench) == [old]
        await pilot.press("u")
        await shows(pilot, bench, "2 runs")
        assert runs_left(bench) == [old, new]
        await pilot.press("u")
        await settle(pilot)
        assert any("Nothing was deleted here" in message for message in told(bench))


async def test_the_same_is_run_again(tmp_path: Path) -> None:
    def chose(document: dict[str, Any]) -> None:
        document["options"].update(limit=3, max_tokens=64, together=True, seed=7)
        document["scenario"]["title"] = "Its own words"

    bench = Bench(tmp_path, events=recorded.record())
    keep(bench, 1, chose)
    async with bench.app().run_test(size=(80, 24)) as pilot:
        await listed(pilot, bench)
        await shows(pilot, bench, "1 run ")
        await pilot.press("R")
        await shows(pilot, bench, "Run the same again?", "6 requests to demo-base and demo-sutra,", " all at once.")
        await pilot.press("escape")
        await settle(pilot)
        assert bench.plans == []
        await pilot.press("R")
        await shows(pilot, bench, "Run the same again?")
        await pilot.press("enter")
        await on(pilot, bench, DashboardScreen)
    (plan,) = bench.plans
    assert (plan.scenario.title, len(plan.scenario.items)) == ("Its own words", 3)
    assert (plan.options.together, plan.options.seed, plan.scenario.sampling.max_tokens) == (True, 7, 64)
    # As they are here and now, not where they were.
    assert plan.contenders == (recorded.DEMO_BASE, recorded.DEMO_SUTRA)


async def test_what_is_missing_for_a_repetition_is_said(tmp_path: Path) -> None:
    def another(document: dict[str, Any]) -> None:
        first, second = (record["contender"] for record in document["contenders"])
        first.update(toy=False, node=platform.node(), model="/gone/mine.gguf")
        second.update(toy=False, url="http://gx10:8000/v1", key_env="KEY_THAT_IS_NOT_SET")

    bench = Bench(tmp_path)
    keep(bench, 1, another)
    async with bench.app().run_test(size=(120, 40)) as pilot:
        await listed(pilot, bench)
        await shows(pilot, bench, "1 run ")
        await pilot.press("R")
        await until(pilot, bench, lambda: bool(told(bench)))
    (message,) = told(bench)
    assert '"/gone/mine.gguf" is no file and no demo model.' in message
    assert "needs the key in KEY_THAT_IS_NOT_SET, which is not set" in message
    assert bench.plans == []


async def test_toys_that_are_gone_are_said_too(tmp_path: Path) -> None:
    def missing() -> Any:
        raise BadContender("demo-base.gguf does not exist")

    bench = Bench(tmp_path)
    keep(bench, 1)
    app = bench.app()
    app.ports = replace(app.ports, demos=missing)
    async with app.run_test(size=(120, 40)) as pilot:
        await listed(pilot, bench)
        await shows(pilot, bench, "1 run ")
        await pilot.press("R")
        await until(pilot, bench, lambda: any("demo-base.gguf does not exist" in message for message in told(bench)))


# -- comparing ---------------------------------------------------------------------------------------------------------


def slower(document: dict[str, Any]) -> None:
    """Makes everything take twice as long."""
    for request in document["requests"]:
        request["chunks"]["t_ms"] = [t * 2 for t in request["chunks"]["t_ms"]]
        for name, value in request["metrics"].items():
            if isinstance(value, float):
                request["metrics"][name] = value / 2 if name.endswith("tok_s") else value * 2
    document["sparktop"] = "9.9.9"
    document["requests"][0]["item"] = "Q99"


async def test_two_runs_are_compared(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    keep(bench, 1)
    keep(bench, 2, slower)
    async with bench.app().run_test(size=(120, 40)) as pilot:
        await listed(pilot, bench)
        await shows(pilot, bench, "2 runs")
        await pilot.press("c")
        await settle(pilot)
        assert any("Mark two runs to compare them" in message for message in told(bench))
        await pilot.press("space", "down", "c")
        await on(pilot, bench, ComparisonScreen)
        text = await shows(pilot, bench, "What else changed")
        assert "! 8 figures got worse by more than 5 % and beyond chance" in text
        rows = [line for line in text.splitlines() if "decode, one stream" in line]
        assert len(rows) == 2
        assert all("-50.0 %" in row and "WORSE" in row for row in rows)
        assert "2026-11-01T08-31-11-sutra-qa then 2026-11-02T08-31-11-sutra-qa" in text
        assert "sparktop: 0.1.0, then 9.9.9." in text
        assert "repeat both before you blame it." in text
        await pilot.press("f")
        text = await shows(pilot, bench, "f shows all")
        assert "points named" not in text
        await pilot.press("o")
        await shows(pilot, bench, "+100.0 %", "better", "Nothing got worse")
        await pilot.press("escape")
        await on(pilot, bench, HistoryScreen)
        # The mark is still there, and goes with the second press.
        assert "1 marked" in screen_text(bench.latest)


async def test_what_cannot_be_compared_is_said(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    keep(bench, 1)
    keep(bench, 2, lambda document: document["scenario"].update(name="other"))
    async with bench.app().run_test(size=(120, 40)) as pilot:
        await listed(pilot, bench)
        await shows(pilot, bench, "2 runs")
        await pilot.press("space", "down", "space", "c")
        await until(pilot, bench, lambda: any("only runs of one scenario" in message for message in told(bench)))
        assert isinstance(bench.latest.screen, HistoryScreen)


# -- reports -----------------------------------------------------------------------------------------------------------


async def test_a_report_is_written_of_the_run_or_of_those_marked(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    first, second = keep(bench, 1), keep(bench, 2)
    reports = bench.places.runs.parent / "reports"
    async with bench.app(environ=UNICODE_TERMINAL | {"LANG": "zh_CN.UTF-8"}).run_test(size=(120, 40)) as pilot:
        await listed(pilot, bench)
        await shows(pilot, bench, "2 runs")
        await pilot.press("space", "down", "space", "w")
        await until(pilot, bench, lambda: f"Report of 2 runs: {reports / f'{first}+{second}.html'}" in told(bench))
        await pilot.press("enter")
        await on(pilot, bench, ReplayResults)
        await pilot.press("w")
        await until(pilot, bench, lambda: f"Report of 1 run: {reports / f'{first}.html'}" in told(bench))
        # Once more: what is in the way is said, and nothing is lost.
        kept = (reports / f"{first}.html").read_text(encoding="utf-8")
        (reports / f"{first}.html").unlink()
        (reports / f"{first}.html").mkdir()
        await pilot.press("w")
        await until(pilot, bench, lambda: any("No report was written" in message for message in told(bench)))
    assert '<html lang="zh-CN">' in kept
    assert "佛经问答" in kept
    assert (reports / f"{first}+{second}.html").read_text(encoding="utf-8").count("R2") > 1


# -- sizes -------------------------------------------------------------------------------------------------------------


async def test_every_size(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    keep(bench, 1)
    keep(bench, 2, slower)
    async with bench.app().run_test(size=SIZES[0]) as pilot:
        await listed(pilot, bench)
        await shows(pilot, bench, "2 runs")
        for keys, screen in (
            ((), HistoryScreen),
            (("space", "down", "c"), ComparisonScreen),
            (("escape", "d"), ReplayDashboard),
            (("r",), ReplayResults),
            (("a",), ReplayAnswers),
        ):
            await pilot.press(*keys)
            await on(pilot, bench, screen)
            for size in (*SIZES[1:], SIZES[0]):
                await pilot.resize_terminal(*size)
                await settle(pilot)
                widths = {strip.cell_length for strip in bench.latest.screen._compositor.render_strips()}
                assert widths == {size[0]}, (screen, size)
        await pilot.press("q")
    assert bench.latest.return_value == 0


async def test_ascii_terminals_get_ascii(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    keep(bench, 1)
    keep(bench, 2, slower)
    async with bench.app(environ={"TERM": "linux", "LANG": "C"}).run_test(size=(120, 40)) as pilot:
        await listed(pilot, bench)
        text = await shows(pilot, bench, "2 runs")
        assert text.isascii(), text
        await pilot.press("space", "down", "c")
        await on(pilot, bench, ComparisonScreen)
        text = await shows(pilot, bench, "WORSE")
        assert text.isascii(), text
