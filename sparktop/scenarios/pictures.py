"""Pictures that questions are about: files beside the scenario's, looked at before they are believed."""

from __future__ import annotations

import base64
import hashlib
import stat
from pathlib import Path, PurePosixPath
from typing import Final

from sparktop.model.scenario import Picture

MAX_PICTURE: Final = 2_000_000
"""Bytes. Servers scale down what is larger than a screen, and 256 streams may each carry one."""

_KINDS: Final = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
"""Media types by the bytes that such files begin with (PNG 3rd edition 5.2; ITU-T T.81 B.1.1.3)."""


class BadPicture(ValueError):
    """A picture can't be used; the message says what was expected and what was found."""


def find_picture(folder: Path, name: str) -> Picture:
    """Looks at a picture.

    Args:
        folder: Where the scenario is.
        name: Its path from there, with slashes.

    Raises:
        BadPicture: It is not in that folder, can't be read, or is no picture.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or not path.parts:
        raise BadPicture('a path inside the scenario\'s folder, without ".."')
    try:
        home, file = folder.resolve(strict=True), (folder / path).resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise BadPicture(f"a file in {folder}: {getattr(error, 'strerror', None) or error}") from error
    if not file.is_relative_to(home):
        raise BadPicture("a file inside the scenario's folder, and this is a link that leads out of it")
    data = _read(file)
    return Picture(name=name, path=str(file), kind=_kind(data), size=len(data), sha256=_digest(data))


def data_uri(picture: Picture) -> str:
    """Returns a picture as it goes into a request (RFC 2397).

    Raises:
        BadPicture: The file is gone, or is another than when the scenario was read.
    """
    data = _read(Path(picture.path))
    if _digest(data) != picture.sha256:
        raise BadPicture("the picture that the scenario was read with, and this is another")
    return f"data:{_kind(data)};base64,{base64.b64encode(data).decode('ascii')}"


def _read(path: Path) -> bytes:
    try:
        # Opening a pipe that nobody writes to would hang; the kind is known before the opening.
        if not stat.S_ISREG(path.stat().st_mode):
            raise BadPicture("a file, and this is none")
        with path.open("rb") as file:
            data = file.read(MAX_PICTURE + 1)
    except OSError as error:
        raise BadPicture(f"a file that can be read: {error.strerror or error}") from error
    if len(data) > MAX_PICTURE:
        raise BadPicture(f"a picture of at most {MAX_PICTURE // 1_000_000} MB")
    return data


def _kind(data: bytes) -> str:
    for beginning, kind in _KINDS.items():
        if data.startswith(beginning):
            return kind
    raise BadPicture("a PNG or JPEG file, and its contents are neither")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
