"""Two machines: network namespaces joined by a pair of virtual interfaces, with the program on both."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.nodes.conftest import ROOT, Agent, StartAgent
from tests.nodes.machines import joined


def ip(*words: str) -> None:
    """Runs ip(8)."""
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@dataclass(frozen=True)
class Pair:
    """Two namespaces, their interfaces, and the addresses of those."""

    head: str
    node: str
    head_link: str
    node_link: str
    node_address: str = "10.231.7.2"

    def within(self, namespace: str) -> list[str]:
        return ["ip", "netns", "exec", namespace]


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    if os.geteuid() != 0:
        pytest.skip("network namespaces are root's")
    if shutil.which("ip") is None:
        pytest.skip("no ip(8) here: install iproute2")
    mark = secrets.token_hex(3)
    found = Pair(f"sth-{mark}", f"stn-{mark}", f"vh{mark}", f"vn{mark}")
    made = []
    try:
        try:
            for namespace in (found.head, found.node):
                ip("netns", "add", namespace)
                made.append(namespace)
                ip("-n", namespace, "link", "set", "lo", "up")
            ip(
                *("link", "add", found.head_link, "netns", found.head, "type", "veth"),
                *("peer", "name", found.node_link, "netns", found.node),
            )
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces are not allowed here: {error.stderr.strip()}")
        ip("-n", found.head, "addr", "add", "10.231.7.1/24", "dev", found.head_link)
        ip("-n", found.node, "addr", "add", f"{found.node_address}/24", "dev", found.node_link)
        ip("-n", found.head, "link", "set", found.head_link, "up")
        ip("-n", found.node, "link", "set", found.node_link, "up")
        yield found
    finally:
        for namespace in made:
            subprocess.run(["ip", "netns", "del", namespace], check=False)


@pytest.fixture
def agent(pair: Pair, start_agent: StartAgent) -> Agent:
    """An agent on the other machine, on the address of the link alone."""
    return start_agent(prefix=pair.within(pair.node), listen=f"{pair.node_address}:7470")


@dataclass
class Watching:
    """`sparktop monitor --node` on the head, without a terminal."""

    process: subprocess.Popen[str]
    readings: list[dict[str, Any]]
    said: list[str]

    def wait(self, found: Callable[[list[dict[str, Any]]], bool], timeout: float = 30.0) -> None:
        deadline = time.monotonic() + timeout
        while not found(self.readings):
            assert time.monotonic() < deadline, (self.readings[-2:], self.said)
            assert self.process.poll() is None, self.said
            time.sleep(0.05)

    def of(self, node: str) -> list[dict[str, Any]]:
        return [reading for reading in self.readings if reading["node"] == node]


@pytest.fixture
def watch(pair: Pair, agent: Agent, tmp_path: Path) -> Iterator[Callable[[], Watching]]:
    running: list[Watching] = []

    def begin() -> Watching:
        config = tmp_path / ".config/sparktop"
        config.mkdir(parents=True)
        shutil.copy(agent.token_file, config / "spark-2.token")
        (config / "config.toml").write_text(
            f'[nodes.spark-2]\nurl = "ws://{pair.node_address}:7470"\ntoken_file = "spark-2.token"\n'
        )
        process = subprocess.Popen(
            [*pair.within(pair.head), sys.executable, "-m", "sparktop", "monitor", "--node", "spark-2", "--json"],
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        one = Watching(process, [], [])
        out, err = process.stdout, process.stderr
        assert out is not None
        assert err is not None
        threading.Thread(target=lambda: one.readings.extend(map(json.loads, out)), daemon=True).start()
        threading.Thread(target=lambda: one.said.extend(map(str.strip, err)), daemon=True).start()
        running.append(one)
        return one

    yield begin
    for one in running:
        one.process.kill()
        one.process.wait()


def test_two_machines_are_on_one_time_line_and_a_link_that_was_down_is_filled_in(
    pair: Pair, watch: Callable[[], Watching]
) -> None:
    watching = watch()
    watching.wait(lambda _: len(watching.of("spark-2")) >= 2)
    there = watching.of("spark-2")[-1]
    assert abs(there["t"] - time.time()) < 2
    before = there["t"]
    ip("-n", pair.node, "link", "set", pair.node_link, "down")
    time.sleep(3)
    watching.wait(lambda _: any("spark-2 is cut off: nothing came for 3 s" in line for line in watching.said))
    count = len(watching.of("spark-2"))
    ip("-n", pair.node, "link", "set", pair.node_link, "up")
    watching.wait(lambda _: len(watching.of("spark-2")) >= count + 4)
    assert "sparktop: spark-2 is back" in watching.said
    told = [reading["t"] for reading in watching.of("spark-2") if reading["values"]]
    assert told == sorted(told)
    assert any(before < t < before + 3 for t in told)
    watching.process.terminate()


CLOCKS = (
    "import json, sys, time; from pathlib import Path; from sparktop.nodes.place import Place\n"
    "from sparktop.nodes.remote import RemoteNode; from sparktop.model.events import ClockMeasured\n"
    "found = []\n"
    "places = Place(socket=Path(sys.argv[1])), Place(url=sys.argv[2], token_file=Path(sys.argv[3]))\n"
    "nodes = [RemoteNode(place) for place in places]; [node.connect() for node in nodes]\n"
    "origin = time.monotonic()\n"
    "for node in nodes:\n"
    "    got = []; node.start(lambda e: got.append(e) if isinstance(e, ClockMeasured) else None, origin)\n"
    "    while not got: time.sleep(0.01)\n"
    "    found.append((got[0].offset_s, got[0].uncertainty_s))\n"
    "print(json.dumps(found))\n"
)


def clock_is_known(within: list[str], agent: Agent, there: float, back: float) -> None:
    """Asks an agent from another machine, over a link with these delays in seconds, and by its socket for the truth."""
    asked = subprocess.run(
        [*within, sys.executable, "-c", CLOCKS, agent.socket, agent.url, agent.token_file],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    (truth, _), (offset, uncertainty) = json.loads(asked.stdout)
    assert offset - truth == pytest.approx((back - there) / 2, abs=0.001)
    assert abs(offset - truth) <= uncertainty
    assert 0.020 <= uncertainty < 0.025


@pytest.mark.alone
@pytest.mark.parametrize(("there", "back"), [(0.020, 0.020), (0.040, 0.0)])
def test_the_clock_through_a_slow_link_without_netem(start_agent: StartAgent, there: float, back: float) -> None:
    with joined(2, "10.231.10") as (head, node):
        agent = start_agent(prefix=node.within, listen=f"{node.address}:7470")
        with node.slow(back, there):
            clock_is_known(head.within, agent, there, back)


@pytest.mark.alone
@pytest.mark.parametrize(("there", "back"), [(20, 20), (40, 0)])
def test_the_clock_through_a_slow_link(
    pair: Pair, agent: Agent, watch: Callable[[], Watching], there: int, back: int
) -> None:
    ways = ((pair.head, pair.head_link, there), (pair.node, pair.node_link, back))
    try:
        for namespace, link, delay in ways:
            found = subprocess.run(
                [
                    *pair.within(namespace),
                    "tc",
                    "qdisc",
                    "replace",
                    "dev",
                    link,
                    "root",
                    "netem",
                    "delay",
                    f"{delay}ms",
                ],
                capture_output=True,
                text=True,
                check=False,
            )
            if found.returncode:
                pytest.skip(f"this kernel can't delay packets (tc netem): {found.stderr.strip()}")
        clock_is_known(pair.within(pair.head), agent, there / 1e3, back / 1e3)
    finally:
        for namespace, link, _ in ways:
            subprocess.run(
                [*pair.within(namespace), "tc", "qdisc", "del", "dev", link, "root"], check=False, capture_output=True
            )


def test_an_unreachable_node_is_said_at_once(pair: Pair, agent: Agent, tmp_path: Path) -> None:
    agent.kill()
    ended = subprocess.run(
        [
            *pair.within(pair.head),
            *(sys.executable, "-m", "sparktop", "monitor", "--node", agent.url, "--token-file", agent.token_file),
        ],
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 3
    assert (
        ended.stderr
        == f'sparktop: {agent.url} can\'t be connected to (Connection refused): start "sparktop node" there\n'
    )


SCENARIO = """\
title = "Long"
description = "Tokens for some seconds."
kind = "prefill-decode"
isl = 64
osl = 1000
repetitions = 2

[sampling]
ignore_eos = true
"""


@pytest.mark.slow
def test_models_on_both_machines_while_the_link_is_down_for_long(pair: Pair, agent: Agent, tmp_path: Path) -> None:
    """Longer than a connection lives without a sign: it is made anew, and what came meanwhile is filled in."""
    config = tmp_path / ".config/sparktop"
    config.mkdir(parents=True)
    shutil.copy(agent.token_file, config / "spark-2.token")
    (config / "config.toml").write_text(
        f'[nodes.spark-2]\nurl = "ws://{pair.node_address}:7470"\ntoken_file = "spark-2.token"\n'
    )
    (tmp_path / "long.toml").write_text(SCENARIO)
    words = ("run", str(tmp_path / "long.toml"), "-m", "demo-base@spark-2", "-m", "demo-sutra", "--headless")
    head = subprocess.Popen(
        [*pair.within(pair.head), sys.executable, "-m", "sparktop", *words, "--out", str(tmp_path / "run.json")],
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    said: list[str] = []
    errors = head.stderr
    assert errors is not None
    threading.Thread(target=lambda: said.extend(errors), daemon=True).start()
    try:
        deadline = time.monotonic() + 30
        while sum("loaded" in line for line in said) < 2:
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
        ip("-n", pair.node, "link", "set", pair.node_link, "down")
        time.sleep(30)
        ip("-n", pair.node, "link", "set", pair.node_link, "up")
        assert head.wait(60) == 0, said
    finally:
        head.kill()
        head.wait()
    run = json.loads((tmp_path / "run.json").read_text())
    assert run["contenders"][0]["contender"]["node"] == run["nodes"][1]["name"] == "spark-2"
    assert [request["finish"] for request in run["requests"]] == ["length"] * 4
    notices = [notice["text"] for notice in run["notices"]]
    assert "spark-2 is cut off: nothing came for 3 s" in notices
    assert "spark-2 is back" in notices
    for request in run["requests"]:
        # The link's thirty seconds show nowhere in when a token was made.
        assert sum(request["chunks"]["n"]) == 1000
        assert max(later - earlier for earlier, later in pairwise(request["chunks"]["t_ms"])) < 2000
    # Both machines had begun before either was done.
    begun = {r["contender"]: r["sent_s"] for r in reversed(run["requests"])}
    ended = {r["contender"]: r["ended_s"] for r in run["requests"]}
    assert max(begun.values()) < min(ended.values())


def test_a_link_that_has_only_the_address_it_gave_itself(pair: Pair, start_agent: StartAgent, tmp_path: Path) -> None:
    """An address of IPv6 for one link names its interface, behind "%", which an URL writes as "%25"."""
    for namespace, link, address in ((pair.head, pair.head_link, "fe80::1"), (pair.node, pair.node_link, "fe80::2")):
        ip("-n", namespace, "-6", "addr", "add", f"{address}/64", "dev", link, "nodad")
    agent = start_agent(prefix=pair.within(pair.node), listen=f"[fe80::2%{pair.node_link}]:0")
    port = agent.url.rpartition(":")[2]
    for sign in ("%", "%25"):
        url = f"ws://[fe80::2{sign}{pair.head_link}]:{port}"
        done = subprocess.run(
            [
                *pair.within(pair.head),
                *(sys.executable, "-m", "sparktop", "nodes", url, "--token-file", agent.token_file),
            ],
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        assert "spark-2" in done.stdout
