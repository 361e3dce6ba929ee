"""What a source gives back, and the reading of the kernel's small text files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

_MOST_BYTES: Final = 1 << 20


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
    def channels(self) -> tuple[str, ...]:
        """The channels that every reading of this source speaks of."""
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


def read_lines(path: Path) -> list[str]:
    """Returns the whole lines of a small file; a last line without its newline is kept.

    Raises:
        Unreadable: It is not there, may not be read, or the kernel refuses.
    """
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        raise Unreadable(f"no {path}") from None
    except PermissionError:
        raise Unreadable(f"no permission to read {path}") from None
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror or error}") from None


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
