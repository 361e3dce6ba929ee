"""From what a person types to who runs: demo names and paths of .gguf files."""

from __future__ import annotations

import difflib
import platform
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sparktop.engines.gguf import BadModelFile, read_header
from sparktop.model.records import Contender
from sparktop.resources import demo_dir

DEMOS: Final = ("demo-base", "demo-sutra")
"""Names of the models that come with sparktop."""

_SPLIT: Final = re.compile(r"-\d{5}-of-\d{5}$")


class BadContender(ValueError):
    """What was named is no model that can run; the message is one sentence for the person."""


def resolve_contenders(specs: Sequence[str]) -> tuple[Contender, ...]:
    """Returns the contenders of the specs; of none, both demo models.

    Names are made distinct: two files of the same name are told apart by their folder.

    Raises:
        BadContender: A name that is no demo and no file, or a file that is no GGUF.
    """
    if not specs:
        return demo_contenders()
    found = [_resolve(spec) for spec in specs]
    names = [contender.name for contender in found]
    for index, contender in enumerate(found):
        if names.count(contender.name) > 1:
            parent = Path(contender.model).parent.name
            names[index] = f"{parent}/{contender.name}" if parent else contender.name
    return tuple(
        Contender(
            name=name if names.index(name) == index else f"{name} #{names[: index + 1].count(name)}",
            engine=contender.engine,
            model=contender.model,
            node=contender.node,
            size=contender.size,
            toy=contender.toy,
        )
        for index, (name, contender) in enumerate(zip(names, found, strict=True))
    )


def demo_contenders() -> tuple[Contender, ...]:
    """The models that come with sparktop: demo-base and demo-sutra."""
    return tuple(_resolve(name) for name in DEMOS)


def _resolve(spec: str) -> Contender:
    demo = spec in DEMOS
    path = demo_dir() / f"{spec}.gguf" if demo else Path(spec).expanduser().absolute()
    if not demo and not path.exists() and path.suffix != ".gguf" and "/" not in spec:
        raise BadContender(_unknown(spec))
    try:
        header = read_header(path)
    except BadModelFile as error:
        raise BadContender(str(error)) from None
    name = spec if demo else _SPLIT.sub("", path.name.removesuffix(".gguf"))
    return Contender(
        name=name, engine="llama.cpp", model=str(header.files[0]), node=platform.node(), size=header.size, toy=demo
    )


def _unknown(spec: str) -> str:
    close = difflib.get_close_matches(spec, DEMOS, n=1)
    hint = f"did you mean {close[0]}?" if close else f"name {' or '.join(DEMOS)}, or the path of a .gguf file"
    return f'no contender "{spec}": {hint}'
