"""Models that are known by name: their architecture, and what that makes a machine read and hold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """A model's shape, as its config.json gives it.

    Attributes:
        source: Where it is from.
        layers: Transformer blocks.
        width: Numbers of the hidden state.
        heads: Attention heads.
        kv_heads: Heads of keys and values.
        head: Numbers of one head.
        feed_forward: Width of the feed-forward part; of one expert, where there are experts.
        vocabulary: Rows of the token table.
        experts: Experts of a block; 0 in a dense model.
        used: Experts that one token goes through.
    """

    source: str
    layers: int
    width: int
    heads: int
    kv_heads: int
    head: int
    feed_forward: int
    vocabulary: int
    experts: int = 0
    used: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueModel:
    """A model.

    Attributes:
        key: Short name, unique ("gpt-oss-20b").
        name: For people.
        names: Ways in which files and servers name it, in the form that `normalised` gives.
        architecture: Its shape; null if it is not known.
        unknown: Why not; empty if it is.
    """

    key: str
    name: str
    names: tuple[str, ...]
    architecture: Architecture | None = None
    unknown: str = ""
