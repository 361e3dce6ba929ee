"""Every run of a folder is listed, whatever state its files are in, and found by what people call it."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sparktop.model.codec import encode
from sparktop.model.events import Event, Finish, RunStarted, Status
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import fold
from sparktop.store.choosing import Choice, choose
from sparktop.store.journal import Journal
from sparktop.store.names import journal_path, snapshot_path
from sparktop.store.runs import NoSuchRun, find_run, list_runs
from sparktop.store.snapshots import write_snapshot
from tests.model.synthetic import Request, Run

BEGAN = datetime(2026, 11, 1, 7, 15, 4, tzinfo=UTC)


def events(day: int, run: Run | None = None) -> list[Event]:
    """A run that began on a day of November."""
    when = BEGAN + timedelta(days=day - 1)
    first, *rest = replace(run or Run(), id=identity(day)).events()
    return [replace(first, created=when.isoformat()), *rest]  # type: ignore[call-arg]


def identity(day: int) -> str:
    return f"2026-11-{day:02d}T07-15-04-three"


def keep(runs: Path, day: int, run: Run | None = None, *, snapshot: bool = True, journal: bool = True) -> None:
    """Writes the files of a run."""
    made = events(day, run)
    if journal:
        journal_path(runs, identity(day)).write_bytes(b"".join(encode(event) + b"\n" for event in made))
    if snapshot:
        write_snapshot(take_snapshot(fold(made)), snapshot_path(runs, identity(day)))


def test_newest_first_with_what_tells_them_apart(tmp_path: Path) -> None:
    failed = Request(contender="llama", finish=Finish.ERROR, sent=2.0)
    keep(tmp_path, 1)
    keep(tmp_path, 2, Run(contenders=("qwen", "llama"), requests=[Request(), failed], status=Status.CANCELLED))
    newest, oldest = list_runs(tmp_path)
    assert (newest.id, oldest.id) == (identity(2), identity(1))
    assert (newest.scenario, newest.title, newest.contenders) == ("three", "Three", ("qwen", "llama"))
    assert (newest.status, newest.valid, newest.problem) == (Status.CANCELLED, False, "")
    assert newest.faults > 0
    assert oldest.valid
    assert newest.created == BEGAN + timedelta(days=1)
    assert newest.bytes == sum(path.stat().st_size for path in tmp_path.glob(f"{identity(2)}.*"))
    assert newest.tok_s("qwen") == pytest.approx(10.0)
    assert newest.tok_s("llama") is None
    assert list_runs(tmp_path / "nowhere") == []


@pytest.mark.parametrize("snapshot", [True, False])
def test_who_ran_on_another_machine_has_that_in_lists(tmp_path: Path, snapshot: bool) -> None:
    first, *rest = events(1, Run(contenders=("here", "there", "both", "same@spark-2")))
    assert isinstance(first, RunStarted)
    (node,) = first.nodes
    where = (node.name, "spark-2", f"{node.name}+spark-2", "spark-2")
    first = replace(
        first,
        nodes=(node, replace(node, name="spark-2")),
        contenders=tuple(replace(one, node=name) for one, name in zip(first.contenders, where, strict=True)),
    )
    made = [first, *rest]
    journal_path(tmp_path, identity(1)).write_bytes(b"".join(encode(event) + b"\n" for event in made))
    if snapshot:
        write_snapshot(take_snapshot(fold(made)), snapshot_path(tmp_path, identity(1)))
    (entry,) = list_runs(tmp_path)
    assert entry.placed == ("here", "there@spark-2", f"both@{node.name}+spark-2", "same@spark-2")
    assert choose([entry], Choice(words=("spark-2",))) == [entry]


def test_a_journal_alone_is_a_run_too(tmp_path: Path) -> None:
    keep(tmp_path, 1, Run(status=None), snapshot=False)
    (entry,) = list_runs(tmp_path)
    assert (entry.status, entry.contenders, entry.valid) == (Status.INTERRUPTED, ("qwen",), None)
    assert entry.readable


def test_a_run_that_goes_on_is_told_from_one_that_was_broken_off(tmp_path: Path) -> None:
    problems: list[str] = []
    made = events(1, Run(status=None))
    journal = Journal(journal_path(tmp_path, identity(1)), problems.append)
    for event in made:
        journal.append(event)
    while not list_runs(tmp_path):
        time.sleep(0.01)
    assert list_runs(tmp_path)[0].running
    # A snapshot that was asked for in mid-run says so for ever; the lock tells how it is now.
    write_snapshot(take_snapshot(fold(made)), snapshot_path(tmp_path, identity(1)))
    assert list_runs(tmp_path)[0].running
    journal.close()
    assert list_runs(tmp_path)[0].status is Status.INTERRUPTED
    assert problems == []


def test_what_is_broken_is_listed_and_hides_no_other(tmp_path: Path) -> None:
    keep(tmp_path, 1)
    whole = snapshot_path(tmp_path, identity(1)).read_bytes()

    def stray(day: int, data: bytes, ending: str = ".json") -> None:
        (tmp_path / f"{identity(day)}{ending}").write_bytes(data)

    stray(2, b"")
    stray(3, b"not JSON")
    stray(4, whole.replace(b"sparktop.run/1", b"sparktop.run/2"))
    stray(5, whole.replace(b'"scenario"', b'"scenery"'))
    stray(6, whole[: len(whole) // 4])
    stray(14, whole[: whole.index(b'"requests"') + 500])
    stray(7, b"hello\n", ".jsonl")
    stray(8, b"hello\n", ".jsonl.broken")
    stray(9, b"\xff\xfe\n", ".jsonl")
    stray(10, b'{"schema": "sparktop.run/' + b"9" * 5000 + b'"}')
    stray(11, b"", ".jsonl")
    (tmp_path / f"{identity(12)}.json").mkdir()
    os.mkfifo(tmp_path / f"{identity(13)}.json")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / f".{identity(14)}.json.tmp").write_bytes(whole)
    found = {int(entry.id[8:10]): entry for entry in list_runs(tmp_path)}
    assert set(found) == {*range(1, 11), 14}, "an empty journal is a run about to begin"
    assert [day for day, entry in found.items() if entry.readable] == [1]
    reasons = {
        2: "not a snapshot of sparktop",
        3: "not a snapshot of sparktop",
        4: "update sparktop to read it",
        5: "damaged: Object missing required field `scenario`",
        6: "damaged: Input data was truncated",
        14: "damaged: it breaks off before its end",
        7: "not a journal of sparktop",
        8: "is not a journal of sparktop",
        9: "not a journal of sparktop",
        10: "not a snapshot of sparktop",
    }
    for day, reason in reasons.items():
        assert found[day].problem.startswith(identity(day)), found[day].problem
        assert reason in found[day].problem


def test_a_journal_stands_in_for_a_snapshot_that_is_damaged(tmp_path: Path) -> None:
    keep(tmp_path, 1)
    snapshot_path(tmp_path, identity(1)).write_bytes(b"{")
    (entry,) = list_runs(tmp_path)
    assert entry.readable
    assert (entry.snapshot, entry.contenders) == (None, ("qwen",))
    assert "not a snapshot" in entry.problem


def test_a_run_is_found_by_what_people_call_it(tmp_path: Path) -> None:
    for day in (1, 2, 11):
        keep(tmp_path, day)
    (tmp_path / "2026-11-12T00-00-00-broken.json").write_bytes(b"")
    here = str(snapshot_path(tmp_path, identity(2)))
    for word, day in (
        (identity(1), 1),
        ("2026-11-02", 2),
        ("2026-11-11T07", 11),
        ("last", 11),
        ("last~0", 11),
        ("last~2", 1),
        (here, 2),
        (f"{here}l", 2),
    ):
        assert find_run(tmp_path, word).id == identity(day), word
    # What is named exactly is given even if it is broken: whoever asked learns why.
    assert find_run(tmp_path, "2026-11-12").problem


def test_one_name_that_begins_another_is_no_ambiguity(tmp_path: Path) -> None:
    keep(tmp_path, 1)
    for ending in (".json", ".jsonl"):
        (tmp_path / f"{identity(1)}-2{ending}").write_bytes((tmp_path / f"{identity(1)}{ending}").read_bytes())
    assert find_run(tmp_path, identity(1)).id == identity(1)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("2026", '"2026" is the beginning of 4 runs (2026-11-01T07-15-04-three, '),
        ("2026-12", "or begins so"),
        ("", "or begins so"),
        ("last~3", "holds only 3"),
        ("last~x", "is no run"),
        ("last~-1", "is no run"),
        ("last~99999999999999999999", "holds only 3"),
        ("./nothing.json", "does not exist"),
        ("/dev/null", "neither a snapshot"),
        ("/tmp", "neither a snapshot"),
    ],
)
def test_what_is_not_clear_is_refused(tmp_path: Path, word: str, sentence: str) -> None:
    for day in (1, 2, 3):
        keep(tmp_path, day)
    (tmp_path / f"{identity(4)}.json").write_bytes(b"")
    with pytest.raises(NoSuchRun) as error:
        find_run(tmp_path, word)
    assert sentence in str(error.value)


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    for word in ("last", "x"):
        with pytest.raises(NoSuchRun, match=r"sparktop run SCENARIO|holds none"):
            find_run(tmp_path / "runs", word)


def test_a_thousand_runs_are_listed_at_once(tmp_path: Path) -> None:
    """Reads no more of each than its head: the rest of these files could not even be decoded."""
    keep(tmp_path, 1, journal=False)
    path = snapshot_path(tmp_path, identity(1))
    head, _ = path.read_bytes().split(b'\n  "requests": ')
    long = head + b'\n  "requests": \xff' + bytes(2 << 20) + b"}\n"
    path.unlink()
    for number in range(8):
        (tmp_path / f"{number}.json").write_bytes(long)
    for number in range(8, 1000):
        os.link(tmp_path / f"{number % 8}.json", tmp_path / f"{number}.json")
    began = time.process_time()
    entries = list_runs(tmp_path)
    spent = time.process_time() - began
    assert len(entries) == 1000
    assert all(entry.readable for entry in entries)
    assert spent < 1.0
