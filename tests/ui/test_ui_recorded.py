"""A real run of the demo models, from its journal: the screens show what the models said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fakes import Bench, screen_text, settle

from sparktop.model.codec import decode
from sparktop.model.events import Event
from sparktop.model.state import fold
from sparktop.ui.panels.answer import AnswerColumn

JOURNAL = Path(__file__).with_name("demo-run.jsonl")


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return [decode(line) for line in JOURNAL.read_text(encoding="utf-8").splitlines()]


async def test_the_answers_are_those_of_the_journal(tmp_path: Path, events: list[Event]) -> None:
    state = fold(events)
    bench = Bench(tmp_path, events=events)
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        bench.watch.t = 200.0
        bench.latest.poll()
        await settle(pilot)
        await pilot.press("a")
        await settle(pilot)
        for at in range(3):
            columns = [column for column in bench.latest.screen.query(AnswerColumn) if column.request]
            shown = {c.request.queued.contender: c.text.text for c in columns if c.request}
            assert shown == {name: state.measured(name)[at].answer.lstrip("\n") for name in state.contenders}
            await pilot.press("right")
            await settle(pilot)


async def test_the_tuned_model_names_more_points(tmp_path: Path, events: list[Event]) -> None:
    bench = Bench(tmp_path, events=events)
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        bench.watch.t = 200.0
        bench.latest.poll()
        await settle(pilot)
        await pilot.press("r")
        await settle(pilot)
        row = next(line for line in screen_text(bench.latest).splitlines() if "Q1 随顺觉" in line)
        assert row.index("0 of 5") < row.index("5 of 5")


async def test_it_streams_in_as_it_was_recorded(tmp_path: Path, events: list[Event]) -> None:
    bench = Bench(tmp_path, events=events)
    async with bench.app(bench.default_plan()).run_test(size=(80, 24)) as pilot:
        seen = []
        for step in range(1, 16):
            bench.watch.t = 100.0 + events[-1].t * step / 15
            bench.latest.poll()
            await settle(pilot)
            text = screen_text(bench.latest)
            (done,) = re.findall(r"(\d+) of 20 requests", text)
            seen.append(int(done))
        assert seen == sorted(seen)
        assert seen[0] == 0
        assert seen[-1] == 20
