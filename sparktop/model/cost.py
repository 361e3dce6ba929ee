"""What a token costs: energy, and bytes over the link between the nodes of a split model."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCost:
    """What each token cost in one phase, of decoding or of reading prompts.

    Attributes:
        gpu_j: Joules of the GPUs alone for each token; null if that is not known.
        machine_j: Joules of the whole machine for each token; null if that is not known.
        rdma_bytes: Bytes that crossed the ports by RDMA for each token, both directions; null where the model is not
            split over nodes.
        tcp_bytes: The same for what was not RDMA.
        notes: For each of these fields where it is from, or why it is null.
    """

    gpu_j: float | None = None
    machine_j: float | None = None
    rdma_bytes: float | None = None
    tcp_bytes: float | None = None
    notes: dict[str, str] = field(default_factory=dict)
