"""What stdout says of a run, against figures worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sparktop.headless.columns import width
from sparktop.headless.results import results
from sparktop.model.events import (
    ContenderFailed,
    Event,
    Finish,
    RequestDone,
    RunEnded,
    RunStarted,
    SampleTaken,
    Status,
)
from sparktop.model.parts import LinkUse, SplitPart
from sparktop.model.scenario import Kind, Slo
from sparktop.model.snapshot import take_snapshot
from sparktop.model.split_events import LinkMeasured, ModelSplit
from sparktop.model.state import fold
from tests.cli.scripted import SCENARIO, beginning, contender, failed, request, whole_run
from tests.model.spark import DENSE, spark


def lines(events: list[Event], path: Path | None = None) -> list[str]:
    return results(take_snapshot(fold(events)), path)


def cells(shown: list[str], first: str) -> list[str]:
    """The words of the first line that begins so."""
    return next(line.split() for line in shown if line.startswith(first))


def test_figures() -> None:
    shown = lines(whole_run())

    assert shown[0] == "两个问题: completed"
    # 20 prompt tokens in the engine's 50 ms; two answers of 0.2 s; sent at 1.0, the last token at 2.2;
    # 20 tokens after the first ones, from 1.1 to 2.2.
    assert cells(shown, "demo-base (toy)") == [
        *("demo-base", "(toy)", "1", "2", "0", "100.0", "10.00", "100.0", "400.0", "0.20", "1.67", "18.2")
    ]


def test_one_line_for_each_answer() -> None:
    shown = lines(whole_run())

    answers = [line for line in shown if " Q1 " in line or " Q2 " in line]
    assert [line.split() for line in answers] == [
        ["demo-base", "(toy)", "Q1", "四季", "0.20", "11", "3/4", "stop"],
        ["demo-base", "(toy)", "Q2", "ASCII", "title", "0.20", "11", "-", "stop"],
    ]
    assert width(answers[0]) == width(answers[1])


def test_where_contenders_ran_is_told_where_there_is_a_choice() -> None:
    split = replace(contender("b"), node="here+there+far")
    events = beginning(contender("a"), split)
    requests = [*request(0, "a", "Q1", start=1.0, text="x"), *request(1, "b", "Q1", start=2.0, text="x")]
    assert "Where they ran: a on here, b on here, there and far." in lines([*events, *requests])
    alone = lines([*beginning(contender("a")), *requests[: len(requests) // 2]])
    assert not any(line.startswith("Where") for line in alone)


def test_what_each_machine_holds_of_a_split_model_is_told() -> None:
    here = SplitPart(node="a", address="", devices=("CPU",), layers=1, weights=3 << 20, kv=0, compute=1 << 20)
    there = SplitPart(node="b", address="10.0.0.2:5", devices=("RPC0",), layers=40, weights=3 << 30, kv=0, compute=0)
    link = LinkUse(
        node="b",
        rdma=False,
        proof="its TCP connection carried 9 bytes",
        rtt_ms=0.5,
        decode_tokens=10,
        decode_bytes=481_200,
        prompt_tokens=0,
        prompt_bytes=0,
        waiting=None,
        samples=18,
        reason="18 samples were taken, and it takes 100",
    )
    told = (ModelSplit(t=0.5, contender="m", parts=(here, there)), LinkMeasured(t=0.6, contender="m", link=link))
    shown = lines([*beginning(contender("m")), *told, *request(0, "m", "Q1", start=1.0, text="x")])
    at = shown.index("m, split:")
    assert shown[at + 1 : at + 4] == [
        "  a holds 4.0 MiB, 1 layer",
        (
            "  b holds 3.0 GiB, 40 layers; by TCP, 48.12 kB a token; waited for it n/a (18 samples were taken, and it"
            " takes 100); round trip 0.50 ms; its TCP connection carried 9 bytes"
        ),
        "A split makes no single stream faster: each token goes through one machine after the other.",
    ]


def test_only_toys_are_labelled() -> None:
    shown = lines([*beginning(contender("qwen")), *request(0, "qwen", "Q1", start=1.0, text="x")])

    assert not any("(toy)" in line for line in shown)


def test_verdicts_in_words() -> None:
    valid = lines(whole_run())
    cancelled = lines([*whole_run()[:-1], RunEnded(t=3.0, status=Status.CANCELLED)])

    assert "validity: valid" in valid
    assert "validity: NOT VALID, do not quote these figures" in cancelled
    assert "  fault: the run was cancelled: 2 of 2 requests were answered" in cancelled


def test_failures_are_told_once() -> None:
    shown = lines(
        [
            *beginning(contender("a")),
            *failed(0, "a", "Q1", start=1.0, error="out of memory"),
            *failed(1, "a", "Q2", start=2.0, error="out of memory"),
        ]
    )

    assert cells(shown, "a ")[:5] == ["a", "1", "0", "2", "n/a"]
    assert [line for line in shown if "out of memory" in line] == ["a Q1 failed: out of memory (and 1 more like it)"]


def test_failure_of_a_contender_is_told_once_with_its_requests() -> None:
    shown = lines(
        [
            *beginning(contender("a"), contender("b")),
            *failed(0, "a", "Q1", start=1.0, error="killed"),
            ContenderFailed(t=1.5, contender="a", error="killed"),
            *failed(1, "a", "Q2", start=2.0, error="killed"),
            *failed(2, "b", "Q1", start=3.0, error="killed"),
        ]
    )

    assert [line for line in shown if "killed" in line] == ["b Q1 failed: killed", "  fault: a failed: killed"]


def test_broken_off_answer_is_not_marked() -> None:
    events = whole_run()
    events = [replace(e, finish=Finish.CANCELLED) if isinstance(e, RequestDone) else e for e in events]

    assert cells(lines(events), "demo-base (toy)  Q1")[5:] == ["11", "n/a", "cancelled"]


def test_cut_answer_is_marked() -> None:
    events = whole_run()
    events = [replace(e, finish=Finish.LENGTH) if isinstance(e, RequestDone) else e for e in events]

    assert sum(line.endswith("cut at the token limit") for line in lines(events)) == 2


def test_batches_have_a_row_each_and_no_answers() -> None:
    scenario = replace(SCENARIO, kind=Kind.BATCH, batches=(1, 2))
    events = beginning(contender("a"), scenario=scenario, planned=3)
    events += request(0, "a", "Q1", start=1.0, text="x")
    events += request(1, "a", "Q1", start=2.0, text="x", batch=2)
    events += request(2, "a", "Q2", start=2.0, text="x", batch=2)

    shown = lines(events)

    rows = [line.split() for line in shown if line.startswith("a ")]
    assert [row[1:3] for row in rows] == [["1", "1"], ["2", "2"]]
    # All streams of a batch are alike, so the steady speed is that of the whole.
    assert [row[-3:] for row in rows] == [["100.0", "100.0", "1.00"], ["200.0", "200.0", "2.00"]]
    assert not any("POINTS" in line for line in shown)


def test_goodput_is_shown_where_there_are_objectives() -> None:
    scenario = replace(SCENARIO, slo=Slo(ttft_ms=500, tpot_ms=0.5))
    shown = lines([replace(e, scenario=scenario) if isinstance(e, RunStarted) else e for e in whole_run()])
    assert any(line.endswith("GOODPUT") for line in shown)
    assert "GOODPUT counts the requests per second with TTFT up to 500 ms, TPOT up to 0.5 ms." in shown
    assert "  0 of 2 requests met every SLO" in shown
    assert not any("GOODPUT" in line for line in lines(whole_run()))


def test_place_of_the_snapshot() -> None:
    assert lines(whole_run(), Path("/runs/run-1.json"))[-1] == "snapshot: /runs/run-1.json"
    assert lines(whole_run(), None)[-1] == "snapshot: not written"


def test_untrusted_names_cannot_act_on_the_terminal() -> None:
    evil = "\x1b[2Ja"
    scenario = replace(SCENARIO, title=evil, items=(replace(SCENARIO.items[0], title=evil),))
    events = [
        *beginning(contender(evil), scenario=scenario),
        *failed(0, evil, "Q1", start=1.0, error=evil),
    ]

    assert "\x1b" not in "\n".join(lines(events, Path(f"/{evil}")))


def test_bandwidth_and_energy_where_they_are_known() -> None:
    shown = lines(spark())

    start = shown.index("qwen:")
    assert shown[start + 1 : start + 5] == [
        "  221 GB/s, 81 % of 273 GB/s: usual (73-81 %); 7.51 GB a token",
        # 40 W and 60 W of the GPU, at 29.4 tokens a second decoded and 2048 read; 30 W more of the machine.
        "  1.36 J a token decoded, 0.0293 J a token read (GPU only)",
        "  2.38 J a token decoded, 0.0439 J a token read (whole machine)",
        "",
    ]
    assert "  finding: qwen: decoding reads 221 GB/s, 81 % of 273 GB/s: the memory's bandwidth holds it back" in shown
    assert not any("a token" in line for line in lines(whole_run()))


def test_bytes_over_the_link_of_a_split_model() -> None:
    def ports(sample: SampleTaken) -> SampleTaken:
        rates = {"rx_rdma": 441_000.0, "tx_rdma": 147_000.0, "rx_tcp": 0.0, "tx_tcp": 294.0}
        return replace(sample, values=sample.values | {f"port.0.{name}": rate for name, rate in rates.items()})

    events = [ports(event) if isinstance(event, SampleTaken) else event for event in spark(model=DENSE)]
    start = events[0]
    assert isinstance(start, RunStarted)
    (alone,) = start.contenders
    shown = lines([replace(start, contenders=(replace(alone, node=f"{alone.node}+spark-b"),)), *events[1:]])

    assert "  20 KB over the link for each token decoded, by RDMA" in shown
    assert "  0.01 KB over the link for each token decoded, by TCP" in shown
