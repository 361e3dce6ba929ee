"""The models that a node may load: those in the folders that it was started with, and no others."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from sparktop.model.text import one_line
from sparktop.nodes.protocol import ModelFile

_MOST: Final = 500
_DEEPEST: Final = 6
_PART: Final = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")


class Shelf:
    """Model files (.gguf) in folders.

    A head asks for a model by its name here and never by a path, so it can reach nothing else.

    Args:
        folders: Where models are; what is below them counts, folders that are symbolic links don't.
        toys: Models that come with the program.
    """

    def __init__(self, folders: Sequence[Path], toys: Sequence[Path] = ()) -> None:
        self._folders = tuple(folders)
        self._toys = tuple(toys)

    def models(self) -> tuple[ModelFile, ...]:
        """Returns what is there now, sorted by name; of a split model its first part stands for all."""
        found = self._found()
        return tuple(
            ModelFile(name=name, size=_size(path), toy=path in self._toys)
            for name, path in sorted(found.items(), key=lambda one: one[0])
        )

    def path(self, name: str) -> Path | None:
        """Returns the file of a model by its name in `models`; None if there is no such model."""
        return self._found().get(name)

    def _found(self) -> dict[str, Path]:
        found: dict[str, Path] = {path.stem: path for path in self._toys if os.path.isfile(path)}
        for folder in self._folders:
            for path in _models_in(folder):
                part = _PART.search(path.name)
                if len(found) >= _MOST or (part and int(part[1]) != 1):
                    continue
                name = _PART.sub("", path.name).removesuffix(".gguf")
                if one_line(name) != name:
                    # A name that can't be shown can't be asked for either.
                    continue
                if name in found:
                    name = str(path.relative_to(folder))
                found.setdefault(name, path)
        return found


def _models_in(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        if len(Path(here).relative_to(folder).parts) >= _DEEPEST:
            folders.clear()
        folders.sort()
        for name in sorted(files):
            # Not Path.is_file, which raises where a link leads into a folder of others. What is no file at all, a pipe
            # for example, would be waited for as it is read.
            if name.endswith(".gguf") and os.path.isfile(os.path.join(here, name)):
                yield Path(here) / name


def _size(path: Path) -> int:
    part = _PART.search(path.name)
    stem = path.name[: part.start()] if part else ""
    parts = (
        [path.with_name(f"{stem}-{number:05}-of-{part[2]}.gguf") for number in range(1, min(int(part[2]), 999) + 1)]
        if part
        else [path]
    )
    total = 0
    for one in parts:
        try:
            total += one.stat().st_size
        except OSError:
            # Gone since it was listed, or a part that was never there: loading it will tell.
            continue
    return total
