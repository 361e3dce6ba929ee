"""What llama.cpp says: passed through to standard error, and the last of it kept.

Where the parts of a model lie, and by what a connection goes, it tells nowhere else. Only its processes import this.
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from typing import Final

import llama_cpp.llama_cpp as llama

_LOG_LEVELS: Final = (2, 3, 4)
"""ggml's info, warning and error; debug messages come with every token on some backends."""

_LOG_CONTINUES: Final = 5

_LOG_KEPT: Final = 4096
"""Messages: a model of 200 layers on three machines says a few hundred while it is loaded."""


class _Log:
    """Lets llama.cpp's messages through to standard error, without the debug ones."""

    def __init__(self) -> None:
        self._shown = True
        self._kept: deque[str] = deque(maxlen=_LOG_KEPT)

    def __call__(self, level: int, text: bytes, _: object) -> None:
        if level != _LOG_CONTINUES:
            self._shown = level in _LOG_LEVELS
        if self._shown:
            self._kept.append(text.decode("utf-8", "replace"))
            with suppress(OSError):  # a full disk loses the log, and nothing else
                os.write(2, text)

    @property
    def text(self) -> str:
        """What was said last."""
        return "".join(self._kept)


_LOGGED: Final = _Log()

_LOG: Final = llama.llama_log_callback(_LOGGED)
"""Lives as long as the process: llama.cpp calls it whenever it likes."""


def begin() -> None:
    """Starts llama.cpp; from here on what it says goes where it should. May be called again."""
    llama.llama_log_set(_LOG, None)
    llama.llama_backend_init()


def log_text() -> str:
    """What llama.cpp said last; where a model's parts lie it tells nowhere else."""
    return _LOGGED.text
