"""Heads that a node does not let in, or not now: told in one sentence, nothing begun, and the next run works."""

from __future__ import annotations

import re
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.nodes.conftest import StartAgent
from tests.nodes.split_head import Head, head, here, three
from tests.nodes.test_split_faults import long_run, nothing_is_left

__all__ = ["head", "three"]

ON_NODE = ("smoke", "--limit", "1", "-m", "demo-base@spark-2")
SPLIT = ("smoke", "--limit", "1", "-m", f"demo-sutra@{here()}+spark-2")

OLD = (
    "import runpy, sparktop.nodes.protocol as protocol; protocol.VERSION = 1\n"
    "runpy.run_module('sparktop', run_name='__main__', alter_sys=True)"
)
"""The program as it was when it spoke version 1."""


def token(head: Head) -> Path:
    """The head's copy of spark-2's token."""
    return head.home / ".config/sparktop/spark-2.token"


def wrong_token(head: Head) -> str:
    token(head).write_text(f"spark-2.{'x' * 43}\n")
    return (
        r"refused the token in \S+/spark-2\.token: the token is not this node's; copy the token file of that node again"
    )


def token_of_another(head: Head) -> str:
    shutil.copy(head.agents["spark-3"].token_file, token(head))
    why = r"the token is that of another node \(spark-3\)"
    return rf"refused the token in \S+: {why}; copy the token file of that node again"


@pytest.mark.parametrize("spoil", [wrong_token, token_of_another])
@pytest.mark.parametrize("words", [ON_NODE, SPLIT], ids=["model", "split"])
def test_a_token_that_is_not_the_nodes(head: Head, spoil: Callable[[Head], str], words: tuple[str, ...]) -> None:
    sentence = spoil(head)
    refused = head.run(*words, code=3)
    assert refused.stdout == ""
    assert re.fullmatch(rf"sparktop: spark-2 {sentence}\n", refused.stderr)
    assert not head.engines()
    assert not head.journal, "nothing was begun"
    shutil.copy(head.agents["spark-2"].token_file, token(head))
    assert head.document(*words)["status"] == "completed"
    nothing_is_left(head)


@pytest.mark.parametrize("words", [ON_NODE, SPLIT], ids=["model", "split"])
def test_a_node_that_speaks_an_older_protocol(head: Head, start_agent: StartAgent, words: tuple[str, ...]) -> None:
    machine, agent = head.machines[1], head.agents["spark-2"]
    place = {"name": "spark-2", "prefix": machine.within, "listen": f"{machine.address}:7470"}
    agent.kill()
    old = start_agent(**place, wrap=[sys.executable, "-c", OLD])
    refused = head.run(*words, code=3)
    assert refused.stdout == ""
    assert re.fullmatch(
        r"sparktop: spark-2 speaks version 1 of the protocol \(sparktop \S+\), this program version \d+"
        r" \(sparktop \S+\): update sparktop there\n",
        refused.stderr,
    )
    assert not head.engines()
    assert not head.journal, "nothing was begun"
    old.process.send_signal(signal.SIGTERM)
    old.process.wait(10)
    start_agent(**place)
    assert head.document(*words)["status"] == "completed"
    nothing_is_left(head)


def test_a_second_head_on_a_machine_that_lends(head: Head) -> None:
    first = long_run(head)
    refused = head.run(*ON_NODE, code=1)
    assert re.search(
        r"^demo-base failed: spark-2 runs models for \S+ on \S+, since [\d:]+ by its clock:"
        r" wait until that run is over, or end it$",
        refused.stderr,
        re.MULTILINE,
    )
    assert first.poll() is None
    assert len(head.engines("rpc_server")) == 1, "the first one is not disturbed"
    first.send_signal(signal.SIGINT)
    out, _ = first.communicate(timeout=30)
    assert '"finish": "cancelled"' in out
    nothing_is_left(head)
    assert head.document(*ON_NODE)["status"] == "completed"
    nothing_is_left(head)
