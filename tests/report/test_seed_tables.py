"""The tables of two published documents, cell by cell, from runs that hold their figures."""

from __future__ import annotations

import pytest

from sparktop.published import load_published
from sparktop.report.build import build
from sparktop.report.document import Report
from sparktop.report.language import Lang, language
from tests.report.reading import agrees, cell, table, texts
from tests.report.seeds import (
    BASE,
    BATCHES,
    BIG,
    GENERAL_SECONDS,
    THIRTEEN,
    TUNED,
    batch_run,
    general_run,
    speeds_run,
    sutra_run,
)


@pytest.fixture(scope="module")
def evaluation() -> Report:
    return build([sutra_run(), general_run(), batch_run()], Lang.ZH, load_published())


@pytest.fixture(scope="module")
def thirteen() -> Report:
    return build([speeds_run()], Lang.ZH, load_published())


def test_environment(evaluation: Report) -> None:
    nodes, models = table(evaluation, "nodes"), table(evaluation, "models")

    assert [row.id for row in nodes.rows] == [".100", ".101"]
    assert {cell(nodes, row.id, "gpu").text for row in nodes.rows} == {"NVIDIA GB10"}
    assert {cell(nodes, row.id, "memory").text for row in nodes.rows} == {"128 GiB"}
    assert [cell(models, name, "size").text for name in (BIG, TUNED, BASE)] == ["136 GiB", "62.0 GiB", "62.0 GiB"]
    assert cell(models, BIG, "place").text == ".100、.101（CUDA0 (NVIDIA GB10)）"


@pytest.mark.parametrize(
    ("part", "figure", "printed"),
    [
        ("sutra-qa", "decode_tok_s", ("~1.6", "3.5", "3.5")),
        ("sutra-qa", "tpot_ms", ("~650", "~285", "~285")),
        ("sutra-qa", "mean_response_s", ("187.4", "86.9", "85.7")),
        # The document prints ~110.3 for the first. Its own eight times (table 4) have a mean of 114.1, and their sum is
        # what a run holds; the other two agree.
        ("general", "mean_response_s", ("114.1", "~55.9", "~53.8")),
    ],
)
def test_baseline(evaluation: Report, part: str, figure: str, printed: tuple[str, ...]) -> None:
    found = table(evaluation, f"{part}.baseline")

    for name, wanted in zip((BIG, TUNED, BASE), printed, strict=True):
        assert agrees(cell(found, figure, name).text, wanted), name


def test_general_questions(evaluation: Report) -> None:
    found = table(evaluation, "general.times")

    titles = [row.cells[0].text for row in found.rows]
    assert titles[0] == "G1 测不准原理（物理）"
    assert titles[4:] == ["G5 心经（佛学）", "G6 四谛（佛学）", "G7 三性（佛学）", "G8 缘起（佛学）"]
    for name, seconds in GENERAL_SECONDS.items():
        for row, wanted in zip(found.rows, seconds, strict=True):
            assert agrees(cell(found, row.id, name).text, str(wanted)), (row.id, name)


def test_throughput(evaluation: Report) -> None:
    found = table(evaluation, "batch-sweep.throughput")

    for batch, seconds in BATCHES.items():
        row = f"{BIG}.{batch}"
        assert agrees(cell(found, row, "total_s").text, str(seconds))
        assert cell(found, row, "qps").text == "0.011"
    # Of ten requests in turn nine wait for their prompts to be read while nothing is decoded.
    assert cell(found, f"{BIG}.10", "speedup").text == "0.99"


def test_that_batching_gains_nothing_is_said(evaluation: Report) -> None:
    [said] = [text for text in texts(evaluation) if "批处理" in text]
    assert said.startswith(f"{BIG}：QPS 从批量 1 到批量 10 保持不变（0.011），在这里批处理没有收益。")
    assert "不是机器的极限" in said

    [english] = [text for text in texts(build([batch_run()], Lang.EN)) if "batching" in text]
    assert english.startswith(f"{BIG}: QPS is level from batch 1 to batch 10 (0.011): batching gains nothing here.")


def test_overall_table(evaluation: Report) -> None:
    found = table(evaluation, "overall")

    rows = {
        "sutra-qa.stars.depth": ("★★★★☆ 4", "★★★★★ 5", "★★★☆☆ 3", TUNED),
        "sutra-qa.stars.quoting": ("★★★☆☆ 3", "★★★★★ 5", "★★☆☆☆ 2", TUNED),
        "general.stars.depth": ("★★★★★ 5", "★★★★★ 5", "★★★★★ 5", "持平"),
        "sutra-qa.decode_tok_s": ("1.55", "3.51", "3.51", f"{TUNED}、{BASE}"),
        "sutra-qa.stars.value": ("★★☆☆☆ 2", "★★★★★ 5", "★★★☆☆ 3", TUNED),
    }
    for row, wanted in rows.items():
        shown = tuple(cell(found, row, column).text for column in (BIG, TUNED, BASE, "best"))
        assert shown == wanted, row


def test_what_is_said_of_the_answers_to_the_first_question(evaluation: Report) -> None:
    found = table(evaluation, "sutra-qa.Q1")

    assert cell(found, BIG, "source").text == "未引《杂阿含经》、误引：大般涅槃经"
    assert cell(found, TUNED, "source").text == "已引《杂阿含经》"
    assert cell(found, TUNED, "points").text == "5/5"
    assert cell(found, BASE, "source").text == "未引《杂阿含经》"


def test_the_document_itself_beside_the_run(evaluation: Report) -> None:
    """The run has the document's figures, so the ratios are 1 but where it contradicts itself."""
    sutra = table(evaluation, "sutra-qa.published-two-sparks-72b-vs-32b")
    general = table(evaluation, "general.published-two-sparks-72b-vs-32b")

    for name in (BIG, TUNED, BASE):
        assert cell(sutra, name, "response_ratio").text == "1.00 ×"
    assert cell(sutra, BIG, "tpot").text == "~650"
    assert cell(sutra, BIG, "tpot_ratio").text == "~0.99 ×"
    assert cell(general, BIG, "response").text == "~110.3"
    assert cell(general, BIG, "response_ratio").text == "~1.0 ×"  # 114.1 / 110.3 = 1.03


@pytest.mark.parametrize("row", THIRTEEN, ids=lambda row: row.name)
def test_thirteen_models(thirteen: Report, row: object) -> None:
    found = table(thirteen, "prefill-decode.speeds")
    [wanted] = [one for one in THIRTEEN if one is row]
    name = f"{wanted.name}.1"

    assert cell(found, name, "quantization").text == wanted.quantization
    assert cell(found, name, "engine").text == wanted.engine
    assert cell(found, name, "nodes").text == str(wanted.machines)
    assert cell(found, name, "tier").text.startswith(wanted.tier)
    assert agrees(cell(found, name, "latency_128_ms").text, str(wanted.latency_ms))
    assert agrees(cell(found, name, "decode_tok_s").text, f"{wanted.tg:.4g}")
    if wanted.pp is None:
        unknown = cell(found, name, "prefill_tok_s")
        assert unknown.text == language(Lang.ZH).say("n/a")
        assert found.notes[unknown.note - 1] == "引擎没有说明提示有多长"
    else:
        assert agrees(cell(found, name, "prefill_tok_s").text, str(wanted.pp))


def test_the_fastest_of_thirteen_is_marked(thirteen: Report) -> None:
    found = table(thirteen, "prefill-decode.speeds")

    assert [row.id for row in found.rows if cell(found, row.id, "decode_tok_s").best] == ["GPT-OSS-20B.1"]
    assert [row.id for row in found.rows if cell(found, row.id, "prefill_tok_s").best] == ["Qwen2.5-VL-7B.1"]


def test_a_model_that_was_published_is_beside_its_row(thirteen: Report) -> None:
    found = table(thirteen, "prefill-decode.published-speeds")

    row = "GPT-OSS-20B.1.gpt-oss-20b-mxfp4-llamacpp"
    assert cell(found, row, "pp_ratio").text == "1.00 ×"
    assert cell(found, row, "tg_ratio").text == "1.00 ×"
    assert cell(found, row, "tg_published").text == "82.74"


def test_what_differs_from_a_published_row_is_said_and_only_the_same_work_has_a_ratio(thirteen: Report) -> None:
    found = table(thirteen, "prefill-decode.published-speeds")

    fp8 = "Llama 3.1 8B NVFP4.1.llama-3.1-8b-fp8-sglang"
    assert cell(found, fp8, "tg_ratio").text == "1.89 ×"
    note = found.notes[cell(found, fp8, "published").note - 1]
    assert "量化：本次为 NVFP4，已发布的为 FP8；引擎：本次为 TensorRT-LLM，已发布的为 SGLang" in note
    [shorter] = [row.id for row in found.rows if row.id.startswith("GPT-OSS-20B.1") and row.cells[7].text == "80"]
    assert cell(found, shorter, "tg_ratio").text == "无数据"
    note = found.notes[cell(found, shorter, "published").note - 1]
    assert "工作形态：本次为输入 2048 个 token、输出 128 个，已发布的为输入 512 个 token、输出 32 个" in note
    assert cell(found, shorter, "tg").text == "82.74"
