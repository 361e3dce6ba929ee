"""A split model's transport is judged by what llama.cpp says of it, not by what the ports counted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sparktop.model.alerts import alerts
from sparktop.model.events import Event, RunStarted
from sparktop.model.interfaces import Interface, links_from
from sparktop.model.parts import LinkUse
from sparktop.model.roce_checks import fallback
from sparktop.model.split_events import LinkMeasured
from sparktop.model.state import RunState, fold
from sparktop.model.verdicts import Code, Unjudged, Verdict
from sparktop.report.sentences_zh import in_chinese
from tests.model.synthetic import NODE, Run, sample

MODEL = Run().contenders[0]
PROOF = "its TCP connection carried 3,402,409 bytes, as the kernel counts them"
TCP = LinkUse(
    node="spark-b",
    rdma=False,
    proof=PROOF,
    rtt_ms=0.2,
    decode_tokens=100,
    decode_bytes=2_048_000,
    prompt_tokens=1,
    prompt_bytes=1,
    waiting=0.5,
    samples=800,
    reason="",
)


def cable(rdma: tuple[bool, bool]) -> dict[str, tuple[Interface, ...]]:
    """Two machines that share a network, whose ends belong to RDMA devices or not."""
    return {
        name: (Interface(name="enp1s0f0np0", address=f"192.168.100.{number}", prefix=24, rdma=has, speed=25e9),)
        for number, (name, has) in enumerate(zip(("spark-a", "spark-b"), rdma, strict=True), 10)
    }


def split(use: LinkUse, rdma: tuple[bool, bool] = (True, True), told: bool = True, *more: Event) -> RunState:
    """A run of a model on both that goes on."""
    events = [event for event in Run().events() if event.t < 1]
    (first,) = (event for event in events if isinstance(event, RunStarted))
    interfaces = cable(rdma)
    nodes = tuple(
        replace(NODE, name=name, links=links_from(name, interfaces) if told else ()) for name in ("spark-a", "spark-b")
    )
    contenders = tuple(replace(one, node="spark-a+spark-b") for one in first.contenders)
    started = replace(first, nodes=nodes, contenders=contenders)
    measured = LinkMeasured(t=0.9, contender=MODEL, link=use)
    return fold([started, *(event for event in events if event is not first), *more, measured])


def test_tcp_where_both_ends_have_rdma() -> None:
    state = split(TCP)
    (found,) = fallback(state)
    assert isinstance(found, Verdict)
    assert found.code is Code.ROCE_FALLBACK
    assert found.text == f"{MODEL} expected RDMA to spark-b, and llama.cpp took TCP: {PROOF}"
    assert found.evidence == {"contender": MODEL, "node": "spark-b", "tokens": 100, "tcp": 2_048_000}
    assert "3,402,409 字节" in in_chinese(found.text)
    (alert,) = (one for one in alerts(state, 1.0) if one.code is Code.ROCE_FALLBACK)
    assert (alert.node, alert.text) == ("spark-a", "no RDMA: 20.0 KiB a token go by TCP to spark-b")


def test_rdma_is_none_whatever_else_goes_over_the_ports() -> None:
    counted = {"roce.mlx5_0.up": 1.0, "roce.mlx5_0.rx_tcp": 1e9, "roce.mlx5_0.tx_tcp": 1e9, "roce.mlx5_0.rx_rdma": 0.0}
    # Somebody copies files beside it.
    beside = [replace(sample(t), node="spark-a", values=counted) for t in (0.6, 0.7, 0.8)]
    state = split(replace(TCP, rdma=True, proof="llama.cpp"), (True, True), True, *beside)
    assert list(fallback(state)) == []
    assert not [one for one in alerts(state, 1.0) if one.code is Code.ROCE_FALLBACK]


@pytest.mark.parametrize("rdma", [(True, False), (False, True), (False, False)])
def test_where_rdma_could_not_be_nothing_is_judged(rdma: tuple[bool, bool]) -> None:
    state = split(TCP, rdma)
    (found,) = fallback(state)
    assert found == Unjudged(
        code=Code.ROCE_FALLBACK,
        reason=f"{MODEL}: spark-a and spark-b share no network with RDMA at both ends",
    )
    assert not [one for one in alerts(state, 1.0) if one.code is Code.ROCE_FALLBACK]


@pytest.mark.parametrize(("up", "judged"), [(1.0, True), (0.0, False), (None, False)])
def test_a_run_that_does_not_tell_its_links_is_judged_by_its_devices(up: float | None, judged: bool) -> None:
    read = [
        replace(sample(0.6), node=name, values={} if up is None else {"roce.mlx5_0.up": up})
        for name in ("spark-a", "spark-b")
    ]
    (found,) = fallback(split(TCP, (True, True), False, *read))
    assert isinstance(found, Verdict) is judged
