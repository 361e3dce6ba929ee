"""Which transport llama.cpp's RPC took up, held against what the machines could have used.

Where a connection was measured this is known: llama.cpp's log says when RDMA was taken up, and its silence is TCP. What
the ports counted needs no judging then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sparktop.model.channels import things
from sparktop.model.parts import LinkUse
from sparktop.model.state import ContenderState, RunState


@dataclass(frozen=True, slots=True)
class Proven:
    """A connection of a split model whose transport is known.

    Attributes:
        first: The machine that runs llama.cpp.
        use: The connection.
        unexpected: Why RDMA was not to be expected on it; empty if it was.
    """

    first: str
    use: LinkUse
    unexpected: str

    @property
    def fell_back(self) -> bool:
        """Whether it went by TCP though both ends have RDMA."""
        return not self.use.rdma and not self.unexpected


def proven(state: RunState, contender: ContenderState) -> Iterator[Proven]:
    """Yields the connections of a contender that were measured."""
    first = contender.contender.node.partition("+")[0]
    for use in contender.links.values():
        yield Proven(first, use, _unexpected(state, first, use.node))


def _unexpected(state: RunState, first: str, other: str) -> str:
    node = state.nodes.get(first)
    shared = [link for link in node.links if link.node == other] if node is not None else []
    if shared:
        return (
            "" if any(link.rdma for link in shared) else f"{first} and {other} share no network with RDMA at both ends"
        )
    # A run that did not tell how its machines are connected.
    for name in (first, other):
        gauges = state.gauges.get(name, {})
        devices = things(gauges, "roce")
        if not devices:
            return f"{name}: {state.missing.get(name, {}).get('roce', 'no RDMA device was read')}"
        if not any((up := gauges.get(f"roce.{device}.up")) is not None and up.peak for device in devices):
            return f"{name}: no link of an RDMA device was up"
    return ""
