"""On which line of a TOML file a key stands, which the standard library's parser does not tell."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Final

KeyPath = tuple[str | int, ...]
"""Keys and, within arrays of tables, positions: `("items", 2, "points")`."""

_TOKEN: Final = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'  # multi-line text
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|[\[\]{}\n]",
    re.DOTALL,
)
_PART: Final = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*')"""
_KEYS: Final = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_HEADER: Final = re.compile(rf"\[(\[)?[ \t]*({_KEYS})[ \t]*\]")
_ASSIGNMENT: Final = re.compile(rf"({_KEYS})[ \t]*=")


def key_lines(text: str) -> dict[KeyPath, int]:
    """Returns the line, from 1, of every table header and key outside inline tables and arrays.

    Args:
        text: A document that `tomllib` has accepted; of another one the answer is worthless.
    """
    found: dict[KeyPath, int] = {}
    newest: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for line, statement in _statements(text):
        if header := _HEADER.match(statement):
            keys = _split(header[2])
            table = _resolve((), keys[:-1], newest) + keys[-1:]
            if header[1]:
                newest[table] = newest.get(table, -1) + 1
                found.setdefault(table, line)
            if table in newest:
                table += (newest[table],)
            found.setdefault(table, line)
        elif assignment := _ASSIGNMENT.match(statement):
            path = table
            for key in _split(assignment[1]):
                path += (key,)
                found.setdefault(path, line)
    return found


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yields line number and first line of every statement, however many lines it spans."""
    start, start_line, line, depth = 0, 1, 1, 0
    for token in _TOKEN.finditer(text + "\n"):
        mark = token[0]
        if mark in "[{":
            depth += 1
        elif mark in "]}":
            depth -= 1
        elif mark == "\n" and depth == 0:
            if statement := text[start : token.start()].strip(" \t\r"):
                yield start_line, statement
            start, start_line = token.end(), line + 1
        line += mark.count("\n")


def _split(keys: str) -> tuple[str, ...]:
    parts: list[str] = re.findall(_PART, keys)
    return tuple(next(iter(tomllib.loads(f"{part} = 0"))) for part in parts)


def _resolve(table: KeyPath, keys: tuple[str, ...], newest: dict[KeyPath, int]) -> KeyPath:
    for key in keys:
        table += (key,)
        if table in newest:
            table += (newest[table],)
    return table
