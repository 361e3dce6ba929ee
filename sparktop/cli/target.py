"""The file that a snapshot is asked for in: checked before the run, written whole or not at all."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sparktop.cli.console import Refused
from sparktop.store.whole import write_where_asked


@dataclass(frozen=True, slots=True)
class Target:
    """Where `--out` and `--json` want the snapshot.

    Attributes:
        path: The file; None if no file was asked for.
        stdout: Whether it is printed too.
    """

    path: Path | None
    stdout: bool

    @classmethod
    def of(cls, out: str | None, json: bool) -> Target:
        """Reads the options.

        Raises:
            Refused: The file could not be written when the run is over.
        """
        if out is None or out == "-":
            return cls(None, stdout=json or out == "-")
        if not out:
            raise Refused("--out needs the name of a file")
        path = Path(out)
        _check(path)
        return cls(path, stdout=json)

    def write(self, document: bytes) -> None:
        """Writes the snapshot to the file, if one was asked for.

        Raises:
            OSError: It can't be written after all.
        """
        if self.path is not None:
            write_where_asked(document, self.path, 0o666 & ~_umask())


def _check(path: Path) -> None:
    try:
        os.stat(path)
    except FileNotFoundError:
        pass  # it will be made
    except OSError as error:
        raise Refused(f"--out {path} can't be written: {error.strerror}; name another file") from None
    if path.is_dir():
        raise Refused(f"--out {path} is a folder; name a file in it")
    if path.exists():
        if not os.access(path, os.W_OK):
            raise Refused(f"--out {path} may not be written; name another file")
        if not path.is_file():
            return
    folder = path.resolve().parent
    if not os.path.isdir(folder):
        raise Refused(f"--out {path}: there is no folder {folder}; create it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Refused(f"--out {path}: the folder {folder} may not be written to; name another one")


def _umask() -> int:
    # It can only be read by setting it.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
