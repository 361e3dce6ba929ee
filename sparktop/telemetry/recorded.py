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
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from sparktop.telemetry.machine import MAKERS, Inputs
from sparktop.telemetry.nvml import Answer, Driver, DriverLost, NotSupported
from sparktop.telemetry.reading import Files, Reading, Source, Unreadable

FORMAT: Final = "sparktop.recording/1"
HEADER: Final = "recording.json"

RESULTS: Final = {"file": "lines", "dir": "names", "link": "to", "ask": "answer"}
"""What is asked for, and under which name the answer is kept."""

ERRORS: Final[dict[str, type[Unreadable]]] = {
    "unreadable": Unreadable,
    "not-supported": NotSupported,
    "lost": DriverLost,
}
"""What refusals are called in a recording."""

_KINDS: Final = {error: kind for kind, error in ERRORS.items()}

_T = TypeVar("_T")


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
        self._put(kind, key, {RESULTS[kind]: answer})
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
