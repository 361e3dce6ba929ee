"""What happens where a model is split over several machines by llama.cpp's RPC."""

from __future__ import annotations

from dataclasses import dataclass

from sparktop.model.events import Event
from sparktop.model.parts import LinkUse, SplitPart
from sparktop.model.roofline import Ceilings


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSplit(Event):
    """A model was loaded in parts; the first one is the machine's that runs llama.cpp."""

    contender: str
    parts: tuple[SplitPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkMeasured(Event):
    """The connection to one of a split model's further machines was measured.

    Told once a second while requests run and after them; each one holds all that the ones before it did.
    """

    contender: str
    link: LinkUse


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcReady(Event):
    """A machine's RPC server listens; told to whoever had it started.

    Attributes:
        address: Its IPv4 address.
        version: Of llama.cpp's RPC protocol ("7.0.0").
        ceilings: How fast what is lent can be read; None if nobody looked.
    """

    address: str
    port: int
    version: str
    ceilings: Ceilings | None = None
