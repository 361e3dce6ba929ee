"""Snapshots as files: written whole or not at all, and read back with their version checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec
import orjson

from sparktop.model.codec import without_surrogates
from sparktop.model.ratings import Ratings
from sparktop.model.readout import Readout
from sparktop.model.snapshot import SCHEMA, Snapshot
from sparktop.store.journal import sync_folder
from sparktop.store.whole import replace_whole

_FAMILY, _VERSION = SCHEMA.split("/")
_LONGEST_VERSION: Final = 9
_OPTIONS: Final = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
_UNKNOWN: Final = "Invalid enum value"


class BadSnapshot(ValueError):
    """The file is no snapshot that this version reads; the message is one sentence that names it."""


def encode_snapshot(snapshot: Snapshot | Readout) -> bytes:
    """Returns the document as JSON, indented for people.

    Lone surrogates, which JSON cannot hold, become U+FFFD.
    """
    try:
        return orjson.dumps(snapshot, option=_OPTIONS)
    except orjson.JSONEncodeError:
        return orjson.dumps(without_surrogates(msgspec.to_builtins(snapshot)), option=_OPTIONS)


def write_snapshot(snapshot: Snapshot | Readout, path: Path) -> None:
    """Writes the document so that at every moment the file is the old one or the new one, whole.

    The file and its folder are created for their owner alone, as answers may be private.

    Raises:
        OSError: It can't be written; what was there before is untouched.
    """
    write_whole(encode_snapshot(snapshot), path)


def write_whole(data: bytes, path: Path) -> None:
    """Writes a document so that at every moment the file is the old one or the new one, whole.

    Raises:
        OSError: It can't be written; what was there before is untouched.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_whole(data, path)
    sync_folder(path.parent)


def write_ratings(ratings: Ratings | None, path: Path) -> None:
    """Puts other ratings into a snapshot that is there; all else in it stays, also what this version does not know.

    Raises:
        OSError: It can't be read or written; what was there before is untouched.
        BadSnapshot: It is no snapshot.
    """
    document = _document(path)
    document["ratings"] = without_surrogates(msgspec.to_builtins(ratings))
    write_whole(orjson.dumps(document, option=_OPTIONS), path)


def read_snapshot(path: Path) -> Snapshot:
    """Reads a snapshot; fields that this version does not know are ignored, verdicts that it does not know are kept.

    Raises:
        OSError: The file can't be read.
        BadSnapshot: It is no snapshot, of another version, or damaged.
    """
    document = _document(path)
    try:
        return msgspec.convert(document, Snapshot)
    except msgspec.ValidationError as error:
        raise damaged(path, error) from error


def _document(path: Path) -> dict[str, Any]:
    try:
        document: Any = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise BadSnapshot(f"{path}: not a snapshot of sparktop: not JSON: {error}") from error
    check_schema(document.get("schema") if isinstance(document, dict) else None, path)
    assert isinstance(document, dict)
    return document


def damaged(path: Path, error: Exception) -> BadSnapshot:
    """Returns what is said of a document that does not fit its schema."""
    how = "damaged, or from a newer sparktop" if str(error).startswith(_UNKNOWN) else "damaged"
    return BadSnapshot(f"{path}: {how}: {error}")


def check_schema(schema: object, path: Path) -> None:
    """Returns if this version reads documents of a schema.

    Raises:
        BadSnapshot: It does not; the sentence says which it reads.
    """
    family, _, version = schema.partition("/") if isinstance(schema, str) else ("", "", "")
    if family != _FAMILY or not version.isdecimal() or len(version) > _LONGEST_VERSION:
        raise BadSnapshot(f'{path}: not a snapshot of sparktop: expected "schema": "{SCHEMA}"')
    if version != _VERSION:
        newer = int(version) > int(_VERSION)
        advice = "update sparktop to read it" if newer else "this version no longer reads it"
        raise BadSnapshot(f"{path}: written as {schema}, and this sparktop reads {SCHEMA}: {advice}")
