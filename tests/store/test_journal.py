"""The journal against what happens to journals: kill -9, full disks, missing folders, torn lines."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sparktop.model.codec import encode
from sparktop.model.events import Notice
from sparktop.model.state import fold
from sparktop.store.journal import Journal
from sparktop.store.reading import BadJournal, Damage, read_journal
from sparktop.store.recovery import recover
from sparktop.store.snapshots import read_snapshot
from tests.model.synthetic import Run

EVENTS = Run().events()
WRITER = Path(__file__).with_name("writer.py")


def unexpected(problem: str) -> None:
    raise AssertionError(problem)


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


def test_events_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "a.jsonl"
    journal = Journal(path, unexpected)
    for event in EVENTS:
        journal.append(event)
    assert journal.close() is True
    contents = read_journal(path)
    assert (list(contents.events), contents.damage, contents.torn) == (EVENTS, (), False)


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "a.jsonl"
    journal = Journal(path, unexpected)
    journal.append(EVENTS[0])
    journal.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_event_is_in_the_file_soon_after(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    journal = Journal(path, unexpected)
    journal.append(EVENTS[0])
    until(lambda: path.exists() and path.read_bytes().endswith(b"\n"), seconds=1.0)
    journal.append(EVENTS[1])
    until(lambda: path.read_bytes().count(b"\n") == 2, seconds=1.0)
    journal.close()


def test_a_closed_journal_takes_no_more(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.jsonl", unexpected)
    journal.close()
    with pytest.raises(ValueError, match="closed"):
        journal.append(EVENTS[0])


def test_kill_loses_at_most_a_second_and_the_run_is_recovered(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, str(WRITER), str(tmp_path), "run"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    output = process.stdout.fileno()
    seen = b""
    deadline = time.monotonic() + 30
    while seen.count(b"\n") < 1500 and time.monotonic() < deadline:
        seen += os.read(output, 65536)
    assert recover(tmp_path) == [], "a run that is going on is nobody's to recover"
    assert not (tmp_path / "run.json").exists()
    process.send_signal(signal.SIGKILL)
    rest, complaint = process.communicate(timeout=10)
    assert complaint == b""
    appended = int((seen + rest).split()[-1])
    assert appended > 1000

    contents = read_journal(tmp_path / "run.jsonl")
    notices = [event for event in contents.events if isinstance(event, Notice)]
    assert [notice.text for notice in notices] == [str(number) for number in range(len(notices))]
    assert contents.damage == ()
    assert appended - int(notices[-1].text) < 1000, "a notice a millisecond: fewer than a second's"

    [recovered] = recover(tmp_path)
    assert (recovered.id, recovered.status, recovered.problem) == ("run", "interrupted", "")
    snapshot = read_snapshot(tmp_path / "run.json")
    assert (snapshot.status, len(snapshot.notices)) == ("interrupted", len(notices))
    assert snapshot.requests[0].answer == "春夏秋冬"
    assert recover(tmp_path) == []


def test_a_full_disk_is_said_once_and_made_good_when_there_is_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 48 * 1024)
    problems: list[str] = []
    path = small_disk / "a.jsonl"
    journal = Journal(path, problems.append, retry_s=0.05)
    journal.append(EVENTS[0])
    notices = [Notice(t=float(n), text="经" * 300) for n in range(60)]
    slowest = 0.0
    for notice in notices:
        begun = time.monotonic()
        journal.append(notice)
        slowest = max(slowest, time.monotonic() - begun)
        time.sleep(0.005)
    until(lambda: bool(problems))
    assert slowest < 0.5, "the run does not wait for the disk"
    assert len(read_journal(path).events) < len(notices)
    ballast.unlink()
    assert journal.close() is True
    contents = read_journal(path)
    assert (list(contents.events), contents.damage, contents.torn) == ([EVENTS[0], *notices], (), False)
    [problem] = problems
    assert problem == (
        f"cannot keep the run: {os.strerror(errno.ENOSPC)} ({path}); the run goes on,"
        " and what is not written yet is kept in memory and tried again"
    )


def test_a_disk_that_stays_full_does_not_hold_up_the_end(tmp_path: Path) -> None:
    full = tmp_path / "a.jsonl"
    full.symlink_to("/dev/full")
    problems: list[str] = []
    journal = Journal(full, problems.append)
    journal.append(EVENTS[0])
    until(lambda: bool(problems))
    begun = time.monotonic()
    assert journal.close() is False
    assert time.monotonic() - begun < 2
    assert len(problems) == 1


def test_what_does_not_fit_in_memory_is_missing_and_the_journal_says_so(tmp_path: Path) -> None:
    blocked = tmp_path / "runs"
    blocked.write_text("a file where the folder should be")
    problems: list[str] = []
    journal = Journal(blocked / "a.jsonl", problems.append, retry_s=0.05, max_pending=4000)
    journal.append(EVENTS[0])
    until(lambda: bool(problems))
    for number in range(100):
        journal.append(Notice(t=float(number), text=f"{number:0100}"))
    blocked.unlink()
    until(lambda: (blocked / "a.jsonl").exists())
    assert journal.close() is False
    events = read_journal(blocked / "a.jsonl").events
    kept = [event for event in events if isinstance(event, Notice)]
    missing = 100 - (len(kept) - 1)
    assert 60 < missing < 100
    assert kept[-1].text == f"{missing} events of this run are missing: the disk could not take them"


def test_a_file_in_place_of_the_folder_is_a_clear_problem(tmp_path: Path) -> None:
    blocked = tmp_path / "runs"
    blocked.write_text("a file where the folder should be")
    problems: list[str] = []
    journal = Journal(blocked / "a.jsonl", problems.append)
    journal.append(EVENTS[0])
    until(lambda: bool(problems))
    assert journal.close() is False
    assert problems[0].startswith(f"cannot keep the run: File exists ({blocked / 'a.jsonl'}); the run goes on")


def test_two_journals_cannot_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    first = Journal(path, unexpected)
    first.append(EVENTS[0])
    until(lambda: path.exists() and path.stat().st_size > 0)
    problems: list[str] = []
    second = Journal(path, problems.append)
    second.append(EVENTS[0])
    until(lambda: bool(problems))
    assert "another sparktop writes to it" in problems[0]
    assert second.close() is False
    assert first.close() is True
    assert read_journal(path).events == (EVENTS[0],)


@pytest.mark.parametrize("cut", [1, 2, 10, -3, -1])
def test_a_torn_last_line_is_left_out(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.jsonl"
    last = encode(EVENTS[1])
    path.write_bytes(encode(EVENTS[0]) + b"\n" + last[:cut])
    contents = read_journal(path)
    assert (contents.events, contents.damage, contents.torn) == ((EVENTS[0],), (), True)


def test_a_last_line_that_lacks_its_newline_alone_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(encode(EVENTS[0]) + b"\n" + encode(EVENTS[1]))
    contents = read_journal(path)
    assert (contents.events, contents.torn) == (tuple(EVENTS[:2]), False)


def test_damage_in_the_middle_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [encode(event) for event in EVENTS]
    bad = [lines[0], b"\0" * 40, lines[1], b'{"event":"party","t":1}', lines[0], *lines[2:]]
    path.write_bytes(b"\n".join(bad) + b"\n")
    contents = read_journal(path)
    assert list(contents.events) == EVENTS
    assert [damage.line for damage in contents.damage] == [2, 4, 5]
    assert contents.damage[1] == Damage(4, 'unknown event "party"')
    assert "second start" in contents.damage[2].reason
    assert fold(contents.events).requests[0].ok


@pytest.mark.parametrize(
    "content", [b"", b"hello\n", encode(EVENTS[1]) + b"\n", encode(EVENTS[0])[:50], b"\xff\xfe\n"], ids=repr
)
def test_what_is_no_journal_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    with pytest.raises(BadJournal, match=r"a\.jsonl: not a journal of sparktop"):
        read_journal(path)
