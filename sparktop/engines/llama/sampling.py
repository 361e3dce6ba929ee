"""Choosing the next token of each sequence from its row of logits.

Greedy rows are one argmax over llama.cpp's own buffer; llama.cpp's greedy sampler first copies the
whole vocabulary into a candidate list, which on 152,000 tokens costs several times the argmax.
Random rows use llama.cpp's sampler chain, top-k first, because the chain's later steps then see 40
candidates and not the vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import llama_cpp.llama_cpp as llama
import numpy as np
import numpy.typing as npt

from sparktop.engines.llama.library import Context, Floats
from sparktop.model.scenario import Sampling

_PARALLEL_FROM: Final = 1 << 18
"""Logits in a batch from which rows are sampled in several threads; below, waking them costs more."""


class Chain:
    """A sampler chain of one sequence; frees itself with `close`."""

    def __init__(self, sampling: Sampling) -> None:
        self.handle: Any = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
        if sampling.top_k > 0:
            llama.llama_sampler_chain_add(self.handle, llama.llama_sampler_init_top_k(sampling.top_k))
        if sampling.top_p < 1:
            llama.llama_sampler_chain_add(self.handle, llama.llama_sampler_init_top_p(sampling.top_p, 1))
        llama.llama_sampler_chain_add(self.handle, llama.llama_sampler_init_temp(sampling.temperature))
        llama.llama_sampler_chain_add(self.handle, llama.llama_sampler_init_dist(sampling.seed & 0xFFFFFFFF))

    def sample(self, context: Context, index: int) -> int:
        """Chooses a token for the output at a batch index and remembers it."""
        return int(llama.llama_sampler_sample(self.handle, context.handle, index))

    def close(self) -> None:
        """Frees the chain."""
        llama.llama_sampler_free(self.handle)


def chain_for(sampling: Sampling) -> Chain | None:
    """The chain that a request needs; None for greedy, which needs none."""
    return None if sampling.temperature <= 0 else Chain(sampling)


class Chooser:
    """Chooses tokens for all output rows of one batch.

    Args:
        end_tokens: Ids that requests with ignore_eos must never choose.
        threads: Processor threads that may share the rows.
    """

    def __init__(self, context: Context, end_tokens: npt.NDArray[np.int64], threads: int) -> None:
        self._context = context
        self._end_tokens = end_tokens
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, "sampling") if threads > 1 else None

    def choose(self, rows: Sequence[tuple[int, Chain | None, bool]]) -> list[int]:
        """Returns one token per row.

        Args:
            rows: In batch order, of every output: batch index, chain (None is greedy), ignore_eos.
        """
        logits = self._context.logits(len(rows))
        for row, (_, _, ignore_eos) in enumerate(rows):
            if ignore_eos:
                logits[row, self._end_tokens] = -np.inf
        if len(rows) == 1 or self._pool is None or logits.size < _PARALLEL_FROM:
            return self._choose(logits, rows)
        share = -(-len(rows) // self._threads)
        parts = [
            self._pool.submit(self._choose, logits[start : start + share], rows[start : start + share])
            for start in range(0, len(rows), share)
        ]
        return [token for part in parts for token in part.result()]

    def _choose(self, logits: Floats, rows: Sequence[tuple[int, Chain | None, bool]]) -> list[int]:
        return [
            int(row.argmax()) if chain is None else chain.sample(self._context, index)
            for row, (index, chain, _) in zip(logits, rows, strict=True)
        ]

    def close(self) -> None:
        """Lets the threads go."""
        if self._pool is not None:
            self._pool.shutdown()
