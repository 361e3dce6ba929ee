"""Events as JSON objects and back.

One object a line: `{"event": "tokens", "t": 1.25, ...}`. Unknown fields are ignored and unknown
events refused, so that an older program reads what a newer one wrote as far as it can.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
import orjson

from sparktop.model import events, rating_events, split_events
from sparktop.model.events import Event


def _name(cls: type[Event]) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()


EVENT_TYPES: Final[dict[str, type[Event]]] = {
    _name(cls): cls
    for module in (events, rating_events, split_events)
    for cls in vars(module).values()
    if isinstance(cls, type) and issubclass(cls, Event) and cls is not Event
}
"""Every event by the name that it has in JSON ("run-started")."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_NAMES: Final = {cls: name for name, cls in EVENT_TYPES.items()}


class NotAnEvent(ValueError):
    """The bytes are not an event: not JSON, of an unknown type, or with a wrong field."""


def encode(event: Event) -> bytes:
    """Returns the event as one line of JSON, without the newline.

    Lone surrogates, which JSON cannot hold, become U+FFFD.
    """
    try:
        return b'{"event":"' + _NAMES[type(event)].encode() + b'",' + orjson.dumps(event)[1:]
    except (TypeError, orjson.JSONEncodeError):
        clean: Any = without_surrogates(msgspec.to_builtins(event))
        return orjson.dumps({"event": _NAMES[type(event)], **clean})


def decode(line: bytes | str) -> Event:
    """Returns the event that `encode` wrote.

    Raises:
        NotAnEvent: The line is not an event; the message says why.
    """
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise NotAnEvent(f"not JSON: {error}") from None
    if not isinstance(fields, dict) or not isinstance(name := fields.pop("event", None), str):
        raise NotAnEvent('not an object with an "event"')
    cls = EVENT_TYPES.get(name)
    if cls is None:
        raise NotAnEvent(f'unknown event "{name[:40]}"')
    try:
        event = msgspec.convert(fields, cls)
    except msgspec.ValidationError as error:
        raise NotAnEvent(f'event "{name}": {error}') from None
    if isinstance(event, events.Tokens) and len(event.times) != len(event.counts):
        raise NotAnEvent(f'event "{name}": {len(event.times)} times but {len(event.counts)} counts')
    return event


def without_surrogates(value: Any) -> Any:
    """Returns a JSON value in which every lone surrogate is U+FFFD."""
    if isinstance(value, str):
        return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, dict):
        return {without_surrogates(k): without_surrogates(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [without_surrogates(item) for item in value]
    return value
