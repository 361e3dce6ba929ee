"""What a crash left behind is completed once, and what lives is left alone."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from sparktop.model.codec import encode
from sparktop.model.events import Event, Status, Tokens
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import fold
from sparktop.store.journal import Journal
from sparktop.store.reading import fold_journal, read_journal
from sparktop.store.recovery import Recovered, recover
from sparktop.store.snapshots import read_snapshot, write_snapshot
from tests.model.synthetic import Request, Run

CUT_OFF = Run(requests=[Request(), Request(sent=2.0, finish=None)], status=None).events()
ENDED = Run(status=Status.CANCELLED).events()


def keep(path: Path, events: list[Event]) -> None:
    path.write_bytes(b"".join(encode(event) + b"\n" for event in events))


def test_a_cut_off_run_becomes_interrupted(tmp_path: Path) -> None:
    keep(tmp_path / "a.jsonl", CUT_OFF)
    expected = Recovered(id="a", snapshot=tmp_path / "a.json", status=Status.INTERRUPTED)
    assert recover(tmp_path) == [expected]
    assert read_snapshot(tmp_path / "a.json") == take_snapshot(fold(CUT_OFF), Status.INTERRUPTED)
    assert recover(tmp_path) == []


def test_a_run_that_ended_keeps_its_own_status(tmp_path: Path) -> None:
    keep(tmp_path / "a.jsonl", ENDED)
    assert [found.status for found in recover(tmp_path)] == [Status.CANCELLED]
    assert read_snapshot(tmp_path / "a.json").status is Status.CANCELLED


def test_a_snapshot_of_the_run_under_way_is_replaced(tmp_path: Path) -> None:
    keep(tmp_path / "a.jsonl", CUT_OFF)
    write_snapshot(take_snapshot(fold(CUT_OFF[:3])), tmp_path / "a.json")
    assert len(recover(tmp_path)) == 1
    assert read_snapshot(tmp_path / "a.json").status is Status.INTERRUPTED


def test_a_finished_run_is_not_even_read(tmp_path: Path) -> None:
    keep(tmp_path / "a.jsonl", ENDED)
    recover(tmp_path)
    before = (tmp_path / "a.json").stat()
    (tmp_path / "a.jsonl").write_text("this would be an error if it were read")
    assert recover(tmp_path) == []
    assert (tmp_path / "a.json").stat() == before


def test_a_run_that_is_going_on_is_left_alone(tmp_path: Path) -> None:
    problems: list[str] = []
    journal = Journal(tmp_path / "a.jsonl", problems.append)
    for event in CUT_OFF:
        journal.append(event)
    while not (tmp_path / "a.jsonl").exists() or (tmp_path / "a.jsonl").read_bytes().count(b"\n") < len(CUT_OFF):
        assert problems == []
    assert recover(tmp_path) == []
    assert not (tmp_path / "a.json").exists()
    journal.close()
    assert [found.id for found in recover(tmp_path)] == ["a"]


def test_a_run_about_to_begin_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    assert recover(tmp_path) == []
    assert (tmp_path / "a.jsonl").exists()


def test_damage_is_told_here_and_in_the_snapshot(tmp_path: Path) -> None:
    keep(tmp_path / "a.jsonl", CUT_OFF)
    lines = (tmp_path / "a.jsonl").read_bytes().splitlines(keepends=True)
    lines[2:2] = [b"\0\0\n", b"{}\n"]
    (tmp_path / "a.jsonl").write_bytes(b"".join(lines))
    [found] = recover(tmp_path)
    assert found.problem.startswith("part of the journal could not be read: line 3 and 1 more: not JSON")
    assert [notice.text for notice in read_snapshot(tmp_path / "a.json").notices] == [found.problem]


def test_a_long_journal_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    [tokens] = [event for event in ENDED if isinstance(event, Tokens)]
    many = [replace(tokens, t=tokens.t, text="字", times=(tokens.t,), counts=(1,))] * 10_000
    at = ENDED.index(tokens)
    keep(path, [*ENDED[:at], *many, *ENDED[at + 1 :]])
    tracemalloc.start()
    try:
        state = fold_journal(path).state
        folded = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        events = read_journal(path).events
        read = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert folded < read / 3
    assert take_snapshot(state) == take_snapshot(fold(events))


def test_what_is_no_journal_is_put_aside_and_told_once(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("hello\n")
    keep(tmp_path / "b.jsonl", CUT_OFF)
    broken, good = recover(tmp_path)
    assert (broken.snapshot, broken.status) == (None, None)
    assert broken.problem.endswith("its first line is no start of a run; kept as a.jsonl.broken")
    assert (tmp_path / "a.jsonl.broken").read_text() == "hello\n"
    assert good.status is Status.INTERRUPTED
    assert recover(tmp_path) == []


def test_a_snapshot_that_cannot_be_written_stops_no_other(tmp_path: Path) -> None:
    keep(tmp_path / "a.jsonl", CUT_OFF)
    keep(tmp_path / "b.jsonl", CUT_OFF)
    (tmp_path / "a.json").mkdir()
    first, second = recover(tmp_path)
    assert first.snapshot is None
    assert first.problem == f"cannot recover {tmp_path / 'a.jsonl'}: Is a directory"
    assert second == replace(second, snapshot=tmp_path / "b.json", status=Status.INTERRUPTED, problem="")


def test_without_a_folder_there_is_nothing_to_do(tmp_path: Path) -> None:
    assert recover(tmp_path / "runs") == []
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        recover(tmp_path / "file")


def test_events_that_make_no_sense_stop_no_other(tmp_path: Path) -> None:
    odd = [replace(e, counts=(-1,) * len(e.counts)) if isinstance(e, Tokens) else e for e in CUT_OFF]
    assert odd != CUT_OFF
    keep(tmp_path / "a.jsonl", odd)
    keep(tmp_path / "b.jsonl", CUT_OFF)
    first, second = recover(tmp_path)
    assert first.snapshot is None
    assert first.problem.startswith(f"cannot recover {tmp_path / 'a.jsonl'}: its events make no sense (OverflowError")
    assert second.snapshot == tmp_path / "b.json"
