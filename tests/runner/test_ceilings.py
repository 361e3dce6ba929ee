"""What a model's file says that a token reads, and where a ceiling comes from for each place that it can run at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import pytest

from sparktop.engines.gguf import BadModelFile
from sparktop.model.parts import SplitPart
from sparktop.model.roofline import GB10, Ceilings
from sparktop.model.shape import Cache, Experts, Footprint
from sparktop.nodes import ceilings
from sparktop.nodes.ceilings import TOO_FEW, find_ceilings, find_footprint, find_lent
from sparktop.runner.split_ceilings import of_all
from sparktop.telemetry.bandwidth import Bandwidth
from sparktop.telemetry.reading import Unreadable
from tests.model.synthetic import INFO, NODE

LARGE = Footprint(dense=4 << 30)
PROCESSOR = replace(INFO, devices=("CPU",))
LAPTOP = replace(NODE, gpus=())


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    asked: list[Path] = []

    def instead(state: Path, root: Path) -> Bandwidth:
        asked.append(state)
        return Bandwidth(bytes_s=30e9, how="read by processor", threads=4, size=1 << 28, rounds=9, machine="m")

    monkeypatch.setattr(ceilings, "processor_bandwidth", instead)
    return asked


def test_on_the_gpu_of_a_spark_nothing_is_measured(tmp_path: Path, measured: list[Path]) -> None:
    assert find_ceilings(NODE, INFO, LARGE, tmp_path) is GB10
    assert measured == []


def test_on_the_processor_it_is_measured(tmp_path: Path, measured: list[Path]) -> None:
    found = find_ceilings(LAPTOP, PROCESSOR, LARGE, tmp_path)
    assert (found.theoretical, found.measured) == (None, 30e9)
    assert found.source == "read by processor: 30 GB/s, 4 threads, best of 9 rounds"
    assert measured == [tmp_path]


def test_a_model_that_the_cache_holds_has_no_ceiling(tmp_path: Path, measured: list[Path]) -> None:
    found = find_ceilings(LAPTOP, PROCESSOR, Footprint(dense=4 << 20), tmp_path)
    assert (found.theoretical, found.measured) == (None, None)
    assert "cache" in found.source
    assert measured == []


def test_where_it_cannot_be_measured_the_reason_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(state: Path, root: Path) -> Bandwidth:
        raise Unreadable("too little memory is free")

    monkeypatch.setattr(ceilings, "processor_bandwidth", refuse)
    found = find_ceilings(LAPTOP, PROCESSOR, LARGE, tmp_path)
    assert (found.theoretical, found.measured, found.source) == (None, None, "too little memory is free")


BOTH = replace(INFO, devices=("RPC0 (spark-b)", "CUDA0 (NVIDIA GB10)"))
BUILT = replace(NODE, llama_cpp="llama-cpp-python 0.3.36 (CUDA, RPC)")


def part(node: str, weights: int) -> SplitPart:
    return SplitPart(node=node, address="", devices=(), layers=1, weights=weights, kv=0, compute=0)


def test_a_part_counts_by_what_it_lies_on(tmp_path: Path, measured: list[Path]) -> None:
    assert find_ceilings(NODE, BOTH, LARGE, tmp_path) is GB10
    assert find_lent(BUILT, LARGE.dense, tmp_path) is GB10
    assert measured == []
    # A build that can't use the GPU lends the processor.
    without = find_lent(replace(BUILT, llama_cpp="llama-cpp-python 0.3.36 (CPU, RPC)"), LARGE.dense, tmp_path)
    assert (without.theoretical, without.measured) == (273e9, 30e9)
    assert find_lent(LAPTOP, LARGE.dense, tmp_path).measured == 30e9
    assert len(measured) == 2


def test_machines_that_read_in_turn_are_as_fast_as_what_each_holds_takes(tmp_path: Path, measured: list[Path]) -> None:
    parts = (part("spark-a", 30 << 30), part("spark-b", 10 << 30))
    assert of_all(parts, GB10, {"spark-b": GB10}.get) == GB10
    slow = find_lent(LAPTOP, LARGE.dense, tmp_path)
    mixed = of_all(parts, GB10, {"spark-b": slow}.get)
    # 30 GiB at 232 GB/s, then 10 GiB at 30 GB/s.
    token_s = (30 << 30) / 232e9 + (10 << 30) / 30e9
    assert mixed.measured == pytest.approx((40 << 30) / token_s)
    assert mixed.theoretical is None, "of the one only what was measured is known"
    assert mixed.source == f"spark-a: {GB10.source}; spark-b: {slow.source}"
    assert of_all(parts[:1], slow, lambda name: None) == slow


def test_one_part_that_nobody_knows_leaves_no_ceiling() -> None:
    parts = (part("spark-a", 30 << 30), part("spark-b", 10 << 30))
    silent = of_all(parts, GB10, lambda name: None)
    assert (silent.theoretical, silent.measured) == (None, None)
    assert silent.source == "spark-b: it did not tell how fast its memory is"
    processor = Ceilings(theoretical=None, measured=30e9, source="read")
    cached = of_all((parts[0], part("spark-b", 9 << 20)), GB10, {"spark-b": processor}.get)
    assert cached.measured is None
    assert cached.source == f"spark-b: {TOO_FEW}"


def write_model(path: Path, *, architecture: str = "qwen3moe", blocks: int = 2) -> None:
    """A file as other tools write it: two blocks of 4 experts, of which a token goes through 2."""
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(blocks)
    writer.add_embedding_length(64)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_expert_count(4)
    writer.add_expert_used_count(2)
    writer.add_tensor("token_embd.weight", np.zeros((100, 64), np.float32))
    writer.add_tensor("output.weight", np.zeros((100, 64), np.float16))
    for block in range(blocks):
        writer.add_tensor(f"blk.{block}.attn_q.weight", np.zeros((64, 64), np.float16))
        writer.add_tensor(f"blk.{block}.ffn_up_exps.weight", np.zeros((4, 32, 64), np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_what_a_token_reads_comes_from_the_file(tmp_path: Path) -> None:
    write_model(tmp_path / "model.gguf")
    assert find_footprint(tmp_path / "model.gguf") == Footprint(
        dense=100 * 64 * 2 + 2 * 64 * 64 * 2,
        experts=(Experts(size=2 * 4 * 32 * 64 * 2, count=4, used=2),),
        # Of an embedding of 64 in 4 heads each has 16; two heads of keys and values in each of two blocks.
        caches=(Cache(keys=64, values=64, window=0),),
    )


def test_a_header_that_does_not_say_how_the_model_is_built_gives_nothing(tmp_path: Path) -> None:
    write_model(tmp_path / "model.gguf", architecture="unheard-of", blocks=0)
    assert find_footprint(tmp_path / "model.gguf") is None
    write_model(tmp_path / "other.gguf", architecture="unheard-of")
    assert find_footprint(tmp_path / "other.gguf") is not None
    with pytest.raises(BadModelFile, match="does not exist"):
        find_footprint(tmp_path / "none.gguf")
