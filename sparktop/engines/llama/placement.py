"""Which layers of a model go where, when it is split over several machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class CannotPlace(ValueError):
    """A model can't be split so; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Placement:
    """What llama.cpp is told.

    Attributes:
        offloaded: Layers that go to devices (n_gpu_layers), the output layer counted as one; the first ones stay with
            the processor.
        layers: Layers for each device (tensor_split), in llama.cpp's order.
    """

    offloaded: int
    layers: tuple[int, ...]


def share_out(layers: int, shares: Sequence[float]) -> tuple[int, ...]:
    """Returns how many layers each node takes: in proportion, and at least one.

    Args:
        layers: Of the model, the output layer counted as one.
        shares: One number a node, in any unit.

    Raises:
        CannotPlace: There are fewer layers than nodes, or a share is no positive number.
    """
    if layers < len(shares):
        raise CannotPlace(f"a model of {layers} layers can't be split over {len(shares)} nodes")
    total = sum(shares)
    if not all(share > 0 for share in shares) or not 0 < total < float("inf"):
        raise CannotPlace("every node of a split takes a share above 0")
    exact = [layers * share / total for share in shares]
    counts = [max(1, int(part)) for part in exact]
    while sum(counts) != layers:
        # One at a time from or to whom it is fairest; the first of several wins, so that the same split comes again.
        if sum(counts) < layers:
            counts[max(range(len(counts)), key=lambda n: exact[n] - counts[n])] += 1
        else:
            over = [n for n in range(len(counts)) if counts[n] > 1]
            counts[min(over, key=lambda n: exact[n] - counts[n])] -= 1
    return tuple(counts)


def place(layers: int, shares: Sequence[float], remote: Sequence[Sequence[int]], local: Sequence[int]) -> Placement:
    """Places a model's layers.

    llama.cpp orders the devices of servers first, then its own. Without a device of its own the processor takes its
    node's layers, which are then the first ones.

    Args:
        layers: Of the model, the output layer counted as one.
        shares: One number a node; the first one is the node that runs llama.cpp.
        remote: Free bytes of every device of each further node.
        local: Free bytes of the own devices; empty for the processor alone.

    Raises:
        CannotPlace: See `share_out`.
    """
    own, *others = share_out(layers, shares)
    counts: list[int] = []
    for count, devices in zip(others, remote, strict=True):
        counts += _among(count, devices)
    if not local:
        return Placement(layers - own, tuple(counts))
    return Placement(layers, (*counts, *_among(own, local)))


def _among(count: int, free: Sequence[int]) -> tuple[int, ...]:
    """Shares out one node's layers among its devices; the last ones get none where there are too few."""
    used = min(count, len(free))
    shares = [max(1, one) for one in free[:used]]
    return (*share_out(count, shares), *(0 for _ in free[used:]))
