"""Several runs in one report, and runs that are not as they should be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath
from typing import Any

import pytest

from sparktop.model.document import Snapshot
from sparktop.model.events import Finish, Status, TokenSource
from sparktop.model.metrics import spread
from sparktop.model.rating_events import Choice, JudgingBegan
from sparktop.model.scenario import Mode, Sampling, Slo
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import fold
from sparktop.model.validity import Validity
from sparktop.model.verdicts import Code, fault
from sparktop.report import Format, Lang, Unsound, render
from sparktop.report.build import build
from tests.model.spark import spark
from tests.model.synthetic import Request, Run, throughput
from tests.model.test_ratings import AT, BIG, JUDGE, SMALL, judged, rated, voted
from tests.report.reading import cell, table, texts
from tests.report.seeds import BASE, TUNED, general_run, sutra_run
from tests.report.seeds import BIG as SEVENTY_TWO


def again(run: Snapshot, identity: str) -> Snapshot:
    """The same run another time."""
    return replace(run, id=identity, created="2026-03-01T10:00:00+08:00")


def test_runs_of_one_scenario_stand_side_by_side() -> None:
    report = build([sutra_run(), again(sutra_run(), "again")], Lang.EN)

    found = table(report, "sutra-qa.baseline")
    # Six contenders, too many for columns; of the same name, so told apart by their runs.
    assert [row.id for row in found.rows] == [
        f"{name} · {run}" for run in ("R1", "R2") for name in (SEVENTY_TWO, TUNED, BASE)
    ]
    assert any("2 runs of the same questions, side by side: R1, R2." in text for text in texts(report))
    assert [section.id for section in report.sections if section.id.startswith("sutra-qa")] == ["sutra-qa"]


def test_runs_of_different_scenarios_are_parts_of_their_own() -> None:
    report = build([sutra_run(), general_run()], Lang.EN)

    assert [section.id for section in report.sections][2:4] == ["sutra-qa", "general"]
    assert any(text.startswith("These runs asked 2 different things") for text in texts(report))
    # The same contenders are one column each in the overall table.
    assert [column.id for column in table(report, "overall").columns] == ["name", SEVENTY_TWO, TUNED, BASE, "best"]


def test_a_scenario_that_was_changed_is_not_compared() -> None:
    run = sutra_run()
    first, *others = run.scenario.items
    changed = replace(run.scenario, items=(replace(first, prompt="另一个问题？"), *others))
    report = build([run, replace(again(run, "changed"), scenario=changed)], Lang.EN)

    assert [section.id for section in report.sections][2:4] == ["sutra-qa", "sutra-qa-2"]
    assert any("(sutra-qa) above asks something else" in text for text in texts(report))


def test_another_seed_and_more_repetitions_ask_the_same() -> None:
    run = sutra_run()
    other = replace(run.scenario, sampling=replace(run.scenario.sampling, seed=7), repetitions=5)
    report = build([run, replace(again(run, "seed"), scenario=other)], Lang.EN)

    assert len([section for section in report.sections if section.id.startswith("sutra-qa")]) == 1
    assert "They differ in how often each thing was repeated." in texts(report)


def interrupted() -> Snapshot:
    """One answer, one that broke off, one question that was never put."""
    done = Request(contender="qwen", item="Q1")
    broken = Request(contender="qwen", item="Q2", sent=2.0, chunks=((2.2, 1, "春"), (2.3, 1, "夏")), finish=None)
    waiting = Request(contender="qwen", item="Q3", sent=None, chunks=(), finish=None)
    events = Run(requests=(done, broken, waiting), status=None).events()
    return take_snapshot(fold(events), Status.INTERRUPTED)


def test_an_interrupted_run() -> None:
    report = build([interrupted()], Lang.EN)

    times = table(report, "three.times")
    assert cell(times, "Q1", "qwen").text == "0.50"
    assert [times.notes[cell(times, item, "qwen").note - 1] for item in ("Q2", "Q3")] == [
        "the run ended before the answer did"
    ] * 2
    assert cell(table(report, "three.Q2"), "qwen", "end").text == "not ended"
    assert cell(table(report, "runs"), "R1", "status").text == "INTERRUPTED"
    assert "R1: NOT VALID: don't quote these figures. " in texts(report)[0]


def test_failed_requests_are_counted_and_told_once() -> None:
    requests = [Request(item="Q1")] + [
        Request(item=item, sent=2.0, chunks=(), finish=Finish.ERROR) for item in ("Q2", "Q3")
    ]
    report = build([take_snapshot(fold(Run(requests=requests).events()))], Lang.EN)

    assert cell(table(report, "three.baseline"), "requests", "qwen").text == "1/3 (2 failed)"
    assert "qwen Q2 (and 1 more like it): the engine went away" in texts(report)
    times = table(report, "three.times")
    assert times.notes[cell(times, "Q2", "qwen").note - 1] == "failed: the engine went away"


def test_a_run_in_which_nothing_was_answered() -> None:
    nothing = take_snapshot(fold(Run(requests=(), loads=False, status=Status.FAILED).events()))
    for form in Format:
        for lang in Lang:
            assert render([nothing], form, lang)
    assert "Nothing was asked: there are no figures." in texts(build([nothing], Lang.EN))


def test_figures_of_an_edited_summary_are_not_shown() -> None:
    run = general_run()
    row = replace(run.summary[0], decode_tok_s=spread([160.0]))
    edited = replace(run, summary=(row, *run.summary[1:]))
    report = build([edited], Lang.EN)

    assert cell(table(report, "general.baseline"), "decode_tok_s", SEVENTY_TWO).text == "1.55"
    assert (
        f"R1: NOT VALID: the summary in this file does not follow from its requests ({SEVENTY_TWO} × 1)"
        in texts(report)[0]
    )


def with_request(**change: Any) -> Snapshot:
    run = general_run()
    return replace(run, requests=(replace(run.requests[0], **change), *run.requests[1:]))


def with_chunks(**change: Any) -> Snapshot:
    return with_request(chunks=replace(general_run().requests[0].chunks, **change))


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (with_request(contender="nobody"), "request 0 is of a contender that did not take part"),
        (with_request(request=1), "two requests have the same number"),
        (with_request(batch=0), "request 0 is of batch 0, repetition 0"),
        (with_request(sent_s=None), "request 0 was answered and never sent"),
        (with_request(sent_s=float("inf")), "request 0 has times that can't be"),
        (with_chunks(n=(1,)), "request 0 has 2 times and 1 counts of chunks"),
        (with_chunks(t_ms=(9.0, 1.0)), "request 0 has chunks whose times do not ascend"),
        (with_chunks(reasoning=((0, 9),)), "request 0 has reasoning outside of its chunks"),
        (replace(general_run(), contenders=general_run().contenders * 2), "two contenders have the same name"),
        (replace(general_run(), duration_s=-1.0), "it took -1.0 seconds"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_run_that_contradicts_itself_is_refused(run: Snapshot, reason: str) -> None:
    with pytest.raises(Unsound, match=r"^run 2026-02-09T09-00-00-general is damaged or was edited: ") as error:
        render([run], Format.MD, Lang.EN)
    assert str(error.value).endswith(reason)


def test_batching_that_pays_is_said_with_its_factor() -> None:
    scenario = throughput()
    requests = [Request(batch=1, item="Q1", chunks=((1.1, 1, "a"), (2.0, 9, "b")))]
    requests += [Request(batch=2, item=item, sent=3.0, chunks=((3.1, 1, "a"), (4.2, 9, "b"))) for item in ("Q1", "Q2")]
    run = take_snapshot(fold(Run(requests=requests, scenario=scenario).events()))
    [said] = [text for text in texts(build([run], Lang.EN)) if "batching" in text]

    assert said == "qwen: QPS rises from batch 1 to batch 2 by a factor of 1.67: batching pays here."
    # 18 tokens in 1.1 s against 9 in 0.9 s.
    assert cell(table(build([run], Lang.EN), "speed.throughput"), "qwen.2", "speedup").text == "1.64"


def test_batching_that_costs_is_not_called_level() -> None:
    requests = [Request(batch=1, item="Q1", chunks=((1.1, 1, "a"), (2.0, 9, "b")))]
    requests += [Request(batch=2, item=item, sent=3.0, chunks=((3.1, 1, "a"), (6.0, 9, "b"))) for item in ("Q1", "Q2")]
    run = take_snapshot(fold(Run(requests=requests, scenario=throughput()).events()))

    [said] = [text for text in texts(build([run], Lang.EN)) if "batching" in text]
    assert said.startswith("qwen: QPS falls from batch 1 to batch 2 (1.00 to 0.667): batching costs here.")


def test_goodput_where_the_scenario_sets_objectives() -> None:
    requests = [
        Request(batch=1, chunks=((1.1, 1, "a"), (2.0, 9, "b"))),
        Request(batch=2, item="Q1", sent=3.0, chunks=((3.1, 1, "a"), (4.0, 9, "b"))),
        Request(batch=2, item="Q2", sent=3.0, chunks=((3.9, 1, "a"), (5.0, 9, "b"))),
    ]
    scenario = replace(throughput(), slo=Slo(ttft_ms=500.0))
    run = take_snapshot(fold(Run(requests=requests, scenario=scenario).events()))
    found = table(build([run], Lang.EN), "speed.throughput")

    # Of two requests in 2 s one had its first token within half a second.
    assert (cell(found, "qwen.2", "qps").text, cell(found, "qwen.2", "goodput").text) == ("1.00", "0.500")
    assert not any("edited" in text for text in texts(build([run], Lang.EN)))
    edited = replace(run, summary=tuple(replace(row, goodput=9.0) for row in run.summary))
    assert any("does not follow from its requests (qwen × 1" in text for text in texts(build([edited], Lang.EN)))
    older = replace(run, summary=tuple(replace(row, goodput=None) for row in run.summary))
    assert not any("edited" in text for text in texts(build([older], Lang.EN)))
    without = take_snapshot(fold(Run(requests=requests, scenario=throughput()).events()))
    assert "goodput" not in [column.id for column in table(build([without], Lang.EN), "speed.throughput").columns]


def test_requests_that_ran_in_turn_though_issued_together_say_so() -> None:
    requests = [Request(batch=1, chunks=((1.1, 1, "a"), (2.0, 9, "b")))]
    requests += [Request(batch=2, item="Q1", sent=3.0, chunks=((3.1, 1, "a"), (4.0, 9, "b")))]
    requests += [Request(batch=2, item="Q2", sent=3.0, chunks=((4.1, 1, "a"), (5.0, 9, "b")))]
    run = take_snapshot(fold(Run(requests=requests, scenario=replace(throughput(), mode=Mode.CONCURRENT)).events()))
    [said] = [text for text in texts(build([run], Lang.EN)) if "batching" in text]

    assert said.startswith("qwen: QPS is level from batch 1 to batch 2 (1.00): batching gains nothing here.")
    assert "The requests ran one after another though they were issued together" in said


def test_counted_chunks_are_marked_as_an_estimate() -> None:
    requests = [Request(item=item, source=TokenSource.CHUNKS) for item in ("Q1", "Q2", "Q3")]
    run = take_snapshot(fold(Run(requests=requests).events()))
    report = build([run], Lang.EN)

    assert cell(table(report, "three.baseline"), "decode_tok_s", "qwen").text == "~10"
    assert cell(table(report, "three.Q1"), "qwen", "tokens").text == "~4"


def test_noise_of_a_mean_over_questions_is_that_of_repetitions() -> None:
    """Questions differ by themselves: 1 s and 3 s, asked twice, are known to a hundredth all the same."""
    requests = [
        Request(
            item=item, repetition=repetition, sent=0.0, chunks=((0.1, 1, "a"), (seconds + repetition * 0.02, 5, "b"))
        )
        for repetition in (0, 1)
        for item, seconds in (("Q1", 1.0), ("Q2", 3.0))
    ]
    run = take_snapshot(fold(Run(requests=requests).events()))
    shown = cell(table(build([run], Lang.EN), "three.baseline"), "mean_response_s", "qwen")
    assert shown.text == "2.01"


def test_people_and_models_are_told_apart() -> None:
    requests = tuple(Request(contender=name, item=item) for item in ("Q1", "Q2") for name in ("big", "small"))
    state = fold(Run(contenders=("big", "small"), requests=requests).events())
    began = JudgingBegan(t=2.0, number=1, judge=JUDGE, rubric="深浅", sampling=Sampling(), planned=4, at=AT)
    state.extend(
        [
            began,
            judged(2, BIG, SMALL, Choice.FIRST),
            judged(3, SMALL, BIG, Choice.FIRST),
            rated(4, 0, 5),
            rated(5, 1, 3),
            rated(6, 0, 4, rater="bob"),
            voted(7, BIG, SMALL, Choice.FIRST),
        ]
    )
    report = build([take_snapshot(state)], Lang.EN)

    stars = table(report, "three.stars.R1.")
    assert cell(stars, "depth", "big").text == "★★★★☆ 4.5 (2)"
    assert cell(stars, "depth", "small").text == "★★★☆☆ 3 (1)"
    assert cell(table(report, "three.stars.R1.bob"), "depth", "small").text == "n/a"
    people = table(report, "three.votes.R1.matchups")
    assert [one.text for one in people.rows[0].cells] == [
        *("big against small", "1", "1", "0", "0", "100 %", "21 % to 100 %")
    ]
    # It preferred what came first, in both orders: a tie.
    model = table(report, "three.judge.R1.1.matchups")
    assert [one.text for one in model.rows[0].cells[:5]] == ["big against small", "1", "0", "0", "1"]
    pairs = table(report, "three.judge.R1.1.pairs")
    assert [one.text for one in pairs.rows[0].cells] == ["Q1", "big", "small", "changed with the order: a tie"]
    itself = replace(JUDGE, url="", model="/elsewhere/" + PurePath(state.contenders["big"].contender.model).name)
    state.apply(replace(began, number=8, judge=itself))
    own = "It judged answers of its own (big): models tend to prefer what they wrote themselves."
    assert own in texts(build([take_snapshot(state)], Lang.EN))
    said = texts(report)
    assert own not in said
    assert "Ratings that count: 3, of them blind: 0. In brackets: of how many a mean is." in said
    assert "Votes that count: 1, of them blind: 0." in said
    assert "What people think and what models think are never added up." in said
    assert any(
        text.startswith("A model's opinion, not a person's: judge (q, http) gave 2 of 4 verdicts") for text in said
    )
    assert (
        "Of 2 verdicts it preferred the answer shown first 2 times and the one shown second 0 times; ties: 0." in said
    )


def test_a_report_needs_a_run() -> None:
    with pytest.raises(ValueError, match="needs a run"):
        build([], Lang.EN)


def test_verdicts_and_what_was_not_judged_are_both_said() -> None:
    run = sutra_run()
    verdicts = (fault(Code.SWAP_GROWTH, "swap of .100 grew by 1.50 GiB during the run"),)
    report = build([replace(run, validity=Validity(valid=False, verdicts=verdicts, unjudged=()))], Lang.ZH)

    assert "错误 · 交换区增长：运行期间 .100 的交换区增长了 1.50 GiB" in texts(report)
    assert texts(report)[0] == "R1：无效：不要引用这些数字。"


def test_bandwidth_and_energy_of_a_spark() -> None:
    """7.51 GB a token at 29.4 tok/s; 40 W while decoding, the machine 30 W more; 60 W for 4 s over 8192 tokens."""
    found = table(build([take_snapshot(fold(spark()))], Lang.EN), "three.bandwidth")

    shown = {column.id: cell(found, "qwen.1", column.id).text for column in found.columns}
    assert shown == {
        "name": "qwen",
        "bytes_per_token_gb": "7.510",
        "achieved_gb_s": "221",
        "roofline_share": "81 %",
        "ceiling_tok_s": "36.4",
        "gpu_j": "1.36",
        "machine_j": "2.38",
        "prefill_gpu_j": "0.0293",
    }


def test_what_nobody_has_is_said_once_with_its_reason() -> None:
    report = build([sutra_run()], Lang.EN)

    said = [text for text in texts(report) if text.startswith(("GPU, J per token", "share of the roofline"))]
    assert said[:2] == [
        "share of the roofline: n/a (it is not known what the model reads for each token)",
        "GPU, J per token: n/a (the run did not count it)",
    ]
