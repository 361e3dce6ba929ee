"""Is everything here that sparktop needs? One check a matter, each with a name that stays."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from sparktop import toolchain
from sparktop.headless.coverage import coverage, not_read
from sparktop.model.channels import CPU_LOAD
from sparktop.model.pressure import floor_bytes
from sparktop.nodes.nvidia import Gpus, gpus
from sparktop.places import Places
from sparktop.runner.contenders import DEMOS, BadContender, resolve_contenders
from sparktop.scenarios.library import Library
from sparktop.telemetry.machine import sources
from sparktop.telemetry.memory import MemoryInfo, MemorySource, allocatable
from sparktop.telemetry.once import read_once
from sparktop.telemetry.reading import Reading, Unreadable

_PYTHON: Final = (3, 11)
_TEXTUAL: Final = ((8, 2, 8), (9,))
"""The first version that does, and the first that is not known to."""

_LITTLE_DISK: Final = 1 << 30
_NO_DISK: Final = 50 << 20
_SCREEN: Final = (80, 24)
_IMPORT_TIMEOUT_S: Final = 60

_SOURCES: Final = ("gpu", "roce", "network", "cpu", "power")
"""Telemetry sources, by their stable names; memory is looked at for what else depends on it."""


class Grade(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    """sparktop works, with less than it could have."""
    PROBLEM = "problem"
    """Something that sparktop is for doesn't work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One finding.

    Attributes:
        name: Stable name, for scripts.
        grade: How it came out.
        found: What is the case, as one sentence or less.
        advice: What to do; empty where nothing needs to be done.
    """

    name: str
    grade: Grade
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is looked at.

    Attributes:
        environ: Environment variables.
        places: The person's folders.
        library: The scenarios.
        terminal: Columns and rows of the terminal on stdout; None if it is none.
        encoding: Encoding of stdout.
        root: Folder that holds proc.
        python: Version of the interpreter.
        ask_gpus: Asks the NVIDIA driver.
        ask_toolchain: Looks at the llama.cpp build.
        ask_sources: Reads every telemetry source in the root folder.
        run: Runs a command and returns its exit status and what it printed, errors included.
        version_of: Version of an installed distribution; raises PackageNotFoundError.
        demos: Names of the demo models.
    """

    environ: Mapping[str, str]
    places: Places
    library: Library
    terminal: tuple[int, int] | None
    encoding: str
    root: Path = Path("/")
    python: tuple[int, int, int] = field(default_factory=lambda: sys.version_info[:3])
    ask_gpus: Callable[[], Gpus] = gpus
    ask_toolchain: Callable[[], toolchain.Examination] = toolchain.examine
    ask_sources: Callable[[Path], Mapping[str, Reading]] = field(default_factory=lambda: _read_sources)
    run: Callable[[list[str]], tuple[int, str]] = field(default_factory=lambda: _run)
    version_of: Callable[[str], str] = importlib.metadata.version
    demos: tuple[str, ...] = DEMOS


def examine(around: Surroundings) -> tuple[Check, ...]:
    """Makes every check, in a fixed order; takes a second or two."""
    return (*(check(around) for check in _CHECKS), *_sources(around), _textual(around))


def _ok(name: str, found: str, advice: str = "") -> Check:
    return Check(name=name, grade=Grade.OK, found=found, advice=advice)


def _warning(name: str, found: str, advice: str) -> Check:
    return Check(name=name, grade=Grade.WARNING, found=found, advice=advice)


def _problem(name: str, found: str, advice: str) -> Check:
    return Check(name=name, grade=Grade.PROBLEM, found=found, advice=advice)


def _python(around: Surroundings) -> Check:
    found = "Python {}.{}.{}".format(*around.python)
    if around.python[:2] < _PYTHON:
        return _problem("python", found, "install Python {}.{} or newer".format(*_PYTHON))
    return _ok("python", found)


def _llama_cpp(around: Surroundings) -> Check:
    # In a process of its own: a library that doesn't suit this machine ends the process that loads it.
    status, printed = around.run([sys.executable, "-c", "import llama_cpp; print(llama_cpp.__version__)"])
    words = printed.strip().splitlines() or ["no output"]
    if status == 0:
        return _ok("llama-cpp", f"llama-cpp-python {words[-1]} loads")
    return _problem(
        "llama-cpp", f"llama-cpp-python can't be loaded: {words[-1]}", 'build it again with "sparktop doctor --fix"'
    )


def _llama_cpp_build(around: Surroundings) -> Check:
    name = "llama-cpp-build"
    try:
        examination = around.ask_toolchain()
    except toolchain.ToolchainError as error:
        return _problem(name, str(error), f"change {toolchain.OVERRIDE}")
    choice, build, fix = examination.choice, examination.build, examination.fix
    advice = "; ".join(choice.hints)
    if fix is not None:
        advice = f'run "sparktop doctor --fix"{"; " if advice else ""}{advice}'
        return (_problem if build is None else _warning)(name, fix.why, advice)
    found = f"{build}; {choice.line}"
    return _warning(name, found, advice) if advice else _ok(name, found)


def _demo_models(around: Surroundings) -> Check:
    try:
        models = [resolve_contenders([name])[0] for name in around.demos]
    except BadContender as error:
        return _problem("demo-models", str(error), "install sparktop again, or in a checkout fetch the files again")
    return _ok("demo-models", ", ".join(f"{model.name} {model.size / 1e6:.1f} MB" for model in models))


def _scenarios(around: Surroundings) -> Check:
    entries = around.library.list()
    broken = [entry for entry in entries if entry.scenario is None]
    if not broken and entries:
        own = sum(entry.own for entry in entries)
        return _ok("scenarios", f"{len(entries)} scenarios, {own} of them your own")
    if not entries:
        return _problem("scenarios", f"no scenario in {around.library.shipped}", "install sparktop again")
    found = "; ".join(entry.error for entry in broken)
    if all(entry.own for entry in broken):
        return _warning("scenarios", found, "correct the file or move it away")
    return _problem("scenarios", found, "install sparktop again")


def _runs_folder(around: Surroundings) -> Check:
    name, folder = "runs-folder", around.places.runs
    # Nothing is created for a check: the nearest folder that is there tells as much.
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        return _problem(name, f"{there} is not a folder", "move it away, or set XDG_DATA_HOME")
    if not os.access(there, os.W_OK | os.X_OK):
        return _problem(name, f"{there} may not be written to", "change its owner, or set XDG_DATA_HOME")
    free = shutil.disk_usage(there).free
    found = f"{folder}, {_gib(free)} GiB free"
    if free < _NO_DISK:
        return _problem(name, found, "make room: a run could not be kept")
    if free < _LITTLE_DISK:
        return _warning(name, found, "make room: long runs may not be kept")
    return _ok(name, found)


def _terminal(around: Surroundings) -> Check:
    name = "terminal"
    if around.terminal is None:
        return _ok(name, "stdout is no terminal: runs are headless")
    columns, rows = around.terminal
    term = around.environ.get("TERM", "")
    faults = []
    if term in ("", "dumb"):
        faults.append((f"TERM is {term!r}", "set TERM, such as xterm-256color, or use --headless"))
    if around.encoding.lower().replace("-", "") != "utf8":
        faults.append((f"the encoding is {around.encoding}", "set LANG=C.UTF-8: Chinese can't be shown otherwise"))
    if columns < _SCREEN[0] or rows < _SCREEN[1]:
        faults.append((f"it is {columns}x{rows}", "enlarge the window to {}x{} or more".format(*_SCREEN)))
    if faults:
        return _warning(name, "; ".join(fault for fault, _ in faults), "; ".join(advice for _, advice in faults))
    return _ok(name, f"{term}, {columns}x{rows}, {_colours(around.environ)}, {around.encoding}")


def _colours(environ: Mapping[str, str]) -> str:
    if environ.get("NO_COLOR"):
        return "no colours (NO_COLOR)"
    if environ.get("COLORTERM") in ("truecolor", "24bit"):
        return "true colour"
    return "256 colours" if "256color" in environ.get("TERM", "") else "16 colours"


def _memory(around: Surroundings) -> Check:
    proc = around.root / "proc"
    try:
        have, total = allocatable(proc), MemoryInfo(proc).bytes("MemTotal")
    except Unreadable as reason:
        return _warning("memory", f"unknown: {reason}", "loads can't be checked; watch the memory yourself")
    found = f"{_gib(have.bytes)} of {_gib(total)} GiB can be allocated ({have.rule})"
    # Twice, for the rates; pressure has a check of its own.
    source = MemorySource(proc)
    source.read(0.0)
    missing = {name: why for name, why in source.read(1.0).missing.items() if not name.startswith("psi.")}
    if missing:
        found += f"; not read: {not_read(missing)}"
    if have.bytes < floor_bytes(total):
        return _warning("memory", found, "end other programs: no model will be loaded with so little")
    return _ok("memory", found)


def _psi(around: Surroundings) -> Check:
    reading = MemorySource(around.root / "proc").read(0.0)
    reasons = [reason for channel, reason in reading.missing.items() if channel.startswith("psi.")]
    if reasons:
        return _warning("psi", reasons[0], "memory pressure won't be shown; nothing else depends on it")
    return _ok("psi", "memory pressure can be read")


def _gpu_driver(around: Surroundings) -> Check:
    found = around.ask_gpus()
    if found.driver:
        names = ", ".join(found.names) or "no GPU"
        text = f"driver {found.driver}, {names}"
        if found.reason:
            return _warning(
                "gpu-driver", f"{text} ({found.reason})", "update the driver: it refuses what it should tell"
            )
        return _ok("gpu-driver", text)
    if (around.root / "proc/driver/nvidia/version").exists():
        advice = "load the driver again or restart the machine; in a container, allow it the GPU"
        return _problem("gpu-driver", f"the NVIDIA driver is installed but doesn't answer: {found.reason}", advice)
    return _ok("gpu-driver", f"no NVIDIA driver ({found.reason}): models run on the processor")


def _read_sources(root: Path) -> dict[str, Reading]:
    return read_once(sources(root), apart_s=0.1)


def _sources(around: Surroundings) -> list[Check]:
    readings = around.ask_sources(around.root)
    return [_source(around, name, readings[name]) for name in _SOURCES]


def _source(around: Surroundings, name: str, reading: Reading) -> Check:
    found = coverage(reading)
    # Whatever a machine simply doesn't have is no fault: a laptop has no GPU and a server no thermal zone.
    if name == "gpu" and not reading.values and (around.root / "proc/driver/nvidia/version").exists():
        return _warning(name, found, "see gpu-driver: until it answers, nothing is known of the GPU")
    if name == "cpu" and CPU_LOAD not in reading.values:
        return _warning(name, found, "the processors' load won't be shown; nothing else depends on it")
    if any(reason.startswith("no answer") for reason in reading.missing.values()):
        return _warning(name, found, "it hangs: runs show gaps there until the kernel or the driver answers again")
    return _ok(name, found)


def _textual(around: Surroundings) -> Check:
    try:
        version = around.version_of("textual")
    except importlib.metadata.PackageNotFoundError:
        return _problem("textual", "textual is not installed", "install sparktop again; --headless works without")
    low, high = _TEXTUAL
    if not low <= _numbers(version) < high:
        wanted = f"{'.'.join(map(str, low))} up to, not including, {high[0]}"
        return _warning("textual", f"textual {version}", f"install textual {wanted}: others were not tried")
    return _ok("textual", f"textual {version}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _gib(size: int) -> str:
    return f"{size / (1 << 30):.1f}"


def _run(command: list[str]) -> tuple[int, str]:
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=_IMPORT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return 1, str(error)
    how = f"\nended by signal {-done.returncode}" if done.returncode < 0 else ""
    return done.returncode, done.stdout + how


_CHECKS: Final[tuple[Callable[[Surroundings], Check], ...]] = (
    _python,
    _llama_cpp,
    _llama_cpp_build,
    _demo_models,
    _scenarios,
    _runs_folder,
    _terminal,
    _memory,
    _psi,
    _gpu_driver,
)
"""Those before the telemetry sources, which are read together, and textual."""
