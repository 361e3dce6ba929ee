"""The secret that lets a head in over the network."""

from __future__ import annotations

import errno
import hmac
import os
import re
import secrets
import stat
import tempfile
from pathlib import Path
from typing import Final

_MOST_BYTES: Final = 1024
_SHAPE: Final = re.compile(r"[A-Za-z0-9._-]+\.[A-Za-z0-9_-]{43}")


class BadToken(Exception):
    """A token can't be read, made or trusted; the message is one sentence that says what to do."""


def make_or_read(path: Path, node: str) -> str:
    """Returns this node's token; makes it, readable for its owner alone, if there is none yet.

    Args:
        path: Its file.
        node: Name of the node, which is part of the token: whose it is can be told when it is mistaken.

    Raises:
        BadToken: The file can't be made, or is no token, or others can read it.
    """
    name = re.sub(r"[^A-Za-z0-9_-]", "-", node)[:60] or "node"
    token = f"{name}.{secrets.token_urlsafe(32)}"
    try:
        if os.path.lexists(path):
            return read(path)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # In its place only once it is whole: another agent may begin at the same time, and this one be killed.
        descriptor, new = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(token + "\n")
            os.link(new, path)
        finally:
            os.unlink(new)
    except FileExistsError:
        return read(path)
    except OSError as error:
        raise BadToken(f"the token can't be written to {path}: {error.strerror or error}") from error
    return token


def read(path: Path) -> str:
    """Returns the token in a file.

    Raises:
        BadToken: It can't be read, holds none, or others than its owner can read it.
    """
    try:
        # A pipe would be waited for.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            found = os.fstat(file.fileno())
            content = file.read(_MOST_BYTES) if stat.S_ISREG(found.st_mode) else b""
    except OSError as error:
        hint = "; copy the node's own file there, which it names as it starts" if error.errno == errno.ENOENT else ""
        raise BadToken(f"the token in {path} can't be read: {error.strerror or error}{hint}") from error
    if found.st_mode & 0o077 and content:
        raise BadToken(f"others can read the token in {path}: chmod 600 it, or delete it on the node for a new one")
    if found.st_uid not in (0, os.geteuid()):
        raise BadToken(f"the token in {path} belongs to somebody else: make a copy of your own")
    token = content.decode("ascii", "replace").strip()
    if not _SHAPE.fullmatch(token):
        raise BadToken(f"{path} holds no token of a node: copy the node's own file, which it names as it starts")
    return token


def matches(given: str, own: str) -> bool:
    """Whether a token is the right one; takes as long whichever is given."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), own.encode())


def owner(token: str) -> str:
    """Returns the name of the node that a token says it is for; empty if it is no token."""
    return token.rpartition(".")[0] if _SHAPE.fullmatch(token) else ""
