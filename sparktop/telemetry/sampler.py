"""Reads every source at a steady pace, whatever one of them does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from sparktop.telemetry.reading import Reading, Source

_PATIENCE: Final = 0.8
"""Share of the interval that a source may take before its channels become a gap."""


class Sampler:
    """Reads sources in threads and hands on one merged reading an interval.

    Every source has a thread of its own, so a read that hangs (a driver that restarts, a firmware
    that doesn't answer) makes a gap with a reason in its own channels and delays nothing else. Such
    a read is never repeated beside itself: the source is asked again when it has come back.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        emit: Callable[[Reading], None],
        clock: Callable[[], float] = time.monotonic,
        interval_s: float = 0.5,
    ) -> None:
        """Starts nothing yet.

        Args:
            sources: What is read; their channels must not overlap.
            emit: Called with every merged reading from the sampler's thread; must not raise.
            clock: Seconds; the readings' `t` is on this clock.
            interval_s: Seconds between readings.
        """
        self._readers = [_Reader(source, clock) for source in sources]
        self._emit = emit
        self._clock = clock
        self._interval = interval_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def start(self) -> None:
        """Takes the first reading now, and then one an interval, until `stop`."""
        for reader in self._readers:
            reader.start()
        self._thread.start()

    def stop(self, timeout: float = 1.0) -> None:
        """Ends; no reading is emitted after this returns, unless `emit` itself took too long.

        A thread that hangs in a read is left behind: it is a daemon and holds nothing.

        Args:
            timeout: Most seconds to wait.
        """
        self._stopping.set()
        for reader in self._readers:
            reader.stop()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopping.is_set():
            t = self._clock()
            for reader in self._readers:
                reader.ask()
            deadline = time.monotonic() + self._interval * _PATIENCE
            readings = [reader.answer(deadline) for reader in self._readers]
            if self._stopping.is_set():
                return
            self._emit(_merged(t, readings))
            # A machine that slept is read once on waking, not once for every interval it missed.
            due = max(due + self._interval, time.monotonic())
            self._stopping.wait(due - time.monotonic())


class _Reader:
    """One source and its thread."""

    def __init__(self, source: Source, clock: Callable[[], float]) -> None:
        self._source = source
        self._clock = clock
        self._changed = threading.Condition()
        self._asked: float | None = None
        self._answer: Reading | None = None
        self._late = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"read {source.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def ask(self) -> None:
        """Orders a read, unless one is still under way."""
        with self._changed:
            if self._asked is None:
                self._asked = self._clock()
                self._answer = None
                self._late = False
                self._changed.notify_all()

    def answer(self, deadline: float) -> Reading:
        """Returns the reading, or a gap if it has not come by `deadline` (monotonic seconds)."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._answer is not None or self._stopping, max(0.0, deadline - time.monotonic())
            )
            if self._answer is not None:
                return self._answer
            self._late = True
            now = self._clock()
            waited = now - self._asked if self._asked is not None else 0.0
            return self._gap(now, f"no answer for {waited:.1f} s")

    def _gap(self, t: float, reason: str) -> Reading:
        return Reading(t=t, missing=dict.fromkeys(self._source.channels, reason))

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or (self._asked is not None and self._answer is None))
                if self._stopping:
                    return
            reading = self._read()
            with self._changed:
                if self._late:
                    # The tick that it was for is over; and when in the meantime the counters were
                    # read nobody can tell, so the next rate must not be counted from them.
                    self._source.forget()
                    self._answer = None
                else:
                    self._answer = reading
                self._asked = None
                self._changed.notify_all()

    def _read(self) -> Reading:
        now = self._clock()
        try:
            return self._source.read(now)
        except Exception as error:
            # A source promises not to raise; if one does, that is a defect of it alone, and the
            # gap says so: a log line from here would end up across the person's screen.
            return self._gap(now, f"{type(error).__name__}: {error}")


def _merged(t: float, readings: Sequence[Reading]) -> Reading:
    values: dict[str, float] = {}
    missing: dict[str, str] = {}
    for reading in readings:
        values.update(reading.values)
        missing.update(reading.missing)
    return Reading(t=t, values=values, missing=missing)
