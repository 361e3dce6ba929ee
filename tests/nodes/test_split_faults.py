"""What can happen to a split model and its machines: one sentence, nothing lost that had come, and nothing left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.nodes.split_head import Head, head, here, three

__all__ = ["head", "three"]

ORPHAN_S = 5.0


def scenario(head: Head, tokens: int, isl: int = 32) -> str:
    """One request of so many tokens, for a prompt of `isl`."""
    path = head.home / "long.toml"
    lines = ('title = "Long"', 'description = "-"', 'kind = "prefill-decode"', f"isl = {isl}", f"osl = {tokens}")
    path.write_text("\n".join((*lines, "warmup = 0", "repetitions = 1")))
    return str(path)


def long_run(head: Head) -> subprocess.Popen[str]:
    """A run of a split model that decodes for several seconds; returns when it does."""
    process = head.begin(scenario(head, 3900), "-m", f"demo-sutra@{here()}+spark-2")
    head.wait(lambda events: sum(event["event"] == "tokens" for event in events) > 3)
    return process


def nothing_is_left(head: Head) -> None:
    deadline = time.monotonic() + ORPHAN_S
    while left := head.engines():
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def kill_server(head: Head) -> None:
    (server,) = head.engines("rpc_server")
    server.kill()


def kill_agent(head: Head) -> None:
    head.agents["spark-2"].kill()


@pytest.mark.parametrize("kill", [kill_server, kill_agent])
def test_a_machine_that_is_lost_is_named(head: Head, kill: Callable[[Head], None]) -> None:
    process = long_run(head)
    kill(head)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 1, err
    document: dict[str, Any] = json.loads(out)
    error = document["contenders"][0]["error"]
    assert "spark-2" in error
    assert "\n" not in error
    assert document["requests"][0]["error"] == error
    assert sum(document["requests"][0]["chunks"]["n"]) > 3, "what had come is kept"
    assert document["contenders"][0]["parts"]
    nothing_is_left(head)
    if kill is kill_server:
        assert head.document("smoke", "--limit", "1", "-m", f"demo-sutra@{here()}+spark-2")["status"] == "completed"


@pytest.mark.parametrize(
    ("rate", "moment"), [(3e5, "model-loading"), (2e6, "prefill-progress")], ids=["load", "prefill"]
)
def test_a_server_that_is_killed_before_the_first_token(head: Head, rate: float, moment: str) -> None:
    words = (scenario(head, 20, isl=3000), "-m", f"demo-sutra@{here()}+spark-2")
    # Over a narrow link both take seconds.
    with head.machines[1].slow(0.0, 0.0, rate):
        process = head.begin(*words)
        head.wait(lambda events: any(event["event"] == moment for event in events) and bool(head.engines("worker")))
        time.sleep(1)
        assert not any(event["event"] in ("tokens", "run-ended") for event in head.journal)
        kill_server(head)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 1, err
    error = json.loads(out)["contenders"][0]["error"]
    assert "spark-2" in error
    assert "\n" not in error
    nothing_is_left(head)
    assert head.document("smoke", "--limit", "1", *words[1:])["status"] == "completed"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_head_that_goes_leaves_nothing(head: Head, how: signal.Signals) -> None:
    process = long_run(head)
    os.kill(process.pid, how)
    process.communicate(timeout=30)
    assert process.returncode in (-how, 130)
    nothing_is_left(head)
    assert head.document("smoke", "--limit", "1", "-m", f"demo-sutra@{here()}+spark-2")["status"] == "completed"


def test_a_link_that_is_down_for_a_moment_is_waited_for(head: Head) -> None:
    process = long_run(head)
    head.machines[1].link_is("down")
    time.sleep(3)
    head.machines[1].link_is("up")
    before = len(head.journal)
    head.wait(lambda events: sum(event["event"] == "tokens" for event in events[before:]) > 5)
    process.kill()
    process.communicate()


def test_a_link_that_stays_down_is_named(head: Head) -> None:
    process = long_run(head)
    head.machines[1].link_is("down")
    try:
        out, err = process.communicate(timeout=60)
    finally:
        head.machines[1].link_is("up")
    assert process.returncode == 1, err
    document: dict[str, Any] = json.loads(out)
    assert "spark-2" in document["contenders"][0]["error"]
    assert sum(document["requests"][0]["chunks"]["n"]) > 3, "what had come is kept"
    assert head.document("smoke", "--limit", "1", "-m", f"demo-sutra@{here()}+spark-2")["status"] == "completed"


def test_a_slow_link_is_seen_in_the_figures(head: Head) -> None:
    def measured() -> tuple[dict[str, Any], dict[str, Any]]:
        document = head.document(scenario(head, 150), "-m", f"demo-sutra@{here()}+spark-2")
        (link,) = document["contenders"][0]["links"]
        return document["summary"][0], link

    fast, near = measured()
    with head.machines[1].slow(0.010, 0.005):
        slow, far = measured()
    # Each token goes there and comes back, some of them twice, and nothing else can be done meanwhile.
    longer = slow["tpot_ms"]["median"] - fast["tpot_ms"]["median"]
    assert 15 <= longer < 40
    assert slow["ttft_ms"]["median"] - fast["ttft_ms"]["median"] >= 15
    assert far["rtt_ms"] >= 15 > near["rtt_ms"]
    assert far["waiting"] > 0.8
    assert near["waiting"] is None or near["waiting"] < far["waiting"]
    assert far["decode_bytes"] / far["decode_tokens"] == pytest.approx(
        near["decode_bytes"] / near["decode_tokens"], rel=0.05
    )


def test_a_narrow_link_is_seen_in_the_figures(head: Head) -> None:
    rate = 1e6
    with head.machines[1].slow(0.0, 0.0, rate):
        document = head.document(scenario(head, 150), "-m", f"demo-sutra@{here()}+spark-2")
    (link,) = document["contenders"][0]["links"]
    # A token's bytes take their time on the line, nearly all of them one way: the logits or the hidden state.
    a_token_ms = link["decode_bytes"] / link["decode_tokens"] / rate * 1e3
    assert 0.9 * a_token_ms < document["summary"][0]["tpot_ms"]["median"] < 3 * a_token_ms
    assert link["waiting"] > 0.8
