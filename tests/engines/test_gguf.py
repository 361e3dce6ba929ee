"""The header reader, on the demo models and on files made byte by byte."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import llama_cpp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparktop.engines.gguf import BadModelFile, read_header
from sparktop.resources import demo_dir

MODEL = demo_dir() / "demo-base.gguf"


def string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def gguf(values: list[bytes], tensors: list[bytes], data: bytes = b"") -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values)) + b"".join(values) + b"".join(tensors)
    return head + bytes(-len(head) % 32) + data


def number(key: str, value: int) -> bytes:
    return string(key) + struct.pack("<II", 4, value)


def text(key: str, value: str) -> bytes:
    return string(key) + struct.pack("<I", 8) + string(value)


def tensor(name: str, shape: tuple[int, ...], kind: int, offset: int) -> bytes:
    return string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


def test_the_header_of_a_demo_model_agrees_with_llama_cpp() -> None:
    header = read_header(MODEL)
    model = llama_cpp.Llama(str(MODEL), n_ctx=64, verbose=False)
    assert header.architecture == model.metadata["general.architecture"] == "llama"
    assert header.vocabulary == model.n_vocab()
    assert header.chat_template == model.metadata["tokenizer.chat_template"]
    assert header.number("block_count") == int(model.metadata["llama.block_count"])
    assert header.size == MODEL.stat().st_size
    assert 0 < sum(tensor.size for tensor in header.tensors) < header.size
    model.close()


def test_a_vocabulary_of_150_000_tokens_is_stepped_over_quickly(tmp_path: Path) -> None:
    tokens = b"".join(string(f"token {n}") for n in range(150_000))
    array = string("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 150_000) + tokens
    path = tmp_path / "large.gguf"
    path.write_bytes(gguf([text("general.architecture", "x"), array, number("x.block_count", 3)], []))
    best = min(_timed(path) for _ in range(5))
    header = read_header(path)
    assert header.vocabulary == 150_000
    assert header.number("block_count") == 3
    assert best < 0.1


def _timed(path: Path) -> float:
    """Processor time: other programs on the machine don't count."""
    started = time.process_time()
    read_header(path)
    return time.process_time() - started


def test_numbers_of_each_layer_are_kept(tmp_path: Path) -> None:
    array = string("x.attention.head_count_kv") + struct.pack("<IIQ3I", 9, 4, 3, 8, 0, 8)
    path = tmp_path / "layers.gguf"
    path.write_bytes(gguf([text("general.architecture", "x"), number("x.block_count", 3), array], []))
    assert read_header(path).per_layer("attention.head_count_kv") == (8, 0, 8)


def test_a_split_model_is_read_as_one(tmp_path: Path) -> None:
    for part in (1, 2):
        values = [text("general.architecture", "x")] if part == 1 else []
        data = gguf(values, [tensor(f"t{part}", (32, 4), 8, 0)], bytes(4 * 34))
        (tmp_path / f"m-0000{part}-of-00002.gguf").write_bytes(data)
    first = tmp_path / "m-00001-of-00002.gguf"
    for name in (first, tmp_path / "m-00002-of-00002.gguf"):
        header = read_header(name)
        assert header.files[0] == first
        assert [t.name for t in header.tensors] == ["t1", "t2"]
        assert header.size == sum(file.stat().st_size for file in header.files)
    (tmp_path / "m-00002-of-00002.gguf").unlink()
    with pytest.raises(BadModelFile, match="1 of its 2 parts missing"):
        read_header(first)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "only 0 bytes"),
        (b"\x89PNG" + bytes(100), "no GGUF file"),
        (b"GGUF" + struct.pack("<IQQ", 99, 0, 0) + bytes(9), "version 99"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 5) + bytes(9), "damaged"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2) + string("a") + bytes(12), "truncated|damaged"),
    ],
)
def test_what_is_no_model_is_refused_in_one_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    with pytest.raises(BadModelFile, match=says) as error:
        read_header(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_files_and_folders_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(BadModelFile, match="does not exist"):
        read_header(tmp_path / "none.gguf")
    with pytest.raises(BadModelFile, match="is a folder"):
        read_header(tmp_path)


def test_a_model_cut_off_anywhere_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    whole = MODEL.read_bytes()
    path = tmp_path / "cut.gguf"
    for share in (0.999, 0.5, 0.05, 0.001):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(BadModelFile, match="truncated"):
            read_header(path)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_random_damage_never_does_more_than_refuse(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(MODEL.read_bytes()[:20_000])
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, 2000))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.gguf"
    path.write_bytes(content)
    with pytest.raises(BadModelFile):
        read_header(path)


@pytest.mark.parametrize("blocks", [65_537, 2**32 - 1])
def test_a_number_of_blocks_that_no_model_has_takes_no_memory(tmp_path: Path, blocks: int) -> None:
    path = tmp_path / "deep.gguf"
    path.write_bytes(gguf([text("general.architecture", "llama"), number("llama.block_count", blocks)], []))
    with pytest.raises(BadModelFile, match="its header makes no sense"):
        read_header(path)


@pytest.mark.parametrize("odd", ["nan", "inf"])
def test_what_is_no_number_counts_as_not_given(tmp_path: Path, odd: str) -> None:
    path = tmp_path / "odd.gguf"
    context = string("llama.context_length") + struct.pack("<If", 6, float(odd))
    heads = string("llama.attention.head_count_kv") + struct.pack("<IIQ2f", 9, 6, 2, 4, float(odd))
    given = [text("general.architecture", "llama"), number("llama.block_count", 2), context, heads]
    path.write_bytes(gguf(given, []))
    header = read_header(path)
    assert header.number("context_length", 7) == 7
    assert header.per_layer("attention.head_count_kv", 1) == (4, 1)
