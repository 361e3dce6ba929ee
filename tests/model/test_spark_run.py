"""Roofline, energy and findings of a run on a DGX Spark, all computed by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jsonschema
import msgspec
import orjson
import pytest

from sparktop.model.events import Event, FootprintKnown, PrefillProgress, SampleTaken
from sparktop.model.live import live_cost, live_roofline
from sparktop.model.records import Options
from sparktop.model.roofline import GB10, sentence
from sparktop.model.schema import snapshot_schema
from sparktop.model.shape import Cache, Experts, Footprint
from sparktop.model.snapshot import Snapshot, take_snapshot
from sparktop.model.state import RunState, fold
from sparktop.model.validity import judge
from sparktop.model.verdicts import Code, Severity, Unjudged, Verdict
from tests.model.recompute import check_gpu_energy, check_rooflines, strict
from tests.model.spark import DENSE, SPEED, answer, readings, spark
from tests.model.synthetic import Run, throughput


def document(events: list[Event]) -> dict[str, Any]:
    loaded: dict[str, Any] = orjson.loads(orjson.dumps(take_snapshot(fold(events))))
    jsonschema.validate(loaded, strict(snapshot_schema()))
    check_rooflines(loaded)
    return loaded


def said(events: list[Event], code: Code) -> list[Verdict | Unjudged]:
    found = judge(fold(events))
    every: list[Verdict | Unjudged] = [*found.verdicts, *found.unjudged]
    return [one for one in every if one.code is code]


def test_share_energy_and_findings() -> None:
    found = document(spark())
    check_gpu_energy(found, "spark-a", "gpu.0.energy")
    (row,) = found["summary"]
    assert row["roofline"]["achieved"] == pytest.approx(7.51e9 * SPEED)
    assert round(100 * row["roofline"]["share_theoretical"]) == 81
    # 40 W and 70 W at 29.4 tokens a second; 60 W and 90 W at 8192 tokens in 4 s.
    assert row["decode_cost"]["gpu_j"] == pytest.approx(40 / SPEED, rel=1e-4)
    assert row["decode_cost"]["machine_j"] == pytest.approx(70 / SPEED, rel=1e-4)
    assert row["prefill_cost"]["gpu_j"] == pytest.approx(60 / 2048)
    assert row["prefill_cost"]["machine_j"] == pytest.approx(90 / 2048)
    assert row["decode_cost"]["rdma_bytes"] is None
    assert row["decode_cost"]["notes"]["rdma_bytes"] == "the model is not split over nodes"
    assert found["contenders"][0]["footprint"]["dense"] == 7_510_000_000
    assert found["contenders"][0]["ceilings"]["theoretical"] == 273e9
    assert [(p["phase"], p["start_s"]) for p in found["phases"]] == [
        ("idle", 0.0),
        ("load", 0.1),
        ("idle", 0.9),
        ("prefill", 2.0),
        ("decode", 6.0),
        ("idle", found["requests"][0]["sent_s"] + 14.0),
    ]


def test_what_a_program_wrote_that_did_not_count_all_this_is_read() -> None:
    old = document(spark())
    for record in old["contenders"]:
        del record["footprint"], record["ceilings"]
    for row in old["summary"]:
        del row["roofline"], row["decode_cost"], row["prefill_cost"]
    del old["phases"]
    read = msgspec.convert(old, Snapshot)
    assert (read.contenders[0].footprint, read.summary[0].roofline, read.phases) == (None, None, ())


def test_decoding_is_bound_by_bandwidth_and_prefill_by_arithmetic() -> None:
    (bandwidth,) = said(spark(), Code.BANDWIDTH_BOUND)
    assert isinstance(bandwidth, Verdict)
    assert bandwidth.severity is Severity.FINDING
    assert bandwidth.text == ("qwen: decoding reads 221 GB/s, 81 % of 273 GB/s: the memory's bandwidth holds it back")
    (compute,) = said(spark(), Code.COMPUTE_BOUND)
    assert isinstance(compute, Verdict)
    # 7.51 GB for each 2048 tokens, of which 2048 a second were read.
    assert compute.text == "qwen: prefill reads 3 % of 273 GB/s while the GPU is 96 % busy: arithmetic holds it back"
    assert judge(fold(spark())).valid


def test_neither_is_found_where_it_is_not_so() -> None:
    slow = replace(DENSE, dense=3_000_000_000)
    assert said(spark(model=slow), Code.BANDWIDTH_BOUND) == []
    assert said(spark(samples=readings(busy=60.0)), Code.COMPUTE_BOUND) == []


def reason(events: list[Event], code: Code) -> str:
    (one,) = said(events, code)
    assert isinstance(one, Unjudged)
    return one.reason


def test_what_is_lacking_is_said() -> None:
    unknown = [event for event in spark() if not isinstance(event, FootprintKnown)]
    dark = spark(samples=[SampleTaken(t=0.5, node="spark-a", values={}, missing={"gpu": "no driver"})])
    brief = spark(answer(first=2.6), samples=readings())
    assert reason(unknown, Code.BANDWIDTH_BOUND) == "qwen: what it reads for each token is not known"
    assert reason(unknown, Code.COMPUTE_BOUND) == "qwen: what it reads for each token is not known"
    assert reason(dark, Code.COMPUTE_BOUND) == "qwen: not known: GPU utilisation (spark-a: no driver)"
    assert "(readings cover 0.0 s of it, and it takes 1 s)" in reason(brief, Code.COMPUTE_BOUND)
    nameless = spark(replace(answer(), prompt_tokens=None))
    assert reason(nameless, Code.BANDWIDTH_BOUND) == "qwen: the length of its prompts is not known"
    why = "not known: prefill speed, GPU utilisation (the length of a prompt is not known)"
    assert reason(nameless, Code.COMPUTE_BOUND) == f"qwen: {why}"


def test_contenders_at_once_are_neither_judged_nor_charged() -> None:
    known = FootprintKnown(t=0.96, contender="llama", footprint=DENSE, ceilings=GB10)
    run = Run(
        requests=[answer(), answer(contender="llama")],
        contenders=("qwen", "llama"),
        options=Options(together=True),
        samples=readings(),
        extra=[known],
    )
    for code in (Code.BANDWIDTH_BOUND, Code.COMPUTE_BOUND):
        assert reason(run.events(), code) == "qwen and llama: several contenders ran at once"
    costs = [row["decode_cost"] for row in document(run.events())["summary"]]
    assert [(cost["gpu_j"], cost["notes"]["gpu_j"]) for cost in costs] == [(None, "several contenders ran at once")] * 2


def test_a_batch_whose_experts_are_estimated_too_high_is_not_judged() -> None:
    # 0.5 GB and a fourth of 28 GB for one token; two tokens are expected to need 7/16 of the experts.
    experts = Footprint(dense=500_000_000, experts=(Experts(size=28_000_000_000, count=4, used=1),))
    both = [answer(sent=20.0, first=24.0, batch=2) for _ in range(2)]
    events = spark(answer(), *both, model=experts, scenario=throughput(), samples=readings())
    found, unjudged = said(events, Code.BANDWIDTH_BOUND)
    assert isinstance(found, Verdict)
    assert found.evidence["batches"] == "1"
    assert isinstance(unjudged, Unjudged)
    assert unjudged.reason == (
        "qwen at batch 2: decoding reads 375 GB/s, 137 % of 273 GB/s: more than can be, so less is read than was"
        " estimated"
    )
    rows = document(events)["summary"]
    assert [row["roofline"]["approximations"] == [] for row in rows] == [True, False]


def until(t: float, events: list[Event]) -> RunState:
    """The state as it was at a moment: chunks come one by one, as from a running engine."""
    state = RunState()
    for event in events:
        if hasattr(event, "times"):
            for at in (at for at in event.times if at <= t):
                state.apply(replace(event, t=at, text="字", times=(at,), counts=(1,)))  # type: ignore[call-arg]
        elif event.t <= t:
            state.apply(event)
    return state


def progress(events: list[Event]) -> list[Event]:
    return [*events[:-2], PrefillProgress(t=2.0, request=0, done=8192, total=8192), *events[-2:]]


def test_the_roofline_of_this_moment() -> None:
    cached = replace(DENSE, caches=(Cache(keys=50_000, values=50_000, window=0),))
    events = progress(spark(model=cached))

    def at(t: float) -> Any:
        state = until(t, events)
        return live_roofline(state, state.contenders["qwen"], t)

    assert at(1.0) is None
    assert at(5.0) is None, "a prompt is being read"
    begun = at(6.1)
    assert begun.achieved is None, "a speed over three tokens is none"
    shown = at(12.0)
    # 6 s are 177 chunks; keys and values of 8192 positions and these, two bytes each.
    assert shown.bytes_per_token == 7.51e9 + 200_000 * (8192 + 177)
    assert shown.achieved == pytest.approx(shown.bytes_per_token * SPEED)
    assert sentence(shown) == "270 GB/s, 99 % of 273 GB/s: above what is usual (73-81 %)"
    assert at(17.0) is None, "it has ended"
    unknown = until(12.0, [event for event in events if not isinstance(event, FootprintKnown)])
    assert live_roofline(unknown, unknown.contenders["qwen"], 12.0) is None


def test_a_stream_that_falls_silent_falls_in_speed() -> None:
    state = until(10.0, progress(spark()))
    speeds = [live_roofline(state, state.contenders["qwen"], t).achieved for t in (10.5, 11.5, 13.5)]  # type: ignore[union-attr]
    assert speeds[0] == pytest.approx(7.51e9 * SPEED)
    assert speeds[0] > speeds[1] > speeds[2] == 0  # type: ignore[operator]


def test_the_cost_of_this_moment() -> None:
    events = spark()
    assert live_cost(until(5.0, events), 5.0) is None
    early = live_cost(until(6.9, events), 6.9)
    assert early is not None
    assert (early.gpu_j, early.notes["gpu_j"]) == (None, "readings cover 0.5 s of decoding, and it takes 1 s")
    cost = live_cost(until(13.0, events), 13.0)
    assert cost is not None
    assert cost.gpu_j == pytest.approx(40 / SPEED, rel=1e-4)
    assert cost.machine_j == pytest.approx(70 / SPEED, rel=1e-4)
    assert cost.notes["gpu_j"] == "GPU only: gpu.0.energy of spark-a over 4.5 s"
    assert live_cost(until(17.0, events), 17.0) is None
