"""From what a person types to who runs: demo names and paths of .gguf files."""

from __future__ import annotations

import difflib
import os
import platform
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Final

from sparktop.engines.gguf import BadModelFile, read_header
from sparktop.model.codec import without_surrogates
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
    names = _distinct([(contender.name, without_surrogates(Path(contender.model).parent.name)) for contender in found])
    return tuple(replace(contender, name=name) for name, contender in zip(names, found, strict=True))


def _distinct(files: list[tuple[str, str]]) -> list[str]:
    """Names for (name, folder) pairs: the name alone, else with its folder, else with a number."""
    plain = Counter(name for name, _ in files)
    longer = [name if plain[name] == 1 else f"{folder}/{name}" for name, folder in files]
    names: list[str] = []
    for name in longer:
        number = next(n for n in count(1) if (name if n == 1 else f"{name} #{n}") not in names)
        names.append(name if number == 1 else f"{name} #{number}")
    return names


def demo_contenders() -> tuple[Contender, ...]:
    """The models that come with sparktop: demo-base and demo-sutra."""
    return tuple(_resolve(name) for name in DEMOS)


def _resolve(spec: str) -> Contender:
    demo = spec in DEMOS
    try:
        path = demo_dir() / f"{spec}.gguf" if demo else Path(spec).expanduser().absolute()
    except RuntimeError:
        raise BadContender(f"{spec}: there is no such home folder; name the whole path") from None
    if not demo and not os.path.exists(path) and path.suffix != ".gguf" and "/" not in spec:
        raise BadContender(_unknown(spec))
    try:
        header = read_header(path)
    except BadModelFile as error:
        raise BadContender(str(error)) from None
    # Events name contenders in JSON, which cannot hold what is no UTF-8 in the name of a file.
    name = spec if demo else without_surrogates(_SPLIT.sub("", path.name.removesuffix(".gguf")))
    return Contender(
        name=name, engine="llama.cpp", model=str(header.files[0]), node=platform.node(), size=header.size, toy=demo
    )


def _unknown(spec: str) -> str:
    close = difflib.get_close_matches(spec, DEMOS, n=1)
    hint = f"did you mean {close[0]}?" if close else f"name {' or '.join(DEMOS)}, or the path of a .gguf file"
    return f'no contender "{spec}": {hint}'
