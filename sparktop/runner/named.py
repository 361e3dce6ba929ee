"""Contenders that a person has given names in config.toml."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from sparktop.model.text import one_line

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


class BadContender(ValueError):
    """What was named is no model that can run; the message is one sentence for the person."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a name stands for.

    Attributes:
        spec: As it would be typed: a path, or URL#MODEL.
        key_env: Environment variable with the server's API key; empty for none.
    """

    spec: str
    key_env: str = ""


class _Entry(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """[contenders.NAME] in config.toml."""

    path: str = ""
    url: str = ""
    model: str = ""
    api_key_env: str = ""


def read_named(config: Path) -> dict[str, Named]:
    """Returns the contenders that config.toml names, in its order; none if there is no such file.

    Raises:
        BadContender: The file is no TOML, or a contender in it is not understood.
    """
    try:
        with config.open("rb") as file:
            content = tomllib.load(file)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BadContender(f"{config} can't be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadContender(f"{config} is no TOML: {error}") from error
    contenders = content.get("contenders", {})
    if not isinstance(contenders, dict):
        raise BadContender(f"{config}: contenders are tables, [contenders.qwen] for example")
    return {name: _named(config, name, fields) for name, fields in contenders.items()}


def _named(config: Path, name: str, fields: Any) -> Named:
    where = f"{config}: contenders.{one_line(name)[:64]}"
    if not _NAME.fullmatch(name):
        raise BadContender(f'{where}: a name has letters, digits, "-", "_" and "." only')
    try:
        entry = msgspec.convert(fields, _Entry)
    except msgspec.ValidationError as error:
        raise BadContender(f"{where}: {error}") from None
    if bool(entry.path) == bool(entry.url):
        raise BadContender(f"{where}: give either path, of a .gguf file, or url, of a server")
    if entry.path and (entry.model or entry.api_key_env):
        raise BadContender(f"{where}: model and api_key_env are for a url")
    if entry.url and "#" in entry.url and entry.model:
        raise BadContender(f"{where}: the model stands in url and in model; give it once")
    if entry.url and "://" not in entry.url:
        raise BadContender(f"{where}: url is no address: it goes like http://HOST:PORT/v1")
    if entry.path:
        # From the folder of the file, not from wherever sparktop is started.
        return Named(str(config.parent / Path(entry.path).expanduser()))
    return Named(entry.url + (f"#{entry.model}" if entry.model else ""), entry.api_key_env)
