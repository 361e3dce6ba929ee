"""`sparktop models`: the demos, the catalogue beside DGX Sparks and beside the machine in hand, and files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sparktop.cli.catalogue import Machine, catalogue_table, explanations, this_machine
from sparktop.model.listing import Listed, list_models
from sparktop.published import load_published
from sparktop.resources import demo_dir
from tests.cli.conftest import Sparktop
from tests.model.synthetic import NODE

GIB = 1 << 30


def test_the_demos_come_first(sparktop: Sparktop) -> None:
    done = sparktop("models")

    assert (done.returncode, len(done.stdout.splitlines()) > 15) == (0, True)
    rows = [line.split() for line in done.stdout.splitlines()[2:4]]
    assert [row[:2] for row in rows] == [["demo-base", "(toy)"], ["demo-sutra", "(toy)"]]
    assert str(demo_dir()) in done.stdout


def test_the_catalogue_beside_sparks(sparktop: Sparktop) -> None:
    done = sparktop("models")

    table = done.stdout.split("\n\n")[1].splitlines()
    shown = {line[:27].strip() + " " + line.split("  ")[-3].strip(): line.split() for line in table[2:]}
    # Size, bytes of a token, ceiling and Sparks are sums over the published shapes; the rest is as published.
    assert shown["GPT-OSS-20B 82.74"][1:] == [
        *("MXFP4", "11.2", "2.57", "106.2", "1", "llama.cpp", "2048/128", "3670.42", "82.74", "win", "NVIDIA")
    ]
    assert shown["Llama 3.1 70B ~2.7"][3:] == [
        *("FP8", "67.7", "70.55", "3.9", "1", "SGLang", "?/128", "~803", "~2.7", "loss", "community")
    ]
    assert shown["Qwen3-235B 11.73"][1:8] == ["NVFP4", "124.9", "13.10", "20.8", "2", "TensorRT-LLM", "x2"]
    assert shown["Qwen2.5-72B-Instruct ~1.6"][1:6] == ["BF16", "135.4", "142.92", "1.9", "2"]
    assert len(shown) == 13 + 5 + 3
    assert "CEILING: tokens a second of one stream at 273 GB/s" in done.stderr
    assert "site-one-liart-13" in done.stderr


def test_json_has_it_all(sparktop: Sparktop) -> None:
    done = sparktop("models", "--json")

    document = json.loads(done.stdout)
    assert [file["name"] for file in document["files"]] == ["demo-base", "demo-sutra"]
    first = document["catalogue"][0]
    assert (first["tg"], first["tier"]) == ({"value": 82.74, "about": False, "decimals": 2}, "win")
    assert first["counted"]["bytes_per_token"] == pytest.approx(2.57e9, rel=0.001)
    assert {row["counted"]["fits"] for row in document["catalogue"]} == {None}
    assert document["machine"]["name"] == "DGX Spark"


def test_this_machine_answers(sparktop: Sparktop) -> None:
    done = sparktop("models", "--node", "--json")

    document = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert {row["counted"]["fits"] for row in document["catalogue"]} <= {True, False}
    assert document["machine"]["ceilings"]["source"]


def held(folder: Path, available: int) -> tuple[Machine, dict[str, Listed]]:
    """The catalogue beside a Spark of which so many GiB are available."""
    (folder / "proc").mkdir()
    (folder / "proc/meminfo").write_text(
        f"MemTotal:       127600748 kB\nMemAvailable:   {available << 20} kB\nSwapFree:             0 kB\n"
    )
    machine = this_machine(folder / "state", folder, NODE)
    rows = list_models(load_published(), machine.ceilings, machine.memory)
    return machine, {f"{row.name} {row.quantization} {row.shape}": row for row in rows}


def test_a_spark_in_hand_whose_memory_is_in_use(tmp_path: Path) -> None:
    machine, rows = held(tmp_path, 68)

    assert machine.memory is not None
    assert (machine.memory.free, machine.memory.reserve) == (68 * GIB, 8 * GIB)
    assert machine.ceilings.theoretical == 273e9
    fitting = {name for name, row in rows.items() if row.counted.fits}
    assert {"GPT-OSS-120B MXFP4 2048/128", "Gemma 4 26B-A4B F16 ?/128"} <= fitting
    assert not {"Llama 3.1 70B FP8 ?/128", "Qwen2.5-32B-Instruct BF16 questions"} & fitting
    table = catalogue_table(list(rows.values()), machine)
    assert table[0].split()[6:8] == ["FITS", "ENGINE"]
    assert "68.0 GiB that can be allocated now (MemAvailable), less 8.0 GiB" in "\n".join(
        explanations(list(rows.values()), machine)
    )


def test_a_machine_that_does_not_tell(tmp_path: Path) -> None:
    machine = this_machine(tmp_path / "state", tmp_path, NODE)

    rows = list_models(load_published(), machine.ceilings, machine.memory)
    assert {row.counted.fits for row in rows} == {None}
    assert "unknown" in machine.rule
    assert all(line.split()[5] == "n/a" for line in catalogue_table(rows[:1], machine)[2:])


def test_files(sparktop: Sparktop) -> None:
    done = sparktop("models", "--json", str(demo_dir() / "demo-sutra.gguf"))

    document = json.loads(done.stdout)
    assert [(file["name"], file["toy"], file["fits"]) for file in document["files"]] == [("demo-sutra", False, True)]
    assert list(document) == ["files"]


def test_files_are_held_against_this_machine_anyway(sparktop: Sparktop) -> None:
    done = sparktop("models", "--node", "x.gguf")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "sparktop: files are always held against this machine: leave --node away\n"
