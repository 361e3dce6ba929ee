"""`sparktop models`: what can take part, and what is known of well-known models."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson

from sparktop.cli.catalogue import SPARK, Machine, catalogue_table, explanations, this_machine
from sparktop.cli.console import Console, Exit, Refused
from sparktop.cli.library import places
from sparktop.engines.gguf import Header, read_header
from sparktop.engines.protocol import Room
from sparktop.headless.columns import Align, table
from sparktop.model.codec import without_surrogates
from sparktop.model.listing import Listed, list_models
from sparktop.model.records import Contender
from sparktop.model.text import one_line
from sparktop.nodes.fit import assess_model
from sparktop.published import BadPublished, load_published
from sparktop.runner.contenders import BadContender, demo_contenders, resolve_contenders
from sparktop.telemetry.memory import allocatable
from sparktop.telemetry.reading import Unreadable

_ROOM: Final = Room(slots=1, context=4096)
"""What the need is worked out for; a scenario with more streams or longer prompts needs more."""

_HEAD: Final = ["NAME", "SIZE", "NEEDS", "FITS", "PARAMETERS", "CONTEXT", "ARCHITECTURE", "CHAT", "FILE"]
_ALIGNS: Final = [
    *(Align.LEFT, Align.RIGHT, Align.RIGHT, Align.LEFT, Align.RIGHT),
    *(Align.RIGHT, Align.LEFT, Align.LEFT, Align.LEFT),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """A model in a file.

    Attributes:
        name: What tables show.
        toy: It comes with sparktop.
        size: Bytes of weights.
        need: Bytes that a load takes, for one stream of `_ROOM.context` tokens.
        fits: Whether that can be had now, with the usual reserve left; null if the machine does not tell.
        parameters: Weights.
        context: Tokens that it was trained on; null if its header does not say.
        architecture: As its header says; empty if it does not.
        chat_template: Whether it brings one.
        file: Where it is.
    """

    name: str
    toy: bool
    size: int
    need: int
    fits: bool | None
    parameters: int
    context: int | None
    architecture: str
    chat_template: bool
    file: str


def execute(arguments: argparse.Namespace, console: Console) -> int:
    """Lists the demo models and the catalogue, or the files that were named; a file that is no model spoils no other.

    Raises:
        Refused: Files and --node do not go together.
    """
    if arguments.files and arguments.node:
        raise Refused("files are always held against this machine: leave --node away")
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
    files = [_file(contender) for contender in found.values()]
    machine = this_machine(places(console).state) if arguments.node else SPARK
    rows = () if arguments.files else _catalogue(machine)
    if arguments.json:
        _print_json(console, files, rows, machine)
    else:
        if files:
            console.say("\n".join(table(_HEAD, _ALIGNS, [_row(file) for file in files])))
            _explain(console, demos=not arguments.files)
        if rows:
            console.say("\n" + "\n".join(catalogue_table(rows, machine)))
            console.note("\n".join(one_line(line) for line in explanations(rows, machine)))
    for problem in problems:
        console.note(f"sparktop: {one_line(problem)}")
    return Exit.USAGE if problems else Exit.OK


def _catalogue(machine: Machine) -> tuple[Listed, ...]:
    try:
        return list_models(load_published(), machine.ceilings, machine.memory)
    except BadPublished as error:
        raise Refused(f"{one_line(str(error))}: install sparktop again", Exit.FAILED) from error


def _print_json(console: Console, files: Sequence[ModelFile], rows: Sequence[Listed], machine: Machine) -> None:
    # Names of files may hold what JSON cannot.
    document: dict[str, object] = {"files": without_surrogates([asdict(file) for file in files])}
    if rows:
        document |= {"machine": machine, "catalogue": rows}
    console.say(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def _explain(console: Console, demos: bool) -> None:
    if demos:
        console.note("These are toys that show what sparktop does; for real ones: sparktop run SCENARIO -m PATH.gguf")
    console.note(f"NEEDS is for one stream of {_ROOM.context} tokens; FITS leaves the usual reserve.")
    try:
        room = allocatable(Path("/proc"))
        console.note(f"memory that can be allocated now: {_bytes(room.bytes)} ({room.rule})")
    except Unreadable as reason:
        console.note(f"memory that can be allocated now: unknown ({reason})")


def _file(contender: Contender) -> ModelFile:
    header = read_header(Path(contender.model))
    fit = assess_model(Path(contender.model), _ROOM)
    return ModelFile(
        name=contender.name,
        toy=contender.toy,
        size=header.size,
        need=fit.need,
        fits=None if fit.allocatable is None else fit.ok,
        parameters=_parameters(header),
        context=header.number("context_length") or None,
        architecture=header.architecture,
        chat_template=bool(header.chat_template),
        file=contender.model,
    )


def _row(file: ModelFile) -> list[str]:
    return [
        one_line(file.name) + (" (toy)" if file.toy else ""),
        _bytes(file.size),
        _bytes(file.need),
        "unknown" if file.fits is None else "yes" if file.fits else "no",
        _count(file.parameters),
        str(file.context or "unknown"),
        one_line(file.architecture) or "unknown",
        "yes" if file.chat_template else "no",
        one_line(file.file),
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
