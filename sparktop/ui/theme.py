"""Themes are TOML files: those that ship with sparktop, and the person's own."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from textual.color import Color, ColorParseError
from textual.theme import BUILTIN_THEMES, Theme

DEFAULT: Final = "dark"
COLOURLESS: Final = "ansi"
"""The only kind of theme from which Textual can drop every colour, as NO_COLOR asks."""

EXTRA: Final = {"frame": "#707070", "muted": "#808080", "track": "#404040"}
SERIES: Final = ("#6cb6e4", "#e6a45f", "#97cf86", "#c79be0")

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]*")


class BadTheme(ValueError):
    """A theme file that can't be used; the message names the file and what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThemeFile:
    """What a theme file holds.

    Attributes:
        name: As chosen by: lower case, digits and dashes.
        title: For people.
        colors: Textual's colours; `primary` has to be there.
        extra: `frame` (borders), `muted` (labels) and `track` (the empty part of a bar).
        series: One colour for each contender, by number from 1.
        dark: Whether light text stands on a dark ground.
        ansi: Whether the colours are the terminal's own sixteen.
        variables: Any of Textual's CSS variables.
    """

    name: str
    colors: dict[str, str]
    title: str = ""
    extra: dict[str, str] = field(default_factory=dict)
    series: dict[str, str] = field(default_factory=dict)
    dark: bool = True
    ansi: bool = False
    variables: dict[str, str] = field(default_factory=dict)


_COLORS: Final = frozenset(
    ("primary", "secondary", "accent", "foreground", "background", "surface", "panel", "success", "warning", "error")
)


def defaults() -> dict[str, str]:
    """Every CSS variable of our own, for themes that do not set it."""
    return {**EXTRA, **{f"series-{i}": color for i, color in enumerate(SERIES, 1)}}


def read_theme(path: Path) -> Theme:
    """Reads a theme file.

    Raises:
        BadTheme: It can't be read, or a value in it is wrong.
    """
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
    except OSError as error:
        raise BadTheme(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadTheme(f"{path}: {error}") from None
    theme = _theme_of(path, content)
    _check(path, theme)
    # Textual's widgets ask an ANSI theme for more variables than it derives from the colours.
    base = BUILTIN_THEMES["ansi-dark" if theme.dark else "ansi-light"].variables if theme.ansi else {}
    variables = {
        **base,
        **theme.extra,
        **{f"series-{key}": color for key, color in theme.series.items()},
        **theme.variables,
    }
    colors: dict[str, Any] = dict(theme.colors)
    return Theme(name=theme.name, dark=theme.dark, ansi=theme.ansi, variables=variables, **colors)


def read_themes(folders: Iterable[Path]) -> tuple[list[Theme], list[str]]:
    """Reads every theme of some folders; later folders win where names are the same.

    Returns:
        The themes, those of the first folder first, and a sentence for each file that is no theme.
    """
    themes: dict[str, Theme] = {}
    problems: list[str] = []
    for folder in folders:
        for path in sorted(folder.glob("*.toml")):
            try:
                theme = read_theme(path)
            except BadTheme as error:
                problems.append(str(error))
            else:
                themes[theme.name] = theme
    order = {DEFAULT: 0, "light": 1, "high-contrast": 2, "colour-blind": 3, COLOURLESS: 4}
    return sorted(themes.values(), key=lambda theme: (order.get(theme.name, 9), theme.name)), problems


def _theme_of(path: Path, content: Mapping[str, Any]) -> ThemeFile:
    """Returns what a file holds, once each value is of its kind.

    By hand: what converts JSON takes more memory than all themes, and a monitor needs it for nothing else.
    """

    def text(key: str) -> str:
        if not isinstance(value := content.get(key, ""), str):
            raise BadTheme(f"{path}: {key}: expected text")
        return value

    def flag(key: str, default: bool) -> bool:
        if not isinstance(value := content.get(key, default), bool):
            raise BadTheme(f"{path}: {key}: expected true or false")
        return value

    def texts(key: str) -> dict[str, str]:
        values = content.get(key, {})
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise BadTheme(f"{path}: {key}: expected a table of texts, [{key}]")
        return dict(values)

    for key in ("name", "colors"):
        if key not in content:
            raise BadTheme(f"{path}: {key} is missing")
    return ThemeFile(
        name=text("name"),
        title=text("title"),
        colors=texts("colors"),
        extra=texts("extra"),
        series=texts("series"),
        variables=texts("variables"),
        dark=flag("dark", True),
        ansi=flag("ansi", False),
    )


def _check(path: Path, theme: ThemeFile) -> None:
    if not _NAME.fullmatch(theme.name):
        raise BadTheme(f'{path}: name: "{theme.name[:40]}" is not lower case letters, digits and dashes')
    if "primary" not in theme.colors:
        raise BadTheme(f"{path}: colors: primary is missing")
    for table, known, colors in (
        ("colors", _COLORS, theme.colors),
        ("extra", EXTRA.keys(), theme.extra),
        ("series", {str(i) for i in range(1, len(SERIES) + 1)}, theme.series),
    ):
        for key, color in colors.items():
            if key not in known:
                raise BadTheme(f'{path}: {table}: there is no "{key}"; there are {", ".join(sorted(known))}')
            try:
                Color.parse(color)
            except ColorParseError:
                raise BadTheme(f'{path}: {table}.{key}: "{color[:40]}" is not a colour') from None
