"""How machines are connected: which of their addresses lie in one network, and what that network can do."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """A network interface with an IPv4 address.

    Attributes:
        name: As the kernel has it ("enp1s0f0np0").
        address: Its address ("192.168.100.10").
        prefix: Length of the network's part of it, in bits.
        rdma: Whether it belongs to an RDMA device.
        speed: What it can carry in one direction, in bytes per second; None if that is not known.
    """

    name: str
    address: str
    prefix: int
    rdma: bool = False
    speed: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLink:
    """Two machines' interfaces in one network."""

    here: Interface
    there: Interface

    @property
    def rdma(self) -> bool:
        """Whether both ends belong to RDMA devices."""
        return self.here.rdma and self.there.rdma

    @property
    def speed(self) -> float | None:
        """What it can carry in one direction, in bytes per second, by its slower end."""
        known = [end.speed for end in (self.here, self.there) if end.speed is not None]
        return min(known) if len(known) == 2 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTo(NodeLink):
    """A network that a machine shares with another one of the run.

    Attributes:
        node: The other machine.
        here: This machine's end of it.
        there: The other one's.
    """

    node: str


def links_from(node: str, interfaces: Mapping[str, Sequence[Interface]]) -> tuple[LinkTo, ...]:
    """Returns how a machine is connected to the others: in their order, to each the best first.

    Args:
        node: Its name.
        interfaces: Those of all machines, by their names.
    """
    return tuple(
        LinkTo(node=other, here=link.here, there=link.there)
        for other, theirs in interfaces.items()
        if other != node
        for link in links(interfaces[node], theirs)
    )


def links(here: Sequence[Interface], there: Sequence[Interface]) -> tuple[NodeLink, ...]:
    """Returns how two machines are connected, the best first: RDMA before all else, then the faster."""
    found = list(_links(here, there))
    return tuple(sorted(found, key=lambda link: (not link.rdma, -(link.speed or 0.0), link.here.name)))


def _links(here: Sequence[Interface], there: Sequence[Interface]) -> Iterator[NodeLink]:
    for one in here:
        for other in there:
            mine, theirs = _network(one), _network(other)
            if mine is None or mine != theirs or one.address == other.address:
                continue
            # Docker's and its like have the same address and network on every machine, and lead nowhere.
            if not (mine.is_loopback or mine.prefixlen == 32):
                yield NodeLink(here=one, there=other)


def _network(interface: Interface) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(f"{interface.address}/{interface.prefix}", strict=False)
    except ValueError:
        return None
