"""Runs on disk, as a session leaves them, for screens that open and rate them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import recorded
from fakes import Bench, until
from textual.pilot import Pilot

from sparktop.model.codec import encode
from sparktop.model.events import Event, RunStarted
from sparktop.model.rating_events import Opinion
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import fold
from sparktop.store.reading import read_journal
from sparktop.store.runs import find_run
from sparktop.store.snapshots import write_snapshot
from sparktop.ui.panels.answer import AnswerColumn
from sparktop.ui.saved import SavedFeed
from sparktop.ui.screens.answers import AnswersScreen
from sparktop.ui.screens.dashboard import DashboardScreen

OWN = "2026-02-09T10-15-00-sutra-qa"
OTHER = "2026-02-08T09-00-00-sutra-qa"


def keep(home: Path, identity: str = OWN, events: Iterable[Event] = ()) -> Path:
    """Writes a run's journal and snapshot; returns the journal."""
    runs = home / ".local/share/sparktop/runs"
    runs.mkdir(parents=True, exist_ok=True)
    made = [replace(e, id=identity) if isinstance(e, RunStarted) else e for e in events or recorded.record(items=3)]
    journal = runs / f"{identity}.jsonl"
    journal.write_bytes(b"".join(encode(event) + b"\n" for event in made))
    write_snapshot(take_snapshot(fold(made)), runs / f"{identity}.json")
    return journal


def said(journal: Path) -> list[Opinion]:
    """What is said of a run's answers, as its journal has it."""
    return fold(read_journal(journal).events).ratings.events()


def saved_bench(home: Path, identity: str = OWN) -> Bench:
    """A bench whose run is one on disk."""
    runs = home / ".local/share/sparktop/runs"
    return Bench(home, open=lambda plan: SavedFeed(find_run(runs, identity)))


async def open_answers(bench: Bench, pilot: Pilot[int]) -> AnswersScreen:
    """Goes to the answers of the run."""
    assert await until(bench, pilot, lambda: isinstance(bench.latest.screen, DashboardScreen | AnswersScreen))
    if isinstance(bench.latest.screen, DashboardScreen):
        await pilot.press("a")
    assert await until(bench, pilot, lambda: any(_texts(bench)[:1])), "the answers never came"
    screen = bench.latest.screen
    assert isinstance(screen, AnswersScreen)
    return screen


def _texts(bench: Bench) -> list[str]:
    return [column.text.text for column in bench.latest.screen.query(AnswerColumn)]
