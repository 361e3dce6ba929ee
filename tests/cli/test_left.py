"""What stands on the terminal once the screen is gone: where the run was kept, and how to see it again."""

from __future__ import annotations

import io
import re
from pathlib import Path

from sparktop.cli.console import Console
from sparktop.cli.left import tell
from sparktop.model.events import Status
from sparktop.places import Places
from sparktop.runner.background import Outcome
from sparktop.ui.app import Left
from tests.cli.conftest import Sparktop, Start
from tests.terminal import Terminal


def words(terminal: Terminal) -> list[str]:
    """The lines behind the screen."""
    text = terminal.seen.rpartition(b"\x1b[?1049l")[2].decode()
    return re.sub(r"\x1b\[[0-9;?<]*[a-zA-Z]", "", text).split("\r\n")[:-1]


def test_a_run_and_one_that_is_quit_are_where_it_is_said(start: Start, tmp_path: Path, sparktop: Sparktop) -> None:
    terminal = start("run", "smoke", "-m", "demo-base")
    terminal.read_until("completed")
    terminal.type("q")
    assert terminal.ended() == 0
    (path,) = Places.of({"HOME": str(tmp_path)}).runs.glob("*.json")
    assert words(terminal) == [f"kept in {path}; to see it again: sparktop report last"]
    terminal = start("run", "batch-sweep", "-m", "demo-base")
    terminal.read_until("tok/s")
    terminal.type("\x03")
    terminal.read_until("Quit while")
    terminal.type("\x03")
    assert terminal.ended() == 130
    (line,) = words(terminal)
    kept = re.fullmatch(r"kept in (\S+); to see it again: sparktop report last", line)
    assert kept is not None
    assert Path(kept[1]).stem != path.stem
    done = sparktop("report", "last", HOME=str(tmp_path))
    assert done.returncode == 0
    assert "Batch sweep" in done.stdout


def test_nothing_is_said_where_nothing_was_run(start: Start) -> None:
    terminal = start()
    terminal.read_until("fits")
    terminal.type("q")
    assert terminal.ended() == 0
    assert words(terminal) == []


def said(outcome: Outcome | None) -> str:
    console = Console(io.StringIO(), err := io.StringIO(), {})
    assert tell(Left(1, outcome), console) == 1
    return err.getvalue()


def test_what_could_not_be_kept_is_said_and_what_was_deleted_is_not(tmp_path: Path) -> None:
    assert said(Outcome(Status.FAILED, None, ("the disk\x1b[2J is full",))) == "sparktop: the disk is full\n"
    path = tmp_path / "2026-02-09T10-15-00-sutra-qa.json"
    assert said(Outcome(Status.COMPLETED, path, ())) == ""
    path.touch()
    assert said(Outcome(Status.COMPLETED, path, ())).endswith("sparktop report last\n")
    # Another sparktop has begun a run meanwhile.
    (tmp_path / "2026-02-09T10-15-07-sutra-qa.jsonl").touch()
    assert said(Outcome(Status.COMPLETED, path, ())).endswith(f"sparktop report {path.stem}\n")
