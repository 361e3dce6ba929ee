"""Plays recordings: sources that read what `sparktop.telemetry.recorded` kept of a machine."""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from sparktop.telemetry.machine import MAKERS, Inputs
from sparktop.telemetry.nvml import Answer
from sparktop.telemetry.reading import Reading, Unreadable
from sparktop.telemetry.recorded import ERRORS, FORMAT, HEADER, RESULTS


class BadRecording(Exception):
    """The folder is no recording, or a broken one; the message says where."""


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
            raise ERRORS[told["as"]](told["error"])
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
    except OSError as error:
        raise BadRecording(f"{folder} is no recording: {HEADER} can't be read ({error.strerror or error})") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
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
    except OSError as error:
        raise BadRecording(f"{path} can't be read: {error.strerror or error}") from None
    except ValueError as error:
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
    for kind, result in RESULTS.items():
        if kind in told:
            if "error" in told:
                ERRORS[told["as"]]
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
