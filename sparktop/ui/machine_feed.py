"""The feeds of a machine that is watched without a run: read now, or played from a recording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sparktop.model.events import Event, RunEnded
from sparktop.runner.backlog import Backlog
from sparktop.runner.watch import LiveMachine, RecordedMachine
from sparktop.ui.feed import Clock
from sparktop.ui.transport import Transport

if TYPE_CHECKING:
    from sparktop.runner.session import Outcome


class LiveMachineFeed:
    """This machine; see `sparktop.ui.feed.MachineFeed`.

    Args:
        machine: What is read.
        clock: What time is measured by.
        recorded_to: Where it is recorded, if it is.
    """

    def __init__(self, machine: LiveMachine, clock: Clock, recorded_to: Path | None = None) -> None:
        self._machine = machine
        self._clock = clock
        self._origin = clock()
        self._backlog = Backlog()
        self.id = "monitor"
        self.recorded_to = recorded_to
        self.played_from = ""
        self.length_s = 0.0
        self.speed = 1.0
        self.paused = False

    @property
    def problem(self) -> str:
        """Why what is recorded is not complete; empty if it is."""
        return self._machine.problem

    def start(self) -> None:
        """Begins; returns at once."""
        self._origin = self._clock()
        self._machine.start(self._backlog.put)

    def cancel(self) -> None:
        """Stops reading; takes a second at most."""
        self._machine.stop()

    def drain(self) -> Sequence[Event]:
        """Takes the events that came since the last call, in order."""
        return self._backlog.take()

    def now(self) -> float:
        """Seconds since the beginning, which go on between readings."""
        return max(0.0, self._clock() - self._origin)

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """Nothing comes of it."""
        return None

    def snapshot_now(self) -> Path:
        """Writes nothing: the screen has what was read."""
        raise OSError("only runs are kept")

    def pause(self) -> bool:
        """A machine goes on, whoever looks."""
        return False


class PlayedMachineFeed:
    """A recording; see `sparktop.ui.feed.MachineFeed`. It is read as it is played.

    Args:
        machine: What was read.
        clock: What time is measured by.
        speed: Seconds of the recording that pass in a second.
    """

    def __init__(self, machine: RecordedMachine, clock: Clock, speed: float = 1.0) -> None:
        self._events = machine.events()
        self._transport = Transport(clock, machine.length_s, speed)
        self._next: Event | None = None
        self._ended = False
        self.id = machine.name
        self.recorded_to: Path | None = None
        self.played_from = machine.name
        self.length_s = machine.length_s
        self.speed = speed
        self.problem = ""

    @property
    def paused(self) -> bool:
        """Whether it stands still."""
        return self._transport.paused

    def start(self) -> None:
        """Begins at the first reading."""
        self._transport.start()

    def cancel(self) -> None:
        """Shows no more of it."""
        self._ended = True

    def drain(self) -> Sequence[Event]:
        """Takes the events up to the place that the recording is at."""
        events: list[Event] = []
        now = self.now()
        while not self._ended:
            if self._next is None:
                self._next = next(self._events, None)
            if self._next is None or self._next.t > now:
                break
            events.append(self._next)
            self._ended = isinstance(self._next, RunEnded)
            self._next = None
        return events

    def now(self) -> float:
        """Seconds from the first reading to the place that the recording is at; it stays at its end."""
        return self._transport.place_s

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """Nothing comes of it."""
        return None

    def snapshot_now(self) -> Path:
        """Writes nothing: the screen has what was read."""
        raise OSError("only runs are kept")

    def pause(self) -> bool:
        """Stops it, or lets it go on."""
        self._transport.pause()
        return True
