"""What a plan will do, and what it needs, before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparktop.engines.gguf import Header, Tensor, Value, read_header
from sparktop.engines.protocol import Room
from sparktop.model.pressure import FLOOR
from sparktop.model.records import Contender, Options
from sparktop.model.scenario import Item, Kind, Mode, Sampling, Scenario
from sparktop.nodes.fit import VRAM_RESERVE, compute_bytes, host_bytes, kv_bytes
from sparktop.resources import demo_dir
from sparktop.runner.contenders import BadContender, demo_contenders, resolve_contenders
from sparktop.runner.fit import assess
from sparktop.runner.plan import Plan, Wave, make_plan
from sparktop.telemetry.reading import Unreadable
from sparktop.telemetry.vram import Vram

ITEMS = tuple(Item(id=f"Q{n}", prompt="问" * n) for n in range(1, 4))


def scenario(kind: Kind = Kind.QUESTIONS, **fields: object) -> Scenario:
    return Scenario(name="x", title="x", description="x", kind=kind, **{"items": ITEMS, **fields})  # type: ignore[arg-type]


def plan(asked: Scenario, **options: object) -> Plan:
    return make_plan(asked, demo_contenders(), Options(**options))  # type: ignore[arg-type]


def test_questions_are_asked_one_at_a_time_in_order() -> None:
    made = plan(scenario(repetitions=2, warmup=1))
    assert [(w.items[0].id, w.repetition, w.warmup) for w in made.waves()] == [
        ("Q1", 0, True),
        *((f"Q{n}", repetition, False) for repetition in (0, 1) for n in (1, 2, 3)),
    ]
    assert all(len(w.items) == 1 for w in made.waves())
    assert made.planned == 2 * 7
    assert made.room().slots == 1


def test_a_concurrent_batch_is_issued_at_once_and_warmed_up_at_its_own_size() -> None:
    made = plan(scenario(Kind.BATCH, batches=(1, 5), warmup=1))
    assert [(len(w.items), w.batch, w.warmup) for w in made.waves()] == [
        (1, 1, True),
        (1, 1, False),
        (5, 5, True),
        (5, 5, False),
    ]
    assert [item.id for item in made.waves()[-1].items] == ["Q1", "Q2", "Q3", "Q1", "Q2"]
    assert made.room().slots == 5


def test_a_sequential_batch_is_issued_one_after_another_but_counted_together() -> None:
    made = plan(scenario(Kind.BATCH, batches=(3,), mode=Mode.SEQUENTIAL))
    assert made.waves() == tuple(Wave((item,), batch=3, repetition=0) for item in ITEMS)
    assert made.room().slots == 1


def test_random_prompts_take_their_lengths_from_the_scenario() -> None:
    made = plan(scenario(Kind.PREFILL_DECODE, items=(), isl=2048, osl=128))
    assert made.scenario.sampling.ignore_eos
    assert made.scenario.sampling.max_tokens == 128
    assert made.room().context >= 2048 + 128
    assert plan(scenario(Kind.PREFILL_DECODE, items=(), isl=8, osl=4), max_tokens=9).scenario.osl == 9


def test_options_override_the_scenario() -> None:
    made = plan(scenario(sampling=Sampling(max_tokens=100, seed=1)), limit=2, max_tokens=7, seed=42)
    assert [item.id for item in made.scenario.items] == ["Q1", "Q2"]
    assert (made.scenario.sampling.max_tokens, made.scenario.sampling.seed) == (7, 42)


def test_the_context_holds_the_longest_question_and_its_answer() -> None:
    long = Item(id="L", prompt="禅" * 1000)
    room = plan(scenario(items=(long,), sampling=Sampling(max_tokens=500))).room()
    assert room.context >= 3000 + 500
    assert room.context % 256 == 0


def test_both_demos_are_the_default_and_are_labelled_as_toys() -> None:
    found = resolve_contenders([])
    assert [c.name for c in found] == ["demo-base", "demo-sutra"]
    assert all(c.toy and c.size > 1_000_000 for c in found)


def test_a_file_is_named_after_itself_and_twins_after_their_folders(tmp_path: Path) -> None:
    data = (demo_dir() / "demo-base.gguf").read_bytes()
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "m.gguf").write_bytes(data)
    a, b = tmp_path / "a/m.gguf", tmp_path / "b/m.gguf"
    assert [c.name for c in resolve_contenders([str(a)])] == ["m"]
    assert [c.name for c in resolve_contenders([str(a), str(b)])] == ["a/m", "b/m"]
    names = [c.name for c in resolve_contenders([str(a), str(a), "demo-base"])]
    assert len(set(names)) == 3
    assert not resolve_contenders([str(a)])[0].toy


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("demo-sutr", "did you mean demo-sutra"),
        ("gpt-5", "path of a .gguf"),
        ("/nowhere/m.gguf", "does not exist"),
        ("/", "is a folder"),
        (__file__, "no GGUF file"),
    ],
)
def test_what_is_no_contender_is_refused_in_one_sentence(spec: str, says: str) -> None:
    with pytest.raises(BadContender, match=says) as error:
        resolve_contenders([spec])
    assert "\n" not in str(error.value)


def proc(folder: Path, available_kib: int, total_kib: int = 127_600_748) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "meminfo").write_text(
        f"MemTotal: {total_kib} kB\nMemFree: 1000 kB\nMemAvailable: {available_kib} kB\n"
        "SwapTotal: 0 kB\nSwapFree: 0 kB\nHugePages_Total: 0\nHugePages_Free: 0\nHugepagesize: 2048 kB\n"
    )
    return folder


def test_a_load_that_would_break_into_the_reserve_is_refused_with_the_sum(tmp_path: Path) -> None:
    made, contender = plan(scenario()), demo_contenders()[0]
    fit = assess(made, contender, proc(tmp_path / "enough", (FLOOR >> 10) + (1 << 20)))
    assert fit.ok, fit.sentence
    assert fit.reserve == FLOOR
    short = assess(made, contender, proc(tmp_path / "short", (FLOOR + fit.need - 4096) >> 10))
    assert not short.ok
    assert all(part in short.sentence for part in ("weights", "KV cache", "compute", "8.0", "MemAvailable"))
    assert assess(plan(scenario(), reserve=0), contender, tmp_path / "short").ok


def test_small_machines_keep_a_tenth_in_reserve(tmp_path: Path) -> None:
    fit = assess(plan(scenario()), demo_contenders()[0], proc(tmp_path, 4 << 20, total_kib=8 << 20))
    assert fit.reserve == (8 << 30) // 10
    assert fit.ok


def test_a_machine_that_does_not_tell_is_not_refused_but_said(tmp_path: Path) -> None:
    fit = assess(plan(scenario()), demo_contenders()[0], tmp_path)
    assert fit.ok
    assert "not known" in fit.sentence


def test_the_kv_cache_follows_the_published_formula() -> None:
    header = read_header(demo_dir() / "demo-base.gguf")
    layers, heads_kv = header.number("block_count"), header.number("attention.head_count_kv")
    length = header.number("embedding_length") // header.number("attention.head_count")
    expected = layers * heads_kv * 2 * length * 2 * 512 * 3
    assert kv_bytes(header, Room(slots=3, context=512)) == expected


def test_a_model_that_vanished_is_a_problem_of_its_fit_not_a_crash() -> None:
    gone = Contender(name="x", engine="llama.cpp", model="/nowhere/x.gguf", node="here")
    fit = assess(plan(scenario()), gone)
    assert not fit.ok
    assert "/nowhere/x.gguf" in fit.sentence


def test_the_scratch_buffers_are_estimated_near_what_llama_cpp_reported(tmp_path: Path) -> None:
    """Width 4096, 32 layers, feed-forward 14336, 151,936 tokens: 441 MiB on the GPU and 73 beside it."""
    values: dict[str, Value] = {
        "general.architecture": "qwen2",
        "qwen2.embedding_length": 4096,
        "qwen2.feed_forward_length": 14336,
        "qwen2.vocab_size": 151_936,
    }
    header = Header((tmp_path,), 0, values, {}, ())
    estimate = compute_bytes(header, Room(slots=1, context=2304)) - compute_bytes(
        Header((tmp_path,), 0, {"general.architecture": "qwen2"}, {}, ()), Room(slots=0, context=0)
    )
    assert 0.95 * 514 < estimate / 2**20 < 1.3 * 514


def test_a_model_for_a_gpu_with_its_own_memory_must_fit_there() -> None:
    made, contender = plan(scenario()), demo_contenders()[0]
    header = read_header(Path(contender.model))
    fit = assess(made, contender, vram=lambda: Vram(80 << 30, (0,)))
    assert fit.ok
    assert fit.sentence.count("free VRAM of GPU 0") == 1
    assert fit.reserve == VRAM_RESERVE
    assert fit.weights == header.size - host_bytes(header)
    short = assess(made, contender, vram=lambda: Vram(VRAM_RESERVE + fit.need - 1, (0,)))
    assert not short.ok
    assert "does not fit" in short.sentence
    assert assess(plan(scenario(), reserve=0), contender, vram=lambda: Vram(fit.need, (0,))).ok
    assert not assess(made, contender, vram=lambda: Vram(2 * VRAM_RESERVE + fit.need - 1, (0, 1))).ok


def test_a_gpu_that_does_not_tell_its_memory_is_not_taken_for_the_machines(tmp_path: Path) -> None:
    def silent() -> Vram:
        raise Unreadable("the driver says: Unknown Error")

    fit = assess(plan(scenario()), demo_contenders()[0], proc(tmp_path, 1 << 30), vram=silent)
    assert fit.allocatable is None
    assert "Unknown Error" in fit.sentence


def test_the_embedding_stays_with_the_processor_unless_the_output_is_made_with_it() -> None:
    embedding = Tensor("token_embd.weight", (64, 1000), 0, 256_000)
    output = Tensor("output.weight", (64, 1000), 0, 256_000)
    assert host_bytes(Header((), 512_000, {}, {}, (embedding, output))) == 256_000
    assert host_bytes(Header((), 256_000, {}, {}, (embedding,))) == 0
