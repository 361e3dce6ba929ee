"""Where a command's words go: results to stdout, everything else to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from enum import IntEnum
from typing import TextIO


class Exit(IntEnum):
    """Exit codes; part of the interface."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    HUNG_UP = 129
    INTERRUPTED = 130
    TERMINATED = 143


class Refused(Exception):
    """What was asked for can't be done; the message is one sentence that says what to do.

    Attributes:
        code: What the program exits with.
    """

    def __init__(self, sentence: str, code: Exit = Exit.USAGE) -> None:
        """Takes the sentence for the person."""
        super().__init__(sentence)
        self.code = code


class Console:
    """The two streams of the program, and its environment.

    No dataclass, because importing `dataclasses` would cost every call of the program 5 ms.

    Attributes:
        out: For results.
        err: For progress and problems.
        environ: Environment variables.
        unread: Whether the reader of the results has gone away.
    """

    __slots__ = ("environ", "err", "out", "unread")

    def __init__(self, out: TextIO, err: TextIO, environ: Mapping[str, str]) -> None:
        """Takes the streams."""
        self.out = out
        self.err = err
        self.environ = environ
        self.unread = False

    @classmethod
    def of_process(cls) -> Console:
        """Returns the process's own, safe for any text: what an encoding lacks is shown as "?"."""
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                reconfigure(errors="replace")
        # A stream that was closed before the program began is None.
        return cls(sys.stdout or _nowhere(), sys.stderr or _nowhere(), os.environ)

    @property
    def interactive(self) -> bool:
        """Whether a person can be shown a screen and can answer it."""
        return self.out.isatty() and sys.stdin is not None and sys.stdin.isatty()

    def say(self, text: str) -> None:
        """Prints a result, with a newline. A reader that has gone away is no error (`| head`).

        Raises:
            Refused: It can't be written, as to a file on a full disk.
        """
        try:
            print(text, file=self.out, flush=True)
        except OSError as error:
            self._give_up(error)

    def flush(self) -> None:
        """Lets out what was printed; a reader that has gone away is no error.

        Raises:
            Refused: It can't be written.
        """
        try:
            self.out.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        _silence(self.out)
        self.unread = True
        if not isinstance(error, BrokenPipeError):
            raise Refused(f"the output can't be written: {error.strerror or error}", Exit.FAILED) from error

    def hang_up(self) -> None:
        """Drops both streams: the terminal behind them is gone."""
        _silence(self.out)
        _silence(self.err)

    def note(self, text: str) -> None:
        """Prints a line for the person to stderr."""
        try:
            print(text, file=self.err, flush=True)
        except OSError:
            # Nobody can be told that nobody can be told.
            _silence(self.err)


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")


def _silence(stream: TextIO) -> None:
    """Sends what is still in the stream's buffer, and all that follows, nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
