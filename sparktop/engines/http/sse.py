"""Server-sent events out of bytes, however they are cut.

After the HTML standard's "Server-sent events", section 9.2.6, with three liberties: bytes are not
decoded, since what they hold is JSON; `error:` as the name of a field, as older llama-servers write
it, counts as the data of an event of that name; and the last event of a body needs no blank line.
"""

from __future__ import annotations

from typing import Final

MAX_EVENT: Final = 4 << 20
"""Bytes of one event: a thousand times the longest that servers send, and little to hold for each stream."""

_BOM: Final = b"\xef\xbb\xbf"


class EventTooLong(ValueError):
    """An event has grown past `MAX_EVENT`."""


class NamedData(bytes):
    """The data of an event of a type of its own.

    Attributes:
        name: The type.
    """

    name: str

    @classmethod
    def of(cls, data: bytes, name: str) -> NamedData:
        """Returns the data of an event with that name."""
        named = cls(data)
        named.name = name
        return named


class EventParser:
    """Takes the bytes of a body as they come; memory is bounded by `MAX_EVENT` and one piece."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._after_return = False
        self._begun = False

    def feed(self, piece: bytes) -> list[bytes]:
        """Takes the next bytes of the body; returns the data of the events that are whole now.

        An event's data lines are joined by newlines; those of a type of their own are `NamedData`.

        Raises:
            EventTooLong: An event is too long to be one; nothing more can be fed.
        """
        if self._after_return and piece.startswith(b"\n"):
            piece = piece[1:]
        if b"\r" in piece:
            self._after_return = piece.endswith(b"\r")
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        elif piece:
            self._after_return = False
        buffer = self._buffer
        # A blank line may have begun with the last byte of what is there.
        search_from = max(0, len(buffer) - 1)
        buffer += piece
        if not self._begun and not self._begin():
            return []
        end = buffer.rfind(b"\n\n", search_from)
        if end < 0:
            if len(buffer) > MAX_EVENT:
                raise EventTooLong
            return []
        blocks = bytes(buffer[:end]).split(b"\n\n")
        del buffer[: end + 2]
        if len(buffer) > MAX_EVENT:
            raise EventTooLong
        return _messages(blocks)

    def finish(self) -> list[bytes]:
        """Ends the body; returns the event that no blank line ended, if there is one."""
        block = bytes(self._buffer)
        self._buffer.clear()
        return _messages([block])

    def _begin(self) -> bool:
        """Drops a byte order mark; whether it is decided that there is none."""
        if self._buffer.startswith(_BOM):
            del self._buffer[:3]
        elif _BOM.startswith(bytes(self._buffer)):
            return False
        self._begun = True
        return True


def _messages(blocks: list[bytes]) -> list[bytes]:
    messages = []
    for block in blocks:
        if block.startswith(b"data: ") and b"\n" not in block:
            messages.append(block[6:])
        elif (message := _message(block)) is not None:
            messages.append(message)
    return messages


def _message(block: bytes) -> bytes | None:
    """Reads an event line by line; None if it has no data."""
    data: list[bytes] = []
    name = ""
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        value = value[1:] if value.startswith(b" ") else value
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace")
        elif field == b"error":
            name = "error"
            data.append(value)
    if not data:
        return None
    joined = b"\n".join(data)
    return NamedData.of(joined, name) if name else joined
