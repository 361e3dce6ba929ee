"""Recordings: what the sources read of a machine, raw, to be read again elsewhere.

A recording is a folder: `recording.json` says what it is, and a file for each source ("gpu.jsonl")
holds what that source read, one JSON object a line, in order. A line `{"read": 12.5}` begins a
reading at 12.5 s; what follows was read for it: `{"file": path, "lines": [...]}`,
`{"dir": path, "names": [...]}`, `{"link": path, "to": ...}`, `{"ask": "power/0", "answer": ...}`
and `{"clock": seconds}`. In place of an answer there is an `error` where one was refused. What is
the same as the last time is left out.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, TypeVar

from sparktop.telemetry.machine import MAKERS, Inputs
from sparktop.telemetry.nvml import Answer, Driver, DriverLost, NotSupported
from sparktop.telemetry.reading import Files, Reading, Source, Unreadable

FORMAT: Final = "sparktop.recording/1"
HEADER: Final = "recording.json"

_RESULTS: Final = {"file": "lines", "dir": "names", "link": "to", "ask": "answer"}
"""What is asked for, and under which name the answer is kept."""

_ERRORS: Final[dict[str, type[Unreadable]]] = {
    "unreadable": Unreadable,
    "not-supported": NotSupported,
    "lost": DriverLost,
}
_KINDS: Final = {error: kind for kind, error in _ERRORS.items()}

_T = TypeVar("_T")


class BadRecording(Exception):
    """The folder is no recording, or a broken one; the message says where."""


class _Tape:
    """Writes what one source reads, a whole reading at a time. A full disk ends the recording, never the reading."""

    def __init__(self, path: Path, root: Path) -> None:
        self._file = path.open("x", encoding="utf-8")
        self._waiting: list[str] = []
        # Where the tree lies is of no interest to whoever plays it.
        self._root = "" if str(root) == "/" else str(root)
        self._last: dict[str, Any] = {}
        self.problem = ""

    def begin(self, now: float) -> None:
        self._write({"read": now})

    def forget(self) -> None:
        self._write({"forget": True})
        self.end()

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            self.problem = self.problem or f"the recording is not complete: {error}"

    def end(self) -> None:
        """Puts the reading on disk: whatever becomes of this process now, it can be played."""
        lines, self._waiting = self._waiting, []
        # A source that hung comes back after the end, to nobody.
        if self.problem or self._file.closed:
            return
        try:
            self._file.write("".join(lines))
            self._file.flush()
        except (OSError, ValueError) as error:  # ValueError: text that no file can hold
            self.problem = f"the recording is not complete: {error}"

    def keep(self, kind: str, key: str, ask: Callable[[], _T]) -> _T:
        """Asks, writes down what came, and hands it on."""
        key = key.removeprefix(self._root)
        try:
            answer = ask()
        except Unreadable as error:
            reason = str(error).replace(self._root, "") if self._root else str(error)
            told = {"error": reason, "as": _KINDS.get(type(error), "unreadable")}
            self._put(kind, key, told)
            raise
        self._put(kind, key, {_RESULTS[kind]: answer})
        return answer

    def clock(self, clock: Callable[[], float]) -> float:
        seconds = clock()
        self._write({"clock": seconds})
        return seconds

    def _put(self, kind: str, key: str, told: dict[str, Any]) -> None:
        if self._last.get(f"{kind} {key}") != told:
            self._last[f"{kind} {key}"] = told
            self._write({kind: key, **told})

    def _write(self, line: dict[str, Any]) -> None:
        self._waiting.append(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


@dataclass(frozen=True, slots=True)
class _TapedFiles:
    tape: _Tape
    files: Files

    def lines(self, path: Path) -> list[str]:
        return self.tape.keep("file", str(path), lambda: self.files.lines(path))

    def names(self, path: Path) -> tuple[str, ...]:
        return self.tape.keep("dir", str(path), lambda: self.files.names(path))

    def link(self, path: Path) -> str:
        return self.tape.keep("link", str(path), lambda: self.files.link(path))


@dataclass(frozen=True, slots=True)
class _TapedDriver:
    tape: _Tape
    driver: Driver

    def open(self) -> None:
        self.tape.keep("ask", "open", self.driver.open)

    def close(self) -> None:
        self.driver.close()

    def ask(self, question: str, gpu: int = 0) -> Answer:
        return self.tape.keep("ask", f"{question}/{gpu}", lambda: self.driver.ask(question, gpu))


class _TapedSource:
    def __init__(self, source: Source, tape: _Tape) -> None:
        self._source = source
        self._tape = tape
        self.name = source.name

    @property
    def channels(self) -> tuple[str, ...]:
        return self._source.channels

    def read(self, now: float) -> Reading:
        self._tape.begin(now)
        try:
            return self._source.read(now)
        finally:
            self._tape.end()

    def forget(self) -> None:
        self._tape.forget()
        self._source.forget()


class Recording:
    """Sources of this machine whose every read is also written to a folder.

    Args:
        folder: Made for it; must not be a recording yet.
        inputs: What the sources read.

    Attributes:
        sources: As `machine.sources` makes them.

    Raises:
        OSError: The folder can't be written to; FileExistsError if it holds a recording.
    """

    def __init__(self, folder: Path, inputs: Inputs) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        header = {"format": FORMAT, "page_size": inputs.page_size, "me": inputs.me}
        with (folder / HEADER).open("x", encoding="utf-8") as file:
            file.write(json.dumps(header) + "\n")
        self._tapes = []
        sources = []
        for name, make in MAKERS.items():
            tape = _Tape(folder / f"{name}.jsonl", inputs.root)
            taped = replace(
                inputs,
                files=_TapedFiles(tape, inputs.files),
                driver=_TapedDriver(tape, inputs.driver),
                clock=partial(tape.clock, inputs.clock),
            )
            self._tapes.append(tape)
            sources.append(_TapedSource(make(taped), tape))
        self.sources: tuple[Source, ...] = tuple(sources)

    @property
    def problem(self) -> str:
        """Why the recording ends before the reading did; empty if it doesn't."""
        return next((tape.problem for tape in self._tapes if tape.problem), "")

    def close(self) -> None:
        """Ends the recording."""
        for tape in self._tapes:
            tape.close()


@dataclass(slots=True)
class _Tick:
    """What one reading found.

    Attributes:
        t: When it began.
        told: What changed, in order, as (what was asked, what came).
        late: It took so long that its numbers were thrown away.
    """

    t: float
    told: list[tuple[str, Any]] = field(default_factory=list)
    late: bool = False


class _Player:
    """Answers one source as its tape has it; serves as its files, its driver and its clock."""

    def __init__(self, path: Path) -> None:
        self.ticks = deque(_ticks(path))
        self._known: dict[str, dict[str, Any]] = {}
        self._fresh: dict[str, deque[dict[str, Any]]] = {}

    def begin(self, tick: _Tick) -> None:
        for key, waiting in self._fresh.items():
            if waiting:
                self._known[key] = waiting[-1]
        self._fresh = {}
        for key, told in tick.told:
            self._fresh.setdefault(key, deque()).append(told)

    def lines(self, path: Path) -> list[str]:
        return list(self._tell(f"file {path}")["lines"])

    def names(self, path: Path) -> tuple[str, ...]:
        return tuple(self._tell(f"dir {path}")["names"])

    def link(self, path: Path) -> str:
        return str(self._tell(f"link {path}")["to"])

    def open(self) -> None:
        self._tell("ask open")

    def close(self) -> None:
        """Nothing is open."""

    def ask(self, question: str, gpu: int = 0) -> Answer:
        answer: Answer = self._tell(f"ask {question}/{gpu}")["answer"]
        return answer

    def clock(self) -> float:
        return float(self._tell("clock")["clock"])

    def _tell(self, key: str) -> dict[str, Any]:
        if waiting := self._fresh.get(key):
            self._known[key] = waiting.popleft()
        told = self._known.get(key)
        if told is None:
            raise Unreadable(f"the recording has no {key}")
        if "error" in told:
            raise _ERRORS[told["as"]](told["error"])
        return told


class PlayedSource:
    """A source that reads a recording, one recorded reading at each read.

    Attributes:
        inputs: The machine as far as this source had read it, up to the last reading that was played.
    """

    def __init__(self, name: str, player: _Player, inputs: Inputs) -> None:
        self.name = name
        self._player = player
        self.inputs = replace(inputs, root=Path("/"), files=player, driver=player, clock=player.clock)
        self._source = MAKERS[name](self.inputs)

    @property
    def channels(self) -> tuple[str, ...]:
        """Those of the source itself."""
        return self._source.channels

    @property
    def times(self) -> tuple[float, ...]:
        """When the readings that are left were taken, in seconds."""
        return tuple(tick.t for tick in self._player.ticks)

    @property
    def next(self) -> float | None:
        """When the next reading was taken, in seconds; None after the last one."""
        return self._player.ticks[0].t if self._player.ticks else None

    def read(self, now: float) -> Reading:
        """Returns the next recorded reading, as if it were taken now."""
        if not self._player.ticks:
            return Reading(t=now, missing=dict.fromkeys(self.channels, "the recording has ended"))
        tick = self._player.ticks.popleft()
        self._player.begin(tick)
        reading = self._source.read(tick.t)
        if tick.late:
            self._source.forget()
            return Reading(t=now, missing=dict.fromkeys(self.channels, "the answer came too late"))
        return replace(reading, t=now)

    def forget(self) -> None:
        """Nothing to drop: rates go by the times of the recording."""


def play(folder: Path) -> tuple[PlayedSource, ...]:
    """Returns the sources of a recording.

    Raises:
        BadRecording: It is none, or of another version, or broken.
    """
    try:
        header = json.loads((folder / HEADER).read_text(encoding="utf-8"))
        if header.get("format") != FORMAT:
            raise BadRecording(f"{folder}: format {header.get('format')!r} is not {FORMAT}")
        inputs = Inputs(page_size=int(header["page_size"]), me=int(header["me"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadRecording(f"{folder / HEADER} is not the beginning of a recording: {error}") from None
    return tuple(PlayedSource(name, _Player(folder / f"{name}.jsonl"), inputs) for name in MAKERS)


def moments(sources: Sequence[PlayedSource]) -> Iterator[Reading]:
    """Yields the readings of all sources together, oldest first, at the times of the recording.

    What was read for one tick is merged, as the sampler merges it; a source that did not answer
    for that tick is a gap.
    """
    # The source that hung least often was asked at every tick.
    times = max((source.times for source in sources), key=len, default=())
    steps = sorted(after - before for before, after in pairwise(times))
    near = steps[len(steps) // 2] / 2 if steps else 1.0
    for t in times:
        values: dict[str, float] = {}
        missing: dict[str, str] = {}
        for source in sources:
            reading = None
            while source.next is not None and source.next < t + near:
                reading = _answer(source, t)
            if reading is None:
                missing.update(dict.fromkeys(source.channels, "no answer at this time"))
            else:
                values.update(reading.values)
                missing.update(reading.missing)
        yield Reading(t=t, values=values, missing=missing)


def _answer(source: PlayedSource, t: float) -> Reading:
    try:
        return source.read(t)
    except Exception as error:
        # As the sampler has it: a source promises not to raise, and a recording comes from a stranger.
        return Reading(t=t, missing=dict.fromkeys(source.channels, f"{type(error).__name__}: {error}"))


def _ticks(path: Path) -> Iterator[_Tick]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise BadRecording(f"{path} can't be read: {error}") from None
    tick: _Tick | None = None
    for number, line in enumerate(lines, 1):
        try:
            told = json.loads(line)
            if "read" in told:
                if tick is not None:
                    yield tick
                tick = _Tick(_seconds(told["read"]))
            elif tick is None:
                raise ValueError("it does not begin with a reading")
            elif "forget" in told:
                tick.late = True
            else:
                tick.told.append(_entry(told))
        except (ValueError, TypeError, KeyError) as error:
            if number == len(lines):
                # Cut off while it was written: what came before holds, save for this one reading.
                return
            raise BadRecording(f"{path}, line {number}: {error}") from None
    if tick is not None:
        yield tick


def _entry(told: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if "clock" in told:
        _seconds(told["clock"])
        return "clock", told
    for kind, result in _RESULTS.items():
        if kind in told:
            if "error" in told:
                _ERRORS[told["as"]]
            elif result not in told:
                raise ValueError(f"no {result}")
            elif kind == "link":
                _texts([told[result]])
            elif kind != "ask":
                _texts(told[result])
            return f"{kind} {told[kind]}", told
    raise ValueError("neither a file, a folder, a link, a question nor the clock")


def _seconds(told: Any) -> float:
    seconds = float(told)
    if not math.isfinite(seconds):
        raise ValueError(f"{seconds} is no time")
    return seconds


def _texts(told: Any) -> None:
    if not isinstance(told, list) or not all(isinstance(text, str) for text in told):
        raise ValueError("not a list of texts")
