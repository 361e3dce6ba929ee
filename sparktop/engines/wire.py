"""What goes over the socket between sparktop and a worker process: JSON, one object a line.

Down go commands, up come events as `sparktop.model.codec` writes them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sparktop.engines.llama.rpc import Endpoint
from sparktop.engines.protocol import Generation, Room


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """An order to a worker: exactly one of the fields is set.

    Attributes:
        load: Load a model from a file.
        connect: Find a model on a server.
        submit: Take requests.
        cancel: End all requests.
        close: Unload and exit.
    """

    load: Load | None = None
    connect: Connect | None = None
    submit: tuple[Generation, ...] = ()
    cancel: bool = False
    close: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What to load, and the run's zero of time.

    Attributes:
        contender: Name that events carry.
        path: The model's file.
        origin_ns: CLOCK_MONOTONIC at t = 0 of the run, in nanoseconds; the clock is one for all
            processes of a machine.
        split: The other machines that it is split over; None where it stays whole.
    """

    contender: str
    path: str
    room: Room
    origin_ns: int
    split: Split | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """How a model is split over machines.

    Attributes:
        node: Name of the machine that runs llama.cpp.
        servers: Servers of llama.cpp's RPC on the further ones.
        shares: One number a machine, in proportion to the layers that it takes; the first is for `node`.
    """

    node: str
    servers: tuple[Endpoint, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """Which server to drive, and the run's zero of time.

    Attributes:
        contender: Name that events carry.
        url: Where its OpenAI-compatible API begins ("http://127.0.0.1:8000/v1").
        model: Name of the model there; empty if the server has only one.
        key: API key; empty for none. It is nowhere but in this command and in the requests.
        silence_s: Seconds without anything new after which a request is given up.
        origin_ns: CLOCK_MONOTONIC at t = 0 of the run, in nanoseconds.
    """

    contender: str
    url: str
    model: str
    room: Room
    silence_s: float
    origin_ns: int
    key: str = field(default="", repr=False)


def encode_command(command: Command) -> bytes:
    """Returns the command as a line, newline included."""
    # Not orjson: names of files need not be UTF-8, and only this JSON keeps the surrogates of those that aren't.
    fields: Any = msgspec.to_builtins(command)
    return json.dumps(fields).encode("ascii") + b"\n"


def decode_command(line: bytes) -> Command:
    """Returns the command that `encode_command` wrote."""
    return msgspec.convert(json.loads(line), Command)
