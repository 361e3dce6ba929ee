"""What each machine holds of a model that is split over several, and what goes between them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPart:
    """What one machine holds of a model, in bytes, as llama.cpp's log tells it (to 10 KiB).

    Attributes:
        node: Name of the machine.
        address: Where its RPC server listens; empty for the machine that runs llama.cpp.
        devices: Names of its devices that hold something ("CUDA0", "RPC0", "CPU").
        layers: Layers that it was given, the output layer counted as one.
        weights: Bytes of weights.
        kv: Bytes for the cache of keys and values.
        compute: Bytes of buffers for what is computed.
    """

    node: str
    address: str
    devices: tuple[str, ...]
    layers: int
    weights: int
    kv: int
    compute: int

    @property
    def total(self) -> int:
        """All of it together."""
        return self.weights + self.kv + self.compute


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkUse:
    """What went over the connection to one of a split model's further machines, since the model was loaded.

    Attributes:
        node: The further machine.
        rdma: Whether RDMA carries the data; else TCP does.
        proof: What shows that: the line of llama.cpp's log, and the kernel's own count of the connection.
        rtt_ms: Round trip of the connection in milliseconds, as the kernel has it; null where it has none.
        decode_tokens: Tokens that were decoded by steps that read no prompt.
        decode_bytes: Bytes of those steps, both ways together; null where nothing counts them.
        prompt_tokens: Tokens of prompts that were read, and what was decoded beside them.
        prompt_bytes: Bytes of those steps; null where nothing counts them.
        waiting: Share of the decode time in which llama.cpp waited for that machine or sent to it, 0 to 1, by samples
            of the thread that talks to it; null where that is not known.
        samples: Number of those samples.
        reason: Why `waiting` is not known; empty where it is.
    """

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

    @property
    def bytes_per_token(self) -> float | None:
        """Bytes for each decoded token, both ways together; None where that is not known."""
        if self.decode_bytes is None or not self.decode_tokens:
            return None
        return self.decode_bytes / self.decode_tokens

    @property
    def transport(self) -> str:
        """By what it goes, for people."""
        return "RDMA" if self.rdma else "TCP"
