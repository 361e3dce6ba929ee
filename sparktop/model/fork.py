"""A copy of a run's state that goes its own way, to come back to later.

Folding a run of hours takes seconds. Who wants to see an earlier moment of it again folds on from a copy instead. What
never changes any more is shared, above all the requests that have ended: so a copy costs milliseconds, however long the
run was.
"""

from __future__ import annotations

import copy
from array import array
from collections import deque
from dataclasses import fields, is_dataclass
from typing import Any

from sparktop.model.rating_log import RatingLog
from sparktop.model.state import RequestState, RunState

_PLAIN = (int, float, str, type(None))


def fork(state: RunState) -> RunState:
    """Returns a copy; whatever is applied to one of the two, the other stays as it is."""
    made: RunState = _fork_object(state)
    return made


def _fork(value: Any) -> Any:
    match value:
        case list():
            # Readings: thousands of numbers, and nothing in them to copy.
            plain = value and isinstance(value[0], _PLAIN) and isinstance(value[-1], _PLAIN)
            return value.copy() if plain else [_fork(one) for one in value]
        case dict():
            plain = isinstance(next(iter(value.values()), None), _PLAIN)
            return value.copy() if plain else {key: _fork(one) for key, one in value.items()}
        case tuple():
            return tuple(map(_fork, value))
        case array():
            return value[:]
        case set():
            return set(value)
        case deque():
            return deque(map(_fork, value), value.maxlen)
        case RunState() | RatingLog():
            return _fork_object(value)
        case RequestState() if value.ended is not None:
            return value
    if not is_dataclass(value) or isinstance(value, type) or value.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        return value
    made = copy.copy(value)
    for field in fields(value):
        setattr(made, field.name, _fork(getattr(value, field.name)))
    return made


def _fork_object(value: Any) -> Any:
    made = copy.copy(value)
    vars(made).update({name: _fork(one) for name, one in vars(value).items()})
    return made
