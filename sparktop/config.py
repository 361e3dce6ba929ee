"""The person's config.toml: tables of named things, [contenders.NAME] and [nodes.NAME]."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from sparktop.model.text import one_line

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")

Entry = TypeVar("Entry", bound=msgspec.Struct)


class BadConfig(ValueError):
    """The file, or something in it, is not understood; the message is one sentence that names the place."""


def read_tables(config: Path, kind: str, entry: type[Entry], *, example: str) -> Iterator[tuple[str, Entry]]:
    """Yields the names and contents of the tables of one kind, in the file's order; nothing if there is no such file.

    Args:
        config: The file.
        kind: The first part of the tables' names, "nodes" in [nodes.spark-2].
        entry: What a table holds.
        example: A name, for the sentence about what is no table.

    Raises:
        BadConfig: The file can't be read or is no TOML, or a table in it has a name or a content that can't be.
    """
    try:
        with config.open("rb") as file:
            content = tomllib.load(file)
    except FileNotFoundError:
        return
    except OSError as error:
        raise BadConfig(f"{config} can't be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadConfig(f"{config} is no TOML: {error}") from error
    tables = content.get(kind, {})
    if not isinstance(tables, dict):
        raise BadConfig(f"{config}: {kind} are tables, [{kind}.{example}] for example")
    for name, fields in tables.items():
        where = f"{config}: {kind}.{one_line(name)[:64]}"
        if not _NAME.fullmatch(name):
            raise BadConfig(f'{where}: a name has letters, digits, "-", "_" and "." only')
        if (odd := _unprintable(fields)) is not None:
            raise BadConfig(f"{where}: {one_line(odd)[:60]!r} has characters that nothing here can have")
        try:
            yield name, msgspec.convert(fields, entry)
        except msgspec.ValidationError as error:
            raise BadConfig(f"{where}: {error}") from None


def _unprintable(value: object) -> str | None:
    """Returns a text that holds control characters, which no path, host or name has."""
    if isinstance(value, str):
        return None if one_line(value) == value else value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((found for one in inner if (found := _unprintable(one)) is not None), None)
