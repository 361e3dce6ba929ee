"""What stands for a job that could not begin."""

from __future__ import annotations

from sparktop.engines.protocol import Generation
from sparktop.model.codec import encode
from sparktop.model.events import ContenderFailed
from sparktop.nodes.ring import Feed


class NoJob:
    """In the place of a job that never was: its only event says why.

    Args:
        contender: Name that the event carries.
        why: The sentence.
        t: When, in seconds of the agent's clock.
    """

    def __init__(self, contender: str, why: str, t: float) -> None:
        self.feed = Feed()
        self.feed.add(encode(ContenderFailed(t=t, contender=contender, error=why)))
        self.over = True

    def submit(self, generations: tuple[Generation, ...]) -> None:
        """Does nothing: the head learns that there is no engine."""

    def cancel(self) -> None:
        """Does nothing."""

    def close(self) -> None:
        """Does nothing."""

    def kill(self) -> None:
        """Does nothing."""
