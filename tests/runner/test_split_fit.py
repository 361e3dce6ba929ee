"""The sum of memory over machines, who takes turns, and which link a split takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sparktop.engines.llama.rpc import RpcFailed
from sparktop.model.interfaces import Interface, links
from sparktop.model.records import named_before
from sparktop.nodes.fit import Fit
from sparktop.nodes.local import describe_local
from sparktop.runner.course import in_turn
from sparktop.runner.fleet import Fleet
from sparktop.runner.split import find_link
from sparktop.runner.split_fit import given, together
from sparktop.telemetry.interfaces import own_interfaces

GIB = 1 << 30


def fit(free: int | None, *, need: int = 0, reserve: int = 8, problem: str = "") -> Fit:
    """What a machine has; of the first one also what the model needs besides 2 GiB of buffers."""
    allocatable = None if free is None else free * GIB
    weights, compute = (need * GIB, 2 * GIB) if need else (0, 0)
    return Fit(weights, 0, compute, allocatable, reserve * GIB, "MemAvailable", problem=problem)


def test_what_two_machines_hold_together_is_more_than_one_could() -> None:
    found = together(("spark-1", "spark-2"), [fit(100, need=140), fit(90)], ())
    assert found.ok
    assert found.need == 144 * GIB, "each has its own buffers"
    assert found.allocatable == 190 * GIB
    assert found.reserve == 16 * GIB
    assert "(spark-1 100.0: MemAvailable + spark-2 90.0: MemAvailable) and 16.0 must stay free" in found.sentence
    assert given([fit(100), fit(90)]) == (92 * GIB, 82 * GIB)


def test_too_much_for_all_of_them_is_refused_with_the_sum() -> None:
    found = together(("spark-1", "spark-2"), [fit(100, need=175), fit(90)], ())
    assert not found.ok
    assert found.sentence.startswith(
        "does not fit: needs 179.0 GiB (weights 175.0 + KV cache 0.0 + compute 4.0); 190.0"
    )


def test_a_share_that_one_of_them_can_not_hold_is_refused_by_its_name() -> None:
    found = together(("spark-1", "spark-2"), [fit(100, need=140), fit(90)], (1.0, 3.0))
    assert not found.ok
    assert found.sentence == (
        "the part of spark-2 does not fit: it would be 107.0 GiB, and 90.0 GiB can be allocated there (MemAvailable),"
        " of which 8.0 must stay free: give it a smaller share with --tensor-split"
    )


def test_a_machine_that_does_not_tell_leaves_the_sum_open() -> None:
    found = together(("spark-1", "spark-2"), [fit(100, need=140), fit(None)], ())
    assert found.ok
    assert found.allocatable is None
    assert given([fit(100), fit(None)]) == (1.0, 1.0)
    assert not together(("a", "b"), [fit(9, need=1), fit(9, problem="it did not say")], ()).ok


@pytest.mark.parametrize(
    ("places", "turns"),
    [
        ([{"a"}, {"b"}, {"a"}], [[0, 2], [1]]),
        ([{"a"}, {"b"}, {"a", "b"}], [[0, 1, 2]]),
        ([{"a", "b"}, {"c"}, {"b"}, {"c", "d"}], [[0, 2], [1, 3]]),
        ([], []),
    ],
)
def test_contenders_with_a_machine_in_common_take_turns(places: list[set[str]], turns: list[list[int]]) -> None:
    assert in_turn(places) == turns


def interface(name: str, address: str, prefix: int = 24, rdma: bool = False, speed: float | None = None) -> Interface:
    return Interface(name=name, address=address, prefix=prefix, rdma=rdma, speed=speed)


def test_the_best_link_is_one_with_rdma_then_the_fastest() -> None:
    one = (
        interface("docker0", "172.17.0.1", 16),
        interface("wlan0", "10.0.0.5"),
        interface("eth0", "10.0.1.5", speed=1.25e9),
        interface("enp1s0f0np0", "192.168.100.10", rdma=True, speed=25e9),
        interface("odd", "not an address"),
    )
    other = (
        interface("docker0", "172.17.0.1", 16),
        interface("wlan0", "10.0.0.6"),
        interface("eth0", "10.0.1.6", speed=1.25e8),
        interface("enp1s0f0np0", "192.168.100.11", rdma=True, speed=25e9),
        interface("enp1s0f1np1", "192.168.101.11", rdma=True, speed=25e9),
    )
    found = links(one, other)
    assert [link.there.address for link in found] == ["192.168.100.11", "10.0.1.6", "10.0.0.6"]
    assert [(link.rdma, link.speed) for link in found] == [(True, 25e9), (False, 1.25e8), (False, None)]
    assert links(one, (interface("eth9", "10.9.9.9"),)) == ()


def test_own_interfaces_have_addresses_and_no_loopback() -> None:
    assert all(not one.address.startswith("127.") and 0 < one.prefix <= 32 for one in own_interfaces())


def test_one_machine_under_two_names_is_told_as_that() -> None:
    # Both are this machine, since neither is one of the others.
    with pytest.raises(RpcFailed, match="spark-1 and spark-2 are the same machine"):
        find_link(Fleet(), "spark-1", "spark-2")
    here = describe_local()
    clone = replace(here, name="spark-2", identity="of its own")
    nobody = replace(here, name="spark-3", identity="")
    assert here.identity, "a kernel always tells"
    assert named_before([here, clone, nobody, replace(nobody, name="spark-4")]) == {}, (
        "what is not known is not the same"
    )
    assert named_before([clone, here, replace(here, name="again"), replace(clone, name="clone")]) == {
        "again": here.name,
        "clone": "spark-2",
    }
