"""Ratings of finished runs: kept at once, by one program at a time, whatever happens to it."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from sparktop.model.codec import encode
from sparktop.model.events import Status
from sparktop.model.rating_events import AnswerAt, Choice, Noted, Opinion, Rated, RatingWithdrawn, Stars, Voted
from sparktop.model.ratings import rating_events
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import fold
from sparktop.store.rating_book import RatingBook
from sparktop.store.reading import read_journal
from sparktop.store.recovery import recover
from sparktop.store.snapshots import BadSnapshot, read_snapshot, write_snapshot
from tests.model.synthetic import Request, Run

RATER = Path(__file__).with_name("rater.py")
RUN = Run(contenders=("big", "small"), requests=(Request(contender="big"), Request(contender="small")))
WALL = datetime.fromisoformat("2026-02-09T10:00:00+08:00")


def kept(folder: Path, journal: bool = True) -> tuple[Path | None, Path]:
    """A finished run on disk."""
    folder.mkdir(parents=True, exist_ok=True)
    lines, snapshot = folder / f"{RUN.id}.jsonl", folder / f"{RUN.id}.json"
    if journal:
        lines.write_bytes(b"".join(encode(event) + b"\n" for event in RUN.events()))
    write_snapshot(take_snapshot(fold(RUN.events())), snapshot)
    return (lines if journal else None), snapshot


def stars(request: int = 0, given: int = 4) -> Rated:
    return Rated(t=0, number=0, request=request, rater="ann", dimension="depth", stars=Stars(given), at="")


def note(text: str) -> Noted:
    return Noted(t=0, number=0, request=1, rater="ann", text=text, at="")


def vote() -> Voted:
    first, second = AnswerAt(request=0, contender="big"), AnswerAt(request=1, contender="small")
    return Voted(t=0, number=0, item="Q1", first=first, second=second, choice=Choice.SECOND, rater="ann", at="")


def in_snapshot(path: Path) -> list[Opinion]:
    return rating_events(read_snapshot(path).ratings)


@pytest.mark.parametrize("journalled", [True, False])
def test_what_is_said_is_in_the_files(tmp_path: Path, journalled: bool) -> None:
    journal, snapshot = kept(tmp_path, journalled)
    later: dict[str, Any] = orjson.loads(snapshot.read_bytes()) | {"a_later_field": [1.5]}
    snapshot.write_bytes(orjson.dumps(later, option=orjson.OPT_INDENT_2))
    book = RatingBook(journal, snapshot, wall=lambda: WALL)
    said = [book.add(opinion) for opinion in (stars(), note("味→厌 \ud800"), vote())]
    said.append(book.add(RatingWithdrawn(t=0, number=0, rating=1, rater="ann", at="")))
    assert [event.number for event in said] == [1, 2, 3, 4]
    assert {(event.t, event.at) for event in said} == {(RUN.events()[-1].t, "2026-02-09T10:00:00.000+08:00")}
    if journal is not None:
        assert [event.number for event in read_journal(journal).events if isinstance(event, Rated | Noted | Voted)] == [
            1,
            2,
            3,
        ]
    assert book.close() == ""
    document = orjson.loads(snapshot.read_bytes())
    ratings = document.pop("ratings")
    assert document == {key: value for key, value in later.items() if key != "ratings"}
    assert ratings["people"]["counting"] == [2, 3]
    assert [event.number for event in in_snapshot(snapshot)] == [1, 2, 3, 4]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(p.name for p in (journal, snapshot) if p)
    again = RatingBook(journal, snapshot)
    assert again.ratings.next_number == 5
    again.close()


@pytest.mark.parametrize("journalled", [True, False])
def test_only_one_program_at_a_time(tmp_path: Path, journalled: bool) -> None:
    journal, snapshot = kept(tmp_path, journalled)
    words = [sys.executable, str(RATER), str(snapshot), *([str(journal)] if journal else [])]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as rater:
        assert rater.stdout is not None
        assert rater.stdout.readline() == "open\n"
        with pytest.raises(BlockingIOError, match="another sparktop"):
            RatingBook(journal, snapshot)
        assert recover(tmp_path) == []
        rater.kill()
    RatingBook(journal, snapshot).close()


@pytest.mark.parametrize("journalled", [True, False])
def test_kill_loses_nothing_that_was_kept(tmp_path: Path, journalled: bool) -> None:
    journal, snapshot = kept(tmp_path, journalled)
    words = [sys.executable, str(RATER), str(snapshot), *([str(journal)] if journal else [])]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as rater:
        assert rater.stdout is not None
        for line in rater.stdout:
            if line == "40\n":
                break
        rater.send_signal(signal.SIGKILL)
        rest = [line for line in rater.stdout if line.endswith("\n")]
    told = int(rest[-1]) if rest else 40
    recover(tmp_path)
    found = [event.number for event in in_snapshot(snapshot)]
    # One more may have been kept that nobody was told of.
    assert found in (list(range(1, told + 1)), list(range(1, told + 2)))
    if journal is not None:
        assert found == [event.number for event in fold(read_journal(journal).events).ratings.events()]
        stamp = snapshot.stat().st_mtime_ns
        recover(tmp_path)
        assert snapshot.stat().st_mtime_ns == stamp


def test_a_journal_that_breaks_off_is_gone_on_with(tmp_path: Path) -> None:
    journal, snapshot = kept(tmp_path)
    assert journal is not None
    with journal.open("ab") as file:
        file.write(b'{"event":"rated","t":1.0,"numb')
    book = RatingBook(journal, snapshot)
    book.add(stars())
    book.close()
    contents = read_journal(journal)
    assert (len(contents.damage), contents.torn) == (1, False)
    assert [event.number for event in in_snapshot(snapshot)] == [1]


def test_a_full_disk_refuses_a_rating_and_leaves_no_half_of_it(small_disk: Path) -> None:
    journal, snapshot = kept(small_disk)
    assert journal is not None
    book = RatingBook(journal, snapshot)
    book.add(stars())
    before = journal.read_bytes()
    with (small_disk / "rest").open("wb", buffering=0) as rest, contextlib.suppress(OSError):
        while True:
            rest.write(b"x" * 4096)
    with pytest.raises(OSError, match="No space left"):
        book.add(note("长" * 4000))
    assert journal.read_bytes() == before
    refused = book.ratings.next_number
    (small_disk / "rest").unlink()
    assert book.add(stars(given=1)).number == refused
    assert book.close() == ""
    assert read_journal(journal).damage == ()
    assert in_snapshot(snapshot)[-1].number == refused


def test_a_run_that_was_cut_off_gets_its_snapshot(tmp_path: Path) -> None:
    journal, snapshot = kept(tmp_path)
    assert journal is not None
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]))
    snapshot.unlink()
    book = RatingBook(journal, snapshot)
    book.add(stars())
    assert book.close() == ""
    taken = read_snapshot(snapshot)
    assert taken.status is Status.INTERRUPTED
    assert taken.ratings is not None


def test_ratings_of_the_snapshot_alone_find_their_way_into_the_journal(tmp_path: Path) -> None:
    journal, snapshot = kept(tmp_path)
    alone = RatingBook(None, snapshot)
    alone.add(stars(given=2))
    alone.close()
    assert journal is not None
    book = RatingBook(journal, snapshot)
    book.add(stars(given=5))
    book.close()
    found = fold(read_journal(journal).events).ratings.events()
    assert [(event.number, event.stars) for event in found if isinstance(event, Rated)] == [(1, 2), (2, 5)]
    assert in_snapshot(snapshot) == found


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(FileNotFoundError):
        RatingBook(None, path)
    path.write_text("{}")
    with pytest.raises(BadSnapshot, match="not a snapshot"):
        RatingBook(None, path)
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]
