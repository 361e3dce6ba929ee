"""Runs a session without a screen: tells how it gets on, and ends it when it is asked to."""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Final, Protocol

from sparktop.headless.progress import Progress
from sparktop.model.events import Event
from sparktop.model.state import RunState
from sparktop.runner.session import Outcome

_POLL_S: Final = 0.05
_HANG_UP_S: Final = 1.2
"""How long a run may take to flush once nobody can see it: with leaving, two seconds in all."""

_ECHO_S: Final = 0.2
"""A signal so soon after the first is the same wish: timeout(1) tells its child, then the whole process group."""

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Running(Protocol):
    """What is driven: a `Session`, or a recording of one."""

    def start(self) -> None:
        """Begins; returns at once."""
        ...

    def cancel(self) -> None:
        """Asks the run to stop; returns at once."""
        ...

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """Waits for the end; None if it did not come within `timeout` seconds."""
        ...


class Inbox:
    """Takes events from any thread and hands them to the one that shows them."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque()

    def put(self, event: Event) -> None:
        """Takes an event; returns at once."""
        self._events.append(event)

    def take(self) -> list[Event]:
        """Returns what has come since the last call, in order."""
        return [self._events.popleft() for _ in range(len(self._events))]


@dataclass(frozen=True, slots=True)
class Drive:
    """How a driven run went.

    Attributes:
        state: The run as its events told it.
        outcome: How it ended; None if it was given up before it had.
        signal: The signal that ended it; None if it came to its own end.
    """

    state: RunState
    outcome: Outcome | None
    signal: signal.Signals | None

    @property
    def hung_up(self) -> bool:
        """Whether the terminal has gone away."""
        return self.signal is signal.SIGHUP


def drive(session: Running, inbox: Inbox, progress: Progress, *, leave: Callable[[int], None] = os._exit) -> Drive:
    """Starts a session and returns when it has ended. Call it from the main thread.

    The first SIGINT or SIGTERM cancels the run and waits for it; the next one leaves at once.
    SIGHUP cancels the run and waits no longer than two seconds.

    Args:
        session: What is run; its events go to `inbox`.
        inbox: Where the events come from.
        progress: Is told of them.
        leave: Ends the process with an exit code.
    """
    state = RunState()
    signals: list[tuple[float, signal.Signals]] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        # No more than this: the thread that it interrupts may hold any lock of the session's.
        now = time.monotonic()
        if signals and number != signal.SIGHUP:
            if now - signals[0][0] < _ECHO_S:
                return
            leave(128 + signal.SIGINT)
        signals.append((now, signal.Signals(number)))

    with _handling(on_signal):
        session.start()
        try:
            outcome = _follow(session, inbox, state, _Telling(progress), signals)
        except BaseException:
            session.cancel()
            session.wait(_HANG_UP_S)
            raise
    names = [name for _, name in signals]
    return Drive(state, outcome, signal.SIGHUP if signal.SIGHUP in names else next(iter(names), None))


class _Telling:
    """Progress that gives up when nobody can be told any more; the run itself goes on."""

    def __init__(self, progress: Progress) -> None:
        self._progress: Progress | None = progress

    def show(self, state: RunState, events: list[Event]) -> None:
        self._try(lambda progress: progress.show(state, events))

    def say(self, sentence: str) -> None:
        self._try(lambda progress: progress.say(sentence))

    def finish(self) -> None:
        self._try(lambda progress: progress.finish())

    def stop(self) -> None:
        self._progress = None

    def _try(self, tell: Callable[[Progress], None]) -> None:
        if self._progress is None:
            return
        try:
            tell(self._progress)
        except OSError:
            # The terminal or the reader of the pipe is gone. The journal is being kept all the same,
            # and there is nowhere left to say that this line was not read.
            self.stop()


def _follow(
    session: Running,
    inbox: Inbox,
    state: RunState,
    telling: _Telling,
    signals: list[tuple[float, signal.Signals]],
) -> Outcome | None:
    outcome = None
    obeyed = 0
    while outcome is None:
        outcome = session.wait(_POLL_S)
        hung_up = next((t for t, name in signals if name is signal.SIGHUP), None)
        if hung_up is not None:
            telling.stop()
            if outcome is None and time.monotonic() - hung_up > _HANG_UP_S:
                return None
        if len(signals) > obeyed:
            obeyed = len(signals)
            session.cancel()
            telling.say("ending the run and keeping what there is; Ctrl+C again leaves at once")
        events = inbox.take()
        state.extend(events)
        telling.show(state, events)
    telling.finish()
    return outcome


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    # What is ignored stays ignored: nohup, and jobs that a script put into the background, rely on it.
    before = {number: old for number in _SIGNALS if (old := signal.getsignal(number)) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
