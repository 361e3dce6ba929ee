"""The program on a head, with agents on other machines that are network namespaces."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.nodes.conftest import ROOT, Agent, StartAgent
from tests.nodes.machines import Machine, joined


@pytest.fixture(scope="module")
def three() -> Iterator[list[Machine]]:
    """Three machines in one network."""
    with joined(3) as machines:
        yield machines


@dataclass
class Head:
    """The first machine, whose config.toml names the agents of the others."""

    machines: list[Machine]
    home: Path
    agents: dict[str, Agent]

    def command(self, *words: str) -> list[str]:
        return [*self.machines[0].within, sys.executable, "-m", "sparktop", "run", *words, "--headless"]

    @property
    def environ(self) -> dict[str, str]:
        return {"HOME": str(self.home), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}

    def run(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Runs to the end."""
        done = subprocess.run(self.command(*words), env=self.environ, capture_output=True, text=True, timeout=120)
        assert done.returncode == code, (done.stdout[-500:], done.stderr)
        return done

    def document(self, *words: str) -> dict[str, Any]:
        """The snapshot of a run."""
        found: dict[str, Any] = json.loads(self.run(*words, "--json").stdout)
        return found

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Begins a run; returns its process once `--json` would be all that is left."""
        return subprocess.Popen(
            self.command(*words, "--json"),
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def journal(self) -> list[dict[str, Any]]:
        """The events so far of the run that began last."""
        paths = sorted(
            (self.home / ".local/share/sparktop/runs").glob("*.jsonl"), key=lambda path: path.stat().st_mtime
        )
        lines = paths[-1].read_text().splitlines() if paths else []
        return [json.loads(line) for line in lines if line.endswith("}")]

    def engines(self, of: str = "") -> list[psutil.Process]:
        """Workers and servers of these machines that run, or one kind of them ("rpc_server", "worker")."""
        found = []
        for process in psutil.process_iter(["cmdline", "environ"]):
            words, environ = process.info["cmdline"] or [], process.info["environ"] or {}
            ours = environ.get("HOME", "").startswith(str(self.home.parent))
            if ours and any(word.startswith("sparktop.engines.llama.") and word.endswith(of) for word in words):
                found.append(process)
        return found

    def wait(self, found: Callable[[list[dict[str, Any]]], bool], timeout: float = 30) -> None:
        """Waits until the journal is enough."""
        deadline = time.monotonic() + timeout
        while not found(self.journal):
            assert time.monotonic() < deadline, self.journal[-3:]
            time.sleep(0.05)


@pytest.fixture
def head(three: list[Machine], start_agent: StartAgent, tmp_path: Path) -> Head:
    """The head, with agents on spark-2 and spark-3."""
    home = tmp_path / "head"
    config = home / ".config/sparktop"
    config.mkdir(parents=True)
    agents, text = {}, ""
    for machine, name in zip(three[1:], ("spark-2", "spark-3"), strict=True):
        agents[name] = start_agent(name=name, prefix=machine.within, listen=f"{machine.address}:7470")
        shutil.copy(agents[name].token_file, config / f"{name}.token")
        text += f'[nodes.{name}]\nurl = "ws://{machine.address}:7470"\ntoken_file = "{name}.token"\n'
    (config / "config.toml").write_text(text)
    return Head(three, home, agents)


def here() -> str:
    """What the head calls itself."""
    return os.uname().nodename
