"""A model split over machines that are network namespaces: the whole program on the head, agents on the others."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.nodes.conftest import ROOT, Agent, StartAgent
from tests.nodes.machines import Machine, joined


@pytest.fixture(scope="module")
def three() -> Iterator[list[Machine]]:
    with joined(3) as machines:
        yield machines


@dataclass
class Head:
    """The first machine, whose config.toml names the agents of the others."""

    machine: Machine
    home: Path
    agents: dict[str, Agent]

    def command(self, *words: str) -> list[str]:
        return [*self.machine.within, sys.executable, "-m", "sparktop.cli", *words]

    @property
    def environ(self) -> dict[str, str]:
        return {"HOME": str(self.home), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}

    def run(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command("run", *words, "--headless"), env=self.environ, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == code, (done.stdout[-500:], done.stderr)
        return done

    def document(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run(*words, "--json").stdout)
        return found

    @property
    def journal(self) -> list[dict[str, Any]]:
        """The events of the run that goes on or was last."""
        paths = sorted((self.home / ".local/share/sparktop/runs").glob("*.jsonl*"))
        if not paths:
            return []
        return [json.loads(line) for line in paths[-1].read_text().splitlines() if line.endswith("}")]


@pytest.fixture
def head(three: list[Machine], start_agent: StartAgent, tmp_path: Path) -> Head:
    home = tmp_path / "head"
    config = home / ".config/sparktop"
    config.mkdir(parents=True)
    agents = {}
    text = ""
    for machine, name in zip(three[1:], ("spark-2", "spark-3"), strict=True):
        agents[name] = start_agent(name=name, prefix=machine.within, listen=f"{machine.address}:7470")
        shutil.copy(agents[name].token_file, config / f"{name}.token")
        text += f'[nodes.{name}]\nurl = "ws://{machine.address}:7470"\ntoken_file = "{name}.token"\n'
    (config / "config.toml").write_text(text)
    return Head(three[0], home, agents)


def here() -> str:
    """What the head calls itself."""
    return os.uname().nodename


def answers(document: dict[str, Any], contender: str) -> list[str]:
    return [one["answer"] for one in document["requests"] if one["contender"] == contender]


def leftovers() -> list[psutil.Process]:
    """Workers and servers that still run."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if any(word.startswith("sparktop.engines.llama.") for word in words):
            found.append(process)
    return found


@pytest.mark.parametrize("places", ["{here}+spark-2", "{here}+spark-2+spark-3", "spark-2+spark-3", "spark-2+{here}"])
def test_a_split_model_answers_as_the_whole_does(head: Head, places: str) -> None:
    places = places.format(here=here())
    document = head.document("smoke", "-m", "demo-sutra", "-m", f"demo-sutra@{places}")
    whole, split = document["contenders"]
    assert whole["error"] is None
    assert split["error"] is None
    assert split["contender"]["node"] == places
    assert answers(document, whole["contender"]["name"]) == answers(document, split["contender"]["name"])
    assert all(answers(document, "demo-sutra"))
    names = places.split("+")
    assert [part["node"] for part in split["parts"]] == names
    assert all(part["weights"] and part["layers"] for part in split["parts"])
    addresses = {here(): "10.231.8.1", "spark-2": "10.231.8.2", "spark-3": "10.231.8.3"}
    assert [part["address"].partition(":")[0] for part in split["parts"]] == [
        "",
        *(addresses[one] for one in names[1:]),
    ]
    assert [link["node"] for link in split["links"]] == names[1:]
    assert all(link["decode_bytes"] > 1000 * link["decode_tokens"] > 0 for link in split["links"])
    assert whole["parts"] == []
