"""The folder in which an RPC server keeps large tensors, so that the second load sends none of them.

llama.cpp names a tensor's file by a hash of what should be in it, and does not look whether it is: a file that was cut
off, by a full disk or by the server's end, would be taken for the tensor and the model would compute nonsense. So
files count only once a server that had room for them has ended well; all others are removed before the next begins.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import orjson

_LIST: Final = "whole.json"
_NAME: Final = re.compile(r"[0-9a-f]{16}")

_SETTLED_S: Final = 2.0
"""A file that was written to so lately may not be whole."""

SPARE: Final = 2 << 30
"""Bytes of disk that tensors must leave."""


def usual_folder(environ: Mapping[str, str]) -> Path:
    """Returns where tensors are kept, after the XDG base directory specification."""
    found = Path(environ.get("XDG_CACHE_HOME", ""))
    return (found if found.is_absolute() else Path(environ.get("HOME") or "/") / ".cache") / "sparktop" / "rpc"


def prepare(folder: Path, coming: int) -> str:
    """Makes the folder ready for a server.

    Files that may not be whole are removed, and the oldest of the others where the disk has no room for more.

    Args:
        folder: It is made where it is missing.
        coming: Bytes that may be written at most.

    Returns:
        Why no tensors can be kept, in one sentence; empty if they can.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        whole = _listed(folder)
        kept: list[tuple[float, int, Path]] = []
        for path in _tensors(folder):
            found = path.stat()
            if whole.get(path.name) != [found.st_size, found.st_mtime_ns]:
                path.unlink()
            else:
                kept.append((found.st_mtime, found.st_size, path))
        free = shutil.disk_usage(folder).free
        for _, size, path in sorted(kept):
            if free >= coming + SPARE:
                break
            path.unlink()
            free += size
    except OSError as error:
        return f"{folder} can't be used for tensors: {error.strerror or error}"
    if free < coming + SPARE:
        return f"{free / 1e9:.1f} GB are free in {folder}, and it takes {(coming + SPARE) / 1e9:.1f} GB"
    return ""


def is_short(folder: Path) -> bool:
    """Whether somebody else fills the disk, so that what is written may be cut off."""
    try:
        return shutil.disk_usage(folder).free < SPARE // 2
    except OSError:
        return True


def drop_new(folder: Path) -> None:
    """Removes what this server has written: to be called as long as the disk is short, then never `seal`."""
    with suppress(OSError):
        whole = _listed(folder)
        for path in _tensors(folder):
            found = path.stat()
            if whole.get(path.name) != [found.st_size, found.st_mtime_ns]:
                path.unlink()


def seal(folder: Path) -> None:
    """Writes down which files are whole, as a server ends."""
    with suppress(OSError):
        if is_short(folder):
            return
        now = time.time()
        whole = {
            path.name: [found.st_size, found.st_mtime_ns]
            for path in _tensors(folder)
            if now - (found := path.stat()).st_mtime > _SETTLED_S
        }
        # A large tensor is one write, which the kernel dates from its beginning: on a slow disk it is under way for
        # longer than that. What was closed only after it was looked at above is of another size by now.
        for name in _being_written(folder):
            whole.pop(name, None)
        new = folder / f"{_LIST}.{os.getpid()}"
        new.write_bytes(orjson.dumps(whole))
        new.replace(folder / _LIST)


def _tensors(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if _NAME.fullmatch(path.name) and path.is_file()]


def _being_written(folder: Path) -> set[str]:
    """Names of the folder's files that this process holds open, or another one that can be looked into."""
    names: set[str] = set()
    here = os.path.realpath(folder)
    for descriptors in Path("/proc").glob("[0-9]*/fd"):
        # OSError: it has ended, or is somebody else's.
        with suppress(OSError):
            for descriptor in os.listdir(descriptors):
                with suppress(OSError):
                    where, name = os.path.split(os.readlink(descriptors / descriptor))
                    if where == here:
                        names.add(name)
    return names


def _listed(folder: Path) -> dict[str, object]:
    try:
        found = orjson.loads((folder / _LIST).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}
