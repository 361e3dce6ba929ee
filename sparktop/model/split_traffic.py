"""What a model that is split over two machines sends from one to the other: by RDMA, or past it.

llama.cpp's RPC takes RDMA where both sides can, and falls back to TCP without a word. RDMA never shows in the network
interface's counters, nor TCP in the RDMA device's, so the two tell which it was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

RECENT_S: Final = 10.0

LEAST_TOKENS: Final = 16
"""Tokens below which what passes by, such as a person's own session over ssh, may be more than the model's traffic."""

LEAST_PER_TOKEN: Final = 1024.0
"""Bytes a token: a split model sends its hidden state, 4 bytes for each of a thousand numbers and more."""

MOST_RDMA_SHARE: Final = 0.01
"""Share of all traffic up to which RDMA carried none of the model's: what sets a connection up is still counted."""

_LONGEST_STEP_S: Final = 3.0
"""Rates further apart than this say nothing of what was sent in between."""


@dataclass(slots=True)
class Traffic:
    """Bytes in both directions while a model was decoding.

    Attributes:
        rdma: By RDMA.
        tcp: Past RDMA, over the interfaces of RDMA devices.
        other: Over interfaces without RDMA.
        tokens: Tokens that were decoded meanwhile.
    """

    rdma: float = 0.0
    tcp: float = 0.0
    other: float = 0.0
    tokens: int = 0

    def add(self, more: Traffic) -> None:
        """Adds what was sent at another time or of another machine."""
        self.rdma += more.rdma
        self.tcp += more.tcp
        self.other += more.other
        self.tokens += more.tokens

    @property
    def past_rdma(self) -> float:
        """Bytes that did not go by RDMA."""
        return self.tcp + self.other

    @property
    def fell_back(self) -> bool | None:
        """Whether the model's traffic went past RDMA; None where too little was seen to tell."""
        least = LEAST_PER_TOKEN * self.tokens
        if self.tokens < LEAST_TOKENS or self.rdma + self.past_rdma < least:
            return None
        # A download over the same machine is easily a thousand times a model's hidden states: a share alone would
        # call it a fallback, though RDMA carried all that the model can have sent.
        return self.rdma < least and self.rdma <= MOST_RDMA_SHARE * (self.rdma + self.past_rdma)


@dataclass(slots=True)
class SplitTraffic:
    """Follows what one machine sends and receives while one split contender decodes.

    Attributes:
        whole: Since the beginning.
        linked: Whether an RDMA link was up meanwhile.
    """

    whole: Traffic = field(default_factory=Traffic)
    linked: bool = False
    _recent: deque[tuple[float, Traffic]] = field(default_factory=deque)
    _tokens: int | None = None
    _before: float | None = None

    def take(self, t: float, values: Mapping[str, float], tokens: int, linked: bool) -> None:
        """Takes a reading.

        Args:
            t: Its time, in seconds.
            values: By channel.
            tokens: What the contender has decoded so far.
            linked: Whether a link of an RDMA device is up.
        """
        step = 0.0 if self._before is None else t - self._before
        new = 0 if self._tokens is None else tokens - self._tokens
        self._before, self._tokens = t, tokens
        if not 0 < step <= _LONGEST_STEP_S or new <= 0:
            return
        self.linked = self.linked or linked
        sent = _sent(values, step, new)
        self.whole.add(sent)
        self._recent.append((t, sent))
        while self._recent[0][0] < t - RECENT_S:
            self._recent.popleft()

    def recent(self, now: float) -> Traffic:
        """Returns what was sent in the last ten seconds."""
        traffic = Traffic()
        for t, sent in self._recent:
            if t >= now - RECENT_S:
                traffic.add(sent)
        return traffic


def _sent(values: Mapping[str, float], step: float, tokens: int) -> Traffic:
    traffic = Traffic(tokens=tokens)
    for name, rate in values.items():
        source, _, rest = name.partition(".")
        quantity = rest.rpartition(".")[2]
        if source == "roce" and quantity in ("rx_rdma", "tx_rdma"):
            traffic.rdma += rate * step
        elif source == "roce" and quantity in ("rx_tcp", "tx_tcp"):
            traffic.tcp += rate * step
        elif source == "net" and quantity in ("rx", "tx"):
            traffic.other += rate * step
    return traffic
