"""Whoever has ordered a job on a node, and how far that has come."""

from __future__ import annotations

from typing import Protocol

from sparktop.model.events import Event


class Client(Protocol):
    """Whoever ordered a job. All calls come from the node's thread."""

    def take(self, event: Event, offset: float) -> None:
        """Takes an event; `offset` turns its times into seconds since the run began.

        Raises:
            Lost: The event can't be true.
        """

    def fail(self, why: str, *, unreachable: bool) -> None:
        """Takes that nothing more will come of it."""

    def look(self) -> None:
        """Is called a few times a second."""


class OrderedJob:
    """An order to load, and how far its events have come."""

    def __init__(self, client: Client, load: int) -> None:
        self.client = client
        self.load = load
        self.next = 0
        self.told = 0
        self.over = False


def told_by(node: str, sentence: str) -> str:
    """Returns what a node says, with its name before it unless it begins with that."""
    return sentence if sentence.startswith(f"{node} ") else f"{node}: {sentence}"
