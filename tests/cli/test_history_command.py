"""The runs so far on the command line: real runs of the demo models, listed, compared, deleted and brought back."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.cli.conftest import PROGRAM, ROOT, Sparktop

Changed = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of somebody who has run "smoke" twice, with both demo models."""
    home = tmp_path_factory.mktemp("made")
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
    for _ in range(2):
        done = subprocess.run([*PROGRAM, "run", "smoke", "--headless"], env=environ, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
    return home / ".local"


@pytest.fixture
def runs(made: Path, environ: dict[str, str]) -> Path:
    """A folder with copies of these two runs and their logs."""
    shutil.copytree(made, Path(environ["HOME"]) / ".local")
    return Path(environ["HOME"]) / ".local/share/sparktop/runs"


def ids(runs: Path) -> list[str]:
    """The runs, oldest first."""
    return sorted(path.stem for path in runs.glob("*.json"))


def edit(runs: Path, identity: str, change: Changed) -> None:
    """Changes a snapshot by hand."""
    path = runs / f"{identity}.json"
    document = orjson.loads(path.read_bytes())
    change(document)
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))


def slower(document: dict[str, Any]) -> None:
    """Makes every token take twice as long, and asks each question three times."""
    requests = []
    for repetition in range(3):
        for request in document["requests"]:
            t_ms = [t * 2 for t in request["chunks"]["t_ms"]]
            figures = {**request["metrics"]}
            for name in ("ttft_ms", "ttfa_ms", "e2e_ms", "tpot_ms"):
                figures[name] = figures[name] and figures[name] * 2
            for name in ("decode_tok_s", "prefill_tok_s"):
                figures[name] = figures[name] and figures[name] / 2
            chunks = {**request["chunks"], "t_ms": t_ms}
            requests.append({**request, "chunks": chunks, "metrics": figures, "repetition": repetition})
    document["requests"] = requests


def thrice(document: dict[str, Any]) -> None:
    document["requests"] = [
        {**request, "repetition": repetition} for repetition in range(3) for request in document["requests"]
    ]


# -- the list ----------------------------------------------------------------------------------------------------------


def test_the_list_is_newest_first(sparktop: Sparktop, runs: Path) -> None:
    done = sparktop("history")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split() for line in done.stdout.splitlines()[2:]]
    assert [row[0] for row in rows] == ids(runs)[::-1]
    assert all("demo-base, demo-sutra" in line for line in done.stdout.splitlines()[2:])
    assert all("completed" in row for row in rows)


def test_the_list_for_programs(sparktop: Sparktop, runs: Path) -> None:
    (newest,) = json.loads(sparktop("history", "--json", "-n", "1").stdout)
    snapshot = orjson.loads((runs / f"{newest['id']}.json").read_bytes())
    assert newest["id"] == ids(runs)[-1]
    for name in ("created", "status", "duration_s"):
        assert newest[name] == snapshot[name], name
    assert newest["contenders"] == ["demo-base", "demo-sutra"]
    assert [one["tok_s"] for one in newest["figures"]] == [row["decode_tok_s"]["median"] for row in snapshot["summary"]]
    assert newest["snapshot"] == str(runs / f"{newest['id']}.json")
    assert newest["problem"] is None


def test_only_what_fits_is_listed(sparktop: Sparktop, runs: Path) -> None:
    def listed(*words: str) -> list[str]:
        return [entry["id"] for entry in json.loads(sparktop("history", "--json", *words).stdout)]

    edit(runs, ids(runs)[0], lambda document: document.update(created="2026-01-05T08:00:00+08:00"))
    old, new = ids(runs)
    assert listed("--scenario", "SMOK") == [new, old]
    assert listed("--scenario", "sutra") == []
    assert listed("--contender", "Sutra") == [new, old]
    assert listed("--contender", "qwen") == []
    assert listed("--since", "2026-01-06") == [new]
    assert listed("--since", "2026-01-05T08:00:00+08:00") == [new, old]
    assert sparktop("history", "--scenario", "none").stderr == "none of 2 runs fits\n"


def test_what_is_broken_is_listed_with_its_reason(sparktop: Sparktop, runs: Path) -> None:
    old, new = ids(runs)
    edit(runs, old, lambda document: document.update(schema="sparktop.run/2"))
    (runs / f"{old}.jsonl").unlink()
    (runs / "2026-01-01T00-00-00-x.json").write_text("\x1b[31mhello")
    done = sparktop("history")
    assert done.returncode == 0
    broken = [line.split()[0] for line in done.stdout.splitlines() if "broken" in line]
    assert broken == [old, "2026-01-01T00-00-00-x"]
    assert f"{new}" in done.stdout
    assert "update sparktop to read it" in done.stderr
    assert "not a snapshot of sparktop" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_without_runs_it_says_what_to_do(sparktop: Sparktop) -> None:
    done = sparktop("history")
    assert (done.returncode, done.stdout) == (0, "")
    assert 'yet: "sparktop run SCENARIO" makes one' in done.stderr
    assert sparktop("history", "--json").stdout == "[]\n"


# -- deleting ----------------------------------------------------------------------------------------------------------


def test_deleted_runs_can_be_brought_back(sparktop: Sparktop, runs: Path) -> None:
    before = {path.name: path.read_bytes() for path in runs.iterdir()}
    old, new = ids(runs)
    done = sparktop("history", "delete", "last", old, "--yes")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        f'deleted {identity}; "sparktop history restore {identity}" brings it back' for identity in (new, old)
    ]
    assert [path.name for path in runs.iterdir()] == [".trash"]
    assert sparktop("history").stdout == ""
    assert [one["id"] for one in json.loads(sparktop("history", "trash", "--json").stdout)] == [old, new]
    assert sparktop("history", "restore", "last").stdout == f"{old} is back\n"
    assert sparktop("history", "restore", new[:-3]).stdout == f"{new} is back\n"
    assert {path.name: path.read_bytes() for path in runs.iterdir() if path.is_file()} == before
    assert sparktop("history", "trash").stderr == "the trash is empty\n"


def test_what_was_purged_is_gone(sparktop: Sparktop, runs: Path) -> None:
    old, new = ids(runs)
    sparktop("history", "delete", old, "--yes")
    assert sparktop("history", "purge", new, "--yes").returncode == 2
    assert sparktop("history", "purge", "--yes").stdout == f"removed {old}\n"
    assert list((runs / ".trash").iterdir()) == []
    assert sparktop("history", "purge", "--yes").stderr == "the trash is empty\n"


def test_nothing_is_deleted_unasked(sparktop: Sparktop, runs: Path, tmp_path: Path) -> None:
    done = sparktop("history", "delete", "last")
    assert done.returncode == 2
    assert "nobody can be asked here whether this is meant: say --yes" in done.stderr
    shutil.copy(runs / f"{ids(runs)[0]}.json", tmp_path / "mine.json")
    assert "remove it yourself" in sparktop("history", "delete", "./mine.json", "--yes").stderr
    assert len(ids(runs)) == 2


@pytest.mark.parametrize(("answer", "code", "left"), [(b"y\n", 0, 1), (b"\n", 1, 2), (b"n\n", 1, 2), (b"\x04", 1, 2)])
def test_on_a_terminal_it_asks(answer: bytes, code: int, left: int, runs: Path, environ: dict[str, str]) -> None:
    pid, fd = pty.fork()
    if pid == 0:
        words = [sys.executable, "-m", "sparktop", "history", "delete", "last"]
        os.execve(sys.executable, words, environ)
    shown = b""
    while b"[y/N] " not in shown:
        shown += os.read(fd, 4096)
    assert f"Delete {ids(runs)[-1]}? ".encode() in shown
    os.write(fd, answer)
    try:
        while os.read(fd, 4096):
            pass
    except OSError:  # Linux says EIO when the other end is closed
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == code
    assert len(ids(runs)) == left


# -- comparing ---------------------------------------------------------------------------------------------------------


def test_what_got_worse_makes_the_exit_code(sparktop: Sparktop, runs: Path) -> None:
    old, new = ids(runs)
    shutil.copy(runs / f"{old}.json", runs / f"{new}.json")
    edit(runs, old, thrice)
    edit(runs, new, slower)
    done = sparktop("compare", old, new)
    assert done.returncode == 1
    assert done.stderr == ""
    rows = [line for line in done.stdout.splitlines() if line.startswith("decode, one stream")]
    assert len(rows) == 2
    for row in rows:
        assert "-50.0 %" in row
        assert row.endswith("WORSE")
    assert done.stdout.splitlines()[-1].startswith("8 figures got worse by more than 5 %")
    assert sparktop("compare", old, new, "--threshold", "60%").returncode == 1, "times doubled: 100 % more"
    assert sparktop("compare", old, new, "--threshold", "101").returncode == 0
    assert sparktop("compare", new, old).returncode == 0
    document = json.loads(sparktop("compare", old, new, "--json").stdout)
    assert (document["schema"], len(document["worse"])) == ("sparktop.comparison/1", 8)
    assert {row["before"] for row in document["rows"]} == {"demo-base", "demo-sutra"}
    assert document["rows"][0]["changes"][0]["verdict"] == "worse"


def test_two_questions_are_too_few_to_judge(sparktop: Sparktop, runs: Path) -> None:
    done = sparktop("compare", "last~1", "last")
    assert done.returncode == 0
    assert "Not judged:\n  demo-base: 2 questions, each asked once: too few to tell a change from chance" in done.stdout
    assert "figures could not be judged" in done.stdout.splitlines()[-1]


def test_what_differs_beside_the_figures_is_told(sparktop: Sparktop, runs: Path) -> None:
    old, _ = ids(runs)

    def change(document: dict[str, Any]) -> None:
        document["sparktop"] = "0.0.1"
        document["nodes"][0]["driver"] = "\x1b[31m580"
        document["status"] = "interrupted"

    edit(runs, old, change)
    done = sparktop("compare", "last~1", "last")
    assert "  sparktop: 0.0.1, then " in done.stdout
    assert "is interrupted: it has only a part of what it was to measure." in done.stdout
    assert "NVIDIA driver: 580, then unknown." in done.stdout
    assert "\x1b" not in done.stdout


def test_what_cannot_be_compared_is_refused(sparktop: Sparktop, runs: Path) -> None:
    old, new = ids(runs)
    edit(runs, old, lambda document: document["scenario"].update(name="other"))
    done = sparktop("compare", old, new)
    assert (done.returncode, done.stdout) == (2, "")
    assert "only runs of one scenario can be compared" in done.stderr
    assert "has no contender qwen" in sparktop("compare", new, new, "--pair", "qwen=demo-base").stderr
    (runs / f"{old}.json").write_text("{}")
    (runs / f"{old}.jsonl").unlink()
    assert "not a snapshot of sparktop" in sparktop("compare", old, new).stderr


def test_contenders_are_paired_by_hand(sparktop: Sparktop, runs: Path) -> None:
    document = json.loads(
        sparktop(
            "compare", "last", "last", "--json", "--pair", "demo-base=demo-sutra", "--pair", "demo-sutra=demo-base"
        ).stdout
    )
    assert [(row["before"], row["after"]) for row in document["rows"]] == [
        ("demo-base", "demo-sutra"),
        ("demo-sutra", "demo-base"),
    ]


# -- replaying ---------------------------------------------------------------------------------------------------------


def test_without_a_terminal_a_replay_is_what_the_run_came_to(sparktop: Sparktop, runs: Path) -> None:
    done = sparktop("replay", "last")
    assert done.returncode == 0
    assert done.stdout.startswith("Smoke test: completed\n")
    assert done.stdout.endswith(f"snapshot: {runs / ids(runs)[-1]}.json\n")


def test_listing_needs_no_screen_and_no_engine(sparktop: Sparktop, runs: Path) -> None:
    for words in (("history",), ("compare", "last", "last"), ("replay", "last")):
        done = sparktop(*words, python=("-X", "importtime"))
        assert done.returncode == 0
        for name in ("textual", "llama_cpp", "numpy", "psutil"):
            assert f" {name}\n" not in done.stderr, (words, name)
