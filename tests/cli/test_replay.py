"""`sparktop replay` on a terminal, as a person starts it: a real run of the demo models, played again."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Start
from tests.terminal import Terminal

RUN = "2026-11-23T08-31-11-sutra-qa"


@pytest.fixture
def start(start: Start, tmp_path: Path) -> Start:
    """Starts sparktop on a terminal, with a home that holds one run."""
    runs = tmp_path / ".local/share/sparktop/runs"
    runs.mkdir(parents=True)
    shutil.copy(ROOT / "tests/ui/demo-run.jsonl", runs / f"{RUN}.jsonl")
    return start


def plain(terminal: Terminal) -> str:
    """What came, without the escape sequences."""
    return re.sub(r"\x1b(\[[0-9;?<>=]*[a-zA-Z]|[()].|[=>])", "", terminal.seen.decode(errors="replace"))


def test_a_run_is_played_to_its_end_and_held_there(start: Start) -> None:
    terminal = start("replay", "last", "--speed", "2", "--at", "3.5")
    terminal.read_until("Throughput")
    terminal.read_until("end of the replay")
    terminal.read_until("20 of 20 requests")
    terminal.type("(")
    terminal.read_until("replay 2x", more=True)
    terminal.type(" ")
    terminal.read_until(" PAUSED ", more=True)
    terminal.type("q")
    assert terminal.ended() == 0
    assert b"\x1b[?1049l" in terminal.seen
    assert b"Traceback" not in terminal.seen


def test_it_begins_where_it_is_told_to(start: Start) -> None:
    terminal = start("--fps", "5", "replay", RUN[:10], "--at", "0:03", "--speed", "0.1")
    terminal.read_until("0:03 of 0:0")
    terminal.type("\x03")
    assert terminal.ended() == 0


def test_the_program_that_a_replay_is_behind_knows_the_other_runs(start: Start) -> None:
    terminal = start("replay", "last", "--at", "4")
    terminal.read_until("Throughput")
    terminal.type("H")
    terminal.read_until(" history ")
    terminal.read_until("sutra-qa")
    terminal.type("q")
    assert terminal.ended() == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["last", "--at", "1:00:00"], "is after the end of this run, which took"),
        (["last~1"], "holds only 1"),
        (["nothing"], "no run is called"),
    ],
)
def test_what_can_not_be_played_is_refused_before_the_screen_opens(
    start: Start, words: list[str], sentence: str
) -> None:
    terminal = start("replay", *words)
    assert terminal.ended() == 2
    assert sentence in " ".join(plain(terminal).split())
    assert b"\x1b[?1049h" not in terminal.seen


def test_a_terminal_that_goes_away_ends_it(start: Start) -> None:
    terminal = start("replay", "last")
    terminal.read_until("Throughput")
    terminal.hang_up()
    assert terminal.process.wait(10) == 129
