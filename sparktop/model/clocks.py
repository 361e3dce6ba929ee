"""Two machines' clocks, held against each other by asking what time it is there.

An exchange takes four times: a question leaves here, is received there, is answered there, and the answer comes back
here (RFC 5905, section 8). Nobody can tell how its delay is shared between the two ways, so the clock there can be off
by half the round trip in either direction, and no more: that is the uncertainty, and it holds for any network. The
exchange with the shortest round trip knows most (the minimum filter of NTP), until its knowledge has aged: two clocks
drift apart.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

WANDER: Final = 100e-6
"""Seconds a second that two undisciplined clocks may drift apart: crystals are good to 50 ppm each."""

_STEADY: Final = 10e-6
"""Seconds a second that remain where the drift is known: it changes with temperature and with what disciplines it."""

_GRAIN_S: Final = 1e-6
"""What a clock's own resolution may add."""

_SPAN_S: Final = 10.0
"""Of the exchanges within this time the best one is kept."""

_SPANS: Final = 30
_DRIFT_AFTER_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A question for the time, and its answer; all in seconds.

    Attributes:
        sent: When the question left, by the clock here.
        received: When it came there, by the clock there.
        answered: When the answer left, by the clock there.
        returned: When the answer came, by the clock here.
    """

    sent: float
    received: float
    answered: float
    returned: float

    @property
    def rtt(self) -> float:
        """Seconds on the way, both ways together."""
        return max(0.0, (self.returned - self.sent) - (self.answered - self.received))

    @property
    def uncertainty(self) -> float:
        """Most seconds that `offset` can be wrong: half the way, and what the clocks drift apart meanwhile."""
        return self.rtt / 2 + WANDER * (self.returned - self.sent)

    @property
    def possible(self) -> bool:
        """Whether these can be the times of a question and its answer."""
        if not all(map(math.isfinite, (self.sent, self.received, self.answered, self.returned))):
            return False
        here, there = self.returned - self.sent, self.answered - self.received
        return 0 <= there <= here * (1 + WANDER) + _GRAIN_S

    @property
    def offset(self) -> float:
        """What to add to the time there to get the time here, if both ways took equally long."""
        return ((self.sent - self.received) + (self.returned - self.answered)) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Offset:
    """How a clock elsewhere stands to the one here, at one moment.

    Attributes:
        offset_s: What to add to the time there to get the time here.
        uncertainty_s: Most seconds that this can be wrong.
        rtt_s: Round trip of the exchange that it rests on.
        drift: Seconds a second that the offset grows by; None if it is not known.
    """

    offset_s: float
    uncertainty_s: float
    rtt_s: float
    drift: float | None = None


class ClockFilter:
    """Makes the best of many exchanges with one machine.

    Memory is bounded: the best exchange of each ten seconds is kept, for five minutes.
    """

    def __init__(self) -> None:
        self._best: deque[Exchange] = deque(maxlen=_SPANS)
        self._drift: tuple[float, float] | None = None

    def add(self, exchange: Exchange) -> bool:
        """Takes an exchange; returns whether it can be true.

        One whose answer came before its question, or that holds no number, is not taken. One that contradicts what was
        known, beyond all uncertainty, tells that a clock was stopped or set (a machine that slept): what was known is
        forgotten.
        """
        if not exchange.possible:
            return False
        known = self.at(exchange.returned)
        if known is not None and abs(exchange.offset - known.offset_s) > known.uncertainty_s + exchange.uncertainty:
            self._best.clear()
        if self._best and exchange.returned // _SPAN_S == self._best[-1].returned // _SPAN_S:
            if exchange.rtt <= self._best[-1].rtt:
                self._best[-1] = exchange
        else:
            self._best.append(exchange)
        self._drift = self._find_drift()
        return True

    def at(self, now: float) -> Offset | None:
        """Returns the offset at a time of the clock here; None before the first exchange."""
        if not self._best:
            return None
        drift, unsure = self._drift or (0.0, WANDER)
        best = min(self._best, key=lambda one: one.uncertainty + unsure * abs(now - one.returned))
        age = now - best.returned
        return Offset(
            offset_s=best.offset + drift * age,
            uncertainty_s=best.uncertainty + unsure * abs(age),
            rtt_s=best.rtt,
            drift=drift if self._drift is not None else None,
        )

    def _find_drift(self) -> tuple[float, float] | None:
        """The drift and how unsure it is, where the exchanges tell more than that clocks are ordinary ones."""
        if len(self._best) < 3:
            return None
        half = len(self._best) // 2
        kept = list(self._best)
        early = min(kept[:half], key=lambda one: one.rtt)
        late = min(kept[half:], key=lambda one: one.rtt)
        span = late.returned - early.returned
        if span < _DRIFT_AFTER_S:
            return None
        unsure = (early.uncertainty + late.uncertainty) / span + _STEADY
        return ((late.offset - early.offset) / span, unsure) if unsure < WANDER else None
