"""Ways that are gone step by step, several side by side, in one thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

Condition = Callable[[], bool]


class Course:
    """A lane under way, and what it waits for."""

    def __init__(self, steps: Generator[Condition, None, None], condition: Condition) -> None:
        self._steps = steps
        self._condition = condition

    def go_on(self) -> bool:
        """Lets the lane go as far as it can; false when it has arrived."""
        while self._condition():
            condition = next(self._steps, None)
            if condition is None:
                return False
            self._condition = condition
        return True

    def close(self) -> None:
        """Ends it where it is; it leaves no process behind."""
        self._steps.close()


class Starting(Protocol):
    """What can set out: a lane."""

    def start(self) -> Course | None:
        """Sets out; None if it has arrived already."""


class Track:
    """Lanes that are run one after another."""

    def __init__(self, lanes: Iterable[Starting]) -> None:
        self._lanes = deque(lanes)
        self._course: Course | None = None

    def go_on(self) -> bool:
        """Lets them go as far as they can; false when all have arrived."""
        while self._course is None or not self._course.go_on():
            if not self._lanes:
                self._course = None
                return False
            self._course = self._lanes.popleft().start()
        return True

    def close(self) -> None:
        """Ends the one that is under way."""
        if self._course is not None:
            self._course.close()


def in_turn(places: Sequence[AbstractSet[object]]) -> list[list[int]]:
    """Returns which lanes take turns, by their numbers: those that have a place in common, directly or by others.

    Args:
        places: Where each lane runs.
    """
    groups: list[tuple[set[object], list[int]]] = []
    for number, where in enumerate(places):
        shared = [group for group in groups if group[0] & where]
        groups = [group for group in groups if not group[0] & where]
        groups.append(
            (set(where).union(*(group[0] for group in shared)), sorted([number, *(n for g in shared for n in g[1])]))
        )
    return sorted(numbers for _, numbers in groups)
