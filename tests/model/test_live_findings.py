"""What holds a contender back is told while it does, and that it is slower than it was as soon as that can be known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sparktop.model.alerts import LINE_CELLS, alerts
from sparktop.model.events import BaselineFound, Event, PrefillProgress, RequestDone, Tokens
from sparktop.model.live_findings import findings
from sparktop.model.records import Options
from sparktop.model.state import RunState, fold
from sparktop.model.validity import judge
from sparktop.model.verdicts import Alert, Code, Severity
from tests.model.spark import DENSE, SPEED, answer, readings, spark
from tests.model.synthetic import Request, Run, throughput


def until(t: float, events: list[Event], *more: Event) -> RunState:
    """The state of a run at a moment, of which tokens came one by one."""
    seen: list[Event] = []
    for event in sorted([*events, *more], key=lambda event: event.t):
        if isinstance(event, Tokens):
            came = [time for time in event.times if time <= t]
            if came:
                seen.append(replace(event, t=came[-1], times=tuple(came), counts=event.counts[: len(came)]))
        elif event.t <= t:
            seen.append(event)
    return fold(sorted(seen, key=lambda event: event.t))


def progress(t: float, done: int) -> PrefillProgress:
    return PrefillProgress(t=t, request=0, done=done, total=8192)


def found(t: float, events: list[Event], *more: Event) -> dict[Code, Alert]:
    state = until(t, events, *more)
    assert {a.code for a in alerts(state, t)} & {Code.BANDWIDTH_BOUND, Code.COMPUTE_BOUND} == set(), (
        "they are no alerts"
    )
    told = findings(state, t)
    assert all(one.severity is Severity.FINDING and len(one.text) <= LINE_CELLS for one in told)
    return {one.code: one for one in told}


def test_decoding_that_waits_for_memory_is_told_while_it_does() -> None:
    while_it_decodes = found(12.0, spark(), progress(6.0, 8192))
    assert while_it_decodes[Code.BANDWIDTH_BOUND].text == "bandwidth-bound: decoding reads 221 GB/s, 81 % of 273"
    assert while_it_decodes[Code.BANDWIDTH_BOUND].evidence["achieved"] == pytest.approx(7.51e9 * SPEED, rel=0.01)
    assert Code.BANDWIDTH_BOUND not in found(17.9, spark(), progress(6.0, 8192)), "it is over"
    little = spark(model=replace(DENSE, dense=3_000_000_000))
    assert Code.BANDWIDTH_BOUND not in found(12.0, little, progress(6.0, 8192))


def test_a_prompt_that_waits_for_arithmetic_is_told_while_it_is_read_and_shortly_after() -> None:
    text = "compute-bound: prefill reads 3 % of 273 GB/s, GPU 96 % busy"
    # Half of it after 2 s: at most 2048 tokens more were read since that was told.
    assert found(4.0, spark(), progress(3.9, 4096))[Code.COMPUTE_BOUND].text == text.replace("3 %", "4 %")
    assert found(12.0, spark(), progress(6.0, 8192))[Code.COMPUTE_BOUND].text == text
    assert Code.COMPUTE_BOUND not in found(16.1, spark(), progress(6.0, 8192)), "it is long read"
    assert Code.COMPUTE_BOUND not in found(4.0, spark(samples=readings(busy=80)), progress(3.9, 4096))
    assert Code.COMPUTE_BOUND not in found(2.5, spark(), progress(2.4, 1024)), "half a second of readings tells nothing"
    assert found(4.0, spark()) == {}, "how long the prompt is, is not known"


def test_what_runs_side_by_side_is_not_judged() -> None:
    both = Run(
        requests=[answer(), answer(contender="other")],
        contenders=("qwen", "other"),
        samples=readings(),
        options=Options(together=True),
    ).events()
    assert found(12.0, both, progress(6.0, 8192)) == {}


def cell(start: float, tok_s: float, repetition: int, batch: int = 1) -> list[Request]:
    chunks = [(start + 0.2 + n / tok_s, 1, "字") for n in range(21)]
    fields = {"batch": batch, "repetition": repetition}
    return [Request(sent=start, chunks=chunks, **fields) for _ in range(batch)]  # type: ignore[arg-type]


@pytest.mark.parametrize(("batch", "before"), [(1, 47.0), (2, 94.0)])
def test_slower_than_before_is_told_after_the_first_whole_repetition(batch: int, before: float) -> None:
    requests = [*cell(1.0, 40.0, 0, batch), *cell(3.0, 40.0, 1, batch), *cell(5.0, 47.0, 2, batch)]
    run = Run(requests=requests, scenario=throughput(repetitions=3), status=None).events()[:-1]
    known = BaselineFound(
        t=0.95,
        contender="qwen",
        batch=batch,
        runs=tuple(f"run-{n}" for n in range(6)),
        decode_tok_s=tuple(before + n / 10 for n in (-2, -1, 0, 0, 1, 2)),
    )

    def told(t: float, *more: Event) -> list[Alert]:
        state = until(t, run, *more)
        return [alert for alert in alerts(state, t) if alert.code is Code.SLOWER_THAN_BEFORE]

    ended = max(event.t for event in run if isinstance(event, RequestDone) and event.t < 3)
    assert told(ended - 0.005, known) == []
    [alert] = told(ended, known)
    assert alert.severity is Severity.NOTE
    speed = 40.0 * batch
    assert alert.text == f"batch {batch} at {speed:.1f} tok/s, 15 % slower than 6 runs before"
    assert alert.evidence["tok_s"] == pytest.approx(speed)
    assert told(ended) == [], "there is nothing to hold it against"
    assert told(ended, replace(known, runs=known.runs[:2], decode_tok_s=known.decode_tok_s[:2])) == []
    # What is said at the end is the same.
    assert Code.SLOWER_THAN_BEFORE in {v.code for v in judge(until(9.0, run, known)).verdicts}


def test_several_contenders_are_told_apart() -> None:
    requests = [*cell(1.0, 40.0, 0), *(replace(r, contender="a-model-with-a-long-name") for r in cell(1.0, 47.0, 0))]
    run = Run(requests=requests, contenders=("qwen", "a-model-with-a-long-name"), status=None).events()[:-2]
    more = [
        BaselineFound(t=0.95, contender=name, batch=1, runs=("a", "b", "c"), decode_tok_s=(99.0, 99.0, 99.0))
        for name in ("qwen", "a-model-with-a-long-name")
    ]
    texts = [alert.text for alert in alerts(until(3.0, run, *more), 3.0)]
    assert texts == [
        "qwen: batch 1 at 40.0 tok/s, 60 % slower than 3 runs before",
        "a-model-with-a…: batch 1 at 47.0 tok/s, 53 % slower than 3 runs before",
    ]
