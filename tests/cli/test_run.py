"""Whole runs with the demo models, as people start them."""

from __future__ import annotations

import json
import os
import pty
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sparktop.model.schema import snapshot_schema
from tests.cli.conftest import PROGRAM, Sparktop

ONE = ("-m", "demo-base")
SHORT = ("--limit", "1", "--max-tokens", "4")

LONG = """
title = "long"
kind = "batch"
batches = [4]
repetitions = 1000
[sampling]
max_tokens = 400
ignore_eos = true
[[items]]
id = "L1"
prompt = "?"
"""


def imported(stderr: str) -> set[str]:
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in stderr.splitlines() if "|" in line}


def runs(environ: dict[str, str]) -> Path:
    return Path(environ["HOME"]) / ".local/share/sparktop/runs"


def snapshots(environ: dict[str, str]) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in sorted(runs(environ).glob("*.json"))]


def no_runs_folder(environ: dict[str, str]) -> None:
    """Puts a file where the folder of the runs would be made."""
    share = Path(environ["HOME"]) / ".local/share"
    share.mkdir(parents=True)
    (share / "sparktop").touch()


def test_headless_run(sparktop: Sparktop, environ: dict[str, str]) -> None:
    done = sparktop("run", "smoke", "--headless", "--max-tokens", "4")

    (snapshot,) = snapshots(environ)
    assert done.returncode == 0
    assert snapshot["status"] == "completed"
    rows = [line.split() for line in done.stdout.splitlines() if " (toy) " in line]
    # Each contender has a row of figures and one for each of its two answers.
    assert [row[0] for row in rows] == ["demo-base", "demo-sutra"] + ["demo-base"] * 2 + ["demo-sutra"] * 2
    assert done.stdout.splitlines()[-1] == f"snapshot: {next(runs(environ).glob('*.json'))}"
    assert "[4/4] demo-sutra S2, " in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_headless_run_imports_no_screen_and_no_engine(sparktop: Sparktop) -> None:
    done = sparktop("run", "smoke", "--headless", *ONE, *SHORT, python=("-X", "importtime"))

    assert done.returncode == 0
    assert "orjson" in imported(done.stderr)
    assert not imported(done.stderr) & {"textual", "rich", "llama_cpp"}


def test_json_is_the_snapshot_and_nothing_else(sparktop: Sparktop, environ: dict[str, str]) -> None:
    done = sparktop("run", "smoke", "--json", *ONE, *SHORT)

    document = json.loads(done.stdout)
    jsonschema.validate(document, snapshot_schema())
    assert done.returncode == 0
    assert [document] == snapshots(environ)
    assert [request["item"] for request in document["requests"]] == ["S1"]
    assert document["requests"][0]["max_tokens"] == 4


def test_options_arrive(sparktop: Sparktop) -> None:
    options = ("--seed", "7", "--together", "--reserve", "0", "--silence", "60")
    done = sparktop("run", "smoke", "--json", *SHORT, *options)

    document = json.loads(done.stdout)
    told = {"limit": 1, "max_tokens": 4, "seed": 7, "together": True, "reserve": 0, "silence_s": 60, "batches": []}
    told["tensor_split"] = []
    assert document["options"] == told
    assert document["scenario"]["sampling"]["seed"] == 7
    assert "contended" in [verdict["code"] for verdict in document["validity"]["verdicts"]]


def test_other_batch_sizes_than_the_scenarios(sparktop: Sparktop) -> None:
    done = sparktop("run", "batch-sweep", "--json", *ONE, *SHORT, "--batches", "1,2")

    document = json.loads(done.stdout)
    assert (document["options"]["batches"], document["scenario"]["batches"]) == ([1, 2], [1, 2])
    assert [(row["batch"], row["completed"]) for row in document["summary"]] == [(1, 1), (2, 2)]
    # One question for two streams: asked twice, and read afresh each time.
    assert [one["item"] for one in document["requests"]] == ["B1"] * 3
    assert {one["tokens"]["cached"] for one in document["requests"]} == {0}
    assert "cold-start" not in [verdict["code"] for verdict in document["validity"]["verdicts"]]
    for words, sentence in (
        (("general", "--batches", "1,8"), '--batches is for scenarios of kind "batch", and general is of kind'),
        (("batch-sweep", "--batches", "1,257"), "expected batch sizes from 1 to 256, found '257'"),
        (("batch-sweep", "--batches", "8,1"), "expected ascending batch sizes, each once, found '8,1'"),
        (("batch-sweep", "--batches", "1,,2"), "expected batch sizes from 1 to 256, found ''"),
    ):
        refused = sparktop("run", *words, "--headless")
        assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
        assert sentence in refused.stderr


def test_out_writes_the_snapshot_too(sparktop: Sparktop, environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "out.json").write_text("old")
    (tmp_path / "out.json").chmod(0o640)

    done = sparktop("run", "smoke", "--out", "out.json", *ONE, *SHORT)

    assert done.returncode == 0
    assert "snapshot: " in done.stdout
    assert [json.loads((tmp_path / "out.json").read_text())] == snapshots(environ)
    assert stat.S_IMODE((tmp_path / "out.json").stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "out.json"]


def test_out_to_stdout_and_to_a_device(sparktop: Sparktop) -> None:
    assert json.loads(sparktop("run", "smoke", "--out", "-", *ONE, *SHORT).stdout)["status"] == "completed"
    assert sparktop("run", "smoke", "--out", "/dev/null", *ONE, *SHORT).returncode == 0
    assert Path("/dev/null").is_char_device()


def test_out_that_fails_after_all_takes_nothing_with_it(sparktop: Sparktop, environ: dict[str, str]) -> None:
    done = sparktop("run", "smoke", "--out", "/dev/full", *ONE, *SHORT)

    assert done.returncode == 1
    assert done.stderr.endswith("sparktop: /dev/full can't be written: No space left on device\n")
    assert done.stdout.startswith("Smoke test: completed\n")
    assert len(snapshots(environ)) == 1


def test_without_a_terminal_the_default_scenario_runs(sparktop: Sparktop, environ: dict[str, str]) -> None:
    own = Path(environ["HOME"]) / ".config/sparktop/scenarios"
    own.mkdir(parents=True)
    # The person's own file of that name goes before the shipped one, which would take longer.
    (own / "sutra-qa.toml").write_text(
        'title = "own"\nkind = "questions"\n[sampling]\nmax_tokens = 4\n[[items]]\nid = "X"\nprompt = "?"\n'
    )

    done = sparktop()

    assert done.returncode == 0
    assert done.stdout.startswith("own: completed\n")
    assert [contender["contender"]["name"] for contender in snapshots(environ)[0]["contenders"]] == [
        "demo-base",
        "demo-sutra",
    ]


def test_run_without_success_fails(sparktop: Sparktop, environ: dict[str, str]) -> None:
    done = sparktop("run", "smoke", "--headless", *ONE, *SHORT, "--reserve", "4096")

    assert done.returncode == 1
    assert "does not fit" in done.stderr
    assert "does not fit" in done.stdout
    assert snapshots(environ)[0]["status"] == "failed"


def test_run_of_which_a_part_failed_fails_and_keeps_the_rest(
    sparktop: Sparktop, environ: dict[str, str], tmp_path: Path
) -> None:
    long = "很长" * 5000
    items = (
        f'[[items]]\nid = "{name}"\nprompt = "{prompt}"\n' for name, prompt in (("A", "?"), ("B", long), ("C", "?"))
    )
    (tmp_path / "part.toml").write_text(
        'title = "part"\nkind = "questions"\n[sampling]\nmax_tokens = 4\n' + "".join(items), encoding="utf-8"
    )

    done = sparktop("run", "./part.toml", *ONE)

    (snapshot,) = snapshots(environ)
    assert done.returncode == 1
    assert done.stderr.count("demo-base B failed: the prompt is ") == 1
    assert "validity: NOT VALID" in done.stdout
    assert snapshot["status"] == "completed"
    assert [request["finish"] for request in snapshot["requests"]] == ["length", "error", "length"]


def test_empty_answer_is_named_and_fails(sparktop: Sparktop, tmp_path: Path) -> None:
    asks = 'title = "mute"\nkind = "questions"\n[[items]]\nid = "M1"\nprompt = "什么是过拟合？"\n'
    (tmp_path / "mute.toml").write_text(asks, encoding="utf-8")
    answer = json.loads(sparktop("run", "./mute.toml", "--json", *ONE).stdout)["requests"][0]["answer"]
    (tmp_path / "mute.toml").write_text(f'{asks}[sampling]\nstop = ["{answer[0]}"]\n', encoding="utf-8")

    done = sparktop("run", "./mute.toml", *ONE)

    assert done.returncode == 1
    snapshot = json.loads(Path(done.stdout.splitlines()[-1].removeprefix("snapshot: ")).read_text())
    assert snapshot["requests"][0]["answer"] == ""
    assert "  fault: 1 of 1 answers are empty (demo-base M1): " in done.stdout


def test_next_run_completes_what_was_broken_off(sparktop: Sparktop, environ: dict[str, str]) -> None:
    sparktop("run", "smoke", *ONE, *SHORT)
    broken_off = next(runs(environ).glob("*.json"))
    broken_off.unlink()

    done = sparktop("run", "smoke", "--json", *ONE, *SHORT)

    assert f"its snapshot is complete now: {broken_off}" in done.stderr
    assert done.stderr.count("complete now") == 1
    assert json.loads(broken_off.read_text())["status"] == "completed"
    assert json.loads(done.stdout)["id"] != broken_off.stem


def test_run_that_could_not_be_kept_fails_but_shows_its_figures(sparktop: Sparktop, environ: dict[str, str]) -> None:
    no_runs_folder(environ)

    done = sparktop("run", "smoke", "--headless", *ONE, *SHORT)

    assert done.returncode == 1
    assert done.stdout.startswith("Smoke test: completed\n")
    assert done.stdout.endswith("snapshot: not written\n")
    assert "the snapshot can't be written" in done.stderr


def test_run_that_could_not_be_kept_can_still_be_printed(sparktop: Sparktop, environ: dict[str, str]) -> None:
    no_runs_folder(environ)

    done = sparktop("run", "smoke", "--json", *ONE, *SHORT)

    assert done.returncode == 0
    assert json.loads(done.stdout)["status"] == "completed"


def test_figures_nobody_reads_do_not_fail_the_run(environ: dict[str, str]) -> None:
    words = [*PROGRAM, "run", "smoke", "--headless", *ONE, *SHORT]
    process = subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    _, stderr = process.communicate(timeout=60)

    assert process.returncode == 0
    assert b"Traceback" not in stderr
    assert b"BrokenPipe" not in stderr


class Terminal:
    """A long headless run in a terminal of its own."""

    def __init__(self, environ: dict[str, str], folder: Path) -> None:
        (folder / "long.toml").write_text(LONG)
        self.environ = environ
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            words = [sys.executable, "-m", "sparktop", "run", "./long.toml", "--headless", *ONE]
            os.execve(sys.executable, words, environ)
        self.shown = b""
        self.ended = False

    def wait_for(self, text: bytes) -> None:
        while text not in self.shown:
            self.shown += os.read(self.fd, 4096)

    def exit_code(self) -> int:
        """Waits for the end of the process, reading what it prints."""
        while True:
            try:
                piece = os.read(self.fd, 4096)
            except OSError:  # Linux says EIO when the other end is closed
                break
            if not piece:
                break
            self.shown += piece
        return self.status()

    def status(self) -> int:
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.ended = True
        return code

    def workers(self) -> list[int]:
        """The processes that it has started."""
        threads = Path(f"/proc/{self.pid}/task").glob("*/children")
        return [int(pid) for path in threads for pid in path.read_text().split()]

    def kill(self) -> None:
        """Ends what a failed test has left behind."""
        if not self.ended:
            os.kill(self.pid, signal.SIGKILL)
            self.status()


@pytest.fixture
def terminal(environ: dict[str, str], tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(environ, tmp_path)
    try:
        terminal.wait_for(b"answering")
        yield terminal
    finally:
        terminal.kill()


def test_ctrl_c_keeps_the_run(terminal: Terminal) -> None:
    began = time.monotonic()
    os.write(terminal.fd, b"\x03")

    assert terminal.exit_code() == 130
    assert time.monotonic() - began < 10
    (snapshot,) = snapshots(terminal.environ)
    assert snapshot["status"] == "cancelled"
    assert any(request["tokens"]["output"] for request in snapshot["requests"])
    assert "long: cancelled" in terminal.shown.decode()
    assert b"Traceback" not in terminal.shown


def test_sigterm_keeps_the_run(terminal: Terminal) -> None:
    os.kill(terminal.pid, signal.SIGTERM)

    assert terminal.exit_code() == 143
    assert snapshots(terminal.environ)[0]["status"] == "cancelled"


@pytest.mark.alone
def test_hang_up_flushes_and_ends_within_two_seconds(terminal: Terminal) -> None:
    began = time.monotonic()
    os.close(terminal.fd)

    assert terminal.status() == 129
    assert time.monotonic() - began <= 2
    journal = next(runs(terminal.environ).glob("*.jsonl")).read_text()
    assert '"event":"tokens"' in journal
    assert snapshots(terminal.environ)[0]["status"] == "cancelled"


def test_killed_run_is_recovered(terminal: Terminal, sparktop: Sparktop) -> None:
    os.kill(terminal.pid, signal.SIGKILL)
    assert terminal.exit_code() == -signal.SIGKILL
    assert snapshots(terminal.environ) == []

    done = sparktop("recover")

    assert done.returncode == 0
    assert ": interrupted, " in done.stdout
    assert snapshots(terminal.environ)[0]["status"] == "interrupted"
    assert sparktop("recover").stdout == ""


@pytest.mark.alone
def test_hang_up_ends_in_time_though_the_engine_hangs(terminal: Terminal) -> None:
    workers = terminal.workers()
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    began = time.monotonic()
    os.close(terminal.fd)

    try:
        assert terminal.status() == 129
        assert time.monotonic() - began <= 2
    finally:
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
    assert '"event":"tokens"' in next(runs(terminal.environ).glob("*.jsonl")).read_text()


def test_engine_ends_with_the_run(terminal: Terminal) -> None:
    workers = [Path(f"/proc/{worker}") for worker in terminal.workers()]
    assert workers

    os.kill(terminal.pid, signal.SIGKILL)
    terminal.exit_code()
    deadline = time.monotonic() + 10
    while any(worker.exists() for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert [worker for worker in workers if worker.exists()] == []
