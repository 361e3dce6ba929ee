"""`sparktop models`: what can take part."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from sparktop.cli.console import Console, Exit
from sparktop.engines.gguf import Header, read_header
from sparktop.engines.protocol import Room
from sparktop.headless.columns import Align, table
from sparktop.model.records import Contender
from sparktop.model.text import one_line
from sparktop.runner.contenders import BadContender, demo_contenders, resolve_contenders
from sparktop.runner.fit import assess_model
from sparktop.telemetry.memory import allocatable
from sparktop.telemetry.reading import Unreadable

_ROOM: Final = Room(slots=1, context=4096)
"""What the need is worked out for; a scenario with more streams or longer prompts needs more."""

_HEAD: Final = ["NAME", "SIZE", "NEEDS", "FITS", "PARAMETERS", "CONTEXT", "ARCHITECTURE", "CHAT", "FILE"]
_ALIGNS: Final = [
    *(Align.LEFT, Align.RIGHT, Align.RIGHT, Align.LEFT, Align.RIGHT),
    *(Align.RIGHT, Align.LEFT, Align.LEFT, Align.LEFT),
]


def execute(arguments: argparse.Namespace, console: Console) -> int:
    """Lists the demo models, or the files that were named; a file that is no model spoils no other."""
    found: dict[str, Contender] = {contender.model: contender for contender in demo_contenders()}
    problems = []
    if arguments.files:
        found = {}
        for file in arguments.files:
            try:
                if "://" in file:
                    raise BadContender(f"{one_line(file)} is a server: only files can be looked into")
                (contender,) = resolve_contenders([file])
            except BadContender as error:
                problems.append(str(error))
            else:
                # The parts of a split model are one model.
                found[contender.model] = contender
    if found:
        console.say("\n".join(table(_HEAD, _ALIGNS, [_row(contender) for contender in found.values()])))
        _explain(console, demos=not arguments.files)
    for problem in problems:
        console.note(f"sparktop: {one_line(problem)}")
    return Exit.USAGE if problems else Exit.OK


def _explain(console: Console, demos: bool) -> None:
    if demos:
        console.note("These are toys that show what sparktop does; for real ones: sparktop run SCENARIO -m PATH.gguf")
    console.note(f"NEEDS is for one stream of {_ROOM.context} tokens; FITS leaves the usual reserve.")
    try:
        room = allocatable(Path("/proc"))
        console.note(f"memory that can be allocated now: {_bytes(room.bytes)} ({room.rule})")
    except Unreadable as reason:
        console.note(f"memory that can be allocated now: unknown ({reason})")


def _row(contender: Contender) -> list[str]:
    header = read_header(Path(contender.model))
    fit = assess_model(Path(contender.model), _ROOM)
    return [
        one_line(contender.name) + (" (toy)" if contender.toy else ""),
        _bytes(header.size),
        _bytes(fit.need),
        "unknown" if fit.allocatable is None else "yes" if fit.ok else "no",
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
