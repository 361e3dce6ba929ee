"""Files that are written whole or not at all: at every moment the file is the old one or the new one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600
"""For the owner alone, as answers may be private."""


def replace_whole(data: bytes, path: Path, mode: int = PRIVATE) -> None:
    """Writes a file whose folder exists.

    Raises:
        OSError: It can't be written; what was there before is untouched.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_where_asked(data: bytes, path: Path, mode: int = PRIVATE) -> None:
    """Writes the file that a person has named: also a pipe, a device, or what a link leads to.

    Args:
        data: What it is to hold.
        path: The file; its folder exists.
        mode: Its mode where it is new; one that is there keeps its own.

    Raises:
        OSError: It can't be written; a file that was there before is untouched.
    """
    if path.exists() and not path.is_file():
        # A pipe or a device (/dev/null, <(...)) can't be replaced, only written to.
        with path.open("wb") as file:
            file.write(data)
        return
    path = path.resolve()
    replace_whole(data, path, path.stat().st_mode & 0o777 if path.exists() else mode)
