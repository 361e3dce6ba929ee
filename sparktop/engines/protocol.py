"""What every engine can do, whatever makes its tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sparktop.model.events import Event
from sparktop.model.scenario import Sampling

Emit = Callable[[Event], None]
"""Takes an event; called from any thread, must return quickly and not raise."""

Clock = Callable[[], float]
"""Seconds since the run began, on the monotonic clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One request as an engine takes it.

    Attributes:
        request: Number of the request in the run.
        prompt: The user's message; ignored when `random_tokens` is set.
        system: System message; empty for none.
        random_tokens: Length of a prompt of random tokens, without a chat template; 0 for none.
        sampling: Its `seed` is the request's own, already distinct from other requests'.
        uncached: The prompt must be read afresh: an engine that keeps prompts from one request to the next puts
            something unique in front of it.
        image: A picture that goes with the prompt, as a data URI (RFC 2397); empty for none.
    """

    request: int
    prompt: str
    sampling: Sampling
    system: str = ""
    random_tokens: int = 0
    uncached: bool = False
    image: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much an engine must hold at once.

    Attributes:
        slots: Sequences decoded together.
        context: Tokens per sequence, prompt and output together.
        threads: Processor threads for one engine; 0 lets it choose.
        sampling: How most requests will be sampled, for engines that prepare for it.
    """

    slots: int
    context: int
    threads: int = 0
    sampling: Sampling = field(default_factory=Sampling)


class Engine(Protocol):
    """Makes tokens for one contender.

    Every call returns at once; what comes of it arrives as events. After `open` comes ModelLoading
    any number of times, then ModelReady or ContenderFailed; after `submit`, for each request,
    PrefillProgress and Tokens, then RequestDone or RequestFailed exactly once; after `close`,
    ModelUnloaded. ContenderFailed is the last event of an engine that breaks.
    """

    def open(self) -> None:
        """Begins to load the model."""

    def submit(self, generations: Sequence[Generation]) -> None:
        """Takes requests that are to be worked on together as far as slots allow."""

    def cancel(self) -> None:
        """Ends all requests within one decode step; they finish as `cancelled`."""

    def close(self) -> None:
        """Unloads the model and lets everything go."""

    def kill(self) -> None:
        """Ends the engine by force: for when `close` was not answered in time."""
