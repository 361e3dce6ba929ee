"""Keeping what is said about the answers of a run that is over.

Each rating is appended to the run's journal and on the disk before the call returns; the snapshot follows within a
second. A program that is killed in between leaves a journal that is newer than its snapshot, which `recover` sees.
Of a run that is nothing but a snapshot, the snapshot is written anew for each rating.

As long as the book is open the journal is locked, so that two programs never rate one run at once.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from sparktop.model.codec import NotAnEvent, decode, encode
from sparktop.model.events import Event, RunEnded, RunStarted, Status
from sparktop.model.rating_events import Opinion
from sparktop.model.rating_log import RatingLog
from sparktop.model.ratings import collect_ratings, rating_events
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import fold
from sparktop.model.unfold import unfold
from sparktop.store.glance import OPINION_LINES, is_finished
from sparktop.store.journal import lock
from sparktop.store.reading import BadJournal, fold_journal
from sparktop.store.snapshots import BadSnapshot, read_snapshot, write_ratings, write_snapshot

SAVE_AFTER_S: Final = 0.5
"""Ratings that come so close after each other are written into the snapshot together."""

_SKIMMED: Final = (*OPINION_LINES, b'{"event":"run-started"', b'{"event":"request-queued"', b'{"event":"run-ended"')


class RatingBook:
    """The ratings of one run, open for more.

    Args:
        journal: The run's journal; None if it has none.
        snapshot: Its snapshot. It need not be there where there is a journal: then it is made.
        wall: Wall-clock time, with its zone.

    Attributes:
        ratings: All ratings so far.

    Raises:
        OSError: A file can't be read or written.
        BlockingIOError: Another program writes to the run, or rates it.
        BadJournal: The journal is none.
        BadSnapshot: The snapshot is none, and there is no journal.
    """

    def __init__(
        self,
        journal: Path | None,
        snapshot: Path,
        *,
        wall: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        self._snapshot = snapshot
        self._wall = wall
        self._fd = _lock_journal(journal) if journal is not None else _lock_beside(snapshot)
        self._journalled = journal is not None
        self._wake = threading.Condition()
        self._closing = False
        self._unsaved = False
        self._problem = ""
        self._saver: threading.Thread | None = None
        try:
            # Millions of tokens and readings are not looked at: a night's journal is skimmed in half a second.
            events = _skim(journal) if journal is not None else unfold(read_snapshot(snapshot))
            state = fold(events)
            self.ratings = state.ratings
            self._answerers = state.answerers
            self._t = state.now if state.ended is None else state.ended
            if journal is not None:
                self._mend(journal)
        except BaseException:
            self._unlock()
            raise

    @property
    def id(self) -> str:
        """Name of the run."""
        return self._snapshot.stem

    def add(self, opinion: Opinion) -> Opinion:
        """Keeps something that was said; it is on the disk when this returns.

        Returns:
            The same with its number and times.

        Raises:
            OSError: It could not be kept; then it does not count either.
        """
        with self._wake:
            event = stamped(opinion, self.ratings, self._t, self._wall())
            if self._journalled:
                self._append(event)
                self.ratings.apply(event)
                self._save_soon()
            else:
                log = RatingLog()
                for one in (*self.ratings.events(), event):
                    log.apply(one)
                write_ratings(collect_ratings(log, self._answerers), self._snapshot)
                self.ratings.apply(event)
        return event

    def close(self) -> str:
        """Writes what the snapshot lacks and lets the run go.

        Returns:
            Why the snapshot lacks some of the ratings, in one sentence; empty if it has them all. The journal does.
        """
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._saver is not None:
            self._saver.join()
        self._unlock()
        return self._problem

    # -- the journal -----------------------------------------------------------------------------------------------

    def _append(self, event: Event) -> None:
        line = encode(event) + b"\n"
        end = os.lseek(self._fd, 0, os.SEEK_END)
        if end and os.pread(self._fd, 1, end - 1) != b"\n":
            # A crash cut the last line off; what is new must not be hung onto it.
            line = b"\n" + line
        try:
            written = 0
            while written < len(line):
                written += os.write(self._fd, line[written:])
            os.fsync(self._fd)
        except OSError:
            # Half a line would be taken for damage.
            os.ftruncate(self._fd, end)
            raise

    def _mend(self, journal: Path) -> None:
        """Brings the two files together: what either of them has, both have."""
        try:
            if not is_finished(self._snapshot):
                state = fold_journal(journal).state
                status = Status.INTERRUPTED if state.ended is None else state.status
                write_snapshot(take_snapshot(state, status), self._snapshot)
                return
            kept = rating_events(read_snapshot(self._snapshot).ratings)
        except BadSnapshot:
            return  # said when there is something to write into it
        for event in kept:
            if event.number not in self.ratings:
                self._append(event)
                self.ratings.apply(event)
        if self.ratings.events() != kept:
            write_ratings(collect_ratings(self.ratings, self._answerers), self._snapshot)

    # -- the snapshot ----------------------------------------------------------------------------------------------

    def _save_soon(self) -> None:
        self._unsaved = True
        if self._saver is None:
            self._saver = threading.Thread(target=self._keep_saved, name="ratings", daemon=True)
            self._saver.start()
        self._wake.notify()

    def _keep_saved(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._closing or self._unsaved)
                # Somebody who rates gives several ratings in a row.
                self._wake.wait_for(lambda: self._closing, SAVE_AFTER_S)
                if not self._unsaved:
                    return
                self._unsaved = False
                ratings = collect_ratings(self.ratings, self._answerers)
            try:
                write_ratings(ratings, self._snapshot)
                self._problem = ""
            except (OSError, BadSnapshot) as error:
                self._problem = f"the ratings are in the run's journal, but not in its snapshot: {error}"

    def _unlock(self) -> None:
        if not self._journalled:
            _beside(self._snapshot).unlink(missing_ok=True)
        os.close(self._fd)


def stamped(opinion: Opinion, log: RatingLog, t: float, at: datetime) -> Opinion:
    """Returns what was said with the next number, its time in the run, and its time by the clock on the wall."""
    return replace(opinion, number=log.next_number, t=t, at=at.isoformat(timespec="milliseconds"))


def _skim(journal: Path) -> list[Event]:
    """Returns of a journal's events those that tell what was asked, when it ended, and what is thought of it."""
    events: list[Event] = []
    last = b""
    with journal.open("rb") as file:
        for line in file:
            last = line
            if line.startswith(_SKIMMED):
                with contextlib.suppress(NotAnEvent):
                    events.append(decode(line))
    if not events or not isinstance(events[0], RunStarted):
        raise BadJournal(f"{journal}: not a journal of sparktop: its first line is no start of a run")
    if not any(isinstance(event, RunEnded) for event in events):
        with contextlib.suppress(NotAnEvent):
            events.append(decode(last))
    return events


def _lock_journal(journal: Path) -> int:
    fd = os.open(journal, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    try:
        lock(fd)
    except OSError:
        os.close(fd)
        raise
    return fd


def _beside(snapshot: Path) -> Path:
    return snapshot.with_name(f".{snapshot.name}.lock")


def _lock_beside(snapshot: Path) -> int:
    """Locks a file beside a snapshot, which itself is replaced by each writing."""
    if not snapshot.is_file():
        raise FileNotFoundError(2, "there is no such file", str(snapshot))
    path = _beside(snapshot)
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            lock(fd)
            # Whoever had it may have removed it just before.
            if path.exists() and os.fstat(fd).st_ino == path.stat().st_ino:
                return fd
        except OSError:
            os.close(fd)
            raise
        os.close(fd)
