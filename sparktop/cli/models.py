"""`sparktop models`: what can take part."""

from __future__ import annotations

import argparse
from pathlib import Path

from sparktop.cli.console import Console, Exit, Refused
from sparktop.engines.gguf import Header, read_header
from sparktop.headless.columns import Align, table
from sparktop.model.records import Contender
from sparktop.model.text import one_line
from sparktop.runner.contenders import BadContender, demo_contenders, resolve_contenders
from sparktop.telemetry.memory import allocatable
from sparktop.telemetry.reading import Unreadable

_HEAD = ["NAME", "SIZE", "PARAMETERS", "CONTEXT", "ARCHITECTURE", "CHAT", "FILE"]
_ALIGNS = [Align.LEFT, Align.RIGHT, Align.RIGHT, Align.RIGHT, Align.LEFT, Align.LEFT, Align.LEFT]


def execute(arguments: argparse.Namespace, console: Console) -> int:
    """Lists the demo models, or the files that were named.

    Raises:
        Refused: A file is no model.
    """
    try:
        contenders = resolve_contenders(arguments.files) if arguments.files else demo_contenders()
    except BadContender as error:
        raise Refused(str(error)) from error
    console.say("\n".join(table(_HEAD, _ALIGNS, [_row(contender) for contender in contenders])))
    if not arguments.files:
        console.note("These are toys that show what sparktop does; for real ones: sparktop run SCENARIO -m PATH.gguf")
    try:
        room = allocatable(Path("/proc"))
        console.note(f"memory that can be allocated now: {_bytes(room.bytes)} ({room.rule})")
    except Unreadable as reason:
        console.note(f"memory that can be allocated now: unknown ({reason})")
    return Exit.OK


def _row(contender: Contender) -> list[str]:
    header = read_header(Path(contender.model))
    return [
        one_line(contender.name) + (" (toy)" if contender.toy else ""),
        _bytes(header.size),
        _count(_parameters(header)),
        str(header.number("context_length") or "unknown"),
        one_line(header.architecture) or "unknown",
        "yes" if header.chat_template else "no",
        one_line(contender.model),
    ]


def _parameters(header: Header) -> int:
    total = 0
    for tensor in header.tensors:
        weights = 1
        for length in tensor.shape:
            weights *= length
        total += weights
    return total


def _count(number: int) -> str:
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return str(number)


def _bytes(size: int) -> str:
    for shift, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size >= 1 << shift:
            return f"{size / (1 << shift):.1f} {unit}"
    return f"{size} B"
