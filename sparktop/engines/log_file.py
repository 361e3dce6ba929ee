"""Files that the engines' processes log to."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import BinaryIO


def open_log(path: Path, whose: str) -> tuple[BinaryIO, Path, str]:
    """Opens a log: where it belongs, else in the folder for temporary files.

    Args:
        path: Where it belongs; its folder is made.
        whose: What it is the log of, for the sentence.

    Returns:
        The file, where it is, and one sentence if that is not where it belongs.

    Raises:
        OSError: It can be in neither.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("ab"), path, ""
    except OSError as error:
        handle, name = tempfile.mkstemp(prefix=f"{path.stem}-", suffix=".log")
        why = f"the log of {whose} can't be written to {path.parent}: {error.strerror or error}; it goes to {name}"
        return os.fdopen(handle, "ab"), Path(name), why
