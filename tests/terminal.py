"""A program on a real terminal, in a process of its own."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path

COLUMNS, ROWS = 120, 40


class Terminal:
    """A pseudo-terminal with a program on it.

    Args:
        arguments: What the interpreter is given.
        home: The home of the person, and the folder that the program begins in.
        environ: More variables.

    Attributes:
        seen: What came so far.
    """

    def __init__(self, arguments: list[str], home: Path, environ: Mapping[str, str]) -> None:
        self.master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.before = termios.tcgetattr(slave)
        env = {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "xterm-256color", "LANG": "C.UTF-8", **environ}
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=env,
            cwd=home,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self.seen = b""

    def read_until(self, text: str, timeout: float = 30.0, *, more: bool = False) -> None:
        """Reads until a text came; with `more`, until it comes after what came so far."""
        wanted = text.encode()
        deadline = time.monotonic() + timeout
        start = len(self.seen) if more else 0
        while wanted not in self.seen[start:]:
            left = deadline - time.monotonic()
            assert left > 0, f"{text!r} never came; the end was {self.seen[-2000:]!r}"
            if select.select([self.master], [], [], left)[0]:
                piece = self._read()
                assert piece, f"the program ended; the end was {self.seen[-2000:]!r}"
                self.seen += piece

    def ended(self, timeout: float = 10.0) -> int:
        """Reads until the program is gone and returns its exit code."""
        deadline = time.monotonic() + timeout
        while select.select([self.master], [], [], max(0.0, deadline - time.monotonic()))[0]:
            piece = self._read()
            if not piece:
                break
            self.seen += piece
        return self.process.wait(max(0.1, deadline - time.monotonic()))

    def _read(self) -> bytes:
        try:
            return os.read(self.master, 65536)
        except OSError:
            # That is how Linux says that nobody has the other end open any more.
            return b""

    def type(self, keys: str) -> None:
        """Presses keys."""
        os.write(self.master, keys.encode())

    def hang_up(self) -> None:
        """Takes the terminal away."""
        os.close(self.master)
        self.master = -1

    def close(self) -> None:
        """Ends what is left."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.master >= 0:
            os.close(self.master)
