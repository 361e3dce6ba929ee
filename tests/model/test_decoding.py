"""Rows of a summary against their roofline, on runs whose times are known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sparktop.model.decoding import decode_speed, mean_context, remarks, row_roofline
from sparktop.model.metrics import Stream
from sparktop.model.roofline import GB10
from sparktop.model.scenario import Kind
from sparktop.model.shape import Cache, Footprint
from sparktop.model.summary import Measured, summarise

MODEL = Footprint(dense=2_000_000_000, caches=(Cache(keys=500, values=500, window=0),))


def request(batch: int, start: float, prompt: int | None = 1000, tokens: int = 11) -> Measured:
    """One stream that decodes a token every 10 ms."""
    return Measured(
        contender="qwen",
        batch=batch,
        repetition=0,
        stream=Stream(sent=0.0, times=[start + 0.01 * n for n in range(tokens)], counts=[1] * tokens),
        completed=True,
        failed=False,
        prompt_tokens=prompt,
        cached_tokens=0,
        prefill_ms=100.0,
    )


def test_one_stream() -> None:
    requests = [request(1, 1.0)]
    (row,) = summarise(requests)
    assert decode_speed(row) == pytest.approx(100)
    found = row_roofline(row, requests, MODEL, GB10)
    assert found is not None
    assert found.bytes_per_token == 2e9 + 1000 * 2 * (1000 + 5.5)
    assert found.achieved == pytest.approx(found.bytes_per_token * 100)
    assert found.share_theoretical == pytest.approx(200.2011e9 / 273e9)


def test_streams_together_read_the_weights_once_and_each_its_own_cache() -> None:
    requests = [request(2, 1.0), request(2, 1.005, prompt=3000), request(1, 9.0, prompt=None)]
    rows = {row.batch: row for row in summarise(requests)}
    assert decode_speed(rows[2]) == rows[2].steady_tok_s
    found = row_roofline(rows[2], requests, MODEL, GB10)
    assert found is not None
    assert found.bytes_per_token == 1e9 + 2000 * (2000 + 5.5)
    assert found.achieved == pytest.approx(found.bytes_per_token * (rows[2].steady_tok_s or 0))


@pytest.mark.parametrize(
    ("cached", "kind", "said"),
    [
        ((0, 0), Kind.BATCH, "cache hit 0.0 %"),
        ((500, 0), Kind.PREFILL_DECODE, "cache hit 25.0 %"),
        ((0, None), Kind.BATCH, ""),  # not told of one: the verdict says so
        ((0, 0), Kind.QUESTIONS, ""),
    ],
)
def test_a_throughput_run_says_what_came_from_a_cache(cached: tuple[int | None, ...], kind: Kind, said: str) -> None:
    (row,) = summarise(replace(request(2, 1.0), cached_tokens=tokens) for tokens in cached)
    assert [remark.partition(":")[0] for remark in remarks(row, kind)] == ([said] if said else [])


def test_streams_that_never_decode_together_have_no_speed() -> None:
    requests = [request(2, 1.0), request(2, 5.0)]
    (row,) = summarise(requests)
    found = row_roofline(row, requests, MODEL, GB10)
    assert row.aggregate_tok_s is not None
    assert found is not None
    assert (decode_speed(row), found.achieved) == (None, None)


def test_without_the_length_of_the_prompt_there_is_no_roofline() -> None:
    requests = [request(1, 1.0), request(1, 2.0, prompt=None)]
    (row,) = summarise(requests)
    assert mean_context(requests) is None
    assert row_roofline(row, requests, MODEL, GB10) is None
    assert mean_context([]) is None
    assert mean_context([request(1, 1.0), replace(requests[1], completed=False)]) == 1005.5
