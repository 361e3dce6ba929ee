"""The JSON Schema of the snapshot, made from its records and what their docstrings say."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields, is_dataclass
from typing import Any, Final, get_args, get_type_hints

import msgspec

from sparktop.model.events import TokenSource
from sparktop.model.snapshot import SCHEMA, Snapshot
from sparktop.model.verdicts import Code

_ATTRIBUTE: Final = re.compile(r"^ {4}(\w+): (.+(?:\n {8}.+)*)", re.MULTILINE)


def snapshot_schema() -> dict[str, Any]:
    """Returns the JSON Schema (2020-12) that every snapshot of this version fulfils.

    Fields that it does not name are allowed: a later program may add some, and readers have to
    ignore what they do not know.
    """
    schema = msgspec.json.schema(Snapshot)
    definitions: dict[str, Any] = schema["$defs"]
    for names in (Code, TokenSource):
        definitions[names.__name__] = {
            "title": names.__name__,
            "description": _flat(inspect.getdoc(names) or ""),
            "type": "string",
            "examples": [name.value for name in names],
        }
    for cls in _records(Snapshot):
        definition = definitions[cls.__name__]
        documentation = inspect.getdoc(cls) or ""
        definition["description"] = _flat(documentation.split("\n\n")[0])
        for name, text in _ATTRIBUTE.findall(documentation):
            definition["properties"][name]["description"] = _flat(text)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": SCHEMA, **schema}


def _records(root: type) -> list[type]:
    """Returns every dataclass that can be part of the document."""
    found: dict[type, None] = {}
    waiting: list[Any] = [root]
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and is_dataclass(kind) and kind not in found:
            found[kind] = None
            hints = get_type_hints(kind)
            waiting.extend(hints[field.name] for field in fields(kind))
        waiting.extend(get_args(kind))
    return list(found)


def _flat(text: str) -> str:
    return " ".join(text.split())
