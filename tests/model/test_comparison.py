"""Two runs held against each other: what got better or worse, what is chance, and what can't be compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from sparktop.model.changes import Change, Verdict
from sparktop.model.comparison import Comparison, NotComparable, compare
from sparktop.model.document import Snapshot
from sparktop.model.events import Finish, Status
from sparktop.model.records import Options
from sparktop.model.scenario import Item, Kind, Mode, Sampling, Scenario
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import fold
from tests.model.spark import spark
from tests.model.synthetic import NODE, Request, Run, throughput

TEN = Scenario(
    name="ten",
    title="Ten",
    description="",
    kind=Kind.QUESTIONS,
    items=tuple(Item(id=f"Q{n}", prompt=f"第{n}问？", points=(("春",), ("夏",))) for n in range(10)),
)


def asked(item: str, tok_s: float, *, answer: str = "春夏秋冬春夏", **changes: Any) -> Request:
    """A request that decodes at a speed after 0.2 s."""
    chunks = [(1.2 + n / tok_s, 1, character) for n, character in enumerate(answer)]
    return Request(item=item, chunks=chunks, **changes)


def ten(tok_s: Callable[[int], float], **changes: Any) -> Snapshot:
    """A run of ten questions, each with a speed of its own."""
    requests = [asked(f"Q{n}", tok_s(n)) for n in range(10)]
    return taken(Run(**{"scenario": TEN, "requests": requests, **changes}))


def taken(run: Run) -> Snapshot:
    return take_snapshot(fold(run.events()))


def the(comparison: Comparison, metric: str, row: int = 0) -> Change:
    return next(change for change in comparison.rows[row].changes if change.metric == metric)


FAST = ten(lambda n: 20.0 + 5 * n)


def test_a_slower_run_is_worse_by_as_much_as_it_is_slower() -> None:
    # A fifth slower, give or take 2 %, at speeds that differ threefold.
    slow = ten(lambda n: (20.0 + 5 * n) * (0.78 if n % 2 else 0.82))
    found = compare(FAST, slow)
    speed = the(found, "decode_tok_s")
    assert speed.change == pytest.approx(-0.20, abs=1e-4)
    assert (speed.low, speed.high) == pytest.approx((-0.22, -0.18), abs=1e-4)
    assert (speed.verdict, speed.n, speed.reason) == (Verdict.WORSE, 10, "")
    assert speed.before == pytest.approx(42.5, rel=1e-4)
    assert [change.metric for _, change in found.worse(0.10)] == ["decode_tok_s"]
    assert found.worse(0.25) == []
    response = the(found, "response_ms")
    assert response.verdict is Verdict.WORSE
    assert response.change is not None
    assert response.change > 0
    for metric in ("ttft_ms", "prefill_tok_s", "output_tokens", "points"):
        assert the(found, metric).verdict is Verdict.SAME, metric
    # The other way round it is better.
    back = compare(slow, FAST)
    assert the(back, "decode_tok_s").verdict is Verdict.BETTER
    assert back.worse(0.0) == []


def test_what_varies_more_than_it_changed_is_no_change() -> None:
    noisy = ten(lambda n: (20.0 + 5 * n) * (0.6 if n < 5 else 1.3))
    speed = the(compare(FAST, noisy), "decode_tok_s")
    assert speed.verdict is Verdict.SAME
    assert speed.low is not None
    assert speed.high is not None
    assert speed.low < 0 < speed.high


def test_a_run_is_as_it_is() -> None:
    found = compare(FAST, FAST)
    assert {change.verdict for change in found.rows[0].changes} == {Verdict.SAME}
    assert "Both are the same run." in found.cautions
    assert found.differences == ()


@pytest.mark.parametrize(
    ("count", "verdict", "reason"),
    [
        (
            1,
            Verdict.UNKNOWN,
            "one question, run once: to tell a change from chance takes 3 repetitions",
        ),
        (4, Verdict.UNKNOWN, "4 questions, each asked once: too few to tell a change from chance"),
        (5, Verdict.WORSE, ""),
    ],
)
def test_few_questions_tell_little(count: int, verdict: Verdict, reason: str) -> None:
    scenario = replace(TEN, items=TEN.items[:count])
    one, other = (
        taken(Run(scenario=scenario, requests=[asked(f"Q{n}", speed) for n in range(count)])) for speed in (40.0, 20.0)
    )
    speed = the(compare(one, other), "decode_tok_s")
    assert (speed.verdict, speed.reason) == (verdict, reason)
    assert speed.change == pytest.approx(-0.5, abs=1e-4)
    assert compare(one, other).unjudged >= (verdict is Verdict.UNKNOWN)


# -- batches -----------------------------------------------------------------------------------------------------------


def sweep(tok_s: Sequence[float], **changes: Any) -> Snapshot:
    """A run of batches of 1 and 2, repeated, each repetition with a speed of its own."""
    requests = [
        asked("Q1", speed, batch=batch, repetition=repetition, finish=Finish.LENGTH)
        for batch in (1, 2)
        for repetition, speed in enumerate(tok_s)
        for _ in range(batch)
    ]
    scenario = throughput(repetitions=len(tok_s), max_tokens=6)
    return taken(Run(**{"scenario": scenario, "requests": requests, **changes}))


def test_streams_of_one_batch_are_no_measurements_of_their_own() -> None:
    one, other = sweep([40.0]), sweep([20.0])
    for row in compare(one, other).rows:
        for change in row.changes:
            assert change.verdict is Verdict.UNKNOWN, change.metric
    steady = the(compare(one, other), "steady_tok_s", 1)
    assert steady.reason.startswith("one batch of 2, run once")
    assert (steady.n, steady.low, steady.high, steady.level) == (1, None, None, None)


def test_three_repetitions_tell_apart_what_does_not_overlap() -> None:
    found = compare(sweep([40.0, 41.0, 42.0]), sweep([30.0, 31.0, 32.0]))
    assert [(row.name, row.batch) for row in found.rows] == [("qwen", 1), ("qwen", 2)]
    for row, metric in ((0, "decode_tok_s"), (1, "steady_tok_s"), (1, "aggregate_tok_s"), (1, "total_s")):
        change = the(found, metric, row)
        assert (change.verdict, change.n) == (Verdict.WORSE, 3), metric
        assert change.level == pytest.approx(0.9)
    assert the(found, "steady_tok_s", 1).before == pytest.approx(82.0, rel=1e-3)
    overlapping = compare(sweep([40.0, 41.0, 42.0]), sweep([30.0, 31.0, 40.5]))
    assert the(overlapping, "decode_tok_s").verdict is Verdict.SAME


def test_a_batch_that_lost_a_request_is_another_batch() -> None:
    whole = sweep([40.0, 41.0, 42.0])
    run = Run(
        scenario=throughput(repetitions=3, max_tokens=6),
        requests=[
            asked("Q1", speed, batch=2, repetition=repetition, finish=finish)
            for repetition, speed in enumerate((30.0, 31.0, 32.0))
            for finish in (Finish.LENGTH, Finish.ERROR if repetition == 2 else Finish.LENGTH)
        ],
    )
    found = compare(whole, taken(run))
    assert the(found, "steady_tok_s").n == 2
    failed = the(found, "failed")
    assert (failed.before, failed.after, failed.unit, failed.verdict) == (0.0, 1.0, "of 6", Verdict.WORSE)
    # However high the threshold: there was none before.
    assert failed in [change for _, change in found.worse(10.0)]


# -- answers, costs ----------------------------------------------------------------------------------------------------


def test_points_that_are_no_longer_named() -> None:
    def run(forgetful: int) -> Snapshot:
        answers = ["春" if n < forgetful else "春夏秋冬" for n in range(10)]
        return taken(Run(scenario=TEN, requests=[asked(f"Q{n}", 30.0, answer=a) for n, a in enumerate(answers)]))

    points = the(compare(run(0), run(6)), "points")
    assert (points.before, points.after, points.unit, points.verdict) == (20.0, 14.0, "of 20", Verdict.WORSE)
    assert points.change == pytest.approx(-0.3)
    few = the(compare(run(0), run(2)), "points")
    assert (few.verdict, few.reason) == (
        Verdict.UNKNOWN,
        "only 2 answers differ: too few to tell a change from chance",
    )
    assert the(compare(run(3), run(3)), "points").verdict is Verdict.SAME


def test_what_a_run_tells_but_once_is_shown_and_not_judged() -> None:
    one = take_snapshot(fold(spark()))
    cost = the(compare(one, one), "decode_gpu_j")
    assert cost.before == pytest.approx(1.36, abs=0.01)
    assert (cost.unit, cost.verdict) == ("J/token", Verdict.UNKNOWN)
    assert "how much it varies is not known" in cost.reason


# -- who and what is compared ------------------------------------------------------------------------------------------


def named(*names: str, id: str = "x") -> Snapshot:  # noqa: A002  (the record's own name)
    requests = [asked(f"Q{n}", 30.0, contender=name) for name in names for n in range(10)]
    return taken(Run(scenario=TEN, contenders=names, requests=requests, id=id))


def test_contenders_are_matched_by_name_and_one_each_always() -> None:
    assert [row.name for row in compare(named("a", "b", "c"), named("c", "a")).rows] == ["a", "c"]
    assert "b is in x only." in compare(named("a", "b"), named("a")).cautions
    assert [row.name for row in compare(named("old"), named("new")).rows] == ["old / new"]
    swapped = compare(named("a", "b"), named("a", "b"), {"a": "b", "b": "a"})
    assert [row.name for row in swapped.rows] == ["a / b", "b / a"]


@pytest.mark.parametrize(
    ("one", "other", "pairs", "sentence"),
    [
        (named("a", "b"), named("c", "d"), {}, "say who is to be held against whom"),
        (named("a"), named("b"), {"c": "b"}, "x has no contender c: it has a"),
        (named("a"), named("b"), {"a": "c"}, "x has no contender c: it has b"),
        (FAST, sweep([1.0]), {}, "only runs of one scenario can be compared"),
        (FAST, ten(lambda n: 1.0, scenario=replace(TEN, name="eleven")), {}, "only runs of one scenario"),
        (
            FAST,
            taken(Run(scenario=replace(TEN, items=(Item(id="Q0", prompt="other"),)), requests=[asked("Q0", 1.0)])),
            {},
            "no question in common",
        ),
        (sweep([1.0]), sweep([1.0], scenario=replace(throughput(), batches=(4,))), {}, "no batch size in common"),
        (
            sweep([1.0]),
            sweep([1.0], scenario=replace(throughput(), items=throughput().items[:1])),
            {},
            "made of other questions",
        ),
        (
            sweep([1.0], scenario=throughput(Kind.PREFILL_DECODE, isl=64)),
            sweep([1.0], scenario=throughput(Kind.PREFILL_DECODE, isl=128)),
            {},
            "speeds at different lengths say nothing of each other",
        ),
        (FAST, ten(lambda n: 1.0, requests=[]), {}, "no request in common"),
    ],
)
def test_what_has_nothing_in_common_is_refused(
    one: Snapshot, other: Snapshot, pairs: dict[str, str], sentence: str
) -> None:
    for a, b in ((one, other), (other, one)) if not pairs else ((one, other),):
        with pytest.raises(NotComparable) as error:
            compare(a, b, pairs)
        assert sentence in str(error.value)
        assert "\n" not in str(error.value)


def test_only_what_both_asked_in_the_same_words_counts() -> None:
    fewer = replace(TEN, items=(*TEN.items[:6], replace(TEN.items[6], prompt="第六问吗？")))
    short = ten(lambda n: 30.0, scenario=fewer, requests=[asked(f"Q{n}", 30.0) for n in range(7)])
    found = compare(FAST, short)
    assert the(found, "decode_tok_s").n == 6
    assert "Q6 was asked in other words and was left out." in found.cautions
    assert "Q7, Q8, Q9 were asked in one of the runs only and were left out." in found.cautions
    # The medians are those of the six, not of the run.
    assert the(found, "decode_tok_s").before == pytest.approx(32.5, rel=1e-4)


def test_other_ways_to_issue_batches_leave_single_requests() -> None:
    sequential = sweep([40.0] * 3, scenario=replace(throughput(repetitions=3), mode=Mode.SEQUENTIAL))
    found = compare(sweep([40.0] * 3), sequential)
    assert [row.batch for row in found.rows] == [1]
    assert any("only batch 1 is compared" in caution for caution in found.cautions)


def test_what_else_differs_is_said() -> None:
    other = ten(
        lambda n: 20.0 + 5 * n,
        scenario=replace(TEN, system="简短。", warmup=1, sampling=Sampling(temperature=0.7, top_k=3)),
        options=Options(together=True),
        node=replace(NODE, driver="590.01", gpus=("NVIDIA H200",)),
        contenders=("qwen", "llama"),
        status=Status.CANCELLED,
        id="later",
    )
    told = compare(FAST, other)
    assert told.differences == (
        "The system message is another.",
        "temperature: 0.0, then 0.7.",
        "Tokens are chosen in another way (see scenario.sampling of both).",
        "warm-up requests: 0, then 1.",
        "In later all contenders ran at once.",
        "spark-a: GPUs: NVIDIA GB10, then NVIDIA H200.",
        "spark-a: NVIDIA driver: 580.95, then 590.01.",
    )
    assert "later is cancelled: it has only a part of what it was to measure." in told.cautions
    assert any(caution.startswith("later is not valid (") for caution in told.cautions)
    assert "llama is in later only." in told.cautions
