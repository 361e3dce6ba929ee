"""Deleted runs are moved aside whole and can be brought back."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from sparktop.model.codec import encode
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import fold
from sparktop.store.journal import Journal
from sparktop.store.names import journal_path, snapshot_path
from sparktop.store.recovery import recover
from sparktop.store.runs import find_run, list_runs
from sparktop.store.snapshots import write_snapshot
from sparktop.store.trash import FOLDER, CannotMove, list_trash, purge, restore, trash
from tests.model.synthetic import Run

EVENTS = Run().events()


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Three runs, two of them with names that begin alike, and the logs of their engines."""
    folder = tmp_path / "runs"
    folder.mkdir()
    (tmp_path / "log").mkdir()
    for identity in ("a", "a-2", "b"):
        journal_path(folder, identity).write_bytes(b"".join(encode(event) + b"\n" for event in EVENTS))
        write_snapshot(take_snapshot(fold(EVENTS)), snapshot_path(folder, identity))
        for number in (1, 2):
            (tmp_path / "log" / f"{identity}-{number}-qwen.log").write_text(identity)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    """Everything below a folder but the trash."""
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if FOLDER not in name}


def test_a_run_goes_as_a_whole_and_comes_back_as_it_was(runs: Path) -> None:
    before = files(runs.parent)
    trashed = trash(find_run(runs, "a"), runs.parent / "log")
    kept = files(runs.parent)
    assert set(before) - set(kept) == {"runs/a.json", "runs/a.jsonl", "log/a-1-qwen.log", "log/a-2-qwen.log"}
    assert [entry.id for entry in list_runs(runs)] == ["b", "a-2"]
    assert list_trash(runs) == [trashed]
    assert trashed.entry.contenders == ("qwen",)
    # Nothing else takes what is in the trash for a run.
    assert recover(runs) == []
    restore(trashed, runs, runs.parent / "log")
    assert files(runs.parent) == before
    assert list_trash(runs) == []


def test_one_name_can_be_deleted_again_and_again(runs: Path) -> None:
    log = runs.parent / "log"
    whole = snapshot_path(runs, "a").read_bytes()
    trash(find_run(runs, "a"), log)
    snapshot_path(runs, "a").write_bytes(whole)
    os.utime(runs / FOLDER / "a", (1, 1))
    trash(find_run(runs, "a"), log)
    newest, oldest = list_trash(runs)
    assert (newest.id, oldest.id) == ("a", "a")
    assert newest.deleted > oldest.deleted
    restore(newest, runs, log)
    with pytest.raises(CannotMove, match=r"a\.json is there again"):
        restore(oldest, runs, log)
    purge(oldest)
    assert list_trash(runs) == []
    assert snapshot_path(runs, "a").exists()


def test_what_is_broken_can_be_deleted(runs: Path) -> None:
    snapshot_path(runs, "a").write_text("{")
    journal_path(runs, "a").rename(runs / "a.jsonl.broken")
    trashed = trash(find_run(runs, "a"), runs.parent / "log")
    assert {path.name for path in trashed.folder.iterdir()} == {"a.json", "a.jsonl.broken", "logs"}
    assert [one.id for one in list_trash(runs)] == ["a"]


def test_a_run_that_goes_on_is_not_deleted(runs: Path) -> None:
    problems: list[str] = []
    journal = Journal(journal_path(runs, "c"), problems.append)
    journal.append(EVENTS[0])
    while not (found := [entry for entry in list_runs(runs) if entry.id == "c"]):
        time.sleep(0.01)
    with pytest.raises(CannotMove, match="c goes on"):
        trash(found[0], runs.parent / "log")
    journal.close()
    assert journal_path(runs, "c").exists()
    trash(found[0], runs.parent / "log")
    with pytest.raises(CannotMove, match="c is gone already"):
        trash(found[0], runs.parent / "log")


def test_a_file_that_cannot_be_moved_leaves_the_run_in_the_list(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[str] = []
    rename = Path.rename

    def second_fails(self: Path, target: Path) -> Path:
        moved.append(self.name)
        if len(moved) == 2:
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", second_fails)
    with pytest.raises(OSError, match="Input/output error"):
        trash(find_run(runs, "a"), runs.parent / "log")
    assert find_run(runs, "a").readable
    # Both halves can be put together again.
    restore(list_trash(runs)[0], runs, runs.parent / "log")
    assert journal_path(runs, "a").exists()


def test_without_logs_or_trash_there_is_nothing_to_do(runs: Path) -> None:
    assert list_trash(runs) == []
    trash(find_run(runs, "b"), runs / "nowhere")
    assert [one.id for one in list_trash(runs)] == ["b"]
