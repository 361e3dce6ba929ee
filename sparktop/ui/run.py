"""The run on screen: the screen's own fold of the events, and how far the person has stopped looking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparktop.model.rating_events import Opinion
from sparktop.model.state import RunState
from sparktop.ui.feed import Feed, Rateable

if TYPE_CHECKING:
    from sparktop.model.validity import Validity
    from sparktop.runner.session import Outcome

WINDOWS_S = (10, 30, 60, 120, 300, 600)
"""Stretches of time that the charts can show."""

USUAL = (0, 1, 2)
"""Indices of the stretches that they show unasked: the shorter one until the run outgrows it."""


class Run:
    """What the screens share about one run.

    Attributes:
        feed: Where the events come from.
        state: What they add up to, kept up to date also while the view is frozen.
        outcome: How the run ended, once everything is on disk.
        validity: What is to be thought of the figures, where the events do not tell; None if they do.
    """

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.state = RunState()
        self.outcome: Outcome | None = None
        self.validity: Validity | None = None
        self.frozen_at: float | None = None
        self.cancelling = False
        self._told = 0
        self._failed: set[str] = set()
        self._window: int | None = None

    def pull(self) -> bool:
        """Takes in what happened; returns whether anything did."""
        events = self.feed.drain()
        self.state.extend(events)
        if self.outcome is None and self.state.ended is not None:
            self.outcome = self.feed.wait(0)
            return bool(events) or self.outcome is not None
        return bool(events)

    def news(self) -> list[tuple[str, str]]:
        """Sentences that the person has not been told yet, each with its severity."""
        new = [(notice.text, "warning") for notice in self.state.notices[self._told :]]
        self._told = len(self.state.notices)
        for name, contender in self.state.contenders.items():
            if contender.error and name not in self._failed:
                self._failed.add(name)
                new.append((f"{name}: {contender.error}", "error"))
        return new

    def hush(self) -> None:
        """Lets what happened so far be no news."""
        self.news()

    @property
    def now(self) -> float:
        """Seconds since the run began; stands still once it has ended."""
        return self.state.ended if self.state.ended is not None else max(self.feed.now(), self.state.now)

    @property
    def active(self) -> bool:
        """Whether the run goes on."""
        return self.state.ended is None

    @property
    def frozen(self) -> bool:
        """Whether the view stands still."""
        return self.frozen_at is not None

    @property
    def frozen_s(self) -> float:
        """For how long the view has stood still."""
        return 0.0 if self.frozen_at is None else max(0.0, self.feed.now() - self.frozen_at)

    @property
    def window_s(self) -> float:
        """How long a stretch of time the charts show."""
        return float(WINDOWS_S[self._index])

    @property
    def _index(self) -> int:
        if self._window is not None:
            return self._window
        return next((index for index in USUAL if self.now <= WINDOWS_S[index]), USUAL[-1])

    def rate(self, opinion: Opinion) -> Opinion:
        """Keeps what somebody says of an answer, and takes it in.

        Raises:
            OSError: It can't be kept.
            ValueError: The run's files can't be read, or it is one that can't be rated.
        """
        if not isinstance(self.feed, Rateable):
            raise ValueError('a run that is played again is not rated here; "sparktop rate" opens it for that')
        event = self.feed.rate(opinion)
        self.pull()
        return event

    def close(self) -> str:
        """Lets the run's files go; returns what could not be kept of the ratings, in one sentence."""
        return self.feed.close() if isinstance(self.feed, Rateable) else ""

    def freeze(self) -> None:
        """Stops the view, or lets it go on."""
        self.frozen_at = self.feed.now() if self.frozen_at is None else None

    def zoom(self, step: int) -> None:
        """Shows a longer (1) or shorter (-1) stretch; 0 goes back to the usual one."""
        self._window = min(len(WINDOWS_S) - 1, max(0, self._index + step)) if step else None
