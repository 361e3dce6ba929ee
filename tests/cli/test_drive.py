"""A run without a screen ends by itself, by one signal, or at once by two."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import pytest

from sparktop.headless.drive import Drive, Inbox, drive
from sparktop.model.events import Event, Status
from sparktop.model.state import RunState
from tests.cli.scripted import ScriptedSession, beginning, contender, whole_run


class Seen:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.finished = 0
        self.said: list[str] = []

    def say(self, sentence: str) -> None:
        self.said.append(sentence)

    def show(self, state: RunState, events: Iterable[Event]) -> None:
        self.events += events

    def finish(self) -> None:
        self.finished += 1


class Unheard(Seen):
    """A terminal that has gone away."""

    def show(self, state: RunState, events: Iterable[Event]) -> None:
        super().show(state, events)
        raise OSError(5, "Input/output error")


class Left(BaseException):
    """Stands for the end of the process."""


def leave(code: int) -> None:
    raise Left(code)


@contextmanager
def signals(
    *numbers: signal.Signals, after: float = 0.15, obeyed: Callable[[], object] = lambda: True
) -> Iterator[None]:
    """Sends the signals to this process, one after another, while the body runs.

    The first waits until they are handled, since what comes before would end the tests; the next ones for `obeyed`.
    """
    unhandled = signal.getsignal(signal.SIGTERM)

    def send() -> None:
        if not came(lambda: signal.getsignal(signal.SIGTERM) is not unhandled):
            return
        for number in numbers:
            time.sleep(after)
            os.kill(os.getpid(), number)
            if not came(obeyed):
                return

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def came(condition: Callable[[], object]) -> bool:
    """Waits for something that another thread does; whether it came within ten seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def waiting(inbox: Inbox, *, deaf: bool = False) -> ScriptedSession:
    return ScriptedSession(beginning(contender("a")), inbox, waits=True, deaf=deaf)


def test_run_that_ends_by_itself() -> None:
    inbox, seen = Inbox(), Seen()

    done = drive(ScriptedSession(whole_run(), inbox), inbox, seen, leave=leave)

    assert (done.signal, done.hung_up) == (None, False)
    assert done.outcome is not None
    assert done.state.status is Status.COMPLETED
    assert seen.events == whole_run()
    assert seen.finished == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_cancels_and_waits(number: signal.Signals) -> None:
    inbox, seen = Inbox(), Seen()
    session = waiting(inbox)

    with signals(number):
        done = drive(session, inbox, seen, leave=leave)

    assert session.cancelled == 1
    assert done.signal is number
    assert done.state.status is Status.CANCELLED
    assert len(seen.said) == 1
    assert "Ctrl+C again leaves at once" in seen.said[0]
    assert seen.finished == 1


def test_second_signal_leaves_at_once() -> None:
    inbox = Inbox()
    session = waiting(inbox, deaf=True)

    twice = signals(signal.SIGINT, signal.SIGINT, after=0.3, obeyed=lambda: session.cancelled)
    with pytest.raises(Left) as left, twice:
        drive(session, inbox, Seen(), leave=leave)

    assert left.value.args == (130,)


class Both(Seen):
    """Sends two signals at once when it is told for the first time; two of a kind could be merged by the kernel."""

    def show(self, state: RunState, events: Iterable[Event]) -> None:
        both = (signal.SIGTERM, signal.SIGINT)
        if not self.events:
            signal.pthread_sigmask(signal.SIG_BLOCK, both)
            for number in both:
                signal.pthread_kill(threading.get_ident(), number)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, both)
        super().show(state, events)


def test_signal_that_comes_twice_at_once_is_one() -> None:
    inbox, both = Inbox(), Both()

    done = drive(waiting(inbox), inbox, both, leave=leave)

    assert done.signal is not None
    assert done.state.status is Status.CANCELLED
    assert len(both.said) == 1


@pytest.mark.alone
def test_hang_up_ends_within_two_seconds_even_if_the_run_does_not() -> None:
    inbox, seen = Inbox(), Seen()
    session = waiting(inbox, deaf=True)
    began = time.monotonic()

    with signals(signal.SIGHUP):
        done = drive(session, inbox, seen, leave=leave)

    assert time.monotonic() - began < 2
    assert session.cancelled == 1
    assert done == Drive(done.state, None, signal.SIGHUP)
    assert done.hung_up
    assert (seen.said, seen.finished) == ([], 0)  # nothing is written to a terminal that is gone


def test_hang_up_after_an_interrupt_counts_as_a_hang_up() -> None:
    inbox = Inbox()
    session = waiting(inbox, deaf=True)

    with signals(signal.SIGINT, signal.SIGHUP, obeyed=lambda: session.cancelled):
        done = drive(session, inbox, Seen(), leave=leave)

    assert done.hung_up


def test_ignored_hang_up_stays_ignored() -> None:
    inbox = Inbox()
    session = waiting(inbox)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with signals(signal.SIGHUP, signal.SIGINT):
            done = drive(session, inbox, Seen(), leave=leave)
    finally:
        signal.signal(signal.SIGHUP, before)

    assert done.signal is signal.SIGINT


def test_handlers_are_given_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    inbox = Inbox()

    drive(ScriptedSession(whole_run(), inbox), inbox, Seen(), leave=leave)

    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_progress_that_nobody_reads_does_not_end_the_run() -> None:
    inbox, unheard = Inbox(), Unheard()
    session = waiting(inbox)

    with signals(signal.SIGINT, after=0.4):
        done = drive(session, inbox, unheard, leave=leave)

    assert done.state.status is Status.CANCELLED
    assert unheard.events == beginning(contender("a"))  # told once, and not again
    assert unheard.finished == 0


def test_defect_in_progress_cancels_the_run() -> None:
    class Broken(Seen):
        def show(self, state: RunState, events: Iterable[Event]) -> None:
            raise ZeroDivisionError

    inbox = Inbox()
    session = waiting(inbox)

    with pytest.raises(ZeroDivisionError):
        drive(session, inbox, Broken(), leave=leave)

    assert session.cancelled == 1
