"""The program as people start it: a process of its own, with a home of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.terminal import Terminal

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "sparktop"]

Sparktop = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., Terminal]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment whose home is empty."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH", "TMPDIR") if key in os.environ}
    return {**kept, "HOME": str(home), "LANG": "C.UTF-8", "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}


@pytest.fixture
def sparktop(environ: dict[str, str], tmp_path: Path) -> Sparktop:
    """Runs the program without a terminal, in an empty folder, and returns what became of it."""

    def run(*words: str, python: tuple[str, ...] = (), **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *python, "-m", "sparktop", *words],
            env={**environ, **more},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run


@pytest.fixture
def start(tmp_path: Path, terminals: list[Terminal]) -> Start:
    """Starts sparktop on a terminal, with the folder of the test as home."""

    def begin(*words: str) -> Terminal:
        terminals.append(Terminal(["-m", "sparktop", *words], tmp_path, {"PYTHONPATH": str(ROOT)}))
        return terminals[-1]

    return begin
