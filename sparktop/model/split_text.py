"""What there is to say of a model that is split over machines, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sparktop.model.parts import LinkUse, SplitPart

NO_FASTER: Final = "A split makes no single stream faster: each token goes through one machine after the other."


def split_remarks(parts: Sequence[SplitPart], links: Sequence[LinkUse]) -> list[str]:
    """Returns a sentence for each machine: what it holds, by what it is reached and how that is known, and its use.

    Args:
        parts: What each machine holds.
        links: What was measured of the further machines, if anything.
    """
    by_node = {link.node: link for link in links}
    return ["; ".join([holds(part), *_use(by_node.get(part.node))]) for part in parts]


def holds(part: SplitPart) -> str:
    """Says what a machine holds ("spark-1 holds 35.2 GiB, 41 layers")."""
    size = f"{part.total / 2**30:,.1f} GiB" if part.total >= 2**30 else f"{part.total / 2**20:,.1f} MiB"
    return f"{part.node} holds {size}, {layers(part)}"


def layers(part: SplitPart) -> str:
    """Says how many layers a machine was given ("1 layer")."""
    return f"{part.layers} layer" + "s" * (part.layers != 1)


def _use(link: LinkUse | None) -> list[str]:
    if link is None:
        return []
    per_token, waiting = link.bytes_per_token, link.waiting
    token = "kB a token n/a" if per_token is None else f"{per_token / 1e3:,.2f} kB a token"
    waited = (
        f"waited for it n/a ({link.reason})" if waiting is None else f"waited for it {waiting * 100:.0f} % of the time"
    )
    said = [f"by {link.transport}, {token}", waited]
    if link.rtt_ms is not None:
        said.append(f"round trip {link.rtt_ms:.2f} ms")
    return [*said, link.proof]
