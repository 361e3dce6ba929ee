"""What goes over the socket between sparktop and a worker: JSON, one object a line.

Down go commands, up come events as `sparktop.model.codec` writes them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec

from sparktop.engines.protocol import Generation, Room


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """An order to a worker: exactly one of the fields is set.

    Attributes:
        load: Load the model.
        submit: Take requests.
        cancel: End all requests.
        close: Unload and exit.
    """

    load: Load | None = None
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
    """

    contender: str
    path: str
    room: Room
    origin_ns: int


def encode_command(command: Command) -> bytes:
    """Returns the command as a line, newline included."""
    # Not orjson: names of files need not be UTF-8, and only this JSON keeps the surrogates of those that aren't.
    fields: Any = msgspec.to_builtins(command)
    return json.dumps(fields).encode("ascii") + b"\n"


def decode_command(line: bytes) -> Command:
    """Returns the command that `encode_command` wrote."""
    return msgspec.convert(json.loads(line), Command)
