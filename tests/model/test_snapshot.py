"""The document: its schema holds, and every figure in it follows from its chunks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparktop.model.events import ContenderFailed, Finish, Notice, SampleTaken, Status
from sparktop.model.scenario import Slo
from sparktop.model.schema import snapshot_schema
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import RunState, fold
from sparktop.model.summary import summarise_run
from tests.model.recompute import check_request, check_summary, strict
from tests.model.synthetic import QUESTIONS, Request, Run, sample, throughput

SCHEMA = snapshot_schema()


def document(run: Run, status: Status | None = None) -> dict[str, Any]:
    """A run's snapshot as whoever reads the file sees it."""
    loaded: dict[str, Any] = orjson.loads(orjson.dumps(take_snapshot(fold(run.events()), status)))
    return loaded


def together(sent: float, batch: int, repetition: int, offset: float = 0.0) -> list[Request]:
    """A batch whose streams start 7 ms apart and decode at slightly different speeds."""
    return [
        Request(
            sent=sent,
            batch=batch,
            repetition=repetition,
            finish=Finish.LENGTH,
            chunks=[
                (sent + 0.2123456 + 0.007 * i + (0.0101234 + offset + 0.001 * i) * k, 1 + k % 2, "字") for k in range(9)
            ],
            output_tokens=13,
            max_tokens=13,
        )
        for i in range(batch)
    ]


SWEEP = Run(
    scenario=throughput(repetitions=2, max_tokens=13),
    requests=[
        *(Request(warmup=True, sent=0.91, chunks=[(0.95, 1, "热")], finish=Finish.LENGTH),),
        *together(1.0000004, 1, 0),
        *together(2.0, 1, 1, 0.002),
        *together(3.0, 2, 0),
        *together(4.0, 2, 1, 0.003),
    ],
    samples=[sample(0.5, memory_available=50e9, swap_used=0.0, psi_full=0.0)],
)
THINKING = Run(
    requests=[
        Request(
            item="Q1", sent=1.0, chunks=[(1.2, 1, "想"), (1.25, 2, "想"), (1.5, 1, "答"), (1.6, 1, "案")], reasoning=2
        ),
        Request(item="Q2", sent=2.0, chunks=[(2.3, 1, "只")], prefill_ms=None, cached_tokens=None),
        Request(item="Q3", sent=3.0, chunks=[(3.4, 1, "坏")], finish=Finish.ERROR),
        Request(
            item="Q4",
            sent=4.0,
            more={"drafted_tokens": 4, "accepted_tokens": 2, "decode_ms": 300.25, "decode_tokens": 4},
        ),
        Request(item="Q5", sent=5.0, prefill_ms=None, chunks=[(5.3, 1, "远")], more={"rtt_ms": 100.1234}),
    ],
    extra=[Notice(t=0.3, text="磁盘满")],
)
FAILED = Run(
    requests=[Request(sent=None, chunks=(), finish=Finish.ERROR)],
    loads=False,
    status=Status.FAILED,
    extra=[ContenderFailed(t=0.5, contender="qwen", error="out of memory; use a smaller model", log="ggml: no")],
)
CUT_OFF = Run(
    requests=[Request(), Request(sent=2.0, finish=None), Request(sent=None, chunks=(), finish=None)], status=None
)
# The TTFT parts the streams of a batch, and the TPOT the repetitions.
TIMELY = replace(SWEEP, scenario=replace(SWEEP.scenario, slo=Slo(ttft_ms=215.0, tpot_ms=7.5, response_ms=320.0)))
# A server's counters tell of a batch as one: the last request has what was drafted for both.
DRAFTED = replace(
    SWEEP,
    requests=[
        *SWEEP.requests[:-1],
        replace(
            SWEEP.requests[-1],
            more={"drafted_tokens": 30, "accepted_tokens": 14, "draft_steps": 10, "drafts_of": 2},
        ),
    ],
)
RUNS = {
    "drafted": DRAFTED,
    "sweep": SWEEP,
    "timely": TIMELY,
    "thinking": THINKING,
    "failed": FAILED,
    "cut off": CUT_OFF,
}


def test_the_schema_is_a_schema_with_every_field_described() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for name in ("Snapshot", "RequestRecord", "Chunks", "RequestMetrics", "Series", "Verdict", "Node"):
        assert SCHEMA["$defs"][name]["description"]
    own = {"Snapshot", "ContenderRecord", "TokenCounts", "Chunks", "RequestMetrics", "Series", "Missing", "Summary"}
    for name in own:
        for field, definition in SCHEMA["$defs"][name]["properties"].items():
            assert definition.get("description"), f"{name}.{field}"


@pytest.mark.parametrize("name", RUNS)
def test_snapshots_fulfil_the_schema(name: str) -> None:
    jsonschema.validate(document(RUNS[name]), SCHEMA)
    jsonschema.validate(document(RUNS[name]), strict(SCHEMA))


def test_readers_allow_fields_that_a_later_version_adds() -> None:
    later = document(SWEEP) | {"weather": "fine"}
    later["requests"][0]["mood"] = "good"
    jsonschema.validate(later, SCHEMA)


@pytest.mark.parametrize("key", ["schema", "status", "requests", "summary", "validity"])
def test_the_schema_refuses_what_is_no_snapshot(key: str) -> None:
    broken = document(SWEEP)
    del broken[key]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, SCHEMA)


def test_what_a_batch_drafted_is_of_its_row_and_labelled_as_the_batchs() -> None:
    found = document(DRAFTED)
    rows = {row["batch"]: row for row in found["summary"]}
    assert (rows[1]["acceptance"], rows[1]["accepted_length"]) == (None, None)
    assert rows[2]["acceptance"] == pytest.approx(14 / 30)
    assert rows[2]["accepted_length"] == pytest.approx(1 + 14 / 10)
    assert [one["drafts_of"] for one in found["requests"]] == [1] * (len(found["requests"]) - 1) + [2]


@pytest.mark.parametrize("name", RUNS)
def test_every_figure_can_be_computed_again_from_the_json_alone(name: str) -> None:
    found = document(RUNS[name])
    for request in found["requests"]:
        check_request(request)
    check_summary(found)


chunk_times = st.lists(st.floats(0.0001, 0.5), min_size=0, max_size=12)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0.5, 9000.0), chunk_times, st.integers(1, 5), st.sampled_from([1, 2]), st.integers(0, 1)),
        min_size=1,
        max_size=6,
    )
)
def test_figures_follow_from_the_json_whatever_the_times(
    drawn: list[tuple[float, list[float], int, int, int]],
) -> None:
    requests = []
    for sent, gaps, count, batch, repetition in drawn:
        t, chunks = sent, []
        for gap in gaps:
            t += gap
            chunks.append((t, count, "字"))
        requests.append(
            Request(sent=sent, chunks=chunks, batch=batch, repetition=repetition, reasoning=min(2, len(chunks)))
        )
    found = document(Run(requests=requests))
    for request in found["requests"]:
        check_request(request)
    check_summary(found)


def test_figures_are_those_computed_by_hand() -> None:
    found = document(THINKING)
    first = found["requests"][0]
    assert first["chunks"] == {"t_ms": [200.0, 250.0, 500.0, 600.0], "n": [1, 2, 1, 1], "reasoning": [[0, 2]]}
    assert (first["reasoning"], first["answer"], first["sent_s"]) == ("想想", "答案", 1.0)
    assert first["metrics"] == {
        "ttft_ms": 200.0,
        "ttfa_ms": 500.0,
        "e2e_ms": 600.0,
        "tpot_ms": 100.0,
        "decode_tok_s": 10.0,
        "prefill_tok_s": 200.0,
        "prefill_estimated": False,
    }
    assert found["notices"] == [{"t_s": 0.3, "text": "磁盘满"}]
    # 20 tokens in 300 ms, of which the network took 100.123.
    assert found["requests"][4]["metrics"]["prefill_tok_s"] == pytest.approx(20 / 0.199877)
    assert found["requests"][2]["error"] == "the engine went away"


def test_speedup_is_over_the_same_contender_alone() -> None:
    rows = {row["batch"]: row for row in document(SWEEP)["summary"]}
    assert rows[1]["speedup"] == rows[1]["efficiency"] == 1.0
    expected = rows[2]["aggregate_tok_s"] / rows[1]["aggregate_tok_s"]
    assert 1 < expected < 2
    assert rows[2]["speedup"] == pytest.approx(expected, rel=1e-8)
    assert rows[2]["efficiency"] == pytest.approx(expected / 2, rel=1e-8)
    assert rows[2]["repetitions"] == 2


def test_without_batch_one_there_is_no_speedup() -> None:
    row = document(Run(requests=together(1.0, 2, 0), scenario=throughput()))["summary"][0]
    assert row["aggregate_tok_s"] is not None
    assert (row["speedup"], row["efficiency"]) == (None, None)


def test_a_batch_in_which_a_request_failed_is_not_that_batch() -> None:
    good, bad = together(1.0, 2, 0), together(2.0, 2, 1)
    failed = Request(sent=2.0, batch=2, repetition=1, finish=Finish.ERROR)
    row = document(Run(requests=[*good, bad[0], failed], scenario=throughput()))["summary"][0]
    assert (row["n"], row["completed"], row["failed"], row["repetitions"]) == (4, 3, 1, 1)
    alone = document(Run(requests=good, scenario=throughput()))["summary"][0]
    assert row["aggregate_tok_s"] == alone["aggregate_tok_s"]


def test_what_was_not_measured_is_null_and_never_zero() -> None:
    found = document(FAILED)
    assert found["contenders"][0]["load_s"] is None
    assert found["contenders"][0]["error"] == "out of memory; use a smaller model"
    request = found["requests"][0]
    assert request["sent_s"] is None
    assert set(request["metrics"].values()) == {None, False}
    row = found["summary"][0]
    assert (row["n"], row["completed"], row["failed"]) == (1, 0, 1)
    assert [row[name] for name in ("qps", "total_s", "aggregate_tok_s", "mean_response_ms", "speedup")] == [None] * 5
    assert row["tpot_ms"] == {"n": 0, "median": None, "low": None, "high": None, "p95": None, "p99": None}


def test_a_run_that_was_cut_off_has_the_status_it_is_given() -> None:
    found = document(CUT_OFF, Status.INTERRUPTED)
    assert found["status"] == "interrupted"
    assert [request["finish"] for request in found["requests"]] == ["stop", None, None]
    assert found["requests"][1]["answer"] == "春夏秋冬"
    assert not found["validity"]["valid"]
    assert document(CUT_OFF)["status"] == "running"


def test_warm_up_is_left_out() -> None:
    assert [request["request"] for request in document(SWEEP)["requests"]] == [1, 2, 3, 4, 5, 6]


def test_telemetry_keeps_its_gaps_and_says_what_is_missing() -> None:
    lost = SampleTaken(t=2.0, node="spark-a", values={}, missing={"memory.available": "gone"})
    never = SampleTaken(t=4.0, node="spark-a", values={}, missing={"psi.some": "no PSI in this kernel"})
    samples = [sample(1.0, memory_available=5e9), lost, sample(3.0, memory_available=4e9), never]
    found = document(Run(samples=samples))
    series = found["telemetry"][0]
    assert series == {
        "node": "spark-a",
        "channel": "memory.available",
        "unit": "bytes",
        "t_s": [1.0, 2.0, 3.0],
        "values": [5e9, None, 4e9],
    }
    assert found["missing"] == [{"node": "spark-a", "channel": "psi.some", "reason": "no PSI in this kernel"}]


def test_a_run_that_has_not_begun_has_no_snapshot() -> None:
    with pytest.raises(ValueError, match="not begun"):
        take_snapshot(RunState())


def test_the_live_summary_is_the_one_of_the_snapshot() -> None:
    state = fold(SWEEP.events())
    live = summarise_run(state)
    kept = take_snapshot(state).summary
    assert [(row.contender, row.batch) for row in live] == [(row.contender, row.batch) for row in kept]
    for one, other in zip(live, kept, strict=True):
        assert one.aggregate_tok_s == pytest.approx(other.aggregate_tok_s, rel=1e-4)
        assert one.tpot_ms.median == pytest.approx(other.tpot_ms.median, rel=1e-4)


def test_questions_are_one_cell_for_each_repetition() -> None:
    requests = [
        Request(item=item.id, repetition=repetition, sent=s, chunks=[(s + 0.5, 1, "a"), (s + 1, 1, "b")])
        for repetition in (0, 1)
        for number, item in enumerate(QUESTIONS.items)
        for s in [1.0 + 10 * repetition + (1 + repetition) * number]
    ]
    row = document(Run(requests=requests))["summary"][0]
    # The first takes 1 + 1 + 1 s for three questions, the second 2 + 2 + 1 s.
    assert row["repetitions"] == 2
    assert row["total_s"] == pytest.approx((3 + 5) / 2)
    assert row["qps"] == pytest.approx((3 / 3 + 3 / 5) / 2)
    assert row["mean_response_ms"] == pytest.approx(1000)
