"""Whether a model fits into the memory of this machine, worked out before it is loaded.

On unified memory a load that is too large does not fail: it wedges the machine. So the sum is done
first, and shown. Where GPUs have memory of their own, llama.cpp puts all layers there, and the sum is
done for that.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sparktop import toolchain
from sparktop.engines.gguf import BadModelFile, Header, read_header
from sparktop.engines.llama.batches import GPU_UBATCH, SPLIT_UBATCH
from sparktop.engines.protocol import Room
from sparktop.model.pressure import floor_bytes
from sparktop.telemetry.memory import MemoryInfo, allocatable
from sparktop.telemetry.nvml import Nvml
from sparktop.telemetry.reading import Unreadable
from sparktop.telemetry.vram import Vram, free_vram

VRAM_RESERVE: Final = 1 << 30
"""Bytes that a load must leave by default on each GPU with memory of its own: CUDA's context, and what llama.cpp's own
`--fit-target` leaves. Nothing but the load itself fails there, so it takes less than on unified memory."""

_EMBEDDING: Final = "token_embd.weight"
_OUTPUT: Final = "output.weight"

_KV_BYTES: Final = 2
"""The KV cache holds half-precision numbers."""

_MARGIN: Final = 1.2
_PROCESS: Final = 200 << 20
"""A worker process with llama.cpp and its libraries, before any model."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The sum, in bytes.

    Attributes:
        weights: All tensors, as they lie on disk; for a GPU with memory of its own, those that go there.
        kv: Cache of keys and values for every slot at its full context.
        compute: Estimate of the engine's scratch buffers and its process.
        allocatable: What can be had now; None if the machine doesn't tell.
        reserve: What must be left.
        rule: How `allocatable` was found.
        problem: Why there is no sum; empty if there is one.
        elsewhere: Why nobody has to do it; empty if somebody has.
    """

    weights: int
    kv: int
    compute: int
    allocatable: int | None
    reserve: int
    rule: str
    problem: str = ""
    elsewhere: str = ""

    @property
    def need(self) -> int:
        """Bytes that the load will take."""
        return self.weights + self.kv + self.compute

    @property
    def ok(self) -> bool:
        """Whether it fits, as far as can be told."""
        return not self.problem and (self.allocatable is None or self.need + self.reserve <= self.allocatable)

    @property
    def sentence(self) -> str:
        """The sum in words."""
        if self.problem or self.elsewhere:
            return self.problem or self.elsewhere
        # In GiB all parts of a small model would be 0.0.
        size, unit = (1 << 30, "GiB") if self.need >= 1 << 30 else (1 << 20, "MiB")
        need = (
            f"needs {self.need / size:,.1f} {unit} (weights {self.weights / size:,.1f} + KV cache {self.kv / size:,.1f}"
            f" + compute {self.compute / size:,.1f})"
        )
        if self.allocatable is None:
            return f"{need}; what can be allocated is not known: {self.rule}"
        have = f"{_gib(self.allocatable)} GiB can be allocated ({self.rule}) and {_gib(self.reserve)} must stay free"
        if self.ok:
            return f"{need}; {have}"
        return (
            f"does not fit: {need}; {have}: choose a smaller model, fewer streams or a smaller --reserve, or split it"
            " over more machines"
        )


def assess_model(
    path: Path,
    room: Room,
    reserve: int | None = None,
    proc: Path = Path("/proc"),
    vram: Callable[[], Vram | None] | None = None,
    *,
    split: bool = False,
) -> Fit:
    """Holds what a model needs against what the machine has.

    Args:
        path: The .gguf file, or the first part of a split one.
        room: What its context is to hold.
        reserve: Bytes that must be left; None for the default.
        proc: Folder of the kernel's files.
        vram: Tells what GPUs with memory of their own can be given; None asks this machine's.
        split: It is split over machines; the sum is of the whole model all the same, with the buffers of one machine.
    """
    try:
        header = read_header(path)
    except BadModelFile as error:
        return Fit(0, 0, 0, None, 0, "", problem=str(error))
    weights, kv, compute = header.size, kv_bytes(header, room), compute_bytes(header, room, split=split)
    try:
        here = memory_here(reserve, proc, vram)
    except Unreadable as error:
        return Fit(weights, kv, compute, None, reserve or 0, str(error))
    if here.own:
        weights -= host_bytes(header)
    return Fit(weights, kv, compute, here.free, here.reserve, here.rule)


def assess_nothing(reserve: int | None = None, proc: Path = Path("/proc")) -> Fit:
    """Returns what this machine has for a part of a model whose size another machine knows."""
    try:
        here = memory_here(reserve, proc)
    except Unreadable as error:
        return Fit(0, 0, 0, None, reserve or 0, str(error))
    return Fit(0, 0, 0, here.free, here.reserve, here.rule)


@dataclass(frozen=True, slots=True)
class MemoryHere:
    """Memory that a load on this machine goes to, in bytes.

    Attributes:
        free: What can be had now.
        reserve: What must be left.
        rule: How `free` was found.
        own: It is memory of GPUs, apart from the machine's.
    """

    free: int
    reserve: int
    rule: str
    own: bool


def memory_here(
    reserve: int | None = None, proc: Path = Path("/proc"), vram: Callable[[], Vram | None] | None = None
) -> MemoryHere:
    """Returns what this machine has for a load; see `assess_model`.

    Raises:
        Unreadable: It doesn't tell.
    """
    own = vram() if vram is not None else local_vram(proc)
    if own is not None:
        kept = VRAM_RESERVE * len(own.gpus) if reserve is None else reserve
        return MemoryHere(own.free, kept, own.rule, own=True)
    have = allocatable(proc)
    total = MemoryInfo(proc).bytes("MemTotal")
    return MemoryHere(have.bytes, int(floor_bytes(total)) if reserve is None else reserve, have.rule, own=False)


def local_vram(proc: Path = Path("/proc")) -> Vram | None:
    """Returns what this machine's GPUs can still be given; None where llama.cpp will use none with its own memory.

    Raises:
        Unreadable: There is such a GPU, and it doesn't tell.
    """
    build = toolchain.installed_build(toolchain.site_packages())
    if build is None or not build.cuda:
        return None
    try:
        total = MemoryInfo(proc).bytes("MemTotal")
    except Unreadable:
        total = None
    return free_vram(Nvml(), total, os.environ.get("CUDA_VISIBLE_DEVICES"))


def host_bytes(header: Header) -> int:
    """Bytes of weights that stay in the machine's memory where all layers go to a GPU.

    Rows of the embedding are looked up by the processor; where the output is made with the same matrix the GPU has a
    copy.
    """
    sizes = {tensor.name: tensor.size for tensor in header.tensors}
    return sizes.get(_EMBEDDING, 0) if _OUTPUT in sizes else 0


def kv_bytes(header: Header, room: Room) -> int:
    """Size of the KV cache: over all layers, heads x (key + value length) x bytes x tokens.

    An upper bound for models with sliding windows or recurrent layers, which hold less.
    """
    heads = max(header.number("attention.head_count"), 1)
    length = header.number("embedding_length") // heads
    key = header.number("attention.key_length", length)
    value = header.number("attention.value_length", length)
    per_token = sum(header.per_layer("attention.head_count_kv", heads)) * (key + value) * _KV_BYTES
    trained = header.number("context_length") or room.context
    return per_token * min(room.context, trained) * room.slots


def compute_bytes(header: Header, room: Room, *, split: bool = False) -> int:
    """Estimate of the engine's scratch buffers and its process.

    Per token of a batch a layer holds about six vectors of the model's width and two of its feed-forward width,
    and the attention mask a number for every cell of the cache. For an 8.2 B model at 2,304 tokens of context
    llama.cpp reported 514 MiB and this gives 521.

    Args:
        header: The model.
        room: What its context is to hold.
        split: It is split over machines, which read prompts in smaller parts. Measured on processors, with three models
            of 3 to 550 MB, contexts of 256 to 3,584 tokens and up to 10 slots, each machine's buffers were 35 to 85 %
            of what this gives beside the process.
    """
    width = header.number("embedding_length")
    experts = header.number("expert_used_count") * header.number("expert_feed_forward_length")
    feed_forward = max(header.number("feed_forward_length"), experts)
    per_token = 6 * width + 2 * feed_forward + room.context * room.slots
    return (
        int(((SPLIT_UBATCH if split else GPU_UBATCH) * per_token + room.slots * header.vocabulary) * 4 * _MARGIN)
        + _PROCESS
    )


def _gib(size: int) -> str:
    return f"{size / (1 << 30):,.1f}"
