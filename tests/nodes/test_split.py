"""A model split over machines that are network namespaces: the whole program on the head, agents on the others."""

from __future__ import annotations

import queue
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from sparktop.engines.gguf import Header, read_header
from sparktop.engines.protocol import Room
from sparktop.model.roofline import Ceilings
from sparktop.nodes.fit import compute_bytes
from sparktop.nodes.lender import RemoteLender
from sparktop.nodes.remote import RemoteNode
from tests.nodes.conftest import StartAgent
from tests.nodes.machines import ip, joined
from tests.nodes.split_head import Head, head, here, three

__all__ = ["head", "three"]


def answers(document: dict[str, Any], contender: str) -> list[str]:
    return [one["answer"] for one in document["requests"] if one["contender"] == contender]


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
    assert "the weights are so few" in split["ceilings"]["source"]
    assert split["footprint"] == whole["footprint"]
    everybody = [one for one in addresses if one == here() or one in names]
    assert [node["name"] for node in document["nodes"]] == everybody
    for node in document["nodes"]:
        assert [link["node"] for link in node["links"]] == [one for one in everybody if one != node["name"]]
        for link in node["links"]:
            assert link["here"]["address"] == addresses[node["name"]]
            assert link["there"]["address"] == addresses[link["node"]]
            assert link["here"]["speed"] == link["there"]["speed"] == 1.25e9
            assert not link["here"]["rdma"]


def test_the_shares_are_what_was_asked_for(head: Head) -> None:
    document = head.document("smoke", "--limit", "1", "-m", f"demo-sutra@{here()}+spark-2", "--tensor-split", "6,1")
    assert [part["layers"] for part in document["contenders"][0]["parts"]] == [6, 1]
    assert document["options"]["tensor_split"] == [6.0, 1.0]


@pytest.mark.parametrize(
    "words", [("smoke", "--limit", "1"), ("batch-sweep", "--max-tokens", "4")], ids=["one", "ten slots"]
)
def test_the_buffers_are_estimated_above_what_every_machine_takes_and_not_far(head: Head, words: Sequence[str]) -> None:
    document = head.document(*words, "-m", f"demo-sutra@{here()}+spark-2")
    (split,) = document["contenders"]
    room = Room(slots=split["info"]["slots"], context=split["info"]["context"])
    header = read_header(Path(split["contender"]["model"]))
    nothing = Header((), 0, {"general.architecture": "x"}, {}, ())
    estimate = compute_bytes(header, room, split=True) - compute_bytes(nothing, Room(slots=0, context=0))
    for part in split["parts"]:
        assert estimate / 3 < part["compute"] < estimate, part


def test_what_does_not_fit_all_of_them_together_is_refused_with_the_sum(head: Head) -> None:
    done = head.run("smoke", "-m", f"demo-sutra@{here()}+spark-2", "--reserve", "4096", code=1)
    assert "does not fit: needs " in done.stderr
    assert f" GiB can be allocated ({here()} " in done.stderr
    assert " + spark-2 " in done.stderr
    assert "8,192.0 must stay free" in done.stderr, "each machine keeps its own reserve"


def test_what_can_not_be_meant_is_one_sentence(head: Head) -> None:
    both = f"demo-sutra@{here()}+spark-2"
    for words, code, sentence in (
        (("-m", f"demo-sutra@{here()}+spark-9"), 3, "spark-9"),
        (("-m", f"demo-sutra@{here()}+{here()}"), 2, "can't be split over a machine and itself"),
        (("-m", "demo-sutra@spark-2+"), 2, 'a machine is missing beside "+": MODEL@NODE+NODE'),
        (("-m", f"nothing@spark-2+{here()}"), 2, 'spark-2 has no model "nothing"'),
        (("-m", "demo-sutra", "--tensor-split", "1,1"), 2, "--tensor-split is for a model that is split"),
        (("-m", both, "--tensor-split", "1,1,1"), 2, "has 3 shares, and demo-sutra is split over 2"),
        (("-m", both, "--tensor-split", "1,0"), 2, "expected a number above 0 for each node"),
    ):
        done = head.run("smoke", *words, code=code)
        assert sentence in done.stderr
        assert done.stdout == ""


def test_an_answer_is_not_spread_over_time(head: Head) -> None:
    """BBR would cost half a round trip more for every token; it is some systems' default."""
    ways = [machine.within for machine in head.machines[:2]]
    for way in ways:
        words = [*way, "sysctl", "-w", "net.ipv4.tcp_congestion_control=bbr"]
        if subprocess.run(words, check=False, capture_output=True).returncode:
            pytest.skip("this kernel has no BBR")
    process = head.begin("prefill-decode", "-m", f"demo-sutra@{here()}+spark-2")
    try:
        head.wait(lambda events: any(event["event"] == "tokens" for event in events))
        (address,) = (e["parts"][1]["address"] for e in head.journal if e["event"] == "model-split")
        for way in ways:
            told = subprocess.run([*way, "ss", "-tinH"], capture_output=True, text=True, check=True).stdout.split(
                "\n\t"
            )
            found = told[[address in line for line in told].index(True) + 1].split()
            assert {"cubic", "reno"} & set(found)
    finally:
        process.kill()
        process.communicate()


def test_a_machine_that_lends_tells_how_fast_its_memory_is(start_agent: StartAgent) -> None:
    told: queue.SimpleQueue[Ceilings] = queue.SimpleQueue()
    remote = RemoteNode(start_agent(name="spark-9").place)
    remote.connect()
    remote.start(lambda event: None, time.monotonic())
    lender = RemoteLender(
        remote.work,
        node="spark-9",
        contender="large",
        address="127.0.0.1",
        weights=1 << 33,
        say=lambda sentence: None,
        learn=told.put,
    )
    try:
        assert lender.lend().host == "127.0.0.1"
        found = told.get(timeout=5)
        assert found.measured is not None
        assert 1e9 < found.measured < 1e12
        assert found.source.startswith("read by processor: ")
    finally:
        lender.end()
        remote.stop()


def test_the_links_between_machines_are_listed(head: Head) -> None:
    words = [*head.machines[0].within, sys.executable, "-m", "sparktop", "nodes"]
    listed = subprocess.run(words, env=head.environ, capture_output=True, text=True, timeout=60).stdout
    ends = [(here(), head.machines[0]), ("spark-2", head.machines[1]), ("spark-3", head.machines[2])]
    for (one, mine), (other, theirs) in combinations(ends, 2):
        expected = f"{one} - {other}: {mine.address} ({mine.link}) - {theirs.address} ({theirs.link}), 10 Gb/s, no RDMA"
        assert expected in listed.splitlines()


def test_an_interface_without_a_cable_is_no_link() -> None:
    """It keeps its address, and a split over it would lead nowhere."""
    code = "from sparktop.telemetry.interfaces import own_interfaces; print([one.address for one in own_interfaces()])"
    with joined(1, "10.231.9") as (machine,):
        for state, found in (("up", [machine.address]), ("down", [])):
            ip("-n", machine.bridge, "link", "set", machine.port, state)
            words = [*machine.within, sys.executable, "-c", code]
            assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip() == str(found)
