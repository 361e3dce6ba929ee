"""Choosing the next token of each sequence from its row of logits.

On a GPU greedy rows are chosen there, and random ones get their candidates there. On the processor
greedy rows are one argmax over llama.cpp's own buffer; llama.cpp's greedy sampler first copies the
whole vocabulary into a candidate list, which on 152,000 tokens costs several times the argmax.
Random rows use llama.cpp's sampler chain, top-k first, because the chain's later steps then see 40
candidates and not the vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import llama_cpp.llama_cpp as llama
import numpy as np

from sparktop.engines.llama.library import Context, Floats, Model
from sparktop.engines.llama.team import Team
from sparktop.model.scenario import Sampling

_PARALLEL_FROM: Final = 1 << 18
"""Logits in a batch from which rows are sampled in several threads; below, waking them costs more."""

_GREEDY_ON_DEVICE: Final = 8
"""Most slots with which greedy tokens are chosen where the logits are.

llama.cpp runs one argmax a sequence there, one after another, each on a single multiprocessor: 60 us on an H100 and
152,000 tokens. Of 32 sequences the step took 14.0 ms so, and 13.0 ms with the processor choosing; of 8 the same, of
one 4.58 and 4.72 ms.
"""


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


@dataclass(frozen=True, slots=True)
class Row:
    """An output of a batch, for which a token is to be chosen.

    Attributes:
        index: Its batch index.
        sequence: Its sequence.
        chain: How it is sampled; None is greedy.
        ignore_eos: Tokens that end generation must not be chosen.
    """

    index: int
    sequence: int
    chain: Chain | None
    ignore_eos: bool


@dataclass(frozen=True, slots=True)
class _Kind:
    """What the device does of sampling: everything if greedy, else the choice of candidates."""

    top_k: int
    ignore_eos: bool


class _OnDevice:
    """Sampling on the GPU, where the logits are: little comes back over the bus.

    Greedy requests get their token there. Random ones get their top-k candidates there, of which
    the request's own chain then chooses here: a chain has a seed, and the sampler of a sequence is
    part of llama.cpp's compute graph, which takes 50 ms to rebuild. So what is attached depends on
    the kind of request alone, and stays while requests of a kind follow each other.
    """

    def __init__(self, context: Context, model: Model) -> None:
        self._context = context
        self._model = model
        self._attached: dict[int, tuple[_Kind, Any]] = {}

    def prepare(self, sequence: int, sampling: Sampling) -> None:
        """Gets a sequence ready for a request that is about to take it."""
        kind = _Kind(0 if sampling.temperature <= 0 else sampling.top_k, sampling.ignore_eos)
        greedy = sampling.temperature <= 0 and self._context.slots <= _GREEDY_ON_DEVICE
        wanted = kind if greedy or kind.top_k > 0 else None
        old = self._attached.pop(sequence, None)
        if old is not None and old[0] == wanted:
            self._attached[sequence] = old
            return
        if old is not None:
            self._context.attach(sequence, None)
            llama.llama_sampler_free(old[1])
        if wanted is None:
            return
        handle = self._chain(wanted)
        if self._context.attach(sequence, handle):
            self._attached[sequence] = (wanted, handle)
        else:
            llama.llama_sampler_free(handle)

    def __contains__(self, sequence: int) -> bool:
        return sequence in self._attached

    def _chain(self, kind: _Kind) -> Any:
        handle = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
        if kind.ignore_eos:
            tokens = self._model.end_tokens()
            biases = (llama.llama_logit_bias * len(tokens))()
            for bias, token in zip(biases, tokens, strict=True):
                bias.token, bias.bias = int(token), float("-inf")
            llama.llama_sampler_chain_add(
                handle, llama.llama_sampler_init_logit_bias(self._model.n_vocab, len(tokens), biases)
            )
        last = llama.llama_sampler_init_top_k(kind.top_k) if kind.top_k else llama.llama_sampler_init_greedy()
        llama.llama_sampler_chain_add(handle, last)
        return handle


class Chooser:
    """Chooses tokens for all output rows of one batch.

    Args:
        threads: Processor threads that may share the rows.
        on_device: Let the device that computes the logits choose where it can.
    """

    def __init__(self, context: Context, model: Model, threads: int, on_device: bool) -> None:
        self._context = context
        self._model = model
        self._team = Team(threads) if threads > 1 else None
        self._device = _OnDevice(context, model) if on_device else None

    def prepare(self, sequence: int, sampling: Sampling) -> None:
        """Gets a sequence ready for a request that is about to take it."""
        if self._device is not None:
            self._device.prepare(sequence, sampling)

    def choose(self, rows: Sequence[Row]) -> list[int]:
        """Returns one token per row; the rows are all outputs of the batch, in its order."""
        device = self._device
        if device is None or not any(row.sequence in device for row in rows):
            return self._choose_here(rows)
        return [
            self._choose_there(row) if row.sequence in device else self._choose(self._context.logits_of(row.index), row)
            for row in rows
        ]

    def _choose_there(self, row: Row) -> int:
        if row.chain is None:
            return self._context.chosen(row.index)
        return row.chain.sample(self._context, row.index)

    def _choose_here(self, rows: Sequence[Row]) -> list[int]:
        logits = self._context.logits(len(rows))
        if len(rows) > 1 and all(row.chain is None for row in rows):
            return self._choose_greedy(logits, rows)
        if len(rows) == 1 or self._team is None or logits.size < _PARALLEL_FROM:
            return [self._choose(own, row) for own, row in zip(logits, rows, strict=True)]
        tokens = [0] * len(rows)

        def choose(start: int, end: int) -> None:
            tokens[start:end] = [self._choose(logits[i], rows[i]) for i in range(start, end)]

        self._team.share(len(rows), choose)
        return tokens

    def _choose_greedy(self, logits: Floats, rows: Sequence[Row]) -> list[int]:
        """Every row's highest logit, several rows in a call: numpy lets other threads run during one."""
        if all(row.ignore_eos for row in rows):
            logits[:, self._model.end_tokens()] = -np.inf
        else:
            for own, row in zip(logits, rows, strict=True):
                if row.ignore_eos:
                    own[self._model.end_tokens()] = -np.inf
        best = np.empty(len(rows), np.intp)

        def choose(start: int, end: int) -> None:
            np.argmax(logits[start:end], axis=1, out=best[start:end])

        if self._team is None or logits.size < _PARALLEL_FROM:
            choose(0, len(rows))
        else:
            self._team.share(len(rows), choose)
        return [int(token) for token in best]

    def _choose(self, logits: Floats, row: Row) -> int:
        if row.ignore_eos:
            logits[self._model.end_tokens()] = -np.inf
        return int(logits.argmax()) if row.chain is None else row.chain.sample(self._context, row.index)
