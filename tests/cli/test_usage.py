"""Wrong input gets one sentence that says what to do, and its exit code; never a traceback."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from sparktop.cli.parser import COMMANDS, command_parser
from sparktop.places import Places
from sparktop.resources import demo_dir
from tests.cli.conftest import PROGRAM, Sparktop


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with things that are not what they are called."""
    (tmp_path / "text.gguf").write_text("This is a text that has been called a model.")
    (tmp_path / "short.gguf").write_bytes(b"GGUF\x03\0\0\0" + b"\xff\0\0\0\0\0\0\0" * 2)
    (tmp_path / "empty.gguf").touch()
    (tmp_path / "broken.toml").write_text('title = "x"\nkind = \n')
    (tmp_path / "wrong.toml").write_text('title = "x"\nkind = "questons"\n')
    (tmp_path / "folder").mkdir()
    return tmp_path


REFUSALS = [
    (["rnu"], 'no command is called "rnu"; did you mean "sparktop run"?'),
    (["frobnicate"], "there are run, scenarios, models, monitor, node"),
    (["--frobnicate"], '"sparktop --help" shows'),
    (["run"], "SCENARIO"),
    (["run", "smoke", "--frobnicate"], '"sparktop run --help" shows'),
    (["run", "smok", "--headless"], 'did you mean "smoke"?'),
    (["run", "smoke", "-m", "demo-sutr"], "did you mean demo-sutra?"),
    (["run", "smoke", "-m", "frobnicate"], "the path of a .gguf file"),
    (["run", "smoke", "-m", "./nothing.gguf"], "does not exist"),
    (["run", "smoke", "-m", "text.gguf"], "is no GGUF file"),
    (["run", "smoke", "-m", "short.gguf"], "short.gguf is"),
    (["run", "smoke", "-m", "empty.gguf"], "empty.gguf is no GGUF file"),
    (["run", "smoke", "-m", "./folder"], "is a folder"),
    (["run", "smoke", "-m", "~nobody-of-that-name/x.gguf"], "there is no such home folder"),
    (["run", "smoke", "-m", "x" * 300], "the path of a .gguf file"),
    (["run", "smoke", "-m", "./" + "x" * 300 + "-00001-of-00002.gguf"], "File name too long"),
    (["run", "./broken.toml"], "broken.toml:2"),
    (["run", "./wrong.toml"], 'found the text "questons"'),
    (["run", "./none.toml"], "cannot be read"),
    (["run", "smoke", "--limit", "0"], "expected a number of questions from 1"),
    (["run", "smoke", "--limit", "-1"], "--limit"),
    (["run", "smoke", "--max-tokens", "many"], "expected a number of tokens from 1"),
    (["run", "smoke", "--seed", "1_0"], "expected a seed from 0"),
    (["run", "smoke", "--out", "folder"], "is a folder"),
    (["run", "smoke", "--out", "x" * 300], "File name too long"),
    (["run", "smoke", "--out", "text.gguf/x"], "Not a directory"),
    (["run", "smoke", "--out", "none/x.json"], "there is no folder"),
    (["run", "smoke", "--out", ""], "needs the name of a file"),
    (["scenarios", "smoke"], '"sparktop scenarios show smoke"'),
    (["scenarios", "show"], "takes one scenario"),
    (["scenarios", "show", "smok"], 'did you mean "smoke"?'),
    (["models", "text.gguf"], "is no GGUF file"),
    (["doctor", "now"], "unrecognized arguments: now"),
    (["history", "show"], '"show" is none of delete, restore, purge, trash'),
    (["history", "delete"], "needs a run"),
    (["history", "delete", "x"], "there is no run in"),
    (["history", "restore", "x"], "no deleted run is called"),
    (["history", "trash", "x"], "takes no run"),
    (["history", "--since", "yesterday"], "expected a date as in 2026-11-01"),
    (["compare", "last"], "the following arguments are required: B"),
    (["compare", "a", "b"], "there is no run in"),
    (["compare", "a", "b", "--threshold", "-1"], "--threshold"),
    (["compare", "a", "b", "--threshold", "much"], "expected percent from 0 on"),
    (["compare", "a", "b", "--pair", "x"], "as in OLD=NEW"),
    (["compare", "a", "b", "--pair", "x=y", "--pair", "x=z"], "names a contender twice"),
    (["replay"], "RUN"),
    (["replay", "last"], "holds none"),
    (["replay", "./text.gguf"], "neither a snapshot (.json) nor a journal (.jsonl)"),
    (["replay", "x", "--speed", "0"], "expected a number from 0.1 to 100"),
    (["replay", "x", "--at", "1:75"], "expected seconds, or a time such as 1:30"),
]


@pytest.mark.parametrize(("words", "sentence"), REFUSALS, ids=[" ".join(words) for words, _ in REFUSALS])
def test_one_sentence_and_exit_code_two(sparktop: Sparktop, files: Path, words: list[str], sentence: str) -> None:
    done = sparktop(*words)

    assert sentence in done.stderr
    assert done.stderr.startswith("sparktop: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert done.returncode == 2
    assert not (files / "home" / ".local").exists()  # nothing was begun


@pytest.mark.parametrize("words", [["run", "\x1b]0;x\x07smoke"], ["\x1b[2J"], ["run", "smoke", "-m", "\x9b2Jx"]])
def test_sentence_cannot_act_on_the_terminal(sparktop: Sparktop, words: list[str]) -> None:
    done = sparktop(*words)

    assert done.returncode == 2
    assert not set(done.stderr) & set("\x1b\x07\x9b")


def test_without_a_home_it_is_the_one_that_the_system_knows(tmp_path: Path) -> None:
    known = pwd.getpwuid(os.getuid()).pw_dir
    assert Places.of({}) == Places.of({"HOME": known})
    assert Places.of({"HOME": "", "XDG_DATA_HOME": str(tmp_path)}).runs == tmp_path / "sparktop" / "runs"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches(sparktop: Sparktop, command: str) -> None:
    done = sparktop(command, "--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert f"sparktop {command}" in done.stdout
    assert "examples:" in done.stdout
    assert "exit codes:" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 120


def test_help_says_what_a_contender_is_and_where_files_go(sparktop: Sparktop) -> None:
    for words in (["--help"], ["run", "--help"]):
        text = sparktop(*words).stdout
        assert "demo-sutra" in text
        assert ".gguf" in text
        assert "~/.local/share/sparktop/runs/" in text
        assert "130" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_explained(command: str) -> None:
    for action in command_parser(command)._actions:
        assert action.help


def test_scenarios_are_listed_with_their_own(sparktop: Sparktop, environ: dict[str, str]) -> None:
    own = Path(environ["HOME"]) / ".config/sparktop/scenarios"
    own.mkdir(parents=True)
    (own / "mine.toml").write_text(
        'title = "我的"\nkind = "questions"\n[[items]]\nid = "A"\nprompt = "?"\n', encoding="utf-8"
    )

    done = sparktop("scenarios")

    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()[2:]}
    assert rows["mine"] == ["own", "questions", "1", "questions", "我的"]
    assert {"smoke", "sutra-qa", "general", "batch-sweep", "prefill-decode"} <= set(rows)
    assert done.returncode == 0


def test_broken_scenario_is_listed_and_told(sparktop: Sparktop, environ: dict[str, str]) -> None:
    own = Path(environ["HOME"]) / ".config/sparktop/scenarios"
    own.mkdir(parents=True)
    (own / "mine.toml").write_text("title =\n")

    done = sparktop("scenarios")

    assert done.returncode == 2
    assert "broken" in done.stdout
    assert "smoke" in done.stdout
    assert "mine.toml:1" in done.stderr


def test_scenario_is_shown(sparktop: Sparktop) -> None:
    done = sparktop("scenarios", "show", "smoke")

    assert done.returncode == 0
    assert "一年有哪四个季节？" in done.stdout
    assert "greedy" in done.stdout


def test_schema_is_the_schema(sparktop: Sparktop) -> None:
    done = sparktop("schema")

    assert done.returncode == 0
    assert json.loads(done.stdout)["title"] == "sparktop.run/1"


def test_nothing_to_recover(sparktop: Sparktop) -> None:
    done = sparktop("recover")

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("nothing to recover in ")


@pytest.mark.parametrize("words", [["schema"], ["scenarios"], ["--help"], ["run", "--help"], ["--version"]])
def test_reader_that_went_away_is_met_with_silence(environ: dict[str, str], words: list[str]) -> None:
    process = subprocess.Popen([*PROGRAM, *words], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    _, stderr = process.communicate(timeout=30)

    assert stderr == b""
    assert process.returncode == 0


def test_closed_stdout_is_no_error(environ: dict[str, str]) -> None:
    done = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *PROGRAM, "scenarios"], env=environ, capture_output=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, b"")


def test_file_that_is_no_model_spoils_no_other(sparktop: Sparktop, files: Path) -> None:
    data = (demo_dir() / "demo-base.gguf").read_bytes()
    (files / "good.gguf").write_bytes(data)
    for part in (1, 2):  # of the header of each part only the tensors count
        (files / f"parts-{part:05}-of-00002.gguf").write_bytes(data)

    done = sparktop("models", "text.gguf", "good.gguf", "parts-00001-of-00002.gguf", "parts-00002-of-00002.gguf")

    rows = [line.split() for line in done.stdout.splitlines()[2:]]
    assert [(row[0], row[5]) for row in rows] == [("good", "yes"), ("parts", "yes")]
    assert done.stderr.endswith(
        f"sparktop: {files}/text.gguf is no GGUF file: name a model in llama.cpp's .gguf format\n"
    )
    assert done.returncode == 2


@pytest.mark.parametrize("words", [["schema"], ["scenarios"], ["--help"]])
def test_full_disk_behind_stdout_is_one_sentence(environ: dict[str, str], words: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*PROGRAM, *words], env=environ, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )

    assert done.stderr == "sparktop: the output can't be written: No space left on device\n"
    assert done.returncode == 1


def test_encoding_without_chinese_is_no_error(sparktop: Sparktop) -> None:
    done = sparktop("scenarios", "show", "smoke", PYTHONIOENCODING="ascii")

    assert done.returncode == 0
    assert "S2  ?? (4 points)" in done.stdout


DEFECT = """
import sys
import sparktop.cli, sparktop.cli.schema

def defect(arguments, console):
    raise KeyError("a defect")

sparktop.cli.schema.execute = defect
sys.exit(sparktop.cli.main(["schema"]))
"""


def test_defect_is_one_sentence_and_a_log(environ: dict[str, str]) -> None:
    done = subprocess.run([sys.executable, "-c", DEFECT], env=environ, capture_output=True, text=True, check=False)

    logs = list((Path(environ["HOME"]) / ".local/state/sparktop/log").glob("crash-*.log"))
    assert done.returncode == 1
    assert done.stderr == (
        f"sparktop: a defect of sparktop ended it (KeyError: 'a defect'); please report it with {logs[0]}\n"
    )
    assert "Traceback" in logs[0].read_text()
    assert "in defect" in logs[0].read_text()


def test_log_of_a_defect_goes_elsewhere_if_it_must(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "home" / ".local").touch()
    done = subprocess.run(
        [sys.executable, "-c", DEFECT],
        env={**environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr.rstrip().endswith(str(next(tmp_path.glob("crash-*.log"))))


def test_unwritable_file_is_refused_before_the_run(sparktop: Sparktop, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        # Root may write anywhere but where there is nothing to write to.
        done = sparktop("run", "smoke", "--out", "/proc/self/none")
    else:
        (tmp_path / "closed").mkdir(mode=0o500)
        done = sparktop("run", "smoke", "--out", "closed/x.json")

    assert done.returncode == 2
    assert "--out" in done.stderr
