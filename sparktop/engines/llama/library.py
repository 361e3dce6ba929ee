"""A thin layer over llama_cpp's low-level functions: a model, its vocabulary, one context.

Only the worker process imports this.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Callable, Sequence
from typing import Any, Final

import llama_cpp.llama_cpp as llama
import numpy as np
import numpy.typing as npt

from sparktop.engines.llama.batches import CPU_UBATCH, GPU_UBATCH, SPLIT_UBATCH
from sparktop.engines.llama.devices import Device, gpus
from sparktop.engines.llama.native_log import begin
from sparktop.engines.llama.placement import Placement
from sparktop.model.records import ModelInfo

DEVICE_SAMPLING: Final = "SPARKTOP_DEVICE_SAMPLING"
"""Environment variable; "off" keeps the choice of tokens on the processor even with a GPU."""

_DIRECT_IO: Final = 4
_AUTO: Final = -1

Floats = npt.NDArray[np.float32]


class LlamaFailed(RuntimeError):
    """llama.cpp refused; the message is one sentence for the person."""


class Model:
    """A loaded model.

    Args:
        path: The .gguf file, or the first part of a split one.
        progress: Called with 0..1 while loading.
        placement: Where its layers go; None puts all of them on this machine's GPUs, or the processor without any.
        remote: Other machines' devices, which are connected to.

    Raises:
        LlamaFailed: It could not be loaded.
    """

    def __init__(
        self,
        path: str,
        progress: Callable[[float], None],
        placement: Placement | None = None,
        remote: Sequence[Device] = (),
    ) -> None:
        begin()
        local = gpus()
        self.has_gpu = bool(local)
        self.ubatch = SPLIT_UBATCH if remote else GPU_UBATCH if local else CPU_UBATCH
        self.devices = tuple(map(str, (*remote, *local))) + (("CPU",) if remote and not local else ())

        def on_progress(fraction: float, _: object) -> bool:
            progress(fraction)
            return True

        params = llama.llama_model_default_params()
        params.n_gpu_layers = -1
        if placement is not None:
            params.n_gpu_layers = placement.offloaded
            layers = (*placement.layers, *(0 for _ in range(llama.llama_max_devices() - len(placement.layers))))
            params.tensor_split = (ctypes.c_float * len(layers))(*layers)
        # On GB10 mapping a file costs six times the load time of direct I/O, and leaves a copy of
        # the weights in the page cache of the same memory.
        grace = platform.machine() == "aarch64" and any(name.startswith("CUDA") for name in self.devices)
        params.load_mode = _DIRECT_IO if grace else _AUTO
        self._callback = llama.llama_progress_callback(on_progress)
        params.progress_callback = self._callback
        handle = llama.llama_model_load_from_file(os.fsencode(path), params)
        if not handle:
            raise LlamaFailed(f"llama.cpp can't load {path}")
        self.handle: Any = handle
        self.vocab: Any = llama.llama_model_get_vocab(handle)
        self.n_vocab = llama.llama_vocab_n_tokens(self.vocab)
        self._end_tokens: npt.NDArray[np.int64] | None = None

    def describe(self, context: Context) -> ModelInfo:
        """What the engine says of the model, in a context."""
        buffer = ctypes.create_string_buffer(256)
        llama.llama_model_desc(self.handle, buffer, len(buffer))
        parameters = llama.llama_model_n_params(self.handle)
        return ModelInfo(
            # llama.cpp's own text has no name for models below a billion weights.
            description=buffer.value.decode("utf-8", "replace").replace("?B", f"{parameters / 1e6:.1f}M"),
            parameters=parameters,
            size=llama.llama_model_size(self.handle),
            context=context.sequence_length,
            slots=context.slots,
            vocabulary=self.n_vocab,
            layers=llama.llama_model_n_layer(self.handle),
            devices=self.devices or ("CPU",),
            chat_template=bool(self.chat_template),
        )

    @property
    def trained_context(self) -> int:
        """Longest context that the model was made for, in tokens."""
        return int(llama.llama_model_n_ctx_train(self.handle))

    @property
    def chat_template(self) -> str:
        """Jinja source; empty if the model brings none."""
        source = llama.llama_model_chat_template(self.handle, None)
        return source.decode("utf-8", "replace") if source else ""

    def special_text(self, token: int) -> str:
        """Text of a control token; empty for token -1 (none)."""
        return self.piece(token, special=True).decode("utf-8", "replace") if token >= 0 else ""

    @property
    def bos(self) -> int:
        """Id of the beginning-of-sequence token, -1 if none."""
        return int(llama.llama_vocab_bos(self.vocab))

    @property
    def eos(self) -> int:
        """Id of the end-of-sequence token, -1 if none."""
        return int(llama.llama_vocab_eos(self.vocab))

    @property
    def adds_bos(self) -> bool:
        """Whether a text's first token is to be the beginning-of-sequence token."""
        return bool(llama.llama_vocab_get_add_bos(self.vocab))

    def tokenize(self, text: str, add_bos: bool) -> list[int]:
        """Token ids of a text; control tokens in it are taken as such."""
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        tokens = (llama.llama_token * room)()
        count = llama.llama_tokenize(self.vocab, data, len(data), tokens, room, add_bos, True)
        if count < 0:
            raise LlamaFailed("llama.cpp can't tokenize the prompt")
        return list(tokens[:count])

    def piece(self, token: int, special: bool = False) -> bytes:
        """Bytes of a token; of a control token only if `special`."""
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            count = llama.llama_token_to_piece(self.vocab, token, buffer, size, 0, special)
            if count >= 0:
                return buffer.raw[:count]
            size = -count

    def is_end(self, token: int) -> bool:
        """Whether a token ends generation."""
        return bool(llama.llama_vocab_is_eog(self.vocab, token))

    def is_control(self, token: int) -> bool:
        """Whether a token is a control token, which has no text of its own."""
        return bool(llama.llama_vocab_is_control(self.vocab, token))

    def end_tokens(self) -> npt.NDArray[np.int64]:
        """Every token that ends generation; the first call takes 50 ms on a large vocabulary."""
        if self._end_tokens is None:
            self._end_tokens = np.array([t for t in range(self.n_vocab) if self.is_end(t)], dtype=np.int64)
        return self._end_tokens

    def close(self) -> None:
        """Frees the weights."""
        llama.llama_model_free(self.handle)


class Context:
    """The memory in which sequences are decoded.

    Args:
        slots: Most sequences at once.
        length: Tokens per sequence; at most what the model was made for.
        threads: Processor threads; 0 for llama.cpp's default.

    Raises:
        LlamaFailed: It could not be made, usually for want of memory.
    """

    def __init__(self, model: Model, slots: int, length: int, threads: int) -> None:
        params = llama.llama_context_default_params()
        params.n_ctx = length * slots
        params.n_batch = params.n_ubatch = model.ubatch
        params.n_seq_max = slots
        # One row of logits a sequence at most: llama.cpp would reserve one for every batch token.
        params.n_outputs_max = slots
        params.n_outputs_max_per_seq = 1
        params.kv_unified = False
        params.no_perf = True
        if threads:
            params.n_threads = params.n_threads_batch = threads
        handle = llama.llama_init_from_model(model.handle, params)
        if not handle:
            raise LlamaFailed(
                f"llama.cpp can't make a context of {slots} x {length:,} tokens: "
                "probably too little memory; fewer streams or a shorter context need less"
            )
        self.handle: Any = handle
        self._memory: Any = llama.llama_get_memory(handle)
        self._n_vocab = model.n_vocab
        self._logits = np.empty((0, model.n_vocab), np.float32)
        self._logits_at = 0
        self.slots = slots
        self.batch_size = int(llama.llama_n_batch(handle))
        self.sequence_length = int(llama.llama_n_ctx_seq(handle))

    def decode(self, batch: Batch) -> int:
        """Runs the model over a batch; llama_decode's code (0 is success)."""
        return int(llama.llama_decode(self.handle, batch.struct))

    def synchronize(self) -> None:
        """Waits until the device has done all that it was given."""
        llama.llama_synchronize(self.handle)

    def logits(self, rows: int) -> Floats:
        """Logits of the last batch's `rows` output tokens, in batch order: (rows, vocabulary).

        A view of llama.cpp's own buffer: valid, and writable, until the next decode.
        """
        pointer = llama.llama_get_logits(self.handle)
        address = ctypes.addressof(pointer.contents)
        if address != self._logits_at or len(self._logits) < rows:
            # Making a view takes 40 us, a tenth of a step of a tiny model; the buffer hardly ever moves.
            self._logits = np.ctypeslib.as_array(pointer, shape=(rows, self._n_vocab))
            self._logits_at = address
        return self._logits[:rows]

    def logits_of(self, index: int) -> Floats:
        """Logits of the output token at a batch index: (vocabulary,); a view like `logits`."""
        return np.ctypeslib.as_array(llama.llama_get_logits_ith(self.handle, index), shape=(self._n_vocab,))

    def attach(self, sequence: int, chain: Any) -> bool:
        """Makes a sequence's tokens be chosen where its logits are; None undoes it.

        Returns:
            Whether the device can do what the chain does.
        """
        return bool(llama.llama_set_sampler(self.handle, sequence, chain))

    def chosen(self, index: int) -> int:
        """The token that the device chose for a batch index.

        Raises:
            LlamaFailed: It chose none, though its sampler was accepted.
        """
        token = int(llama.llama_get_sampled_token_ith(self.handle, index))
        if token < 0:
            raise LlamaFailed(
                f"llama.cpp chose no token on the device: set {DEVICE_SAMPLING}=off to choose on the processor"
            )
        return token

    def forget(self, sequence: int) -> None:
        """Drops everything that a sequence holds."""
        llama.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def close(self) -> None:
        """Frees the context."""
        llama.llama_free(self.handle)


class Batch:
    """The tokens of one decode call, written straight into llama.cpp's arrays."""

    def __init__(self, capacity: int) -> None:
        self.struct = llama.llama_batch_init(capacity, 0, 1)
        self._token = np.ctypeslib.as_array(self.struct.token, shape=(capacity,))
        self._pos = np.ctypeslib.as_array(self.struct.pos, shape=(capacity,))
        self._output = np.ctypeslib.as_array(self.struct.logits, shape=(capacity,))
        np.ctypeslib.as_array(self.struct.n_seq_id, shape=(capacity,))[:] = 1
        # The one sequence id of each token lies behind a pointer of its own; llama_batch_init
        # allocates them one by one, so each is wrapped once, here.
        self._sequence = [self.struct.seq_id[i] for i in range(capacity)]
        self._filled: list[int] = [-1] * capacity
        self.capacity = capacity
        self.size = 0
        self.outputs = 0

    def clear(self) -> None:
        """Empties the batch."""
        self.size = self.outputs = self.struct.n_tokens = 0

    def add(self, tokens: Sequence[int], position: int, sequence: int, output: bool) -> int:
        """Appends tokens of one sequence.

        Args:
            position: Of the first of them in the sequence.
            output: Whether logits of the last of them are wanted.

        Returns:
            The batch index of the last token.
        """
        start, end = self.size, self.size + len(tokens)
        if len(tokens) == 1:
            self._token[start] = tokens[0]
            self._pos[start] = position
        else:
            self._token[start:end] = tokens
            self._pos[start:end] = np.arange(position, position + len(tokens))
        self._output[start:end] = 0
        self._output[end - 1] = output
        for index in range(start, end):
            if self._filled[index] != sequence:
                self._sequence[index][0] = sequence
                self._filled[index] = sequence
        self.size = self.struct.n_tokens = end
        self.outputs += output
        return end - 1

    def close(self) -> None:
        """Frees the arrays."""
        llama.llama_batch_free(self.struct)
