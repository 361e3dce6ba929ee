"""Reading one table of a scenario file, with errors that a person can act on."""

from __future__ import annotations

import datetime
import difflib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from sparktop.model.toml_lines import KeyPath

_Choice = TypeVar("_Choice", bound=StrEnum)


class BadScenario(ValueError):
    """A scenario can't be used; the message is one sentence that names file, line and key."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where values come from, for error messages.

    Attributes:
        file: The file, as messages name it.
        lines: Line of every key.
    """

    file: str
    lines: Mapping[KeyPath, int]

    def error(self, path: KeyPath, problem: str) -> BadScenario:
        """Returns the error for a key; where the key is absent, its table's line is named."""
        line = next((self.lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.lines), None)
        place = self.file if line is None else f"{self.file}:{line}"
        return BadScenario(f"{place}: {_dotted(path)}: {problem}")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the file. Every reading method raises `BadScenario` for a value that is not right."""

    source: Source
    path: KeyPath
    values: Mapping[str, Any]

    def error(self, key: str, problem: str) -> BadScenario:
        """Returns the error for one key of this table."""
        return self.source.error((*self.path, key), problem)

    def wrong(self, key: str, expected: str) -> BadScenario:
        """Returns the error for a value of the wrong type or range."""
        return self.error(key, f"expected {expected}, found {describe(self.values[key])}")

    def only(self, known: Iterable[str], hints: Mapping[str, str] | None = None) -> None:
        """Refuses keys that mean nothing, which are mostly slips of the pen.

        Args:
            known: Keys that this table may have.
            hints: What to say of particular keys.
        """
        names = list(known)
        for key in self.values:
            if key in names:
                continue
            if hint := (hints or {}).get(key):
                raise self.error(key, hint)
            close = difflib.get_close_matches(key, names, n=1, cutoff=0.5)
            advice = f'did you mean "{close[0]}"?' if close else f"known keys are {', '.join(names)}"
            raise self.error(key, f"unknown key; {advice}")

    def text(self, key: str, default: str | None = None, *, lines: bool = False) -> str:
        """Returns a text; without a default it must be there and say something.

        Args:
            key: Name in this table.
            default: Value where the key is absent; None if it has to be there.
            lines: Whether it may have several lines.
        """
        if key not in self.values:
            if default is None:
                raise self.error(key, "missing; expected text")
            return default
        value = self.values[key]
        expected = "text" if lines else "one line of text"
        if not isinstance(value, str) or not _clean(value, lines):
            raise self.wrong(key, expected)
        if default is None and not value.strip():
            raise self.wrong(key, f"{expected} that is not empty")
        return value

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """Returns a whole number from `low` to `high`."""
        expected = f"a whole number from {low} to {high}"
        if key not in self.values:
            if default is None:
                raise self.error(key, f"missing; expected {expected}")
            return default
        value = self.values[key]
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.wrong(key, expected)
        return value

    def number(self, key: str, low: float, high: float, default: float) -> float:
        """Returns a number from `low` to `high`."""
        value = self.values.get(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise self.wrong(key, f"a number from {low:g} to {high:g}")
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        """Returns true or false."""
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def choice(self, key: str, choices: type[_Choice], default: _Choice | None = None) -> _Choice:
        """Returns one of the values of an enumeration."""
        expected = " or ".join(f'"{choice}"' for choice in choices)
        if key not in self.values:
            if default is None:
                raise self.error(key, f"missing; expected {expected}")
            return default
        value = self.values[key]
        if not isinstance(value, str) or value not in list(choices):
            raise self.wrong(key, expected)
        return choices(value)

    def texts(self, key: str, *, blank: bool = False) -> tuple[str, ...]:
        """Returns a list of texts, none of them empty; nothing where the key is absent.

        Args:
            key: Name in this table.
            blank: Whether a text may be nothing but spaces and line breaks.
        """
        values = self.values.get(key, [])
        if not _texts(values, blank):
            raise self.wrong(key, "a list of text, none of it empty")
        return tuple(values)

    def rows(self, key: str) -> tuple[tuple[str, ...], ...]:
        """Returns a list of lists of text, none of them empty; nothing where the key is absent."""
        rows = self.values.get(key, [])
        if not isinstance(rows, list):
            raise self.wrong(key, "a list of lists of text")
        for index, row in enumerate(rows):
            if not row or not _texts(row):
                found = describe(row)
                raise self.source.error(
                    (*self.path, key, index), f"expected a list of text, none of it empty, found {found}"
                )
        return tuple(tuple(row) for row in rows)

    def integers(self, key: str) -> list[int]:
        """Returns a list of whole numbers that is not empty."""
        if key not in self.values:
            raise self.error(key, "missing; expected a list of whole numbers")
        values = self.values[key]
        if (
            not isinstance(values, list)
            or not values
            or not all(isinstance(value, int) and not isinstance(value, bool) for value in values)
        ):
            raise self.wrong(key, "a list of whole numbers")
        return values

    def table(self, key: str) -> Table:
        """Returns a table in this one; an empty one where the key is absent."""
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, f"a table, [{key}]")
        return Table(self.source, (*self.path, key), value)

    def tables(self, key: str) -> list[Table]:
        """Returns an array of tables; nothing where the key is absent."""
        values = self.values.get(key, [])
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise self.wrong(key, f"tables, each under [[{key}]]")
        return [Table(self.source, (*self.path, key, index), value) for index, value in enumerate(values)]


def describe(value: object) -> str:
    """Names a TOML value as a person would: "the number 3", "an empty list"."""
    match value:
        case bool():
            return str(value).lower()
        case int() if value.bit_length() > 128:
            # Python refuses to write out a number of some thousand digits.
            return "a number of more than 38 digits"
        case int() | float():
            return f"the number {value}"
        case str():
            return f'the text "{_short(_visible(value))}"' if value.strip() else "empty text"
        case []:
            return "an empty list"
        case list():
            return f"the list {_short(_visible(str(value)))}"
        case dict():
            return "a table"
        case datetime.date() | datetime.time():
            return f"the date or time {value}"
    return f"a {type(value).__name__}"


def _texts(values: object, blank: bool = False) -> bool:
    return isinstance(values, list) and all(
        isinstance(value, str) and bool(value if blank else value.strip()) and _clean(value, lines=True)
        for value in values
    )


def _clean(text: str, lines: bool) -> bool:
    """Whether a text has no control characters: they would reach the terminal or end a C string."""
    allowed = "\n\t\r" if lines else ""
    return not any(unicodedata.category(char) == "Cc" and char not in allowed for char in text)


def _visible(text: str) -> str:
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


def _dotted(path: KeyPath) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
