"""The report as JSON: the document itself, for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import orjson

from sparktop.report.document import Report
from sparktop.report.escape import text


def to_json(report: Report) -> str:
    """Returns the document; its texts hold nothing that acts on a terminal."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(_clean(asdict(report)), option=options).decode()


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        return {key: _clean(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one) for one in value]
    return value
