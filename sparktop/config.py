"""The person's config.toml: tables of named things, [contenders.NAME] and [nodes.NAME].

What is wrong with it is one sentence that names file, line and key.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from sparktop.model.text import one_line
from sparktop.model.toml_lines import key_lines

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")

_KINDS: Final = ("contenders", "nodes")

_MISMATCH: Final = re.compile(r"Expected `(\w+)`, got `(\w+)`(?: - at `\$\.?(\w*).*`)?")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`")
_WORDS: Final = {
    "str": "text",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}
"""What msgspec calls types, for people."""

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
        data = config.read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise BadConfig(f"{config} can't be read: {error.strerror or error}") from error
    try:
        content = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadConfig(f"{config}:{line} is no TOML: it is not UTF-8") from error
    except (ValueError, RecursionError) as error:  # also a number of more digits than Python converts
        raise BadConfig(f"{config} is no TOML: {one_line(str(error))[:200]}") from error
    for key in content:
        if key not in _KINDS:
            raise BadConfig(f"{spot(config, key)}: tables here are called [contenders.NAME] or [nodes.NAME]")
    tables = content.get(kind, {})
    if not isinstance(tables, dict):
        raise BadConfig(f"{spot(config, kind)} are tables, [{kind}.{example}] for example")
    for name, fields in tables.items():
        if not _NAME.fullmatch(name):
            raise BadConfig(f'{spot(config, kind, name)}: a name has letters, digits, "-", "_" and "." only')
        if (odd := _unprintable(fields)) is not None:
            raise BadConfig(
                f"{spot(config, kind, name)}: {one_line(odd)[:60]!r} has characters that nothing here can have"
            )
        try:
            yield name, msgspec.convert(fields, entry)
        except msgspec.ValidationError as error:
            raise BadConfig(_sentence(config, (kind, name), entry, str(error))) from None


def spot(config: Path, *keys: str) -> str:
    """Returns file, line and name of a key or a table, for a sentence about it; of one that is absent, its table's.

    Args:
        config: The file.
        keys: The table's names and the key, ("nodes", "spark-2", "url").
    """
    try:
        lines = key_lines(config.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError):
        lines = {}
    within = (line for path, line in lines.items() if path[: len(keys)] == keys)
    line = next((lines[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in lines), next(within, None))
    file = str(config) if line is None else f"{config}:{line}"
    return f"{file}: {'.'.join(one_line(key)[:64] for key in keys)}"


def own_path(text: str) -> Path:
    """Returns a path as a person writes it, "~" being their home.

    Raises:
        BadConfig: It begins with the home of somebody who is not known here.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise BadConfig(f"{one_line(text)[:60]}: there is no such home folder; name the whole path") from None


def _sentence(config: Path, table: tuple[str, str], entry: type[msgspec.Struct], error: str) -> str:
    if found := _UNKNOWN.fullmatch(error):
        keys = ", ".join(entry.__struct_fields__)
        return f"{spot(config, *table, found[1])}: there is no such key; there are {keys}"
    if found := _MISMATCH.fullmatch(error):
        wanted, given = (_WORDS.get(word, word) for word in (found[1], found[2]))
        where = spot(config, *table, *([found[3]] if found[3] else []))
        return f"{where}: expected {wanted}, found {given}"
    return f"{spot(config, *table)}: {error}"


def _unprintable(value: object) -> str | None:
    """Returns a text that holds control characters, which no path, host or name has."""
    if isinstance(value, str):
        return None if one_line(value) == value else value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((found for one in inner if (found := _unprintable(one)) is not None), None)
