"""Whole runs, on the demo models, with real workers, files and signals."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from sparktop.model.events import (
    ContenderFailed,
    Event,
    Finish,
    FootprintKnown,
    ModelReady,
    ModelUnloaded,
    Notice,
    RequestDone,
    RequestFailed,
    RequestSent,
    RunEnded,
    RunStarted,
    SampleTaken,
    Status,
    Tokens,
)
from sparktop.model.records import Options
from sparktop.model.scenario import Item, Kind, Sampling, Scenario
from sparktop.model.snapshot import Snapshot, take_snapshot
from sparktop.model.state import RunState, fold
from sparktop.places import Places
from sparktop.resources import demo_dir
from sparktop.runner.contenders import resolve_contenders
from sparktop.runner.fit import assess
from sparktop.runner.plan import Plan, make_plan
from sparktop.runner.session import Outcome, Session
from sparktop.store.reading import read_journal
from sparktop.store.snapshots import read_snapshot, write_snapshot
from sparktop.telemetry.memory import allocatable

ITEMS = (Item(id="A", prompt="什么是过拟合？"), Item(id="B", prompt="你好"))


def questions(max_tokens: int = 20, **fields: object) -> Scenario:
    return Scenario(
        name="quick",
        title="quick",
        description="quick",
        kind=Kind.QUESTIONS,
        sampling=Sampling(max_tokens=max_tokens),
        items=ITEMS,
        **fields,  # type: ignore[arg-type]
    )


def plan(scenario: Scenario, *specs: str, **options: object) -> Plan:
    return make_plan(scenario, resolve_contenders(specs), Options(**options))  # type: ignore[arg-type]


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places.of({"HOME": str(tmp_path)})


def workers() -> list[psutil.Process]:
    """Those that run llama.cpp; what has ended a moment ago, and was not waited for yet, has no command line."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if "sparktop.engines.llama.worker" in child.cmdline():
                found.append(child)
    return found


def run(
    made: Plan, places: Places, when: Callable[[Session, Event], None] | None = None
) -> tuple[Outcome, list[Event], Session]:
    events: list[Event] = []

    def listen(event: Event) -> None:
        events.append(event)
        if when is not None:
            when(session, event)

    session = Session(made, places, listen)
    session.start()
    outcome = session.wait(60)
    assert outcome is not None, "the run did not end"
    return outcome, events, session


def test_two_contenders_run_one_after_the_other_and_are_kept(places: Places) -> None:
    outcome, events, session = run(plan(questions()), places)
    assert outcome.status is Status.COMPLETED
    assert outcome.problems == ()
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], RunEnded)
    assert sum(isinstance(e, SampleTaken) for e in events) >= 2
    order = [e.contender for e in events if isinstance(e, ModelReady | ModelUnloaded)]
    assert order == ["demo-base", "demo-base", "demo-sutra", "demo-sutra"]
    assert outcome.snapshot is not None
    kept = read_snapshot(outcome.snapshot)
    assert kept.id == session.id
    assert [(r.contender, r.item) for r in kept.requests] == [
        (contender, item) for contender in ("demo-base", "demo-sutra") for item in "AB"
    ]
    assert all(r.metrics.tpot_ms and r.metrics.ttft_ms and r.answer for r in kept.requests)


def test_the_journal_folds_to_the_very_snapshot(places: Places) -> None:
    outcome, events, session = run(plan(questions(), "demo-base"), places)
    contents = read_journal(places.runs / f"{session.id}.jsonl")
    assert list(contents.events) == events
    assert outcome.snapshot is not None
    assert take_snapshot(fold(contents.events)) == read_snapshot(outcome.snapshot)


def test_together_both_are_loaded_at_once(places: Places) -> None:
    outcome, events, _ = run(plan(questions(), together=True), places)
    assert outcome.status is Status.COMPLETED
    ready = [e.t for e in events if isinstance(e, ModelReady)]
    gone = [e.t for e in events if isinstance(e, ModelUnloaded)]
    assert max(ready) < min(gone)


def test_a_contender_that_dies_does_not_take_the_others_with_it(places: Places) -> None:
    def kill(session: Session, event: Event) -> None:
        if isinstance(event, Tokens) and event.request == 0:
            for worker in workers():
                worker.send_signal(signal.SIGKILL)

    outcome, events, _ = run(plan(questions(max_tokens=500)), places, kill)
    assert outcome.status is Status.COMPLETED
    (failure,) = (e for e in events if isinstance(e, ContenderFailed))
    assert failure.contender == "demo-base"
    assert {e.request for e in events if isinstance(e, RequestFailed)} == {0, 1}
    state = fold(events)
    assert [r.ok for r in state.measured()] == [False, False, True, True]
    assert state.requests[0].answer, "what had arrived is kept"


def test_a_load_that_does_not_fit_is_refused_and_the_rest_goes_on(places: Places, tmp_path: Path) -> None:
    outcome, events, _ = run(plan(questions(), "demo-base", reserve=1 << 60), places)
    assert outcome.status is Status.FAILED
    assert not any(isinstance(e, ModelReady | RequestSent) for e in events)
    (failure,) = (e for e in events if isinstance(e, ContenderFailed))
    assert failure.error.startswith("does not fit: needs")


def test_a_model_that_vanishes_after_planning_fails_alone(places: Places, tmp_path: Path) -> None:
    copy = tmp_path / "copy.gguf"
    copy.write_bytes((demo_dir() / "demo-base.gguf").read_bytes())
    made = plan(questions(), str(copy), "demo-sutra")
    copy.unlink()
    outcome, events, _ = run(made, places)
    assert outcome.status is Status.COMPLETED
    assert [r.ok for r in fold(events).measured()] == [False, False, True, True]


@pytest.mark.parametrize("moment", [RunStarted, RequestSent, Tokens])
def test_cancelling_ends_soon_leaves_no_worker_and_keeps_everything(places: Places, moment: type[Event]) -> None:
    asked: list[float] = []

    def cancel(session: Session, event: Event) -> None:
        if isinstance(event, moment) and not asked:
            asked.append(time.monotonic())
            session.cancel()

    outcome, events, _ = run(plan(questions(max_tokens=900)), places, cancel)
    assert time.monotonic() - asked[0] < 4
    assert outcome.status is Status.CANCELLED
    assert all(r.ended is not None for r in fold(events).measured())
    assert not any(isinstance(e, ContenderFailed) for e in events)
    assert outcome.snapshot is not None
    assert read_snapshot(outcome.snapshot).status == Status.CANCELLED
    time.sleep(0.1)
    assert not workers()


def test_a_run_that_cannot_be_kept_goes_on_and_says_so(tmp_path: Path) -> None:
    places = Places.of({"HOME": str(tmp_path)})
    places.runs.parent.mkdir(parents=True)
    places.runs.write_text("a file where the folder should be")
    outcome, events, _ = run(plan(questions(), "demo-base"), places)
    assert outcome.status is Status.COMPLETED
    assert outcome.snapshot is None
    assert any(isinstance(e, Notice) and "cannot keep the run" in e.text for e in events)
    assert any("snapshot can't be written" in problem for problem in outcome.problems)
    assert all(r.ok for r in fold(events).measured())


def test_a_snapshot_can_be_taken_while_the_run_goes_on(places: Places) -> None:
    taken: list[Status | None] = []

    def snapshot(session: Session, event: Event) -> None:
        if isinstance(event, Tokens) and not taken:
            taken.append(read_snapshot(session.snapshot_now()).status)

    run(plan(questions(), "demo-base"), places, snapshot)
    assert taken == [Status.RUNNING]


def test_prefill_decode_counts_exactly(places: Places) -> None:
    scenario = Scenario(
        name="pd", title="pd", description="pd", kind=Kind.PREFILL_DECODE, isl=300, osl=17, repetitions=2, warmup=1
    )
    outcome, _, _ = run(plan(scenario, "demo-base"), places)
    assert outcome.snapshot is not None
    kept = read_snapshot(outcome.snapshot)
    assert [(r.tokens.prompt, r.tokens.output, r.repetition) for r in kept.requests] == [(300, 17, 0), (300, 17, 1)]
    assert os.stat(outcome.snapshot).st_mode & 0o077 == 0


def test_a_request_that_was_given_up_ends_once_whatever_its_engine_says_later(places: Places) -> None:
    def hang(session: Session, event: Event) -> None:
        if isinstance(event, Tokens) and not stopped:
            for worker in workers():
                worker.suspend()
                stopped.append(worker)
            session.cancel()

    stopped: list[psutil.Process] = []
    outcome, events, _ = run(plan(questions(max_tokens=900), "demo-base"), places, hang)
    assert outcome.status is Status.CANCELLED
    ends = [e for e in events if isinstance(e, RequestDone | RequestFailed)]
    assert [(e.request, getattr(e, "finish", None)) for e in ends] == [(0, Finish.CANCELLED), (1, Finish.CANCELLED)]


def test_a_run_that_breaks_leaves_no_worker(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: RunState, event: Event) -> None:
        if isinstance(event, Tokens):
            raise RuntimeError("a defect")
        apply(self, event)

    apply = RunState.apply
    monkeypatch.setattr(RunState, "apply", broken)
    outcome, _, _ = run(plan(questions(max_tokens=900), "demo-base"), places)
    assert outcome.status is Status.FAILED
    assert "a defect" in outcome.problems[0]
    psutil.wait_procs(psutil.Process().children(), timeout=5)
    assert not psutil.Process().children()


@pytest.mark.parametrize("place", ["sources", "take_snapshot"])
def test_a_run_has_an_outcome_wherever_it_breaks(places: Places, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(f"sparktop.runner.session.{place}", broken)
    outcome, _, _ = run(plan(questions(max_tokens=1), "demo-base"), places)
    assert outcome.status is Status.FAILED
    assert "a defect" in outcome.problems[0]


def test_a_snapshot_asked_for_in_mid_run_never_replaces_the_last_one(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(snapshot: Snapshot, path: Path) -> None:
        if snapshot.status is Status.RUNNING:
            time.sleep(2)
        write_snapshot(snapshot, path)

    def ask(session: Session, event: Event) -> None:
        if isinstance(event, RequestSent) and not asked:
            asked.append(threading.Thread(target=session.snapshot_now))
            asked[0].start()

    asked: list[threading.Thread] = []
    monkeypatch.setattr("sparktop.runner.session.write_snapshot", slow)
    outcome, _, _ = run(plan(questions(max_tokens=1), "demo-base"), places, ask)
    asked[0].join()
    assert outcome.snapshot is not None
    assert read_snapshot(outcome.snapshot).status is Status.COMPLETED


def test_together_the_second_is_refused_where_only_one_fits(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    made = plan(questions(), together=True, reserve=0)
    need = assess(made, made.contenders[0]).need
    have = replace(allocatable(Path("/proc")), bytes=need * 3 // 2)
    monkeypatch.setattr("sparktop.nodes.fit.allocatable", lambda proc: have)
    outcome, events, _ = run(made, places)
    assert outcome.status is Status.COMPLETED
    (failure,) = (e for e in events if isinstance(e, ContenderFailed))
    assert failure.contender == "demo-sutra"
    assert "less what the contenders beside it need" in failure.error


@pytest.mark.parametrize("name", [b"\xff\xfe.gguf", b"\x1b[31m[red]\n.gguf", ("模" * 83 + ".gguf").encode()])
def test_any_file_name_can_run(places: Places, tmp_path: Path, name: bytes) -> None:
    model = tmp_path / os.fsdecode(name)
    model.write_bytes((demo_dir() / "demo-base.gguf").read_bytes())
    outcome, _, _ = run(plan(questions(max_tokens=2), str(model)), places)
    assert outcome.status is Status.COMPLETED
    assert outcome.problems == ()
    (log,) = places.logs.iterdir()
    assert log.name.isprintable()


HANGS = """\
#!{python}
import socket, sys, time
from sparktop.model.codec import encode
from sparktop.model.events import ContenderFailed
channel = socket.socket(fileno=int(sys.argv[-1]))
channel.sendall(encode(ContenderFailed(t=0.0, contender="demo-base", error="out of memory")) + b"\\n")
time.sleep(60)
"""


def test_a_worker_that_fails_and_does_not_go_is_killed(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(HANGS.format(python=sys.executable))
    worker.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(worker))
    outcome, _, _ = run(plan(questions(), "demo-base"), places)
    assert outcome.status is Status.FAILED
    _, alive = psutil.wait_procs(psutil.Process().children(), timeout=5)
    assert not alive


def test_before_a_run_begins_there_is_no_snapshot_and_it_says_so(places: Places) -> None:
    session = Session(plan(questions(), "demo-base"), places, lambda event: None)
    with pytest.raises(OSError, match="not begun"):
        session.snapshot_now()


def test_what_a_token_reads_is_known_before_the_first_request(places: Places) -> None:
    _, events, _ = run(plan(questions(max_tokens=2)), places)
    known = [event for event in events if isinstance(event, FootprintKnown)]
    assert [event.contender for event in known] == ["demo-base", "demo-sutra"]
    for event in known:
        asked = next(e for e in events if isinstance(e, RequestSent) and e.t > event.t)
        ready = next(e for e in events if isinstance(e, ModelReady) and e.contender == event.contender)
        assert events.index(ready) < events.index(event) < events.index(asked)
        assert event.t - ready.t < 0.5
        # Their token table is the output table too: every weight counts, and is read once.
        assert event.footprint.weights == ready.model.size
        assert (event.ceilings.theoretical, event.ceilings.measured) == (None, None)
        assert "cache" in event.ceilings.source


def test_a_file_that_vanishes_while_it_runs_costs_the_roofline_and_nothing_else(places: Places, tmp_path: Path) -> None:
    def unlink(session: Session, event: Event) -> None:
        if isinstance(event, ModelReady):
            copy.unlink()

    copy = tmp_path / "copy.gguf"
    copy.write_bytes((demo_dir() / "demo-base.gguf").read_bytes())
    outcome, events, _ = run(plan(questions(max_tokens=2), str(copy)), places, unlink)
    assert outcome.status is Status.COMPLETED
    assert outcome.problems == ()
    assert not any(isinstance(e, FootprintKnown) for e in events)
    (notice,) = (e.text for e in events if isinstance(e, Notice))
    assert notice == (
        f"what copy reads for each token is not known, so no roofline is shown: {copy} does not exist:"
        " check the path of the model"
    )


def test_a_header_that_breaks_the_count_breaks_no_run(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(model: Path) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("sparktop.runner.session.find_footprint", broken)
    outcome, events, _ = run(plan(questions(max_tokens=2), "demo-base"), places)
    assert outcome.status is Status.COMPLETED
    assert all(request.ok for request in fold(events).measured())
    assert "a defect" in outcome.problems[0]
