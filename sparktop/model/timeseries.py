"""Series that charts draw: bounded in memory however long a run lasts."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

BIN_S: Final = 0.25
"""Width of the bins that token counts are gathered in, in seconds."""

KEPT_BINS: Final = 5_000
"""Bins that are kept: twenty minutes, twice what charts show at most."""


@dataclass(slots=True)
class Gauge:
    """Readings of one quantity with their times; `None` marks a gap.

    When it outgrows its capacity the older half is thinned: of each group of four neighbours the
    lowest and the highest stay, so that a peak of a moment can still be seen hours later. The first
    reading stays too: growth is counted from it.
    """

    capacity: int = 4096
    times: list[float] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)

    def add(self, t: float, value: float | None) -> None:
        """Appends a reading; `t` in seconds, not before the last one."""
        self.times.append(t)
        self.values.append(value)
        if len(self.times) > self.capacity:
            self._thin()

    @property
    def last(self) -> float | None:
        """The newest reading; None if it is missing."""
        return self.values[-1] if self.values else None

    @property
    def peak(self) -> float | None:
        """The highest reading."""
        return max((value for value in self.values if value is not None), default=None)

    @property
    def low(self) -> float | None:
        """The lowest reading."""
        return min((value for value in self.values if value is not None), default=None)

    def since(self, start: float) -> tuple[list[float], list[float | None]]:
        """Times and values from `start` on."""
        index = bisect_left(self.times, start)
        return self.times[index:], self.values[index:]

    def _thin(self) -> None:
        half = len(self.times) // 2
        keep = [0, *(index for group in range(1, half, 4) for index in self._extremes(group, half))]
        self.times[:half] = [self.times[index] for index in keep]
        self.values[:half] = [self.values[index] for index in keep]

    def _extremes(self, start: int, end: int) -> list[int]:
        group = range(start, min(start + 4, end))
        known = [(value, i) for i in group if (value := self.values[i]) is not None]
        gaps = [i for i in group if self.values[i] is None][:1]
        ends = {min(known)[1], max(known)[1]} if known else set()
        return sorted([*ends, *gaps])


@dataclass(slots=True)
class TokenRate:
    """Tokens over time, for the throughput and the TPOT charts.

    Tokens and the time that streams waited for them are added up in bins of `BIN_S`, of which the
    newest `KEPT_BINS` are kept; every chunk's own time stays with its request.
    """

    tokens: dict[int, int] = field(default_factory=dict)
    gap_s: dict[int, float] = field(default_factory=dict)
    gap_tokens: dict[int, int] = field(default_factory=dict)
    total: int = 0

    def add(self, t: float, count: int, gap_s: float | None) -> None:
        """Adds a chunk.

        Args:
            t: When it arrived, in seconds.
            count: Tokens in it.
            gap_s: Seconds since the chunk before it in the same stream; None for the first.
        """
        index = math.floor(t / BIN_S)
        self.tokens[index] = self.tokens.get(index, 0) + count
        self.total += count
        if len(self.tokens) > 2 * KEPT_BINS:
            self._forget(index - KEPT_BINS)
        if gap_s is not None and count:
            self.gap_s[index] = self.gap_s.get(index, 0.0) + gap_s
            self.gap_tokens[index] = self.gap_tokens.get(index, 0) + count

    def _forget(self, before: int) -> None:
        for bins in (self.tokens, self.gap_s, self.gap_tokens):
            for index in [index for index in bins if index < before]:
                del bins[index]

    def rate(self, now: float, window_s: float = 1.0) -> float:
        """Tokens per second over the whole bins in the `window_s` seconds before `now`."""
        bins = max(1, round(window_s / BIN_S))
        last = math.floor(now / BIN_S)
        return sum(self.tokens.get(i, 0) for i in range(last - bins, last)) / (bins * BIN_S)

    def tpot_ms(self, now: float, window_s: float = 1.0) -> float | None:
        """Mean time per output token of the streams over the same bins; None without tokens."""
        bins = max(1, round(window_s / BIN_S))
        last = math.floor(now / BIN_S)
        span = range(last - bins, last)
        tokens = sum(self.gap_tokens.get(i, 0) for i in span)
        return sum(self.gap_s.get(i, 0.0) for i in span) / tokens * 1e3 if tokens else None

    def rates(
        self, start: float, now: float, window_s: float = 1.0, step_s: float = BIN_S
    ) -> Iterator[tuple[float, float, float | None]]:
        """Yields (time, tokens/s, TPOT in ms) from `start` to `now`, each over `window_s`."""
        first = math.ceil(max(start, 0) / step_s)
        for index in range(first, math.floor(now / step_s) + 1):
            t = index * step_s
            yield t, self.rate(t, window_s), self.tpot_ms(t, window_s)
