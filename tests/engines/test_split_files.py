"""Models in several files, as large ones are published: read, loaded and run as one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import pytest

from sparktop.engines.gguf import BadModelFile, read_header
from sparktop.resources import demo_dir
from tests.cli.conftest import Sparktop, environ, sparktop
from tests.engines.conftest import MakeBench, question

__all__ = ["environ", "sparktop"]

MODEL = demo_dir() / "demo-base.gguf"
PARTS = 3


@pytest.fixture
def split(tmp_path: Path) -> Path:
    """The demo model in three parts; returns the first."""
    whole = gguf.GGUFReader(MODEL)
    # The library names and numbers the parts as llama.cpp's own gguf-split does.
    most = -(-len(whole.tensors) // PARTS)
    writer = gguf.GGUFWriter(tmp_path / "parted.gguf", "llama", split_max_tensors=most)
    for field in whole.fields.values():
        if field.name == "general.architecture" or field.name.startswith("GGUF."):
            continue  # the writer's own
        kind, sub_kind = field.types[0], field.types[-1] if len(field.types) > 1 else None
        writer.add_key_value(field.name, field.contents(), kind, sub_kind)
    for tensor in whole.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tmp_path / "parted-00001-of-00003.gguf"


def test_the_parts_are_told_apart_by_their_keys(split: Path) -> None:
    parts = sorted(split.parent.glob("parted-*.gguf"))
    assert [part.name for part in parts] == [f"parted-0000{n}-of-00003.gguf" for n in (1, 2, 3)]
    whole = len(read_header(MODEL).tensors)
    for number, part in enumerate(parts):
        fields = gguf.GGUFReader(part).fields
        keys = [fields[f"split.{key}"].contents() for key in ("no", "count", "tensors.count")]
        assert keys == [number, PARTS, whole]


def test_a_split_model_has_the_header_of_the_whole(split: Path) -> None:
    parted, whole = read_header(split), read_header(MODEL)
    assert [(t.name, t.shape, t.kind) for t in parted.tensors] == [(t.name, t.shape, t.kind) for t in whole.tensors]
    assert parted.chat_template == whole.chat_template
    assert parted.vocabulary == whole.vocabulary
    assert parted.size == sum(file.stat().st_size for file in parted.files)


def test_a_split_model_answers_as_the_whole_does(bench: MakeBench, split: Path) -> None:
    answers = []
    for model in (split, MODEL):
        run = bench(model)
        run.ready()
        run.ask(question(0), question(1, "世界上最高的山是哪一座？"))
        answers.append((run.answer(0), run.answer(1)))
        run.engine.close()
    assert answers[0] == answers[1]
    assert all(len(answer) > 10 for answer in answers[0])


def test_any_part_names_the_whole_run(sparktop: Sparktop, split: Path) -> None:
    last = split.with_name("parted-00003-of-00003.gguf")
    done = sparktop("run", "smoke", "--json", "--max-tokens", "8", "-m", str(last), "-m", "demo-base")

    document: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == 0
    assert [c["contender"]["name"] for c in document["contenders"]] == ["parted", "demo-base"]
    assert document["contenders"][0]["contender"]["model"] == str(split)
    answers = [request["answer"] for request in document["requests"]]
    assert answers[:2] == answers[2:]


def test_a_missing_part_is_named_before_anything_is_loaded(split: Path) -> None:
    split.with_name("parted-00002-of-00003.gguf").unlink()
    with pytest.raises(BadModelFile, match=r"1 of its 3 parts missing \(parted-00002-of-00003\.gguf\)"):
        read_header(split)
