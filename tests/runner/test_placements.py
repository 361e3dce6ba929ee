"""Where a contender could run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sparktop.model.records import Contender
from sparktop.nodes.protocol import ModelFile
from sparktop.runner.contenders import placed
from sparktop.runner.placements import placements

HERE = Contender(name="qwen", engine="llama.cpp", model="/models/qwen.gguf", node="spark-1", size=7)
THERE = Contender(name="qwen@spark-2", engine="llama.cpp", model="qwen", node="spark-2", size=7)
OTHERS = {
    "spark-2": [ModelFile(name="qwen", size=7), ModelFile(name="other", size=1)],
    "spark-3": [ModelFile(name="other", size=1)],
}


def found(contender: Contender, here: tuple[Contender, ...] = (HERE,)) -> list[tuple[str, str, str]]:
    return [(one.name, one.node, one.model) for one in placements(contender, here, OTHERS, "spark-1")]


def test_a_model_can_be_where_its_file_is_and_split_from_there() -> None:
    file = HERE.model
    assert found(HERE) == [
        ("qwen", "spark-1", file),
        ("qwen@spark-2", "spark-2", "qwen"),
        ("qwen@spark-1+spark-2", "spark-1+spark-2", file),
        ("qwen@spark-1+spark-3", "spark-1+spark-3", file),
        ("qwen@spark-2+spark-3", "spark-2+spark-3", "qwen"),
        ("qwen@spark-1+spark-2+spark-3", "spark-1+spark-2+spark-3", file),
    ]


def test_a_split_begins_where_the_model_is_now() -> None:
    assert [node for _, node, _ in found(THERE)] == [
        *("spark-1", "spark-2", "spark-2+spark-1", "spark-1+spark-3", "spark-2+spark-3", "spark-2+spark-1+spark-3")
    ]
    # From a split back to one machine, under the name that it had.
    split = replace(HERE, name="qwen@spark-1+spark-2", node="spark-1+spark-2")
    assert found(split)[0] == ("qwen", "spark-1", HERE.model)
    assert found(split, here=())[0] == ("qwen", "spark-1", HERE.model)


def test_a_model_that_is_nowhere_else_is_only_lent_memory() -> None:
    alone = replace(HERE, name="mine", model="/models/mine.gguf")
    assert [node for _, node, _ in found(alone, (HERE, alone))] == [
        *("spark-1", "spark-1+spark-2", "spark-1+spark-3", "spark-1+spark-2+spark-3")
    ]


def test_parts_and_folders_make_no_difference() -> None:
    part = replace(HERE, model="/models/big-00001-of-00003.gguf")
    elsewhere = {"spark-2": [ModelFile(name="deep/big.gguf", size=9)]}
    assert [(one.node, one.model, one.size) for one in placements(part, (), elsewhere, "spark-1")][1] == (
        *("spark-2", "deep/big.gguf", 9),
    )


def test_a_server_is_where_it_is() -> None:
    served = Contender(name="q", engine="http", model="q", node="host", url="http://host/v1")
    assert placements(served, (HERE,), OTHERS, "spark-1") == (served,)


def test_of_many_machines_pairs_and_all_are_offered() -> None:
    many = {f"n{number}": [ModelFile(name="qwen", size=7)] for number in range(5)}
    sizes = [one.node.count("+") + 1 for one in placements(HERE, (HERE,), many, "spark-1")]
    assert (sizes.count(1), sizes.count(2), sizes.count(6), len(sizes)) == (6, 15, 1, 22)


@pytest.mark.parametrize(
    ("spec", "node"),
    [("a@b", "b"), ("a@b+c", "b+c"), ("a@1.gguf", ""), ("~nobody/a@1.gguf", ""), ("@b", ""), ("http://a@b", "")],
)
def test_what_is_a_machine_and_what_a_file(spec: str, node: str) -> None:
    assert placed(spec)[1] == node
