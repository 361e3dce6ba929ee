"""What a token costs, on machines whose power and traffic are chosen so that it can be computed by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from sparktop.model.cost import Place, token_cost
from sparktop.model.during import Work, decode_work, prefill_work
from sparktop.model.metrics import Stream


@dataclass
class Series:
    times: list[float]
    values: list[float | None]


def read(value: Callable[[float], float | None], end: float = 20.0) -> Series:
    """Readings twice a second."""
    times = [0.1 + 0.5 * n for n in range(int(end * 2))]
    return Series(times, [value(t) for t in times])


def stream(sent: float, first: float, step: float, tokens: int) -> Stream:
    return Stream(sent=sent, times=[first + step * n for n in range(tokens)], counts=[1] * tokens)


def place(*nodes: str, **series: Series) -> Place:
    """A place; `gpu_0_power` is "gpu.0.power", of every node."""
    curves = {name.replace("__", ".").replace("-", "_"): one for name, one in series.items()}
    return Place(nodes=nodes, on_gpu=True, contended=False, curves=dict.fromkeys(nodes, curves), missing={})


WORK = decode_work([stream(2.0, 4.0, 0.05, 201)])
"""Decodes from 4 to 14 s, 20 tokens a second."""


def energy(t: float) -> float:
    """50 W, and 150 W while the prompt is read."""
    return 50 * t + 100 * min(max(t - 2.0, 0.0), 2.0)


def test_energy_of_decoding_is_not_mixed_with_that_of_prefill() -> None:
    cost = token_cost(place("a", gpu__0__energy=read(energy)), WORK, "decoding")
    # Readings at 4.1 ... 13.6 s: 50 W for 9.5 s, in which 20 tokens a second came, 190 in all.
    assert cost.gpu_j == pytest.approx(475 / 190)
    assert cost.notes["gpu_j"] == "GPU only: gpu.0.energy of a over 9.5 s"


def test_energy_of_reading_a_prompt() -> None:
    work = prefill_work([(stream(2.0, 4.0, 0.05, 201), 1000)])
    assert [(one.start, one.end) for one in work] == [(2.0, 4.0)]
    cost = token_cost(place("a", gpu__0__energy=read(energy)), work, "reading prompts")
    # 150 W for 2 s, 1000 tokens.
    assert cost.gpu_j == pytest.approx(0.3)


def test_a_slow_stream_does_not_gain_or_lose_a_token_at_the_ends() -> None:
    # One chunk of three tokens every 1.7 s: none of the readings falls on one.
    slow = Stream(sent=2.0, times=[4.0 + 1.7 * n for n in range(6)], counts=[3] * 6)
    cost = token_cost(place("a", gpu__0__power=read(lambda t: 50.0)), decode_work([slow]), "decoding")
    assert cost.gpu_j == pytest.approx(50 * 1.7 / 3)


def test_what_is_read_beside_decoding_is_not_counted() -> None:
    early, late = stream(2.0, 4.0, 0.05, 201), stream(2.0, 6.0, 0.05, 101)
    assert [(one.start, one.end) for one in decode_work([early, late])] == [(6.0, 14.0)]
    assert prefill_work([(early, 1000), (late, 3000)]) == []
    # Both prompts at once, and neither beside a token: 4000 tokens in 2 s.
    (work,) = prefill_work([(early, 1000), (replace(late, times=early.times, counts=early.counts), 3000)])
    assert work.tokens(2.5, 3.0) == pytest.approx(1000)


def test_a_stream_without_a_token_is_reading_still() -> None:
    reading = Stream(sent=8.0, times=[], counts=[])
    assert [(one.start, one.end) for one in decode_work([stream(2.0, 4.0, 0.05, 201), reading])] == [(4.0, 8.0)]


def test_all_gpus_count_and_the_best_series_of_each() -> None:
    cost = token_cost(
        place(
            "a",
            gpu__0__energy=read(lambda t: 7.0),  # a counter that does not move counts nothing
            gpu__0__energy_integrated=read(lambda t: 40 * t),
            gpu__1__energy=read(lambda t: None),
            gpu__1__power=read(lambda t: 60 + 2 * t),
        ),
        WORK,
        "decoding",
    )
    # 60 + 2t is linear: its mean from 4.1 to 13.6 s is the value at 8.85.
    assert cost.gpu_j == pytest.approx((40 + 60 + 2 * 8.85) / 20)
    assert cost.notes["gpu_j"] == "GPU only: gpu.0.energy_integrated of a over 9.5 s and 1 more series"


def test_gaps_and_resets_are_left_out_with_their_tokens() -> None:
    def reset(t: float) -> float | None:
        return None if 6 < t < 7 else 100 * t if t < 9 else 100 * (t - 9)

    cost = token_cost(place("a", gpu__0__energy=read(reset)), WORK, "decoding")
    assert cost.gpu_j == pytest.approx(5.0)
    # Gone are 5.6 to 7.1 s, and 8.6 to 9.1 s.
    assert cost.notes["gpu_j"].endswith("over 7.5 s")


def test_the_whole_machine_where_its_rail_is_read() -> None:
    rails = place("a", rail__sys_total__power=read(lambda t: 90.0), rail__gpu__power=read(lambda t: 10.0))
    cost = token_cost(rails, WORK, "decoding")
    assert cost.machine_j == pytest.approx(90 / 20)
    assert cost.notes["machine_j"] == "whole machine: rail.sys_total.power of a over 9.5 s"
    better = replace(rails, curves={"a": {**rails.curves["a"], "rail.sys_total.energy": read(lambda t: 80 * t)}})
    assert token_cost(better, WORK, "decoding").machine_j == pytest.approx(80 / 20)


PORTS = {
    "port__0__rx_rdma": read(lambda t: 40_000.0 if t > 4.2 else 9e9),
    "port__0__tx_rdma": read(lambda t: 20_000.0),
    "port__1__rx_rdma": read(lambda t: 0.0),
    "port__1__tx_rdma": read(lambda t: 0.0),
    "port__0__rx_tcp": read(lambda t: 1000.0),
    "port__0__tx_tcp": read(lambda t: 0.0),
    "port__1__rx_tcp": read(lambda t: 0.0),
    "port__1__tx_tcp": read(lambda t: 0.0),
}


def test_bytes_over_the_link_of_a_split_model() -> None:
    split = place("a", "b", **PORTS)
    cost = token_cost(split, WORK, "decoding")
    # What a rate says of the time before its reading counts where all of that was decoding: from 4.6 s on.
    assert cost.rdma_bytes == pytest.approx(60_000 / 20)
    assert cost.tcp_bytes == pytest.approx(1000 / 20)
    assert cost.notes["tcp_bytes"] == "both directions: port.0.rx_tcp of a over 9.5 s and 3 more series"
    alone = token_cost(replace(split, nodes=("a",)), WORK, "decoding")
    assert (alone.rdma_bytes, alone.tcp_bytes) == (None, None)
    assert alone.notes["rdma_bytes"] == "the model is not split over nodes"
    # A sum that lacks a port is none.
    del split.curves["a"]["port.1.tx_rdma"]  # type: ignore[attr-defined]
    assert token_cost(split, WORK, "decoding").rdma_bytes is None


@dataclass
class Case:
    why: str
    place: Place
    work: list[Work] = field(default_factory=lambda: WORK)


EMPTY = Place(nodes=("a",), on_gpu=True, contended=False, curves={}, missing={"a": {"gpu": "no driver"}})
POWER = place("a", gpu__0__power=read(lambda t: 50.0))


@pytest.mark.parametrize(
    "case",
    [
        Case("a: no driver", EMPTY),
        Case("a: no reading of gpu was taken", replace(EMPTY, missing={})),
        Case("several contenders ran at once", replace(POWER, contended=True)),
        Case("the model runs on the processor", replace(POWER, on_gpu=False)),
        Case("b: no reading of gpu was taken", replace(POWER, nodes=("a", "b"))),
        Case("gpu.0.power of a does not move", place("a", gpu__0__power=read(lambda t: 0.0))),
        Case("readings cover 0.5 s of decoding, and it takes 1 s", POWER, decode_work([stream(0, 1, 0.1, 10)])),
        Case("readings cover 0.0 s of decoding, and it takes 1 s", POWER, []),
    ],
    ids=lambda case: case.why,
)
def test_what_can_not_be_told_is_null_with_its_reason(case: Case) -> None:
    cost = token_cost(case.place, case.work, "decoding")
    assert (cost.gpu_j, cost.machine_j, cost.rdma_bytes, cost.tcp_bytes) == (None, None, None, None)
    assert cost.notes["gpu_j"] == case.why
    assert set(cost.notes) == {"gpu_j", "machine_j", "rdma_bytes", "tcp_bytes"}
