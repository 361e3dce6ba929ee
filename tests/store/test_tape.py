"""Recorded runs are read from any place on, from whichever file is left of them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from sparktop.model.codec import decode, encode
from sparktop.model.events import Event, RunEnded, RunStarted, Status, TokenKind, Tokens
from sparktop.model.pace import paced
from sparktop.model.rating_events import Rated, Stars
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import Phase, fold
from sparktop.model.unfold import unfold
from sparktop.store.names import journal_path, snapshot_path
from sparktop.store.opening import BadRun, load_snapshot, open_tape
from sparktop.store.reading import BadJournal, read_journal
from sparktop.store.runs import list_runs, run_at
from sparktop.store.snapshots import write_snapshot
from sparktop.store.tape import EventTape, JournalTape, Tape
from tests.model.spark import spark
from tests.model.synthetic import Request, Run, sample

DEMO = Path(__file__).parents[1] / "ui" / "demo-run.jsonl"


def every(tape: Tape) -> list[Event]:
    return [event for number in range(len(tape)) if (event := tape.event(number)) is not None]


def keep(path: Path, events: list[Event]) -> Path:
    path.write_bytes(b"".join(encode(event) + b"\n" for event in events))
    return path


def test_the_tape_of_a_journal_is_the_journal() -> None:
    events = list(read_journal(DEMO).events)
    tape = JournalTape(DEMO)
    assert every(tape) == events
    backwards = [tape.event(number) for number in reversed(range(len(tape)))]
    assert backwards == events[::-1]
    assert isinstance(events[0], RunStarted)
    assert (tape.id, tape.length_s, tape.note) == (events[0].id, events[-1].t, "")
    tape.close()


def test_places_are_where_something_begins() -> None:
    one, other = Request(sent=1.0, item="Q1"), Request(sent=5.0, item="Q2", chunks=[(7.5, 1, "春"), (9.0, 1, "夏")])
    events = Run(requests=[one, other]).events()
    expected = [
        (0.1, "qwen loads"),
        (1.0, "qwen: Q1"),
        (1.2, "qwen: Q1, first token"),
        (5.0, "qwen: Q2"),
        (7.5, "qwen: Q2, first token"),
    ]
    assert [(place.t, place.what) for place in EventTape(events, Path("a.json")).places] == expected


def test_the_places_of_a_journal_are_those_of_its_events() -> None:
    events = read_journal(DEMO).events
    assert JournalTape(DEMO).places == EventTape(events, DEMO).places
    assert len(JournalTape(DEMO).places) >= 20


def test_a_line_longer_than_a_block_and_lines_that_are_none(tmp_path: Path) -> None:
    events = Run(status=None).events()
    long = Tokens(t=1.6, request=0, kind=TokenKind.ANSWER, text="长" * 400_000, times=(1.6,), counts=(1,))
    path = keep(tmp_path / "a.jsonl", [*events, long])
    with path.open("ab") as file:
        file.write(b'\0\0\n{}\n{"event":"to-come","t":1}\n' + encode(events[0]) + b"\n")
        file.write(encode(replace(long, t=1.7)) + b"\n" + encode(long)[:100])
    tape = JournalTape(path, Status.INTERRUPTED)
    assert every(tape) == [*events, long, replace(long, t=1.7), RunEnded(t=1.7, status=Status.INTERRUPTED)]
    assert [number for number in range(len(tape)) if tape.event(number) is None] == [
        len(events) + number for number in (1, 2, 3, 4, 6)
    ]


@pytest.mark.parametrize("status", [None, Status.RUNNING])
def test_a_run_that_goes_on_has_no_end(tmp_path: Path, status: Status | None) -> None:
    events = Run(status=None).events()
    assert every(JournalTape(keep(tmp_path / "a.jsonl", events), status)) == events


def test_ratings_after_the_end_are_no_second_end(tmp_path: Path) -> None:
    events = Run().events()
    end = events[-1].t
    said = [
        Rated(t=end, number=n, request=0, rater="ann", dimension="depth", stars=Stars.FIVE, at="") for n in range(1, 30)
    ]
    tape = JournalTape(keep(tmp_path / "a.jsonl", [*events, *said]), Status.INTERRUPTED)
    assert every(tape) == [*events, *said]
    assert tape.length_s == end


@pytest.mark.parametrize("content", [b"", b"hello\n", b'{"event":"notice","t":0,"text":"x"}\n', b"\xff" * 100])
def test_what_is_no_journal_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    with pytest.raises(BadJournal, match="not a journal of sparktop"):
        JournalTape(path)


# -- where only a snapshot is left -------------------------------------------------------------------------------------


def test_what_a_snapshot_tells_leads_to_the_same_run() -> None:
    for events in (read_journal(DEMO).events, spark()):
        snapshot = take_snapshot(fold(events))
        again = take_snapshot(fold(paced(unfold(snapshot))))
        assert replace(again, validity=snapshot.validity, phases=snapshot.phases) == snapshot


def test_tokens_come_at_their_times_and_texts_at_their_end() -> None:
    chunks = [(1.2, 1, "想"), (1.3, 2, "好"), (1.4, 1, "答"), (1.5, 3, "案")]
    snapshot = take_snapshot(fold(Run(requests=[Request(chunks=chunks, reasoning=2)]).events()))
    events = paced(unfold(snapshot))
    told = [(e.t, e.kind, e.text, e.counts) for e in events if isinstance(e, Tokens)]
    assert told == [
        (1.2, "reasoning", "", (1,)),
        (1.3, "reasoning", "想好", (2,)),
        (1.4, "answer", "", (1,)),
        (1.5, "answer", "答案", (3,)),
    ]
    state = fold(event for event in events if event.t <= 1.4)
    (request,) = state.requests.values()
    assert (request.output_tokens, request.reasoning, request.answer) == (4, "想好", "")


def test_what_was_read_at_one_moment_is_one_reading_again() -> None:
    run = Run(samples=[sample(0.5, memory_used=1.0, memory_total=9.0), sample(1.0, memory_used=2.0, memory_total=9.0)])
    events = paced(unfold(take_snapshot(fold(run.events()))))
    assert [e.values for e in events if e.t in (0.5, 1.0) and hasattr(e, "values")] == [
        {"memory.used": 1.0, "memory.total": 9.0},
        {"memory.used": 2.0, "memory.total": 9.0},
    ]


def test_a_model_loads_before_it_is_ready_and_leaves_after_its_last_request() -> None:
    run = Run(
        requests=[Request(contender="a"), Request(contender="b", sent=5.0, chunks=[(5.5, 1, "x")])],
        contenders=("a", "b"),
    )
    events = paced(unfold(take_snapshot(fold(run.events()))))
    state = fold(event for event in events if event.t <= 3.0)
    assert [contender.phase for contender in state.contenders.values()] == [Phase.DONE, Phase.READY]
    assert fold(e for e in events if e.t <= 0.2).contenders["a"].phase is Phase.LOADING


# -- which file is taken -----------------------------------------------------------------------------------------------


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder with a real run of the demo models."""
    shutil.copy(DEMO, journal_path(tmp_path, "demo"))
    events = [decode(line) for line in DEMO.read_bytes().splitlines()]
    write_snapshot(take_snapshot(fold(events)), snapshot_path(tmp_path, "demo"))
    return tmp_path


def test_the_journal_is_played_and_the_snapshot_read(runs: Path) -> None:
    (entry,) = list_runs(runs)
    assert isinstance(open_tape(entry), JournalTape)
    document = load_snapshot(entry)
    assert len(document.requests) == 20
    journal_path(runs, "demo").unlink()
    (entry,) = list_runs(runs)
    tape = open_tape(entry)
    assert tape.note.startswith("The journal of this run is gone")
    assert tape.validity == document.validity
    assert tape.length_s == document.duration_s
    assert load_snapshot(entry) == document


def test_without_a_snapshot_the_journal_tells(runs: Path) -> None:
    document = load_snapshot(run_at(snapshot_path(runs, "demo")))
    snapshot_path(runs, "demo").unlink()
    assert load_snapshot(run_at(journal_path(runs, "demo"))) == document


def test_a_snapshot_of_mid_run_is_older_than_its_journal(runs: Path) -> None:
    document = load_snapshot(run_at(snapshot_path(runs, "demo")))
    events = read_journal(journal_path(runs, "demo")).events
    write_snapshot(take_snapshot(fold(events[:100])), snapshot_path(runs, "demo"))
    assert load_snapshot(run_at(snapshot_path(runs, "demo"))) == document


def test_a_hand_edited_snapshot_is_refused_or_its_journal_taken(runs: Path) -> None:
    path = snapshot_path(runs, "demo")
    whole = load_snapshot(run_at(path))
    # The mistake is far behind what a list looks at.
    path.write_bytes(path.read_bytes().replace(b'"t_ms": [', b'"t_ms": ["soon", ', 1))
    assert load_snapshot(run_at(path)) == whole
    journal_path(runs, "demo").unlink()
    with pytest.raises(BadRun, match="damaged: Expected `float`, got `str`"):
        load_snapshot(run_at(path))
    with pytest.raises(BadRun, match="damaged: Expected `float`, got `str`"):
        open_tape(run_at(path))


def test_events_that_make_no_sense_are_told_so(tmp_path: Path) -> None:
    odd = [replace(e, counts=(-1,) * len(e.counts)) if isinstance(e, Tokens) else e for e in Run().events()]
    with pytest.raises(BadRun, match="a makes no sense"):
        load_snapshot(run_at(keep(tmp_path / "a.jsonl", odd)))


def test_nothing_left_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("{}")
    for use in (load_snapshot, open_tape):
        with pytest.raises(BadRun, match="not a snapshot of sparktop"):
            use(run_at(path))
