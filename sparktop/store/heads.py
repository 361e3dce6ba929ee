"""The beginnings of a run's files: enough to list it, however long the run was.

A snapshot may hold megabytes of readings, and a folder thousands of snapshots. What tells a run from others stands
before its requests, so no more than that is read. There is no index that could go wrong.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from sparktop.model.codec import NotAnEvent, decode
from sparktop.model.events import RunStarted, Status
from sparktop.model.records import Contender
from sparktop.model.scenario import Kind
from sparktop.store.reading import BadJournal
from sparktop.store.snapshots import BadSnapshot, check_schema, damaged

HEAD_BYTES: Final = 4 << 20
"""No head is longer."""

_CHUNK: Final = 1 << 15
_SCHEMA: Final = re.compile(rb'\s*\{\s*"schema"\s*:\s*"([^"]*)"')
_TAIL_BYTES: Final = 64
_REST: Final = b'\n  "requests": '
"""Where the long part begins. No text in a document holds a line end, so this is the field itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked, as far as a list shows it."""

    name: str
    title: str
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Middle:
    """The middle of a spread."""

    median: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadRow:
    """The headline figures of one contender at one batch size; see `sparktop.model.summary.Summary`."""

    contender: str
    batch: int
    n: int
    completed: int
    decode_tok_s: Middle
    ttft_ms: Middle
    aggregate_tok_s: float | None = None
    mean_response_ms: float | None = None

    @property
    def tok_s(self) -> float | None:
        """Tokens per second: of one stream at batch 1, else of all streams together."""
        return self.decode_tok_s.median if self.batch == 1 else self.aggregate_tok_s


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    severity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    valid: bool
    verdicts: tuple[_Verdict, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ran:
    contender: Contender


@dataclass(frozen=True, slots=True, kw_only=True)
class _Machine:
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotHead:
    """What stands at the beginning of a snapshot; see `sparktop.model.document.Snapshot`."""

    schema: str
    created: str
    status: Status
    duration_s: float
    planned: int
    scenario: Asked
    nodes: tuple[_Machine, ...] = ()
    contenders: tuple[_Ran, ...]
    validity: _Judged
    summary: tuple[HeadRow, ...]


_HEAD: Final = msgspec.json.Decoder(SnapshotHead)


def head_bytes(path: Path) -> bytes:
    """Returns a snapshot without its requests and what comes after them, as a document; a strange file as it begins.

    Raises:
        OSError: The file can't be read.
    """
    head = b""
    with path.open("rb") as file:
        while len(head) < HEAD_BYTES and (chunk := file.read(_CHUNK)):
            searched = max(0, len(head) - len(_REST))
            head += chunk
            if (end := head.find(_REST, searched)) >= 0:
                return head[:end].rstrip(b" \n,") + b"}"
    return head


def read_head(path: Path) -> SnapshotHead:
    """Reads the beginning of a snapshot, and looks whether it has an end.

    Raises:
        OSError: The file can't be read.
        BadSnapshot: It is no snapshot, of another version, or damaged as far as its beginning and end tell.
    """
    data = head_bytes(path)
    try:
        head = _HEAD.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        # Another version may have other fields: then that is the reason.
        check_schema(_schema(data), path)
        raise damaged(path, error) from error
    check_schema(head.schema, path)
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
        if not file.read().rstrip().endswith(b"}"):
            raise BadSnapshot(f"{path}: damaged: it breaks off before its end")
    return head


def _schema(data: bytes) -> str | None:
    found = _SCHEMA.match(data)
    return found[1].decode(errors="replace") if found else None


def read_start(path: Path) -> RunStarted:
    """Reads the first event of a journal.

    Raises:
        OSError: The file can't be read.
        BadJournal: It is no start of a run.
    """
    with path.open("rb") as file:
        line = file.readline(HEAD_BYTES)
    try:
        event = decode(line)
    except NotAnEvent as error:
        raise BadJournal(f"{path}: not a journal of sparktop: its first line is no start of a run") from error
    if not isinstance(event, RunStarted):
        raise BadJournal(f"{path}: not a journal of sparktop: its first line is no start of a run")
    return event
