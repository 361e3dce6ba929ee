"""The fold: phases, what is ignored, and that it depends on nothing but the events."""

from __future__ import annotations

import dataclasses

import pytest

from sparktop.model import metrics
from sparktop.model.channels import PROCESS_LEFT
from sparktop.model.events import (
    ContenderFailed,
    Event,
    Finish,
    ModelLoading,
    ModelReady,
    ModelUnloaded,
    Notice,
    PrefillProgress,
    ProcessSeen,
    RequestDone,
    RequestFailed,
    RequestSent,
    SampleTaken,
    Status,
    TokenKind,
    Tokens,
    TokenSource,
)
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import MOST_LEFT, Phase, RunState, fold
from tests.model.synthetic import INFO, QUESTIONS, Request, Run, sample

BEGIN = Run(requests=[], loads=False, status=None).events()
ONE = Run(requests=[Request(sent=None, chunks=(), finish=None)], loads=False, status=None).events()


def tokens(t: float, text: str, kind: TokenKind = TokenKind.ANSWER, request: int = 0) -> Tokens:
    return Tokens(t=t, request=request, kind=kind, text=text, times=(t,), counts=(1,))


def test_a_contender_goes_through_its_phases() -> None:
    state = fold(BEGIN)
    qwen = state.contenders["qwen"]
    phases = [qwen.phase]
    for event in (
        ModelLoading(t=1, contender="qwen", fraction=0.25),
        ModelReady(t=2, contender="qwen", model=INFO, load_s=1.0),
        ModelUnloaded(t=3, contender="qwen"),
    ):
        state.apply(event)
        phases.append(qwen.phase)
    assert phases == [Phase.QUEUED, Phase.LOADING, Phase.READY, Phase.DONE]
    assert (qwen.fraction, qwen.info, qwen.load_s) == (1.0, INFO, 1.0)


def test_a_failed_contender_stays_failed_when_it_is_unloaded() -> None:
    state = fold(BEGIN)
    state.apply(ContenderFailed(t=1, contender="qwen", error="out of memory", log="ggml: no"))
    state.apply(ModelUnloaded(t=2, contender="qwen", exit="killed"))
    qwen = state.contenders["qwen"]
    assert (qwen.phase, qwen.error, qwen.log) == (Phase.FAILED, "out of memory", "ggml: no")


def test_a_request_goes_through_its_phases() -> None:
    state = fold(ONE)
    request = state.requests[0]
    phases = [request.phase]
    changes = [request.changed]
    for event in (
        RequestSent(t=1.0, request=0),
        PrefillProgress(t=1.1, request=0, done=10, total=20, cached=4),
        tokens(1.2, "想", TokenKind.REASONING),
        tokens(1.3, "答"),
        RequestDone(
            t=1.4,
            request=0,
            finish=Finish.STOP,
            prompt_tokens=20,
            cached_tokens=4,
            output_tokens=2,
            prefill_ms=90.0,
            token_source=TokenSource.TOKEN_IDS,
        ),
    ):
        state.apply(event)
        phases.append(request.phase)
        changes.append(request.changed)
    assert phases == [Phase.QUEUED, Phase.PREFILL, Phase.PREFILL, Phase.REASONING, Phase.ANSWERING, Phase.DONE]
    assert changes == sorted(set(changes)), "every event is a change that a view can see"
    assert (request.reasoning, request.answer) == ("想", "答")
    assert request.stream.first_answer == 1
    assert (request.prompt_tokens, request.cached_tokens, request.prefilled) == (20, 4, 20)
    assert request.ok
    assert state.active() == []


def test_counts_that_become_known_at_the_end_replace_the_guessed_ones() -> None:
    done = RequestDone(
        t=1.4,
        request=0,
        finish=Finish.STOP,
        prompt_tokens=20,
        cached_tokens=0,
        output_tokens=8,
        prefill_ms=None,
        token_source=TokenSource.FINAL_USAGE,
        decode_ms=200.0,
        decode_tokens=9,
        drafted_tokens=8,
        accepted_tokens=6,
        counts=(1, 4, 3),
    )
    seen = [RequestSent(t=1.0, request=0), *(tokens(t, "字") for t in (1.1, 1.2, 1.3))]
    request = fold([*ONE, *seen, done]).requests[0]
    assert list(request.counts) == [1, 4, 3]
    assert metrics.tpot_ms(request.stream) == pytest.approx(200 / 7)
    assert (request.decode_ms, request.decode_tokens) == (200.0, 9)
    assert (request.drafted_tokens, request.accepted_tokens) == (8, 6)
    # A journal of a stranger may say anything.
    assert list(fold([*ONE, *seen, dataclasses.replace(done, counts=(1, 2))]).requests[0].counts) == [1, 1, 1]


def test_an_unsent_request_is_not_active_and_a_sent_one_is() -> None:
    state = fold(ONE)
    assert state.active() == []
    state.apply(RequestSent(t=1.0, request=0))
    assert state.active() == [state.requests[0]]


def test_a_failed_request_keeps_what_had_arrived() -> None:
    state = fold([*ONE, RequestSent(t=1.0, request=0), tokens(1.2, "未完")])
    state.apply(RequestFailed(t=1.3, request=0, error="gone"))
    request = state.requests[0]
    assert (request.phase, request.finish, request.error, request.answer) == (
        Phase.FAILED,
        Finish.ERROR,
        "gone",
        "未完",
    )
    assert not request.ok


def test_tokens_after_the_end_are_ignored() -> None:
    events = Run(requests=[Request()]).events()
    state = fold([*events, tokens(9.0, "迟到")])
    assert state.requests[0].answer == "春夏秋冬"
    assert state.rate.total == 4


def test_warm_up_is_not_measured() -> None:
    state = fold(Run(requests=[Request(warmup=True), Request(sent=2.0)]).events())
    assert [request.queued.request for request in state.measured()] == [1]
    assert [request.queued.request for request in state.measured("qwen")] == [1]
    assert state.measured("llama") == []
    assert len(state.requests) == 2


@pytest.mark.parametrize(
    "event",
    [
        RequestSent(t=1.0, request=7),
        PrefillProgress(t=1.0, request=7, done=1, total=2),
        tokens(1.0, "x", request=7),
        RequestFailed(t=1.0, request=7, error="gone"),
        ModelLoading(t=1.0, contender="nobody", fraction=0.5),
        ModelReady(t=1.0, contender="nobody", model=INFO, load_s=1.0),
        ModelUnloaded(t=1.0, contender="nobody"),
        ContenderFailed(t=1.0, contender="nobody", error="x"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_events_about_nobody_are_ignored(event: Event) -> None:
    before, after = fold(ONE), fold([*ONE, event])
    before.now = after.now
    assert take_snapshot(after) == take_snapshot(before)
    assert after.rate.total == 0


def test_an_event_without_a_rule_is_an_error() -> None:
    with pytest.raises(TypeError, match="no rule for Event"):
        RunState().apply(Event(t=0.0))


def test_folding_twice_gives_the_same() -> None:
    events = Run(
        requests=[
            Request(item="Q1"),
            Request(item="Q2", sent=2.0, chunks=[(2.5, 2, "想"), (2.6, 1, "答")], reasoning=1),
        ],
        samples=[sample(0.5, memory_used=1.0), sample(1.5, memory_used=2.0)],
    ).events()
    once, twice = RunState(), RunState()
    once.extend(events)
    for event in events:
        twice.apply(event)
    assert take_snapshot(once) == take_snapshot(twice)
    assert once.rate == twice.rate


def test_missing_readings_are_gaps_and_never_zero() -> None:
    lost = SampleTaken(t=2.0, node="spark-a", values={}, missing={"memory.used": "no /proc", "psi.full": "no PSI"})
    state = fold([*BEGIN, sample(1.0, memory_used=5.0), lost, sample(3.0, memory_used=6.0)])
    gauge = state.gauges["spark-a"]["memory.used"]
    assert (gauge.times, gauge.values) == ([1.0, 2.0, 3.0], [5.0, None, 6.0])
    assert "psi.full" not in state.gauges["spark-a"], "a channel that was never read has no series"
    assert state.missing["spark-a"] == {"psi.full": "no PSI"}, "a reason holds until there is a value"


def test_processes_that_left_are_forgotten_once_they_are_many() -> None:
    state = RunState()
    for pid in range(1, MOST_LEFT + 40):
        name = f"process.{pid}.gpu_held"
        state.apply(ProcessSeen(t=pid, node="a", pid=pid, name="nvcc", own=False))
        state.apply(SampleTaken(t=pid, node="a", values={name: 1.0, "gpu.0.held": 1.0}))
        state.apply(SampleTaken(t=pid + 0.5, node="a", values={"gpu.0.held": 0.0}, missing={name: PROCESS_LEFT}))
        if pid == 5:
            # Another process has the number of the first one.
            state.apply(SampleTaken(t=pid + 0.6, node="a", values={"process.1.gpu_held": 2.0}))
    there = {int(name.split(".")[1]) for name in state.gauges["a"] if name.startswith("process.")}
    assert there == {1, *range(40, MOST_LEFT + 40)}
    assert state.processes["a"].keys() == there
    assert state.missing["a"].keys() == {f"process.{pid}.gpu_held" for pid in there - {1}}


def test_the_run_has_the_status_of_its_last_event() -> None:
    events = Run(status=Status.CANCELLED, extra=[Notice(t=0.2, text="disk full")]).events()
    assert fold(events[:-1]).status is Status.RUNNING
    assert fold(events[:-1]).ended is None
    state = fold(events)
    assert (state.status, state.ended) == (Status.CANCELLED, events[-1].t)
    assert [notice.text for notice in state.notices] == ["disk full"]
    assert state.now == max(event.t for event in events)


def test_the_state_does_not_write_into_events() -> None:
    event = sample(1.0, memory_used=5.0)
    kept = dataclasses.replace(event, values=dict(event.values), missing=dict(event.missing))
    fold([*BEGIN, event, sample(2.0, memory_used=6.0)])
    assert event == kept
    assert QUESTIONS.items[0].id == "Q1"
