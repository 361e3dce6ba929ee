"""How a run is getting on, for a person who watches stderr or reads a log of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final, Protocol, TextIO

from sparktop.headless.columns import cut
from sparktop.model import metrics
from sparktop.model.events import (
    ContenderFailed,
    Event,
    Finish,
    ModelReady,
    Notice,
    RequestDone,
    RequestFailed,
    RunStarted,
)
from sparktop.model.log_text import log_end
from sparktop.model.split_events import ModelSplit
from sparktop.model.split_text import layers
from sparktop.model.state import Phase, RequestState, RunState
from sparktop.model.text import one_line

_LINE_EVERY_S: Final = 0.1
_LINES_A_SECOND: Final = 4
_LOG_LINES: Final = 8
"""Lines of an engine's log that are shown where it failed; the whole is in the snapshot."""


class Progress(Protocol):
    """Something that tells how a run is getting on."""

    def show(self, state: RunState, events: Iterable[Event]) -> None:
        """Takes news: the state after the events, and the events themselves."""
        ...

    def say(self, sentence: str) -> None:
        """Tells something that is no event."""
        ...

    def finish(self) -> None:
        """Ends: leaves the cursor at the beginning of a line, and nothing untold."""
        ...


class PlainProgress:
    """A line for each thing that happened, a few a second: for logs and pipes."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        """Writes nothing yet.

        Args:
            stream: Where the lines go.
            clock: Seconds.
        """
        self._stream = stream
        self._clock = clock
        self._spent: list[float] = []
        self._held = 0
        self._done = 0
        self._failures = _Failures()

    def show(self, state: RunState, events: Iterable[Event]) -> None:
        """Prints the events worth a line; request lines beyond a few a second are only counted."""
        for event in events:
            # Counted here, because the state is ahead of an event that came together with later ones.
            self._done += _is_done(event)
            if isinstance(event, RequestDone):
                self._request(state, event.request)
            else:
                for line in _news(state, event, self._failures):
                    self._print(line)

    def say(self, sentence: str) -> None:
        """Prints a line."""
        self._print(sentence)

    def finish(self) -> None:
        """Says how many requests had no line of their own."""
        self._tell_held()

    def _request(self, state: RunState, number: int) -> None:
        request = state.requests.get(number)
        if request is None or request.queued.warmup or request.sent is None:
            return
        now = self._clock()
        self._spent = [t for t in self._spent if now - t < 1]
        if len(self._spent) >= _LINES_A_SECOND:
            self._held += 1
            return
        self._spent.append(now)
        self._tell_held()
        self._print(f"{_count(state, self._done)} {_request_line(request)}")

    def _tell_held(self) -> None:
        if self._held:
            self._print(f"... and {self._held} more")
            self._held = 0

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class LineProgress:
    """One line that changes in place; what must not be missed scrolls up above it."""

    def __init__(self, stream: TextIO, columns: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        """Writes nothing yet.

        Args:
            stream: A terminal.
            columns: Its width now, in cells.
            clock: Seconds.
        """
        self._stream = stream
        self._columns = columns
        self._clock = clock
        self._painted_at = -1.0
        self._painted = ""
        self._done = 0
        self._failures = _Failures()

    def show(self, state: RunState, events: Iterable[Event]) -> None:
        """Repaints the line if it has changed, at most ten times a second."""
        lines = []
        for event in events:
            self._done += _is_done(event)
            lines += _news(state, event, self._failures)
        now = self._clock()
        if not lines and now - self._painted_at < _LINE_EVERY_S:
            return
        # One cell is left free: a terminal that wraps at the last one would scroll.
        self._paint(lines, cut(_current(state, self._done), self._columns() - 1), now)

    def say(self, sentence: str) -> None:
        """Lets a sentence scroll up above the line."""
        self._paint([sentence], self._painted, self._clock())

    def _paint(self, lines: list[str], current: str, now: float) -> None:
        if not lines and current == self._painted:
            return
        self._painted_at, self._painted = now, current
        self._stream.write("".join(f"\r{line}\x1b[K\n" for line in lines) + f"\r{current}\x1b[K")
        self._stream.flush()

    def finish(self) -> None:
        """Takes the line away."""
        self._stream.write("\r\x1b[K")
        self._stream.flush()


class _Failures:
    """What has been told of failures: one that takes many requests with it is told once."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()

    def is_new(self, contender: str, error: str) -> bool:
        """Whether this error of a contender was not told before; now it counts as told."""
        known = (contender, error) in self._told
        self._told.add((contender, error))
        return not known


def _is_done(event: Event) -> bool:
    """Whether a request has come to an end of its own; a cancelled one has not."""
    return isinstance(event, RequestFailed) or (isinstance(event, RequestDone) and event.finish is not Finish.CANCELLED)


def _news(state: RunState, event: Event, failures: _Failures) -> list[str]:
    """What is told of an event in either way of telling."""
    match event:
        case RunStarted():
            names = ", ".join(one_line(c.name) for c in event.contenders)
            return [f"run {event.id}: {one_line(event.scenario.title)}, {names}, {event.planned} requests"]
        case ModelReady():
            contender = state.contenders.get(event.contender)
            if contender is not None and contender.contender.url:
                served = event.model.name
                what = (
                    f"{served}, {event.model.description},"
                    if served not in event.contender
                    else event.model.description
                )
                return [one_line(f"{event.contender}: {what} answers at {contender.contender.url}")]
            where = ", ".join(event.model.devices) or "unknown device"
            # Of one that is split, the devices have their machines' names.
            if contender is not None and len(state.nodes) > 1 and contender.contender.node in state.nodes:
                where += f" of {contender.contender.node}"
            return [one_line(f"{event.contender}: {event.model.description} loaded in {event.load_s:.1f} s on {where}")]
        case ModelSplit():
            held = (f"{part.node} {_size(part.total)} ({layers(part)})" for part in event.parts)
            return [one_line(f"{event.contender}: split over {', '.join(held)}")]
        case ContenderFailed():
            failures.is_new(event.contender, event.error)
            log = (f"    {line}" for line in log_end(event.log, _LOG_LINES))
            return [f"{one_line(event.contender)} failed: {one_line(event.error)}", *log]
        case RequestFailed():
            request = state.requests.get(event.request)
            if request is None:
                return [one_line(f"request {event.request} failed: {event.error}")]
            if failures.is_new(request.queued.contender, event.error):
                return [one_line(f"{request.queued.contender} {request.queued.item} failed: {event.error}")]
        case Notice():
            return [f"note: {one_line(event.text)}"]
    return []


def _size(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB" if count >= 2**30 else f"{count / 2**20:,.1f} MiB"


def _count(state: RunState, done: int) -> str:
    planned = state.started.planned if state.started else len(state.requests)
    return f"[{done:>{len(str(planned))}}/{planned}]"


def _request_line(request: RequestState) -> str:
    stream = request.stream
    parts = [f"{one_line(request.queued.contender)} {one_line(request.queued.item)}"]
    if request.queued.batch > 1:
        parts.append(f"batch {request.queued.batch}")
    parts.append(f"{request.output_tokens} tokens")
    if (e2e := metrics.e2e_ms(stream)) is not None:
        parts.append(f"{e2e / 1e3:.2f} s")
    if (ttft := metrics.ttft_ms(stream)) is not None:
        parts.append(f"TTFT {ttft:.0f} ms")
    if (speed := metrics.decode_tok_s(stream)) is not None:
        parts.append(f"{speed:.1f} tok/s")
    if request.finish is not None:
        parts.append(request.finish.value)
    return ", ".join(parts)


def _current(state: RunState, done: int) -> str:
    parts = [_count(state, done)]
    if active := state.active():
        first = active[0]
        more = f" and {len(active) - 1} more" if len(active) > 1 else ""
        warmup = "warm-up, " if first.queued.warmup else ""
        parts.append(f"{one_line(first.queued.contender)} {one_line(first.queued.item)}{more}: {warmup}{first.phase}")
        parts.append(f"{sum(request.output_tokens for request in active)} tokens")
        if speed := state.rate.rate(state.now):
            parts.append(f"{speed:.1f} tok/s")
    else:
        loading = [c for c in state.contenders.values() if c.phase is Phase.LOADING]
        parts += [f"{one_line(c.contender.name)}: loading {c.fraction:.0%}" for c in loading]
    parts.append(f"{int(state.now) // 60}:{int(state.now) % 60:02d}")
    return ", ".join(parts)
