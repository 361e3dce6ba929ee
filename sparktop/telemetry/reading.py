"""What a source gives back, and the reading of the kernel's small text files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

_MOST_BYTES: Final = 1 << 20
_CHUNK: Final = 1 << 16
_LONGEST_STEP_S: Final = 5.0
"""Between readings further apart, nobody knows what the power was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The machine, or a part of it, at one moment.

    Attributes:
        t: When it was read, in seconds on the clock of whoever asked.
        values: Reading by channel name, in the channel's unit.
        missing: Reason by channel name. No channel is in both.
    """

    t: float
    values: Mapping[str, float] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)


class Source(Protocol):
    """Something that can be read again and again.

    It is read by one thread at a time, though not always by the same.
    """

    @property
    def name(self) -> str:
        """Stable name, the first part of what its channels are called where it has only its own."""
        ...

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that this source is known to have; devices come and go, so this may change.

        A quantity that is read less often than others is, between its readings, in neither part
        of a `Reading`.
        """
        ...

    def read(self, now: float) -> Reading:
        """Reads once; a channel that can't be read is in `missing`, and nothing is raised for it.

        Args:
            now: The time at this moment, in seconds.
        """
        ...

    def forget(self) -> None:
        """Drops what rates are counted from: the last read took too long for its time to be known."""
        ...


class Unreadable(Exception):
    """A file of the kernel could not be read or made no sense; the message is the reason."""


class Files(Protocol):
    """The kernel's files, as sources read them: the machine's own, or those of a recording."""

    def lines(self, path: Path) -> list[str]:
        """Returns the whole lines of a small file; a last line without its newline is kept.

        Raises:
            Unreadable: It is not there, may not be read, or the kernel refuses.
        """
        ...

    def names(self, path: Path) -> tuple[str, ...]:
        """Returns what a folder holds, sorted.

        Raises:
            Unreadable: It is not there or may not be read.
        """
        ...

    def link(self, path: Path) -> str:
        """Returns where a symbolic link points.

        Raises:
            Unreadable: It is not there or is no link.
        """
        ...


class Disk:
    """The files of this machine."""

    def lines(self, path: Path) -> list[str]:
        """See `Files`."""
        try:
            return _bytes(path).decode("utf-8", "replace").splitlines()
        except OSError as error:
            raise _unreadable(path, error) from None

    def names(self, path: Path) -> tuple[str, ...]:
        """See `Files`."""
        try:
            return tuple(sorted(os.listdir(path)))
        except OSError as error:
            raise _unreadable(path, error) from None

    def link(self, path: Path) -> str:
        """See `Files`."""
        try:
            return os.readlink(path)
        except OSError as error:
            raise _unreadable(path, error) from None


DISK: Final = Disk()


def read_lines(path: Path) -> list[str]:
    """Returns the whole lines of a small file of this machine; as `Files.lines`.

    Raises:
        Unreadable: It is not there, may not be read, or the kernel refuses.
    """
    return DISK.lines(path)


def _bytes(path: Path) -> bytes:
    # Python's own file objects cost three times as much as the read itself, and a machine has a
    # hundred such files.
    fd = os.open(path, os.O_RDONLY)
    try:
        parts = []
        size = 0
        # The kernel gives long files in pieces, so a short piece is not the end.
        while size < _MOST_BYTES and (part := os.read(fd, _CHUNK)):
            parts.append(part)
            size += len(part)
        return b"".join(parts)
    finally:
        os.close(fd)


def _unreadable(path: Path, error: OSError) -> Unreadable:
    if isinstance(error, FileNotFoundError):
        return Unreadable(f"no {path}")
    if isinstance(error, PermissionError):
        return Unreadable(f"no permission to read {path}")
    return Unreadable(f"{path}: {error.strerror or error}")


def read_text(files: Files, path: Path) -> str:
    """Returns the first line of a file.

    Raises:
        Unreadable: It can't be read or is empty.
    """
    for line in files.lines(path):
        return line.strip()
    raise Unreadable(f"{path} is empty")


def read_count(files: Files, path: Path) -> int:
    """Returns the number, 0 or more, that a file holds.

    Raises:
        Unreadable: It can't be read or holds something else.
    """
    text = read_text(files, path)
    if not text.isdecimal():
        raise Unreadable(f"{path} is not a number: {text[:40]!r}")
    return int(text)


class Gathered:
    """A reading in the making: what could be read, and why the rest could not."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.missing: dict[str, str] = {}

    def put(self, name: str, value: Callable[[], float]) -> None:
        """Reads one channel, or keeps the reason why it can't be read."""
        try:
            self.values[name] = value()
        except Unreadable as reason:
            self.missing[name] = str(reason)

    def fail(self, names: Iterable[str], reason: str) -> None:
        """Gives channels the same reason."""
        self.missing.update(dict.fromkeys(names, reason))

    def reading(self, t: float) -> Reading:
        """Returns what was gathered, as read at `t`."""
        return Reading(t=t, values=self.values, missing=self.missing)


class Counter:
    """Turns readings of a counter that only grows into a rate."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: tuple[float, int] | None = None

    def forget(self) -> None:
        """Begins again, as if nothing had been read."""
        self._last = None

    def rate(self, now: float, count: int) -> float:
        """Returns the growth per second since the last reading.

        Raises:
            Unreadable: It is the first reading, no time has passed, or the counter was reset.
        """
        last, self._last = self._last, (now, count)
        if last is None:
            raise Unreadable("a rate needs two readings")
        seconds, growth = now - last[0], count - last[1]
        if seconds <= 0:
            raise Unreadable("no time has passed since the last reading")
        if growth < 0:
            raise Unreadable("the counter was reset")
        return growth / seconds


class Growth:
    """Adds up how far a counter has grown since it was first read.

    A sum since the beginning survives the thinning of a series; a sum of differences would not.
    """

    __slots__ = ("_last", "_total")

    def __init__(self) -> None:
        self._last: int | None = None
        self._total = 0

    def add(self, count: int) -> int:
        """Returns the growth since the first reading; 0 for the first.

        Raises:
            Unreadable: The counter was reset: what it counted around that is not in the sum.
        """
        last, self._last = self._last, count
        if last is not None and count < last:
            raise Unreadable("the counter was reset")
        if last is not None:
            self._total += count - last
        return self._total


class Integral:
    """Adds up a power over time, for want of a counter of energy."""

    __slots__ = ("_last", "_total")

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None
        self._total = 0.0

    def forget(self) -> None:
        """Leaves out the time until the next value."""
        self._last = None

    def add(self, t: float, value: float) -> float:
        """Returns the integral since the first value, by the trapezoidal rule; 0 for the first.

        Args:
            t: Seconds.
            value: What is integrated, such as watts.
        """
        last, self._last = self._last, (t, value)
        if last is not None and 0 < t - last[0] <= _LONGEST_STEP_S:
            self._total += (t - last[0]) * (value + last[1]) / 2
        return self._total


class Pace:
    """Tells when something is due again that is too dear for every tick.

    Args:
        every_s: Least seconds between two times.
    """

    __slots__ = ("_every", "_last")

    def __init__(self, every_s: float) -> None:
        self._every = every_s
        self._last: float | None = None

    def due(self, now: float) -> bool:
        """Whether it is time; the first time it always is."""
        if self._last is not None and 0 <= now - self._last < self._every:
            return False
        self._last = now
        return True

    def forget(self) -> None:
        """Makes it due at once."""
        self._last = None
