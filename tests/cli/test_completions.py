"""What Tab offers: asked of the program, and of the shells where they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sparktop.cli.arguments.completions import SHELLS
from sparktop.cli.completions import candidates
from sparktop.cli.parser import COMMANDS
from tests.cli.conftest import Sparktop

SCENARIOS = [("smoke", "Smoke test"), ("sutra-qa", "Sutra questions")]
RUNS = [("last", "the newest run"), ("2026-11-23T07-15-04-smoke", "Smoke test")]


def offered(line: str) -> list[str]:
    """What Tab offers at the end of a line."""
    return [word for word, _ in candidates(line.split(" ")[1:], lambda: SCENARIOS, lambda: RUNS)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("sparktop ", list(COMMANDS)),
        ("sparktop s", ["scenarios", "schema"]),
        ("sparktop --v", ["--version"]),
        ("sparktop run ", ["smoke", "sutra-qa"]),
        ("sparktop run sm", ["smoke"]),
        ("sparktop run --headless su", ["sutra-qa"]),
        ("sparktop run --limit 3 su", ["sutra-qa"]),
        ("sparktop run smoke --h", ["--help", "--headless"]),
        ("sparktop run smoke -m ", ["demo-base", "demo-sutra"]),
        ("sparktop run smoke --model demo-s", ["demo-sutra"]),
        ("sparktop run smoke -m ./mod", []),
        ("sparktop run smoke --out ", []),
        ("sparktop run smoke --limit ", []),
        ("sparktop scenarios ", ["show"]),
        ("sparktop scenarios show s", ["smoke", "sutra-qa"]),
        ("sparktop models ", []),
        ("sparktop doctor ", ["--help", "--fix", "--json"]),
        ("sparktop completions ", list(SHELLS)),
        ("sparktop nonsense ", list(COMMANDS)),
        ("sparktop history ", ["delete", "restore", "purge", "trash"]),
        ("sparktop history delete 2026", ["2026-11-23T07-15-04-smoke"]),
        ("sparktop replay ", ["last", "2026-11-23T07-15-04-smoke"]),
        ("sparktop compare last ", ["last", "2026-11-23T07-15-04-smoke"]),
        ("sparktop compare last last --th", ["--threshold"]),
        ("sparktop report last --format ", ["md", "html", "csv", "json"]),
        ("sparktop report last --lang ", ["zh", "en"]),
        ("sparktop report last --lang zh ", ["last", "2026-11-23T07-15-04-smoke"]),
        ("sparktop judge last --with demo-b", ["demo-base"]),
        ("sparktop rate last --beside 2026", ["2026-11-23T07-15-04-smoke"]),
        ("sparktop history --scenario s", ["smoke", "sutra-qa"]),
    ],
)
def test_what_is_offered(line: str, words: list[str]) -> None:
    assert offered(line) == words


def test_every_candidate_fits_on_a_line_of_its_own(sparktop: Sparktop) -> None:
    for words in ([""], ["run", ""], ["run", "--"], ["doctor", "-"]):
        lines = sparktop("completions", *(f"--word=+{word}" for word in words)).stdout.splitlines()
        assert len(lines) > 2
        assert all(line.count("\t") == 1 for line in lines)


def test_a_shell_has_to_be_one_of_three(sparktop: Sparktop) -> None:
    for words in ([], ["tcsh"]):
        done = sparktop("completions", *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert "fish" in done.stderr


ASK = {
    # Each defines the completion, then does what the shell does when Tab is pressed after these words.
    "bash": """
        source <(sparktop completions bash)
        COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _sparktop; printf '%s\\n' "${{COMPREPLY[@]}}"
    """,
    "zsh": """
        compdef() {{ : }}
        _describe() {{ print -l -- "${{(@P)2%%:*}}" }}
        _files() {{ print FILES }}
        eval "$(sparktop completions zsh)"
        words=({words}); CURRENT=$#words
        _sparktop
    """,
    "fish": """
        sparktop completions fish | source
        complete -C '{line}' | string replace -r '\\t.*' ''
    """,
}


@pytest.mark.parametrize(
    ("words", "line", "expected"),
    [
        ("sparktop run sm", "sparktop run sm", {"smoke"}),
        ("sparktop sc", "sparktop sc", {"scenarios", "schema"}),
        ("sparktop run smoke --tog", "sparktop run smoke --tog", {"--together"}),
        ("sparktop doctor --", "sparktop doctor --", {"--help", "--fix", "--json"}),
        ("sparktop run smoke -m ''", "sparktop run smoke -m ", {"demo-base", "demo-sutra"}),
    ],
)
@pytest.mark.parametrize("shell", SHELLS)
def test_in_the_shell(
    shell: str, words: str, line: str, expected: set[str], environ: dict[str, str], tmp_path: Path
) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/sparktop").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sparktop "$@"\n')
    (tmp_path / "bin/sparktop").chmod(0o755)
    done = subprocess.run(
        [program, "-c", ASK[shell].format(words=words, line=line)],
        env={**environ, "PATH": f"{tmp_path / 'bin'}{os.pathsep}{environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert set(done.stdout.split()) == expected, done.stderr
