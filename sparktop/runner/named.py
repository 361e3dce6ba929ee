"""Contenders that a person has given names in config.toml."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from sparktop.config import BadConfig, own_path, read_tables, spot


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
        tables = read_tables(config, "contenders", _Entry, example="qwen")
        return {name: _named(config, name, entry) for name, entry in tables}
    except BadConfig as error:
        raise BadContender(str(error)) from error


def _named(config: Path, name: str, entry: _Entry) -> Named:
    def where(*key: str) -> str:
        return spot(config, "contenders", name, *key)

    if bool(entry.path) == bool(entry.url):
        raise BadContender(f"{where()}: give either path, of a .gguf file, or url, of a server")
    if entry.path and (entry.model or entry.api_key_env):
        raise BadContender(f"{where()}: model and api_key_env are for a url")
    if entry.url and "#" in entry.url and entry.model:
        raise BadContender(f"{where()}: the model stands in url and in model; give it once")
    if entry.url and "://" not in entry.url:
        raise BadContender(f"{where()}: url is no address: it goes like http://HOST:PORT/v1")
    if entry.path:
        # From the folder of the file, not from wherever sparktop is started.
        try:
            return Named(str(config.parent / own_path(entry.path)))
        except BadConfig as error:
            raise BadContender(f"{where('path')}: {error}") from None
    return Named(entry.url + (f"#{entry.model}" if entry.model else ""), entry.api_key_env)
