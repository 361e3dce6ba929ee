"""Traffic counts while tokens are decoded, and tells RDMA from what went past it."""

from __future__ import annotations

import pytest

from sparktop.model.split_traffic import SplitTraffic, Traffic

BY_TCP = {
    "roce.a.rx_tcp": 60_000.0,
    "roce.a.tx_tcp": 40_000.0,
    "roce.a.rx_rdma": 0.0,
    "roce.a.up": 1.0,
    "port.0.rx": 9e9,
}


def test_only_what_is_sent_while_tokens_come_is_counted() -> None:
    split = SplitTraffic()
    # Its weights are sent over before it decodes, and a prompt is read in between.
    for t, tokens in ((0.0, 0), (0.5, 0), (1.0, 10), (1.5, 10), (2.0, 20), (60.0, 30)):
        split.take(t, BY_TCP, tokens, linked=True)
    assert split.whole == Traffic(tcp=100_000.0, tokens=20)
    assert split.recent(2.0) == split.whole
    assert split.recent(11.5) == Traffic(tcp=50_000.0, tokens=10)
    assert split.recent(60.0) == Traffic()


@pytest.mark.parametrize(
    ("traffic", "fell_back"),
    [
        (Traffic(rdma=0, tcp=16_384, tokens=16), True),
        (Traffic(rdma=0, tcp=16_383, tokens=16), None),
        (Traffic(rdma=0, tcp=1e9, tokens=15), None),
        (Traffic(rdma=1e6, tcp=0, tokens=16), False),
        # What sets the connection up goes by RDMA at times, and a person's own session by TCP.
        (Traffic(rdma=1_000, tcp=50_000, other=49_000, tokens=16), True),
        (Traffic(rdma=1_100, tcp=50_000, other=49_000, tokens=16), False),
        # 12 tok/s of 20 KiB each by RDMA, beside a download of 1 Gb/s: nothing fell back.
        (Traffic(rdma=12 * 20_480, tcp=0, other=125e6, tokens=12 * 2), False),
        (Traffic(rdma=16_383, tcp=0, other=125e6, tokens=16), True),
    ],
)
def test_when_it_fell_back(traffic: Traffic, fell_back: bool | None) -> None:
    assert traffic.fell_back is fell_back
