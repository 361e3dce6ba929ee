"""What agents that were killed leave behind: the folders of their sockets."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"sparktop-[0-9a-f]{16}")
"""A folder that a head has named for one connection over ssh; see `sparktop.nodes.tunnel`."""

_OLD_S: Final = 60.0
"""An agent that has made its folder listens within a moment."""


def sweep(own: Path, answers: Callable[[Path], bool]) -> None:
    """Removes the folders of agents that have gone, beside the one that an agent is given now.

    Args:
        own: Its socket.
        answers: Whether somebody listens at a socket.
    """
    if not _NAME.fullmatch(own.parent.name):
        return
    with suppress(OSError):
        for folder in own.parent.parent.iterdir():
            if folder != own.parent and _NAME.fullmatch(folder.name):
                _remove(folder, own.name, answers)


def _remove(folder: Path, name: str, answers: Callable[[Path], bool]) -> None:
    # OSError: another one sweeps as well, or there is more in it than an agent leaves.
    with suppress(OSError):
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or time.time() - found.st_mtime < _OLD_S:
            return
        if answers(folder / name):
            return
        (folder / name).unlink(missing_ok=True)
        folder.rmdir()
