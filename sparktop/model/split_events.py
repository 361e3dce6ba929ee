"""What happens where a model is split over several machines by llama.cpp's RPC."""

from __future__ import annotations

from dataclasses import dataclass

from sparktop.model.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPart:
    """What one machine holds of a model, in bytes, as llama.cpp's log tells it (to 10 KiB).

    Attributes:
        node: Name of the machine.
        address: Where its RPC server listens; empty for the machine that runs llama.cpp.
        devices: Names of its devices that hold something ("CUDA0", "RPC0", "CPU").
        layers: Layers that it was given, the output layer counted as one.
        weights: Weights.
        kv: Cache of keys and values.
        compute: Buffers for what is computed.
    """

    node: str
    address: str
    devices: tuple[str, ...]
    layers: int
    weights: int
    kv: int
    compute: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSplit(Event):
    """A model was loaded in parts; the first one is the machine's that runs llama.cpp."""

    contender: str
    parts: tuple[SplitPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkMeasured(Event):
    """What went over the connection to one of a split model's further machines, since it was loaded.

    Told once a second while requests run and after them; each one holds all that the ones before it did.

    Attributes:
        contender: Name of the model that is split.
        node: The further machine.
        rdma: Whether RDMA carries the data; else TCP does.
        proof: What shows that: the line of llama.cpp's log, and the kernel's own count of the connection.
        rtt_ms: Round trip of the connection, as the kernel has it; None where it has none.
        decode_tokens: Tokens that were decoded by steps that read no prompt.
        decode_bytes: Bytes of those steps, both ways together; None where nothing counts them.
        prompt_tokens: Tokens of prompts that were read, and what was decoded beside them.
        prompt_bytes: Bytes of those steps; None where nothing counts them.
        waiting: Share of the decode time in which llama.cpp waited for that machine or sent to it, 0 to 1, by samples
            of the thread that talks to it; None where that is not known.
        samples: Number of those samples.
        reason: Why `waiting` is not known; empty where it is.
    """

    contender: str
    node: str
    rdma: bool
    proof: str
    rtt_ms: float | None
    decode_tokens: int
    decode_bytes: int | None
    prompt_tokens: int
    prompt_bytes: int | None
    waiting: float | None
    samples: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcReady(Event):
    """A machine's RPC server listens; told to whoever had it started.

    Attributes:
        address: Its IPv4 address.
        version: Of llama.cpp's RPC protocol ("7.0.0").
    """

    address: str
    port: int
    version: str
