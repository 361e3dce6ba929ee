"""Where a node is reached: what a person typed, or named in config.toml."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from sparktop.config import BadConfig, own_path, read_tables, spot
from sparktop.model.text import one_line

_HOST: Final = re.compile(r"(?!.*@-)[A-Za-z0-9_%:\[\]][A-Za-z0-9_.@%:\[\]-]{0,252}")


class BadPlace(Exception):
    """A node is named in a way that nothing can be made of; the message is one sentence that says what to do."""


class Unreachable(Exception):
    """A node can't be connected to; the message is one sentence that names it and says what to do.

    Attributes:
        final: Trying again will not help.
        nobody: Nobody listens there: no agent runs.
        unheard: The connection failed, or ended before anything was said.
    """

    def __init__(self, sentence: str, *, final: bool = False, nobody: bool = False, unheard: bool = False) -> None:
        super().__init__(sentence)
        self.final = final
        self.nobody = nobody
        self.unheard = unheard


class Lost(Exception):
    """A connection has ended; the message says why, without naming the node.

    Attributes:
        nonsense: What the node sent can't be true: sending it again will not help.
    """

    def __init__(self, why: str, *, nonsense: bool = False) -> None:
        super().__init__(why)
        self.nonsense = nonsense


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A node that can be connected to: over ssh, at an address, or at a socket; one of the three is given.

    Attributes:
        name: As the person calls it; empty takes what the node calls itself.
        ssh: Host as OpenSSH takes it, alias or user@host.
        url: ws://HOST:PORT or wss://HOST:PORT.
        socket: Path of a unix socket on this machine.
        token_file: Copy of the node's token, for `url`.
        ca_file: Certificates that `url` is checked against; None takes the system's.
        command: The program on the other side, for `ssh`.
        models: Folders there that models may be loaded from, for `ssh` where no agent runs yet.
        ssh_config: Configuration file that ssh reads; None leaves it to ssh.
        always: The screen connects to it by itself.
    """

    name: str = ""
    ssh: str = ""
    url: str = ""
    socket: Path | None = None
    token_file: Path | None = None
    ca_file: Path | None = None
    command: str = ""
    models: tuple[str, ...] = ()
    ssh_config: Path | None = None
    always: bool = False

    @property
    def how(self) -> str:
        """The way there, for people."""
        if self.ssh:
            return "over ssh" if self.ssh == self.name else f"over ssh to {self.ssh}"
        return f"at {self.url}" if self.url else "at its socket"

    @property
    def shown(self) -> str:
        """What it is called in a sentence."""
        return self.name or self.url or (str(self.socket) if self.socket else self.ssh)


class _Entry(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """[nodes.NAME] in config.toml."""

    ssh: str = ""
    url: str = ""
    socket: str = ""
    token_file: str = ""
    ca_file: str = ""
    command: str = ""
    models: list[str] = []
    ssh_config: str = ""
    always: bool = False


def read_places(config: Path) -> dict[str, Place]:
    """Returns the nodes that config.toml names, in its order; none if there is no such file.

    Raises:
        BadPlace: The file is no TOML, or a node in it is not understood.
    """
    try:
        tables = read_tables(config, "nodes", _Entry, example="spark-2")
        return {name: _place(config, name, entry) for name, entry in tables}
    except BadConfig as error:
        raise BadPlace(str(error)) from error


def place(text: str, known: Mapping[str, Place], token_file: Path | None = None) -> Place:
    """Returns the place of what a person typed: a name from config.toml, an address, a socket, or a host for ssh.

    Args:
        text: As typed.
        known: The nodes of config.toml.
        token_file: Copy of the token for an address that is in no configuration.

    Raises:
        BadPlace: It is none of these.
    """
    if found := known.get(text):
        return found
    if "://" in text:
        return Place(url=_url(text, _typed), token_file=token_file)
    if "/" in text:
        try:
            return Place(socket=own_path(text.removeprefix("unix:")).absolute())
        except BadConfig as error:
            raise BadPlace(str(error)) from None
    _check_host(text, _typed)
    return Place(name=text.rpartition("@")[2], ssh=text)


def _typed() -> str:
    return "--node"


def _place(config: Path, name: str, entry: _Entry) -> Place:
    def where(*key: str) -> str:
        return spot(config, "nodes", name, *key)

    def path(key: str) -> Path | None:
        text = getattr(entry, key)
        try:
            return config.parent / own_path(text) if text else None
        except BadConfig as error:
            raise BadPlace(f"{where(key)}: {error}") from None

    if sum(map(bool, (entry.ssh, entry.url, entry.socket))) > 1:
        raise BadPlace(f"{where()}: give one of ssh, url and socket")
    if entry.url and entry.url.startswith("ws") and not entry.token_file:
        raise BadPlace(f"{where()}: give token_file, a copy of the node's own")
    if not (entry.ssh or entry.url or entry.socket):
        entry.ssh = name
    if entry.ssh:
        _check_host(entry.ssh, lambda: where("ssh"))
    return Place(
        name=name,
        ssh=entry.ssh,
        url=_url(entry.url, lambda: where("url")) if entry.url else "",
        socket=path("socket"),
        token_file=path("token_file"),
        ca_file=path("ca_file"),
        command=entry.command,
        models=tuple(entry.models),
        ssh_config=path("ssh_config"),
        always=entry.always,
    )


def _check_host(text: str, where: Callable[[], str]) -> None:
    # What begins with "-" would be an option of ssh, or of the program that leads to the host.
    if not _HOST.fullmatch(text):
        raise BadPlace(f"{where()}: {one_line(text)[:60]!r} is no host that ssh can be given")


def _url(text: str, where: Callable[[], str]) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port
        # As it will be looked up; UnicodeError is a ValueError.
        (parts.hostname or "").encode("idna")
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.username or parts.password or parts.query or parts.fragment:
        raise BadPlace(f"{where()}: an address has no user, password or token in it; the token is in a file of its own")
    if (
        parts.scheme not in ("ws", "wss")
        or not parts.hostname
        or not port
        or one_line(text) != text
        or parts.path not in ("", "/")
    ):
        raise BadPlace(f"{where()}: expected ws://HOST:PORT or wss://HOST:PORT, found {one_line(text)[:60]!r}")
    return f"{parts.scheme}://{parts.netloc}"
