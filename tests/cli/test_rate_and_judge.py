"""`sparktop rate` and `sparktop judge`, as people start them."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sparktop.model.codec import encode
from sparktop.model.rating_events import Judged, JudgingBegan, Rated, Stars
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import fold
from sparktop.store.journal import lock
from sparktop.store.reading import read_journal
from sparktop.store.snapshots import write_snapshot
from tests.cli.conftest import PROGRAM, ROOT, Sparktop
from tests.model.synthetic import Request, Run
from tests.servers.process import serving

PLAIN, QUOTED = "随顺觉是一种智慧。", "“随顺觉”出自《杂阿含经》。"
ID = "2026-11-23T07-15-04-three"


def said(contender: str, item: str, text: str) -> Request:
    return Request(contender=contender, item=item, chunks=((1.2, 3, text),))


RUN = Run(
    id=ID,
    contenders=("base", "tuned"),
    requests=(
        said("base", "Q1", PLAIN),
        said("base", "Q2", PLAIN),
        said("tuned", "Q1", QUOTED),
        said("tuned", "Q2", PLAIN),
    ),
)


@pytest.fixture
def journal(environ: dict[str, str]) -> Path:
    """A run that is over, on disk."""
    runs = Path(environ["HOME"]) / ".local/share/sparktop/runs"
    runs.mkdir(parents=True)
    path = runs / f"{ID}.jsonl"
    path.write_bytes(b"".join(encode(event) + b"\n" for event in RUN.events()))
    write_snapshot(take_snapshot(fold(RUN.events())), path.with_suffix(".json"))
    return path


@pytest.fixture(scope="module")
def judges() -> Iterator[str]:
    with serving("tests.servers.judge") as (said, _):
        yield said["url"]


def verdicts(journal: Path) -> list[Judged]:
    return [event for event in read_journal(journal).events if isinstance(event, Judged)]


def models(journal: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(journal.with_suffix(".json").read_bytes())["ratings"]["models"]
    return found


def test_a_judge_that_goes_by_the_answers(sparktop: Sparktop, journal: Path, judges: str) -> None:
    done = sparktop("judge", "last", "--with", f"{judges}#quoting")
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
    assert "MODEL AS JUDGE: quoting" in done.stdout
    assert "4 of 4 verdicts, in both orders of every two answers: 1 for the answer shown first" in done.stdout
    (judging,) = models(journal)
    assert [pair["outcome"] for pair in judging["pairs"]] == ["second", "tie"]
    assert judging["began"]["judge"]["name"] == "quoting"
    assert [(m["first"], m["wins"], m["losses"], m["ties"]) for m in judging["matchups"]] == [("base", 0, 1, 1)]
    assert "比较引文：0 与 1。" in verdicts(journal)[0].text
    people = json.loads(journal.with_suffix(".json").read_bytes())["ratings"]["people"]
    assert people["matchups"] == people["stars"] == []
    shown = sparktop("rate", ID)
    assert shown.returncode == 0
    assert "MODEL AS JUDGE: quoting" in shown.stdout
    assert "PEOPLE" not in shown.stdout


def test_a_judge_that_goes_by_the_place_decides_nothing(sparktop: Sparktop, journal: Path, judges: str) -> None:
    done = sparktop("judge", "last", "--with", f"{judges}#first", "--limit", "1")
    assert done.returncode == 0, done.stderr
    assert "1 changed with the order, counted as a tie" in done.stdout
    (judging,) = models(journal)
    assert (judging["first_preferred"], judging["matchups"][0]["ties"]) == (2, 1)


@pytest.mark.parametrize(
    ("judge", "problem"), [("chatty", "its last line is no verdict"), ("torn", "it gives different verdicts")]
)
def test_what_cannot_be_read_is_kept_and_counted_nowhere(
    sparktop: Sparktop, journal: Path, judges: str, judge: str, problem: str
) -> None:
    done = sparktop("judge", "last", "--with", f"{judges}#{judge}")
    assert done.returncode == 1, done.stderr
    assert "4 could not be read" in done.stdout
    assert "No pair was decided" in done.stdout
    assert problem in done.stdout
    assert {event.problem for event in verdicts(journal)} == {problem}
    assert all(event.text for event in verdicts(journal))
    assert models(journal)[0]["matchups"] == []


def test_a_judge_that_breaks_off(sparktop: Sparktop, journal: Path, judges: str) -> None:
    rubric = journal.parent / "rubric.txt"
    rubric.write_text("只看引文。", encoding="utf-8")
    done = sparktop("judge", "last", "--with", f"{judges}#breaking", "--rubric", str(rubric))
    assert done.returncode == 1, done.stderr
    found = verdicts(journal)
    assert [event.verdict is None for event in found] == [False, True, False, True]
    assert "500" in found[1].problem
    began = next(event for event in read_journal(journal).events if isinstance(event, JudgingBegan))
    assert began.rubric == "只看引文。"


@pytest.mark.slow
def test_a_toy_model_cannot_judge_and_that_is_said(sparktop: Sparktop, journal: Path) -> None:
    done = sparktop("judge", "last", "--with", "demo-base", "--limit", "1")
    assert done.returncode == 1, done.stderr
    assert "MODEL AS JUDGE: demo-base (toy)" in done.stdout
    assert "2 could not be read" in done.stdout
    assert "this model says nothing about which answers are better" in done.stdout
    assert [event.verdict for event in verdicts(journal)] == [None, None]
    assert all(event.problem for event in verdicts(journal))


def test_refusals_of_the_judge(sparktop: Sparktop, journal: Path, environ: dict[str, str], judges: str) -> None:
    for words, sentence, code in (
        (("nothing", "--with", "demo-base"), 'no run is called "nothing"', 2),
        (("last",), "--with", 2),
        (("last", "--with", "no-such"), 'no contender "no-such"', 2),
        (("last", "--with", "demo-base@nowhere.invalid"), "nowhere.invalid", 3),
        (("last", "--with", "demo-base", "--node", "/no/socket"), 'start "sparktop node" there', 3),
        (("last", "--with", "demo-base", "--token-file", "t"), "--token-file is for nodes", 2),
        (("last", "--with", "demo-base", "--rubric", "none.txt"), "is no file", 2),
        (("last", "--with", "http://127.0.0.1:1"), "", 3),
    ):
        done = sparktop("judge", *words)
        assert done.returncode == code, (words, done.stderr)
        assert sentence in done.stderr
        assert "Traceback" not in done.stderr
    with journal.open("rb+") as file:
        lock(file.fileno())
        done = sparktop("judge", "last", "--with", f"{judges}#first")
        assert done.returncode == 2
        assert "another sparktop" in done.stderr
    assert verdicts(journal) == []
    alone = Run(id="2026-11-24T00-00-00-three", contenders=("base",), requests=(said("base", "Q1", PLAIN),))
    write_snapshot(take_snapshot(fold(alone.events())), journal.parent / f"{alone.id}.json")
    done = sparktop("judge", "last", "--with", f"{judges}#first")
    assert done.returncode == 2
    assert "there is nothing to compare" in done.stderr


def test_ratings_as_text(sparktop: Sparktop, journal: Path) -> None:
    done = sparktop("rate", "last")
    assert (done.returncode, "Nobody has rated" in done.stdout) == (0, True)
    stars = Rated(
        t=1.0, number=1, request=0, rater="ann", dimension="overall", stars=Stars.FOUR, at="2026-11-23T08:00:00+08:00"
    )
    with journal.open("ab") as file:
        file.write(encode(stars) + b"\n")
    # As after a crash: the journal has it, and the snapshot not yet.
    done = sparktop("rate", "last")
    assert "4.00 (1)" in done.stdout
    assert sparktop("rate", "nope").returncode == 2
    assert sparktop("rate", "last", "--as", " ").returncode == 2


def test_stars_given_on_a_terminal_are_kept(journal: Path, environ: dict[str, str]) -> None:
    parent, child = pty.openpty()
    words = [*PROGRAM, "rate", "last", "--as", "Ann Li", "--blind"]
    with subprocess.Popen(words, stdin=child, stdout=child, stderr=child, env=environ, cwd=ROOT) as program:
        os.close(child)
        seen = b""

        def until(sign: bytes, seconds: float = 30.0) -> None:
            nonlocal seen
            deadline = time.monotonic() + seconds
            while sign not in seen:
                assert time.monotonic() < deadline, seen[-2000:]
                if select.select([parent], [], [], 0.2)[0]:
                    seen += os.read(parent, 65536)

        until(b"Ann Li: 0 of 4 rated")
        assert b"tuned" not in seen
        os.write(parent, b"4")
        until(b"Ann Li: 1 of 4 rated")
        os.write(parent, b"5")
        until(b"tuned")
        program.send_signal(signal.SIGHUP)
        while select.select([parent], [], [], 5)[0]:
            try:
                os.read(parent, 65536)
            except OSError:
                break
        assert program.wait(10) == 129
    os.close(parent)
    found = [event for event in read_journal(journal).events if isinstance(event, Rated)]
    assert [(event.rater, int(event.stars), event.blind) for event in found] == [
        ("Ann Li", 4, True),
        ("Ann Li", 5, True),
    ]
    assert {event.request for event in found} == {0, 2}
