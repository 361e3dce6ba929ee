"""Answers of servers, byte for byte, in text files: see wire/*.wire.

A file begins with lines "# ...", which say where it is from. Each answer begins with a line

    === METHOD PATH STATUS CONTENT-TYPE [play=NAME]

and its body is all that follows up to the newline in front of the next such line, or the file's last.
Answers of one method and path that have several are told apart by NAME; which of them is played is
chosen by whoever asks (see `replay`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "wire"
_MARK: Final = b"=== "


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """One answer of a server.

    Attributes:
        method: "GET" or "POST".
        path: Such as "/v1/models".
        status: Such as 200.
        kind: Its Content-Type.
        play: Which of several it is; "" where there is one.
        body: Its bytes.
    """

    method: str
    path: str
    status: int
    kind: str
    play: str
    body: bytes

    @property
    def pieces(self) -> tuple[bytes, ...]:
        """The body as the server writes it: a stream's events one by one, anything else at once."""
        if self.kind.startswith("text/event-stream"):
            return tuple(part + b"\n\n" for part in self.body.split(b"\n\n")[:-1])
        return tuple(self.body.splitlines(keepends=True)) if "ndjson" in self.kind else (self.body,)


def names() -> tuple[str, ...]:
    """Returns the servers there are answers of."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.wire")))


def load(name: str) -> tuple[Wire, ...]:
    """Returns the answers of a server."""
    return tuple(_parse((FOLDER / f"{name}.wire").read_bytes()))


def find(wires: tuple[Wire, ...], method: str, path: str, play: str = "") -> Wire | None:
    """Returns the answer with this `play`; where there is none, the one without, or else the first."""
    those = {wire.play: wire for wire in wires if (wire.method, wire.path) == (method, path)}
    return those.get(play) or those.get("") or next(iter(those.values()), None)


def dump(origin: str, wires: Iterator[Wire]) -> bytes:
    """Returns the bytes of a file."""
    parts = [f"# {line}\n".encode() for line in origin.splitlines()]
    for wire in wires:
        play = f" play={wire.play}" if wire.play else ""
        parts.append(f"=== {wire.method} {wire.path} {wire.status} {wire.kind}{play}\n".encode())
        parts.append(wire.body + b"\n")
    return b"".join(parts)


def _parse(data: bytes) -> Iterator[Wire]:
    for part in (b"\n" + data).split(b"\n" + _MARK)[1:]:
        head, _, body = part.partition(b"\n")
        method, path, status, kind = head.decode().split(" ", 3)
        kind, _, play = kind.partition(" play=")
        # The newline in front of the next mark went with it; the last answer still has its own.
        body = body.removesuffix(b"\n") if data.endswith(b"\n" + _MARK + part) else body
        yield Wire(method=method, path=path, status=int(status), kind=kind, play=play, body=body)
