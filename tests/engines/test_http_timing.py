"""Time stamps against the server's own record of its sends, with the worker as it runs."""

from __future__ import annotations

from bisect import bisect_left

import pytest

from sparktop.model.events import RequestDone, Tokens
from sparktop.model.metrics import Stream, percentile, tpot_ms
from tests.engines.conftest import Bench, MakeBench, question
from tests.servers.process import truth
from tests.servers.stalls import stalls

CATCH_UP_NS = 2_000_000
"""What was due while the machine stood still is done first, and the next thing waits for it."""


def distance_ms(t_ns: float, chunk: dict[str, int]) -> float:
    """How far a time is from the moment of a send, which lies between two readings of the clock."""
    return max(chunk["before_ns"] - t_ns, t_ns - chunk["after_ns"], 0) / 1e6


def chunks_of(bench: Bench, request: int) -> list[tuple[float, int]]:
    """(time in nanoseconds, tokens so far) of each chunk."""
    chunks: list[tuple[float, int]] = []
    so_far = 0
    for event in bench.seen:
        if isinstance(event, Tokens) and event.request == request:
            for t, count in zip(event.times, event.counts, strict=True):
                so_far += count
                chunks.append((bench.origin_ns + t * 1e9, so_far))
    return chunks


@pytest.mark.alone
@pytest.mark.slow
def test_every_stamp_is_within_a_millisecond_of_the_servers_own(http_bench: MakeBench) -> None:
    """One stream, then 64, at 50 tokens a second each, on a machine that does other things too."""
    with truth("--options", "ttft=0.1&tpot=0.02&tokens=100") as server:
        bench = http_bench(server.url + "/v1", slots=64)
        bench.ready()
        for streams in (1, 64):
            server.forget()
            numbers = range(streams * 100, streams * 100 + streams)
            # The seed tells the server's records apart.
            with stalls() as machine:
                bench.engine.submit([question(number, "An hour?", max_tokens=200, seed=number) for number in numbers])
                bench.until(RequestDone, count=streams)
            records = {one["body"]["seed"]: one for one in server.records() if one["method"] == "POST"}
            assert set(records) == set(numbers)
            off: list[float] = []
            first: list[float] = []
            for number, record in records.items():
                sent = {}
                so_far = 0
                for chunk in record["sent"]:
                    so_far += chunk["tokens"]
                    if chunk["tokens"]:
                        sent[so_far] = chunk
                arrived = chunks_of(bench, number)
                # Of chunks that were read as one, each is held against the time that it got.
                tokens_at = [tokens for _, tokens in arrived]
                assert len(sent) == 100
                for at, chunk in sent.items():
                    t_ns = arrived[bisect_left(tokens_at, at)][0]
                    if machine.within(chunk["before_ns"] - CATCH_UP_NS, t_ns):
                        continue
                    off.append(distance_ms(t_ns, chunk))
                    if at == 1:
                        first.append(off[-1])
                assert arrived[-1][1] == 100
                assert bench.origin_ns + bench.sent(number) * 1e9 < record["received_ns"]

                true = (sent[100]["before_ns"] - sent[1]["before_ns"]) / 99 / 1e6
                stream = Stream(sent=bench.sent(number), times=bench.times(number), counts=bench.counts(number))
                assert tpot_ms(stream) == pytest.approx(true, rel=0.005)
            assert len(off) > streams * 50, "the machine stood still more than half of the time"
            late, late_first = percentile(off, 99), percentile(first, 99)
            assert late is not None
            assert late < 1, f"{streams} streams"
            assert late_first is None or late_first < 1, f"{streams} streams"
