"""What can happen to a split model and its machines: one sentence, nothing lost that had come, and nothing left."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.nodes.conftest import StartAgent
from tests.nodes.split_head import Head, head, here, three
from tests.nodes.test_orders import small_disk

__all__ = ["head", "small_disk", "three"]

ORPHAN_S = 5.0

RETRIES = tuple(map(int, re.findall(r"\d+", os.uname().release)[:2])) >= (6, 15)
"""Whether the kernel can be told how often to try again (TCP_RTO_MAX_MS)."""


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
def test_a_machine_that_is_lost_is_named(head: Head, start_agent: StartAgent, kill: Callable[[Head], None]) -> None:
    process = long_run(head)
    kill(head)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 1, err
    document: dict[str, Any] = json.loads(out)
    error = document["contenders"][0]["error"]
    assert error.startswith("demo-sutra lost spark-2, which held a part of it: ")
    assert error.endswith("what had arrived is kept, run it again")
    assert "\n" not in error
    assert document["requests"][0]["error"] == error
    assert sum(document["requests"][0]["chunks"]["n"]) > 3, "what had come is kept"
    assert document["contenders"][0]["parts"]
    nothing_is_left(head)
    if kill is kill_agent:
        machine = head.machines[1]
        start_agent(name="spark-2", prefix=machine.within, listen=f"{machine.address}:7470")
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
    told = [event for event in head.journal if event["event"] == "tokens"]
    assert len(told) > 3, "what had come is kept"
    assert head.document("smoke", "--limit", "1", "-m", f"demo-sutra@{here()}+spark-2")["status"] == "completed"


@pytest.mark.parametrize("down_s", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_a_link_that_is_down_for_a_while_is_waited_for(head: Head, down_s: float) -> None:
    process = long_run(head)
    head.machines[1].link_is("down")
    time.sleep(down_s)
    head.machines[1].link_is("up")
    before = len(head.journal)
    head.wait(lambda events: sum(event["event"] == "tokens" for event in events[before:]) > 5, 30)
    assert not any(event["event"] == "contender-failed" for event in head.journal)
    process.kill()
    process.communicate()
    nothing_is_left(head)


def both_run(head: Head) -> tuple[str, ...]:
    """What runs one model on spark-2 and one that is split with spark-3, at the same time."""
    return ("-m", "demo-base@spark-2", "-m", f"demo-sutra@{here()}+spark-3")


def long_run_of_both(head: Head) -> subprocess.Popen[str]:
    process = head.begin(scenario(head, 3900), *both_run(head))
    head.wait(lambda events: len({event["request"] for event in events if event["event"] == "tokens"}) == 2)
    return process


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_link_that_stays_down_ends_both_sides_at_the_same_time(head: Head) -> None:
    process = long_run_of_both(head)
    head.machines[0].link_is("down")
    lost, lost_t = time.monotonic(), head.journal[-1]["t"]
    failed: dict[str, float] = {}
    gone: dict[str, float] = {}
    # Read beside: what it tells at its end is more than a pipe holds.
    told: list[tuple[str, str]] = []
    reading = threading.Thread(target=lambda: told.append(process.communicate()), daemon=True)
    reading.start()
    try:
        while reading.is_alive():
            now = time.monotonic() - lost
            assert now < 90
            for event in head.journal:
                if event["event"] == "contender-failed":
                    failed.setdefault(event["contender"], event["t"] - lost_t)
            if not head.engines("rpc_server"):
                gone.setdefault("demo-sutra", now)
            if not [one for one in head.engines("worker") if one.environ().get("HOME", "").endswith("spark-2")]:
                gone.setdefault("demo-base", now)
            time.sleep(0.2)
        nothing_is_left(head)
        gone.setdefault("demo-base", time.monotonic() - lost)
    finally:
        head.machines[0].link_is("up")
    ((out, err),) = told
    assert process.returncode == 1, err
    document: dict[str, Any] = json.loads(out)
    errors = {one["contender"]["name"]: one["error"] for one in document["contenders"]}
    assert errors["demo-sutra"].startswith("demo-sutra lost spark-3, which held a part of it: ")
    assert "the link is down; what had arrived is kept, run it again" in errors["demo-sutra"]
    assert errors["demo-base"].startswith(
        "nothing came from spark-2 for 60 s: see whether the machine and the link to it"
    )
    assert {request["error"] for request in document["requests"]} == set(errors.values())
    assert all(sum(request["chunks"]["n"]) > 3 for request in document["requests"]), "what had come is kept"
    for name in errors:
        assert 57 < failed[name] < 72, (failed, gone, errors)
        assert abs(gone[name] - failed[name]) < ORPHAN_S, (failed, gone)
    assert head.document("smoke", "--limit", "1", *both_run(head))["status"] == "completed"


@pytest.mark.slow
def test_a_run_that_is_cancelled_while_the_link_is_down(head: Head) -> None:
    process = long_run_of_both(head)
    head.machines[0].link_is("down")
    try:
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 130
        assert head.engines()
    finally:
        head.machines[0].link_is("up")
    back = time.monotonic()
    assert "spark-2 is cut off" in err
    assert all(sum(request["chunks"]["n"]) > 3 for request in json.loads(out)["requests"]), "what had come is kept"
    while head.engines():
        # The kernels try again after six seconds, or as late as they have tried for already.
        assert time.monotonic() - back < ORPHAN_S + (6 if RETRIES else 20)
        time.sleep(0.1)
    assert head.document("smoke", "--limit", "1", *both_run(head))["status"] == "completed"


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_what_a_run_left_behind_a_link_that_stays_down_ends_by_itself(head: Head) -> None:
    process = long_run_of_both(head)
    head.machines[0].link_is("down")
    lost = time.monotonic()
    try:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 130
        assert "spark-2 can't be reached: what ran there ends by itself, after 60 s at most" in err
        assert "spark-3 can't be reached: what ran there ends by itself, after 60 s at most" in err
        assert len(head.engines()) == 2, "nobody could tell them"
        while head.engines():
            assert time.monotonic() - lost < 72
            time.sleep(0.2)
    finally:
        head.machines[0].link_is("up")
    nothing_is_left(head)
    assert head.document("smoke", "--limit", "1", *both_run(head))["status"] == "completed"


@pytest.mark.parametrize("first", [here(), "spark-3"])
@pytest.mark.parametrize("full", ["bytes", "names"])
def test_a_full_disk_of_the_machine_that_lends_stops_nothing(
    small_disk: Path, head: Head, full: str, first: str
) -> None:
    with suppress(OSError), (small_disk / "full").open("wb", buffering=0) as file:
        while full == "bytes":
            file.write(bytes(4096))
    with suppress(OSError):
        while full == "names":
            (small_disk / str(time.monotonic_ns())).touch()
    words = ("smoke", "--limit", "1", "-m", "demo-sutra", "-m", f"demo-sutra@{first}+spark-2")
    # What is lost there is named though there is no log of it.
    process = head.begin(scenario(head, 3900), *words[-2:])
    head.wait(lambda events: any(event["event"] == "tokens" for event in events))
    kill_server(head)
    out, _ = process.communicate(timeout=30)
    assert "spark-2" in json.loads(out)["contenders"][0]["error"]
    nothing_is_left(head)
    document = head.document(*words)
    assert document["status"] == "completed"
    whole, split = (request["answer"] for request in document["requests"])
    assert whole == split
    (link,) = document["contenders"][1]["links"]
    assert not link["rdma"]
    notices = [
        notice["text"] for notice in document["notices"] if "keeps no tensors for the next time" in notice["text"]
    ]
    assert len(notices) == 1
    assert notices[0].startswith("spark-2")
    assert not list(small_disk.glob(".cache/sparktop/rpc/*"))
    nothing_is_left(head)


@pytest.mark.alone
def test_a_slow_link_is_seen_in_the_figures(head: Head) -> None:
    def measured() -> tuple[dict[str, Any], dict[str, Any]]:
        document = head.document(scenario(head, 150), "-m", f"demo-sutra@{here()}+spark-2")
        (link,) = document["contenders"][0]["links"]
        return document["summary"][0], link

    fast, near = measured()
    with head.machines[1].slow(0.010, 0.005):
        slow, far = measured()
    # Each token goes there and comes back, and nothing else can be done meanwhile.
    for figure in ("tpot_ms", "ttft_ms"):
        assert slow[figure]["median"] - fast[figure]["median"] >= 15
    assert slow["tpot_ms"]["median"] - fast["tpot_ms"]["median"] < 40
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
