"""The journal: every event of a run on disk within a second, as one line of JSON each.

The disk never holds up the run: lines are handed to a thread that writes them. When the disk
fails, the run goes on, what has not been written is kept in memory, and writing is tried again.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sparktop.model.codec import encode
from sparktop.model.events import Event, Notice

WRITE_EVERY_S: Final = 0.1
"""Events of so many seconds go to the kernel in one write; `kill -9` loses no more than these."""

SYNC_EVERY_S: Final = 0.5
"""Power loss loses no more than these, plus the time that the disk takes."""

RETRY_EVERY_S: Final = 1.0
MAX_PENDING: Final = 64 * 2**20
"""Bytes: hours of a run."""


class Journal:
    """Appends the events of one run to a file.

    The file is locked (flock) as long as the journal is open, which is how `recover` tells a run
    that is going on from one whose program is gone.

    Args:
        path: The file; it and its folder are created for their owner alone, as answers may be
            private.
        on_problem: Called at most once, from the journal's thread, with one sentence, when the
            run can't be kept. It must not raise.
        retry_s: Seconds until writing is tried again after it failed.
        max_pending: Bytes kept in memory while it fails; what comes after is dropped.
    """

    def __init__(
        self,
        path: Path,
        on_problem: Callable[[str], None],
        *,
        retry_s: float = RETRY_EVERY_S,
        max_pending: int = MAX_PENDING,
    ) -> None:
        self._path = path
        self._on_problem = on_problem
        self._retry_s = retry_s
        self._max_pending = max_pending
        self._reported = False
        self._wake = threading.Condition()
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._dropped = 0
        self._told = 0
        self._newest = 0.0
        self._closing = False
        self._unwritten = b""
        self._fd: int | None = None
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def append(self, event: Event) -> None:
        """Takes an event; returns at once and never waits for the disk.

        Raises:
            ValueError: The journal is closed.
        """
        line = encode(event) + b"\n"
        with self._wake:
            if self._closing:
                raise ValueError("the journal is closed")
            self._newest = max(self._newest, event.t)
            if self._pending_bytes + len(line) > self._max_pending:
                self._dropped += 1
                return
            self._pending.append(line)
            self._pending_bytes += len(line)
            if len(self._pending) == 1:
                self._wake.notify()

    def close(self, timeout: float = 2.0) -> bool:
        """Writes what is left and ends.

        Args:
            timeout: Seconds to wait for the disk; a disk that hangs must not keep the program.

        Returns:
            Whether every event is in the file.
        """
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive() and not (self._unwritten or self._pending or self._dropped)

    def _run(self) -> None:
        synced = time.monotonic()
        dirty = False
        while True:
            # Read before the attempt, so that the last one begins after the last event has come.
            last = self._closing
            failed = False
            try:
                dirty |= self._write()
                if dirty and (last or time.monotonic() - synced >= SYNC_EVERY_S):
                    self._sync()
                    dirty, synced = False, time.monotonic()
            except OSError as error:
                failed = True
                self._report(error)
            with self._wake:
                if last and (failed or not (self._pending or dirty)):
                    break
                if failed:
                    self._wake.wait_for(lambda: self._closing, self._retry_s)
                elif dirty or self._pending:
                    self._wake.wait_for(lambda: self._closing, WRITE_EVERY_S)
                else:
                    self._wake.wait_for(lambda: self._closing or self._pending)
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _write(self) -> bool:
        """Writes what is pending; returns whether there was anything."""
        with self._wake:
            lines, self._pending, self._pending_bytes = self._pending, [], 0
        self._unwritten += b"".join(lines)
        written = bool(self._unwritten)
        try:
            self._drain()
            if self._dropped > self._told:
                self._told, newest = self._dropped, self._newest
                text = f"{self._told} events of this run are missing: the disk could not take them"
                self._unwritten = encode(Notice(t=newest, text=text)) + b"\n"
                self._drain()
        finally:
            with self._wake:
                self._pending_bytes += len(self._unwritten)
        return written

    def _drain(self) -> None:
        while self._unwritten:
            # A full disk takes part of a write; the rest goes on where it stopped.
            self._unwritten = self._unwritten[os.write(self._open(), self._unwritten) :]

    def _open(self) -> int:
        if self._fd is not None:
            return self._fd
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            lock(fd)
            sync_folder(self._path.parent)
        except OSError:
            os.close(fd)
            raise
        self._fd = fd
        return fd

    def _sync(self) -> None:
        if self._fd is not None:
            os.fsync(self._fd)

    def _report(self, error: OSError) -> None:
        if not self._reported:
            self._reported = True
            reason = error.strerror or str(error)
            self._on_problem(
                f"cannot keep the run: {reason} ({self._path}); the run goes on,"
                " and what is not written yet is kept in memory and tried again"
            )


def lock(fd: int) -> None:
    """Locks a journal's file for the open file `fd`, until that is closed.

    Raises:
        OSError: Another open journal holds the lock, or the file system has none.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BlockingIOError(error.errno, "another sparktop writes to it") from error


def is_held(path: Path) -> bool:
    """Whether a journal is being written by some sparktop.

    Raises:
        OSError: The file can't be opened, or its file system has no locks.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder survive a power loss.

    Raises:
        OSError: The folder can't be opened or synced.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
