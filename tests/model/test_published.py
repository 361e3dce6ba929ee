"""Published results: the documents' own figures come out as they stand there, and runs are held against them fairly."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from sparktop.engines.shape import model_shape
from sparktop.model.catalogue import (
    SPARK_MEMORY,
    CatalogueModel,
    footprint_of,
    kv_bytes,
    machines_needed,
    weight_bytes,
)
from sparktop.model.document import Snapshot
from sparktop.model.naming import engine_of, find_model, quantization_of
from sparktop.model.published import Published, SpeedComparison, compare_evaluations, compare_speeds
from sparktop.model.roofline import GB10, Step, roofline, step_bytes
from sparktop.model.scenario import Kind
from sparktop.model.shape import footprint
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import fold
from sparktop.model.tiers import Tier, modelled_latency_ms, tier
from sparktop.published import load_published
from sparktop.resources import scenarios_dir
from sparktop.scenarios.loader import load_scenario
from tests.model import published as headers
from tests.model.synthetic import INFO, NODE, Request, Run, throughput

PUBLISHED = load_published()
MODELS = {model.key: model for model in PUBLISHED.models}
QUANTIZATIONS = {quantization.name: quantization for quantization in PUBLISHED.quantizations}

ONE_SPARK = """\
GPT-OSS-20B · MXFP4 · llama.cpp WIN · 1547ms · 3670.42 pp / 82.74 tg
Qwen3.5-35B-A3B · MXFP4 · llama.cpp WIN · 2207ms · n/p pp / ~58 tg
GPT-OSS-120B · MXFP4 · llama.cpp WIN · 2312ms · 1725.47 pp / 55.37 tg
Qwen2.5-VL-7B · NVFP4 · TensorRT-LLM WIN · 3069ms · 65831.77 pp / 41.71 tg
Llama 3.1 8B · NVFP4 · TensorRT-LLM WIN · 3312ms · 10256.9 pp / 38.65 tg
Qwen3-Coder-30B-A3B · Q8_0 · llama.cpp WIN · 4129ms · 1308 pp / 31 tg
Qwen3.6-27B · Q4_K_M · llama.cpp TIE · 4523ms · 719 pp / 28.3 tg
Gemma 4 26B-A4B · F16 · llama.cpp TIE · 4830ms · n/p pp / ~26.5 tg
Qwen3-14B · NVFP4 · TensorRT-LLM TIE · 5637ms · 5928.95 pp / 22.71 tg
Llama 3.1 8B · FP8 · SGLang TIE · 6244ms · 7991 pp / 20.5 tg
Qwen3.6-27B · Q4_K_M · llama.cpp TIE · 9771ms · 1084 pp / 13.1 tg
Llama 3.1 70B · FP8 · SGLang LOSS · 47407ms · ~803 pp / ~2.7 tg
Qwen3-235B · NVFP4 · TensorRT-LLM TIE · 10912ms · 23477.03 pp / 11.73 tg
"""
"""The document's table: name, quantization, engine, tier, latency of 128 tokens, pp, tg. Two machines ran the last."""


def test_the_table_of_one_spark_cell_by_cell() -> None:
    rows = [row for row in PUBLISHED.speeds if row.source.id == "one-spark-13-models"]
    shown = []
    for row in rows:
        assert row.tg is not None
        assert row.latency_ms == pytest.approx(modelled_latency_ms(row.tg.value), abs=1)
        shown.append(
            f"{row.name} · {row.quantization} · {row.engine} {tier(row.tg.value).upper()}"
            f" · {row.latency_ms}ms · {row.pp.text if row.pp else 'n/p'} pp / {row.tg.text} tg\n"
        )
    assert "".join(shown) == ONE_SPARK
    assert [row.sparks for row in rows] == [1] * 12 + [2]
    assert {row.grade for row in rows if row.isl == 2048} == {"NVIDIA"}
    assert {row.grade for row in rows if row.isl is None} == {"community"}
    assert {row.how for row in rows} == {"", "vision", "MTP, 5 drafted"}
    assert [row.ceiling.text for row in rows if row.ceiling] == ["~91", "~34"]
    assert {row.source.date for row in rows} == {"2026-05-24"}


def test_the_evaluation_on_two_sparks() -> None:
    [evaluation] = PUBLISHED.evaluations
    large, tuned, base = evaluation.models
    assert [model.label for model in evaluation.models] == ["72B 基座", "32B 微调", "32B 基座"]
    assert [(model.tok_s.text, model.tpot_ms.text) for model in evaluation.models] == [
        ("~1.6", "~650"),
        ("3.5", "~285"),
        ("3.5", "~285"),
    ]
    assert [[figure.text for figure in model.mean_response_s.values()] for model in evaluation.models] == [
        ["187.4", "~110.3"],
        ["86.9", "~55.9"],
        ["85.7", "~53.8"],
    ]
    assert [figure.text for figure in large.response_s.values()] == [
        *("125.0", "124.9", "124.9", "38.2", "124.9", "124.9", "125.0", "124.9")
    ]
    assert [figure.text for figure in tuned.response_s.values()] == [
        *("53.57", "58.14", "58.09", "45.01", "58.12", "58.09", "58.10", "58.07")
    ]
    assert {figure.text for figure in base.response_s.values()} == {"~53.8"}
    general = load_scenario(scenarios_dir() / "general.toml")
    assert list(large.response_s) == [item.id for item in general.items]
    assert [list(model.stars.values()) for model in evaluation.models] == [[4, 3, 5, 2], [5, 5, 5, 5], [3, 2, 5, 3]]
    assert [(batch.batch, batch.total_s, batch.qps) for batch in evaluation.batches] == [
        (1, 93.7, 0.011),
        (5, 468.05, 0.011),
        (10, 936.35, 0.011),
    ]
    assert [round(batch.batch / batch.total_s, 3) for batch in evaluation.batches] == [0.011] * 3
    assert list(evaluation.remarks) == ["Q1", "Q3", "Q5", "Q8"]


def test_llama_cpp_batches() -> None:
    rows = {(row.model, row.batch): row.tg for row in PUBLISHED.speeds if row.isl == 512}
    shown = {model: [figure.value for (key, _), figure in rows.items() if key == model and figure] for model, _ in rows}
    assert shown == {
        "gpt-oss-20b": [80, 272, 681],
        "gpt-oss-120b": [57, 159, 353],
        "qwen2.5-7b": [29, 194, 589],
    }


@pytest.mark.parametrize(
    ("tok_s", "expected"), [(82.74, Tier.WIN), (30.0, Tier.WIN), (29.99, Tier.TIE), (10.0, Tier.TIE), (9.99, Tier.LOSS)]
)
def test_bounds_of_the_tiers(tok_s: float, expected: Tier) -> None:
    assert tier(tok_s) is expected


@pytest.mark.parametrize("key", MODELS)
def test_shapes_have_the_published_number_of_weights(key: str) -> None:
    model = MODELS[key]
    assert model.architecture is not None
    # Qwen2.5-32B's card says 32.5 B; its files hold 32.76 B.
    assert model.architecture.parameters / 1e9 == pytest.approx(model.parameters, rel=0.012)


@pytest.mark.parametrize(
    ("key", "quantization", "header"),
    [
        ("gpt-oss-20b", "MXFP4", headers.GPT_OSS_20B),
        ("gpt-oss-120b", "MXFP4", headers.GPT_OSS_120B),
        ("qwen3-coder-30b-a3b", "Q8_0", headers.QWEN3_30B_A3B),
        ("qwen2.5-7b", "Q8_0", headers.QWEN25_7B),
        ("gemma-3-4b", "Q4_0", headers.GEMMA3_4B),
    ],
)
def test_sums_agree_with_those_from_headers(key: str, quantization: str, header: headers.Published) -> None:
    shape, kind = MODELS[key].architecture, QUANTIZATIONS[quantization]
    assert shape is not None
    assert weight_bytes(shape, kind) / 2**30 == pytest.approx(header.gib, rel=0.005)
    counted, known = footprint_of(shape, kind), footprint(model_shape(header.header()))
    for step in (Step(), Step(context=4096)):
        assert step_bytes(counted, step).total == pytest.approx(step_bytes(known, step).total, rel=0.005)
    assert step_bytes(counted, Step(context=4096)).kv == step_bytes(known, Step(context=4096)).kv
    assert kv_bytes(shape, 4096) == step_bytes(known, Step(context=4096)).kv


def test_published_speeds_stay_below_their_ceilings() -> None:
    for row in PUBLISHED.speeds:
        shape = MODELS[row.model].architecture
        if shape is None or row.tg is None or row.batch > 1 or row.how.startswith("MTP"):
            continue
        step = step_bytes(footprint_of(shape, QUANTIZATIONS[row.quantization]), Step())
        share = roofline(step, GB10, row.tg.value).share_theoretical
        assert share is not None
        assert 0.3 < share < 0.85, row.id


def test_a_published_ceiling_is_about_ours() -> None:
    gemma = MODELS["gemma-4-26b-a4b"].architecture
    assert gemma is not None
    step = step_bytes(footprint_of(gemma, QUANTIZATIONS["F16"]), Step())
    assert roofline(step, GB10, None).ceiling_tok_s == pytest.approx(34, rel=0.06)


@pytest.mark.parametrize(
    ("key", "quantization", "machines"),
    [
        ("gpt-oss-120b", "MXFP4", 1),
        ("llama-3.1-70b", "FP8", 1),
        ("qwen2.5-32b", "BF16", 1),
        ("qwen2.5-72b", "BF16", 2),
        ("qwen3-235b-a22b", "NVFP4", 2),
        ("qwen3-235b-a22b", "Q8_0", None),
    ],
)
def test_how_many_sparks_a_model_needs(key: str, quantization: str, machines: int | None) -> None:
    shape = MODELS[key].architecture
    assert shape is not None
    need = weight_bytes(shape, QUANTIZATIONS[quantization]) + kv_bytes(shape, 4096)
    assert machines_needed(need, SPARK_MEMORY, 8 << 30) == machines


@pytest.mark.parametrize(
    ("name", "key", "quantization"),
    [
        ("/models/gpt-oss-20b-mxfp4.gguf", "gpt-oss-20b", "MXFP4"),
        ("gpt-oss:120b", "gpt-oss-120b", ""),
        ("gpt-oss 20B MXFP4 MoE", "gpt-oss-20b", "MXFP4"),
        ("Qwen2.5-72B-Instruct-Q4_K_M-00001-of-00002.gguf", "qwen2.5-72b", "Q4_K_M"),
        ("Qwen/Qwen2.5-7B-Instruct", "qwen2.5-7b", ""),
        ("Qwen2.5-Coder-7B-Q8_0.gguf", "qwen2.5-7b", "Q8_0"),
        ("Qwen2.5-VL-7B-Instruct-NVFP4", "qwen2.5-vl-7b", "NVFP4"),
        ("Qwen2.5-32B-Buddhist-Merged", "qwen2.5-32b-buddhist", ""),
        ("qwen2.5-32b-instruct-fp16", "qwen2.5-32b", "F16"),
        ("llama3.1:8b", "llama-3.1-8b", ""),
        ("nvidia/Llama-3.1-8B-Instruct-FP8", "llama-3.1-8b", "FP8"),
        ("Qwen3.6-27B-UD-Q4_K_XL.gguf", "qwen3.6-27b", "Q4_K_XL"),
        ("google_gemma-4-26B-A4B-it-bf16.gguf", "gemma-4-26b-a4b", "BF16"),
        ("Qwen3-30B-A3B-Q8_0.gguf", None, "Q8_0"),
        ("Qwen3-140B", None, ""),
        ("Llama-3.1-Nemotron-70B", None, ""),
        ("DeepSeek-R1-Distill-Llama-70B-Q4_K_M", None, "Q4_K_M"),
        ("demo-sutra", None, ""),
        ("", None, ""),
        ("\x1b[31m模型", None, ""),
    ],
)
def test_names(name: str, key: str | None, quantization: str) -> None:
    found = find_model(PUBLISHED.models, name)
    assert (found.key if found else None) == key
    assert quantization_of(name) == quantization


def test_what_llama_cpp_and_servers_say_of_themselves() -> None:
    assert quantization_of("model.gguf", "llama 8B Q4_K - Medium") == "Q4_K_M"
    assert [engine_of(name) for name in ("llama-server b6918", "vLLM 0.11", "TensorRT-LLM", "", "other")] == [
        *("llama.cpp", "vLLM", "TensorRT-LLM", "", "")
    ]


def measured(name: str, *, isl: int = 2048, osl: int = 128, tok_s: float = 100.0, batch: int = 1) -> Snapshot:
    """A run of one contender that read the prompt in half a second."""
    chunks = [(1.6 + index / tok_s, 1, "x") for index in range(osl)]
    requests = [
        Request(
            chunks=chunks,
            contender=name,
            item="random",
            prompt_tokens=isl,
            prefill_ms=500.0,
            max_tokens=osl,
            batch=batch,
        )
        for _ in range(batch)
    ]
    scenario = throughput(
        Kind.PREFILL_DECODE if batch == 1 else Kind.BATCH, max_tokens=osl, isl=isl if batch == 1 else 0
    )
    return take_snapshot(fold(Run(requests=requests, contenders=(name,), scenario=scenario).events()))


def known(run: Snapshot, weights: CatalogueModel | None = None, **fields: Any) -> Snapshot:
    """The run, with what the engine says of its model."""
    parameters = None if weights is None else int(weights.parameters * 1e9)
    info = replace(INFO, description="", parameters=parameters)
    [record] = run.contenders
    return replace(run, contenders=(replace(record, info=info, contender=replace(record.contender, **fields)),))


def beside(found: Iterable[SpeedComparison], row: str) -> SpeedComparison:
    return next(one for one in found if one.published.id == row)


def test_the_same_work_gives_ratios_and_nothing_to_say() -> None:
    run = known(measured("gpt-oss-20b-mxfp4"), MODELS["gpt-oss-20b"])
    one = beside(compare_speeds(run, PUBLISHED), "gpt-oss-20b-mxfp4-llamacpp")
    assert one.differences == ()
    assert one.tg == pytest.approx(100)
    assert one.tg_ratio == pytest.approx(100 / 82.74)
    assert one.pp == pytest.approx(4096)
    assert one.pp_ratio == pytest.approx(4096 / 3670.42)


def test_other_answers_leave_the_ratio_of_the_prompt_alone() -> None:
    run = known(measured("gpt-oss-20b-mxfp4", osl=32), MODELS["gpt-oss-20b"])
    one = beside(compare_speeds(run, PUBLISHED), "gpt-oss-20b-mxfp4-llamacpp")
    assert (one.tg_ratio, one.pp_ratio is None) == (None, False)
    assert one.differences == ("shape: here 2048 tokens in, 32 out, published 2048 tokens in, 128 out",)
    bench = beside(compare_speeds(run, PUBLISHED), "gpt-oss-20b-bench")
    assert bench.tg_ratio == pytest.approx(100 / 84.10)
    assert bench.differences == ("decoding: published from an empty context, reading and decoding measured apart",)


def test_other_prompts_give_no_ratio() -> None:
    run = known(measured("gpt-oss-20b-mxfp4", isl=512), MODELS["gpt-oss-20b"])
    one = beside(compare_speeds(run, PUBLISHED), "gpt-oss-20b-mxfp4-llamacpp")
    assert (one.tg_ratio, one.pp_ratio) == (None, None)
    assert one.differences == ("shape: here 512 tokens in, 128 out, published 2048 tokens in, 128 out",)


def test_everything_else_that_differs_is_said() -> None:
    run = measured("llama-3.1-8b-q8_0")
    laptop = replace(NODE, gpus=("NVIDIA H100",))
    run = known(replace(run, nodes=(laptop,)), MODELS["llama-3.1-8b"])
    fp8 = beside(compare_speeds(run, PUBLISHED), "llama-3.1-8b-fp8-sglang")
    assert fp8.differences == (
        "prompt: the published row does not say how long it was; 2048 tokens by its document's heading",
        "quantization: here Q8_0, published FP8",
        "engine: here llama.cpp, published SGLang",
        "machines: here NVIDIA H100, published one DGX Spark",
    )
    assert fp8.tg_ratio == pytest.approx(100 / 20.5)


def test_a_server_elsewhere_is_no_known_machine() -> None:
    run = known(
        measured("qwen3.6-27b"),
        engine="http",
        model="Qwen3.6-27B-Q4_K_M",
        url="http://10.0.0.7:8000/v1",
        node="10.0.0.7",
    )
    one = beside(compare_speeds(run, PUBLISHED), "qwen3.6-27b-q4-k-m-llamacpp-mtp")
    assert one.differences[1:] == (
        "engine: here not known, published llama.cpp",
        "machines: here the server 10.0.0.7, published one DGX Spark",
        "how: here plain, published MTP, 5 drafted",
    )


def test_a_toy_and_a_small_model_of_a_great_name_match_nothing() -> None:
    run = measured("gpt-oss-20b-mxfp4")
    assert compare_speeds(run, PUBLISHED) == ()  # the engine says that it has 8 billion weights
    model = MODELS["gpt-oss-20b"]
    assert compare_speeds(known(run, model), PUBLISHED)
    assert compare_speeds(known(run, model, toy=True), PUBLISHED) == ()
    assert compare_speeds(run, Published(models=(), quantizations=(), speeds=(), evaluations=())) == ()


def test_batches_are_held_against_the_same_batch() -> None:
    run = known(measured("qwen2.5-7b-q8_0", isl=512, osl=32, batch=8), MODELS["qwen2.5-7b"])
    [one] = compare_speeds(run, PUBLISHED)
    assert (one.published.id, one.differences) == ("qwen2.5-7b-batched-bench-8", ())
    assert one.tg == pytest.approx(8 * 31 / 0.31)
    assert one.tg_ratio == pytest.approx(800 / 194)


def questions(name: str, scenario: str, items: int) -> Snapshot:
    """A run of questions that were answered in a second each, half of it decoding at 100 tokens a second."""
    asked = load_scenario(scenarios_dir() / f"{scenario}.toml")
    chunks = [(1.5 + index / 100, 1, "x") for index in range(51)]
    requests = [Request(chunks=chunks, contender=name, item=item.id, max_tokens=512) for item in asked.items[:items]]
    return take_snapshot(fold(Run(requests=requests, contenders=(name,), scenario=asked).events()))


def test_a_run_of_questions_beside_the_evaluation() -> None:
    run = known(questions("qwen2.5-72b-instruct-bf16", "sutra-qa", 10), MODELS["qwen2.5-72b"])
    [one] = compare_evaluations(run, PUBLISHED)
    assert one.published.label == "72B 基座"
    assert one.tok_s_ratio == pytest.approx(100 / 1.6)
    assert one.tpot_ratio == pytest.approx(10 / 650)
    assert one.response_ratio == pytest.approx(1 / 187.4)
    assert one.differences == (
        "machines: here one DGX Spark, published two DGX Sparks",
        "answers: the published ones were as long as that model and its limit made them",
    )
    assert all(found.tg_ratio is None for found in compare_speeds(run, PUBLISHED))


def test_some_of_the_questions_give_no_ratio_of_their_mean() -> None:
    run = known(questions("qwen2.5-32b-instruct-bf16", "general", 3), MODELS["qwen2.5-32b"])
    [one] = compare_evaluations(run, PUBLISHED)
    assert (one.response_ratio, one.tok_s_ratio is None) == (None, False)
    assert one.differences[0] == "questions: here 3, published all 8"
    other = known(questions("qwen2.5-32b-instruct-bf16", "smoke", 2), MODELS["qwen2.5-32b"])
    [one] = compare_evaluations(other, PUBLISHED)
    assert one.differences == ("scenario: here smoke, published sutra-qa and general",)
