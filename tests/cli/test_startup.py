"""Help and version answer at once, which they can only do by not loading what they don't need."""

from __future__ import annotations

import re
import resource

import pytest

from sparktop import __version__
from sparktop.cli.parser import COMMANDS
from tests.cli.conftest import Sparktop

HEAVY = {"textual", "rich", "numpy", "llama_cpp", "psutil", "msgspec", "orjson", "pynvml", "jinja2"}
BUDGET_S = 0.1


def imported(stderr: str) -> set[str]:
    """Top-level names of what was imported, as `-X importtime` tells it."""
    return set(re.findall(r"^import time:.*\|\s+(\w+)", stderr, re.MULTILINE))


def quick(sparktop: Sparktop, *words: str) -> float:
    """Processor time of the quickest of a few calls: other programs on the machine don't count."""
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        sparktop(*words)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


def test_version(sparktop: Sparktop) -> None:
    done = sparktop("--version")

    assert (done.returncode, done.stdout, done.stderr) == (0, f"sparktop {__version__}\n", "")


@pytest.mark.parametrize("words", [["--version"], ["--help"], *([name, "--help"] for name in COMMANDS)])
def test_nothing_heavy_is_imported(sparktop: Sparktop, words: list[str]) -> None:
    done = sparktop(*words, python=("-X", "importtime"))

    assert done.returncode == 0
    assert "argparse" in imported(done.stderr)
    assert not imported(done.stderr) & HEAVY


@pytest.mark.alone
@pytest.mark.parametrize("words", [["--version"], ["--help"], ["run", "--help"]])
def test_answer_takes_a_tenth_of_a_second_at_most(sparktop: Sparktop, words: list[str]) -> None:
    assert quick(sparktop, *words) <= BUDGET_S


def test_listing_scenarios_needs_no_engine_and_no_screen(sparktop: Sparktop) -> None:
    done = sparktop("scenarios", python=("-X", "importtime"))

    assert done.returncode == 0
    assert not imported(done.stderr) & {"textual", "numpy", "llama_cpp", "psutil"}


def test_refusing_a_scenario_needs_no_screen(sparktop: Sparktop) -> None:
    done = sparktop("run", "nothing", "--headless", python=("-X", "importtime"))

    assert done.returncode == 2
    assert not imported(done.stderr) & {"textual", "llama_cpp"}
