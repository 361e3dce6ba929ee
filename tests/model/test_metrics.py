"""Every metric against numbers computed by hand, and the traps that fooled other tools."""

from __future__ import annotations

import pytest

from sparktop.model import metrics
from sparktop.model.metrics import Stream
from sparktop.model.scenario import Slo

# Sent at 10 s, first chunk after 200 ms, then a token every 10 ms: the server of known timing.
STEADY = Stream(sent=10.0, times=[10.2 + 0.01 * i for i in range(11)], counts=[1] * 11)
EMPTY = Stream(sent=10.0, times=[], counts=[], first_answer=None)
SINGLE = Stream(sent=10.0, times=[10.2], counts=[1])


def test_steady_stream() -> None:
    assert metrics.ttft_ms(STEADY) == pytest.approx(200)
    assert metrics.ttfa_ms(STEADY) == pytest.approx(200)
    assert metrics.e2e_ms(STEADY) == pytest.approx(300)
    assert metrics.tpot_ms(STEADY) == pytest.approx(10)
    assert metrics.decode_tok_s(STEADY) == pytest.approx(100)
    assert metrics.inter_chunk_ms(STEADY) == pytest.approx([10] * 10)


def test_several_tokens_a_chunk_do_not_make_a_stream_faster() -> None:
    # Three chunks of 4 tokens, 40 ms apart: 10 ms a token. Counting chunks would say 40, and
    # (E2E - TTFT) / (OSL - 1) would say 80 / 11 = 7.3.
    bursts = Stream(sent=0.0, times=[0.2, 0.24, 0.28], counts=[4, 4, 4])
    assert bursts.tokens == 12
    assert metrics.tpot_ms(bursts) == pytest.approx(10)
    assert metrics.decode_tok_s(bursts) == pytest.approx(100)


def test_reasoning_first_sets_ttft_and_not_ttfa() -> None:
    thinking = Stream(sent=0.0, times=[0.2, 0.21, 0.57, 0.58], counts=[1, 1, 1, 1], first_answer=2)
    assert metrics.ttft_ms(thinking) == pytest.approx(200)
    assert metrics.ttfa_ms(thinking) == pytest.approx(570)
    assert metrics.tpot_ms(thinking) == pytest.approx(380 / 3)


def test_reasoning_without_an_answer_has_no_ttfa() -> None:
    assert metrics.ttfa_ms(Stream(sent=0.0, times=[0.2], counts=[1], first_answer=None)) is None


def test_a_single_token_has_ttft_but_no_speed() -> None:
    assert metrics.ttft_ms(SINGLE) == pytest.approx(200)
    assert metrics.e2e_ms(SINGLE) == pytest.approx(200)
    assert metrics.tpot_ms(SINGLE) is None
    assert metrics.decode_tok_s(SINGLE) is None
    assert metrics.inter_chunk_ms(SINGLE) == []
    assert metrics.aggregate_tok_s([SINGLE]) is None
    assert metrics.steady_tok_s([SINGLE]) is None


def test_all_tokens_in_one_chunk_have_no_speed() -> None:
    assert metrics.tpot_ms(Stream(sent=0.0, times=[0.2], counts=[12])) is None


def test_chunks_at_the_same_instant_have_no_finite_speed() -> None:
    assert metrics.decode_tok_s(Stream(sent=0.0, times=[0.2, 0.2], counts=[1, 1])) is None


def test_nothing_arrived() -> None:
    assert metrics.ttft_ms(EMPTY) is None
    assert metrics.ttfa_ms(EMPTY) is None
    assert metrics.e2e_ms(EMPTY) is None
    assert metrics.tpot_ms(EMPTY) is None
    assert metrics.aggregate_tok_s([EMPTY]) is None
    assert metrics.aggregate_tok_s([]) is None
    assert metrics.steady_tok_s([EMPTY, STEADY]) is None
    assert metrics.steady_tok_s([]) is None
    assert metrics.total_s([EMPTY]) is None
    assert metrics.qps([]) is None


@pytest.mark.parametrize(
    ("prompt", "cached", "prefill_ms", "ttft", "expected"),
    [
        (1000, 0, 500.0, 700.0, (2000.0, False)),  # the engine's own timing goes before TTFT
        (1000, 600, 200.0, None, (2000.0, False)),  # what came from the cache was not read
        (1000, None, 500.0, None, (2000.0, False)),
        (1000, 0, None, 500.0, (2000.0, True)),
        (1000, 0, None, 20.0, (50_000.0, True)),
        (1000, 0, None, 19.9, (None, True)),  # a chunk sent before prefill: no 1,000,000 tok/s
        (1000, 0, None, None, (None, True)),
        (1000, 0, 0.0, None, (None, False)),
        (1000, 1000, 1.0, 500.0, (None, False)),  # nothing was read
        (None, None, 500.0, 700.0, (None, False)),
    ],
)
def test_prefill(
    prompt: int | None,
    cached: int | None,
    prefill_ms: float | None,
    ttft: float | None,
    expected: tuple[float | None, bool],
) -> None:
    assert metrics.prefill_tok_s(prompt, cached, prefill_ms, ttft) == expected


def test_the_round_trip_is_no_prefill() -> None:
    assert metrics.less_round_trip(120.0, 20.0) == 100
    assert metrics.less_round_trip(120.0, None) == 120
    assert metrics.less_round_trip(5.0, 20.0) == 0
    assert metrics.less_round_trip(None, 20.0) is None


def test_streams_together() -> None:
    # First: 0.2 .. 1.2 with 10 tokens after its first; second: 0.7 .. 1.7 with 5 after its first.
    first = Stream(sent=0.0, times=[0.2 + 0.1 * i for i in range(11)], counts=[1] * 11)
    second = Stream(sent=0.1, times=[0.7 + 0.2 * i for i in range(6)], counts=[1] * 6)
    assert metrics.aggregate_tok_s([first, second]) == pytest.approx(15 / 1.5)
    # Both decode from 0.7 to 1.2: the first makes 5 there (0.8 .. 1.2), the second 2 (0.9, 1.1).
    assert metrics.steady_tok_s([first, second]) == pytest.approx(7 / 0.5)
    assert metrics.total_s([first, second]) == pytest.approx(1.7)
    assert metrics.qps([first, second]) == pytest.approx(2 / 1.7)


def test_goodput_counts_what_met_every_objective() -> None:
    # TTFT 200 ms and 500 ms, TPOT 100 ms and 200 ms, responses after 1.2 s and 1.5 s; 1.7 s in all.
    first = Stream(sent=0.0, times=[0.2 + 0.1 * i for i in range(11)], counts=[1] * 11)
    second = Stream(sent=0.2, times=[0.7 + 0.2 * i for i in range(6)], counts=[1] * 6)
    both = [first, second]
    for slo, met in (
        (Slo(ttft_ms=501), 2),
        (Slo(ttft_ms=300), 1),
        (Slo(ttft_ms=300, tpot_ms=90), 0),
        (Slo(tpot_ms=101, response_ms=1300), 1),
        (Slo(response_ms=1600), 2),
    ):
        assert metrics.goodput(both, slo) == pytest.approx(met / 1.7)
    assert metrics.goodput(both, Slo()) is None
    at_once = Stream(sent=0.0, times=[0.2], counts=[50])
    assert metrics.goodput([at_once], Slo(tpot_ms=1)) == pytest.approx(1 / 0.2)
    assert not metrics.meets(EMPTY, Slo(ttft_ms=1e9))


def test_streams_one_after_another_have_no_steady_state() -> None:
    later = Stream(sent=11.0, times=[11.2, 11.3], counts=[1, 1])
    assert metrics.steady_tok_s([STEADY, later]) is None
    # The idle time between them belongs to the aggregate: 11 tokens from 10.2 to 11.3.
    assert metrics.aggregate_tok_s([STEADY, later]) == pytest.approx(11 / 1.1)


def test_a_stream_that_never_began_is_no_part_of_the_aggregate() -> None:
    assert metrics.aggregate_tok_s([STEADY, EMPTY]) == metrics.aggregate_tok_s([STEADY])


def test_percentiles_interpolate_linearly() -> None:
    values = [40.0, 10.0, 30.0, 20.0]
    assert metrics.percentile(values, 0) == 10
    assert metrics.percentile(values, 50) == 25
    assert metrics.percentile(values, 95) == pytest.approx(38.5)
    assert metrics.percentile(values, 100) == 40
    assert metrics.percentile([7.0], 95) == 7
    assert metrics.percentile([], 50) is None
    assert values == [40.0, 10.0, 30.0, 20.0]


def test_mean() -> None:
    assert metrics.mean([1.0, 2.0, 6.0]) == 3
    assert metrics.mean([]) is None


def test_spread_has_tails_only_from_twenty_samples_on() -> None:
    nineteen = metrics.spread([float(i) for i in range(19)])
    assert (nineteen.n, nineteen.median, nineteen.low, nineteen.high) == (19, 9, 0, 18)
    assert nineteen.p95 is None
    assert nineteen.p99 is None
    twenty = metrics.spread([float(i) for i in range(20)])
    assert (twenty.n, twenty.median) == (20, 9.5)
    assert twenty.low == pytest.approx(0.95)
    assert twenty.high == twenty.p95 == pytest.approx(18.05)
    assert twenty.p99 == pytest.approx(18.81)


def test_spread_of_nothing() -> None:
    assert metrics.spread([]) == metrics.Spread(n=0, median=None, low=None, high=None, p95=None, p99=None)


def test_speculation() -> None:
    """Four guesses a step, three of them right: of 100 tokens 75 were guessed, in 25 steps."""
    assert metrics.acceptance(100, 75) == 0.75
    assert metrics.accepted_length(100, 75) == 4.0
    assert metrics.accepted_length(100, 75, steps=30) == 3.5
    assert metrics.acceptance(0, 0) is None
    assert metrics.accepted_length(5, 5) is None
