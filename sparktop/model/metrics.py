"""The definition of every number that sparktop shows.

All functions are pure: they take the times at which chunks arrived (seconds, any zero) and the
number of tokens in each, and return milliseconds, tokens per second or None where the number is
not defined. Nothing elsewhere in the program divides tokens by seconds.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sparktop.model.scenario import Slo

MINIMUM_PREFILL_S: Final = 0.020
"""A prefill estimated from TTFT below this says more about the transport than about the model."""

MINIMUM_TAIL_SAMPLES: Final = 20
"""Below this many samples p95 and p99 are guesses and are not given."""

LEAST_RECENT_S: Final = 0.25
"""A speed of this moment over less than this says more about two chunks than about the model."""

STALLED_S: Final = 1.0
"""A stream that was silent for longer than this counts as waiting up to now, and its speed falls."""

DEFINITIONS: Final[dict[str, str]] = {
    "ttft_ms": "first token, of reasoning or answer, minus request sent",
    "ttfa_ms": "first token of the answer (not of reasoning) minus request sent",
    "e2e_ms": "last token minus request sent (mean response time is its mean)",
    "tpot_ms": "(e2e - ttft) / (output tokens - tokens in the first chunk); null if that is 0",
    "decode_tok_s": "1000 / tpot_ms: the speed of one stream",
    "prefill_tok_s": "(prompt - cached tokens) / the engine's own prefill time, else / (TTFT - round trip) if"
    " that is 20 ms or more (marked as estimate)",
    "inter_chunk_ms": "time between consecutive chunks of one stream",
    "aggregate_tok_s": "tokens after each stream's first chunk, summed, / (last token - first token of any stream)",
    "steady_tok_s": "tokens per second of all streams together, from the moment the last stream"
    " has its first token until the first stream ends",
    "qps": "completed requests / (last response - first request sent)",
    "goodput": "requests that met every SLO of the scenario / the time that qps is over",
    "speedup": "aggregate_tok_s at batch B / aggregate_tok_s at batch 1",
    "efficiency": "speedup / B",
    "roofline": "bytes_per_token: (weights + keys and values + state that a decode step reads) / tokens of the step;"
    " achieved: bytes_per_token * decode_tok_s at batch 1, else * steady_tok_s; shares: achieved / the ceilings",
    "decode_cost": "energy (J) or bytes over the link while tokens were decoded and no prompt was read, / those tokens:"
    " between the first and the last reading of each such stretch",
    "prefill_cost": "the same while prompts were read and nothing was decoded, / prompt tokens read",
    "acceptance": "speculative decoding: accepted / drafted tokens",
    "accepted_length": "speculative decoding: 1 + accepted tokens / steps, the tokens of a step; where steps are not"
    " told they are output tokens - accepted tokens - 1 for each answer, whose first token comes from its prompt",
    "cache_hit": "prompt tokens that came from a prefix cache / prompt tokens",
    "output_tokens": "tokens decoded; the end-of-generation token is not counted",
    "percentiles": "linear interpolation; p95 and p99 only from 20 samples on",
}
"""What each number means, as it is written into every snapshot."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What metrics need to know of one request.

    Attributes:
        sent: When the request was handed to the engine, in seconds.
        times: When each chunk arrived, ascending, in seconds on the same clock.
        counts: Tokens in each chunk, parallel to `times`.
        first_answer: Index of the first chunk that is not reasoning; None if there is none.
    """

    sent: float
    times: Sequence[float]
    counts: Sequence[int]
    first_answer: int | None = 0

    @property
    def tokens(self) -> int:
        """Number of output tokens."""
        return sum(self.counts)


def ttft_ms(stream: Stream) -> float | None:
    """Time to first token, reasoning included; None before it came."""
    return (stream.times[0] - stream.sent) * 1e3 if stream.times else None


def ttfa_ms(stream: Stream) -> float | None:
    """Time to the first token of the answer proper; None before it came."""
    if stream.first_answer is None or stream.first_answer >= len(stream.times):
        return None
    return (stream.times[stream.first_answer] - stream.sent) * 1e3


def e2e_ms(stream: Stream) -> float | None:
    """Time to the last token; None before the first came."""
    return (stream.times[-1] - stream.sent) * 1e3 if stream.times else None


def tpot_ms(stream: Stream) -> float | None:
    """Time per output token after the first chunk.

    The tokens of the first chunk are left out of the divisor because none of the time after TTFT
    was spent on them; with one token a chunk this is the usual (E2E - TTFT) / (OSL - 1).
    """
    after_first = sum(stream.counts[1:])
    if after_first <= 0:
        return None
    return (stream.times[-1] - stream.times[0]) * 1e3 / after_first


def decode_tok_s(stream: Stream) -> float | None:
    """Speed of one stream in tokens per second: the inverse of TPOT."""
    tpot = tpot_ms(stream)
    return 1e3 / tpot if tpot else None


def less_round_trip(ttft: float | None, rtt: float | None) -> float | None:
    """TTFT less the way of the request to the server and of the token back; all in ms.

    Args:
        ttft: TTFT.
        rtt: Round trip of the network; None where it is not known, or there is no network.
    """
    return None if ttft is None else max(0.0, ttft - (rtt or 0.0))


def prefill_tok_s(
    prompt: int | None, cached: int | None, prefill_ms: float | None, ttft: float | None
) -> tuple[float | None, bool]:
    """Speed of reading the prompt.

    Args:
        prompt: Tokens in the prompt.
        cached: Tokens of it that a cache held.
        prefill_ms: The engine's own timing, if it gives one.
        ttft: TTFT in ms, less the round trip: used when the engine gives no timing.

    Returns:
        Tokens per second (None if it can't be told), and whether that is an estimate from TTFT.
    """
    if prompt is None or (work := prompt - (cached or 0)) <= 0:
        return None, False
    if prefill_ms is not None:
        return (work / prefill_ms * 1e3 if prefill_ms > 0 else None), False
    if ttft is None or ttft < MINIMUM_PREFILL_S * 1e3:
        return None, True
    return work / ttft * 1e3, True


def acceptance(drafted: int, accepted: int) -> float | None:
    """Share of the tokens guessed ahead that the model confirmed; None if none was guessed."""
    return accepted / drafted if drafted else None


def accepted_length(output: int, accepted: int, steps: int | None = None) -> float | None:
    """Mean tokens of a step of speculative decoding: each gives one of the model's own and those it confirms.

    Args:
        output: Tokens decoded; without the first of each answer, which comes from its prompt.
        accepted: Those that had been guessed ahead.
        steps: In how many steps; None where that is not told: then every token that was not guessed is a step.
    """
    steps = output - accepted if steps is None else steps
    return 1 + accepted / steps if steps > 0 else None


def inter_chunk_ms(stream: Stream) -> list[float]:
    """Gaps between consecutive chunks, in ms."""
    return [(b - a) * 1e3 for a, b in zip(stream.times, stream.times[1:], strict=False)]


def aggregate_tok_s(streams: Sequence[Stream]) -> float | None:
    """Decode speed of several streams together, in tokens per second."""
    begun = [stream for stream in streams if stream.times]
    if not begun:
        return None
    span = max(s.times[-1] for s in begun) - min(s.times[0] for s in begun)
    tokens = sum(sum(s.counts[1:]) for s in begun)
    return tokens / span if span > 0 and tokens else None


def steady_tok_s(streams: Sequence[Stream]) -> float | None:
    """Decode speed while every stream was decoding, in tokens per second.

    None where the streams never decoded all at once (requests that ran one after another).
    """
    if not streams or not all(stream.times for stream in streams):
        return None
    start = max(stream.times[0] for stream in streams)
    end = min(stream.times[-1] for stream in streams)
    if end <= start:
        return None
    tokens = sum(
        count
        for stream in streams
        for time, count in zip(stream.times, stream.counts, strict=True)
        if start < time <= end
    )
    return tokens / (end - start) if tokens else None


def recent_tok_s(streams: Sequence[Stream], since: float, now: float) -> float | None:
    """Decode speed of this moment, in tokens per second of all streams together.

    Of each stream the tokens after a chunk / the time from that chunk to the newest one, beginning with the chunk that
    was the newest at `since`: whole gaps, so that slow streams have as steady a speed as fast ones.

    Args:
        streams: Those that decode now.
        since: How far to look back, in seconds.
        now: Seconds on the same clock.

    Returns:
        None without streams, and while one of them has not decoded for long enough to tell.
    """
    total = 0.0
    for stream in streams:
        if not stream.times:
            return None
        first = max(0, bisect_right(stream.times, since) - 1)
        span = max(stream.times[-1], now - STALLED_S) - stream.times[first]
        if span < LEAST_RECENT_S:
            return None
        total += sum(stream.counts[first + 1 :]) / span
    return total if streams else None


def total_s(streams: Sequence[Stream]) -> float | None:
    """Seconds from the first request sent until the last token of the last response."""
    if not streams or not all(stream.times for stream in streams):
        return None
    return max(s.times[-1] for s in streams) - min(s.sent for s in streams)


def qps(streams: Sequence[Stream]) -> float | None:
    """Completed requests per second."""
    total = total_s(streams)
    return len(streams) / total if total else None


def meets(stream: Stream, slo: Slo) -> bool:
    """Whether a completed request kept to every objective.

    What came in one chunk has no TPOT, and so can't miss one; what has no tokens meets nothing.
    """
    if not stream.times:
        return False
    kept = (
        (ttft_ms(stream), slo.ttft_ms),
        (tpot_ms(stream), slo.tpot_ms),
        (e2e_ms(stream), slo.response_ms),
    )
    return all(found is None or most is None or found <= most for found, most in kept)


def goodput(streams: Sequence[Stream], slo: Slo) -> float | None:
    """Completed requests per second that kept to every objective; None without objectives."""
    total = total_s(streams)
    return sum(meets(stream, slo) for stream in streams) / total if total and slo != Slo() else None


def percentile(values: Sequence[float], p: float) -> float | None:
    """Percentile with linear interpolation between closest ranks.

    Args:
        values: Any order.
        p: 0 to 100.
    """
    if not values:
        return None
    ordered = sorted(values)
    position = (len(ordered) - 1) * p / 100
    low = math.floor(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


def mean(values: Sequence[float]) -> float | None:
    """Arithmetic mean; None of nothing."""
    return math.fsum(values) / len(values) if values else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How a number varied.

    Attributes:
        n: Number of samples.
        median: Median; None without samples.
        low: p5 from 20 samples on, else the minimum.
        high: p95 from 20 samples on, else the maximum.
        p95: 95th percentile; None below 20 samples.
        p99: 99th percentile; None below 20 samples.
    """

    n: int
    median: float | None
    low: float | None
    high: float | None
    p95: float | None
    p99: float | None


def spread(values: Sequence[float]) -> Spread:
    """Summarises samples; the tails only where there are enough of them to have tails."""
    if len(values) < MINIMUM_TAIL_SAMPLES:
        return Spread(
            n=len(values),
            median=percentile(values, 50),
            low=min(values, default=None),
            high=max(values, default=None),
            p95=None,
            p99=None,
        )
    return Spread(
        n=len(values),
        median=percentile(values, 50),
        low=percentile(values, 5),
        high=percentile(values, 95),
        p95=percentile(values, 95),
        p99=percentile(values, 99),
    )
