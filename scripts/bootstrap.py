"""Make `.venv/` ready to run sparktop from this checkout: `bootstrap.py [--dev]`. Standard library only.

Says what it does and how far it is; does nothing, at once, when nothing has changed since last time.
"""

from __future__ import annotations

import hashlib
import os
import re
import selectors
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts import get_uv  # noqa: E402
from sparktop import toolchain  # noqa: E402

STAMP = "sparktop-set-up"
CORE_MINUTES = {False: 16, True: 64}
"""How long llama.cpp takes to build on one core, for the CPU and for CUDA; measured on 2 and on 16 cores."""


def say(line: str) -> None:
    """Progress and diagnostics go to stderr: what sparktop prints on stdout may be piped."""
    print(line, file=sys.stderr, flush=True)


# Has anything changed?


def wanted_stamp(root: Path, env: Mapping[str, str]) -> str:
    """What a finished set-up depends on, hashed."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "uv.lock"):
        digest.update((root / name).read_bytes())
    digest.update(toolchain.fingerprint(env).encode())
    return digest.hexdigest()


def is_ready(venv: Path, stamp: str, dev: bool) -> bool:
    """This environment was set up for this stamp, with the development tools if they are wanted."""
    try:
        written = (venv / STAMP).read_text().split()
    except OSError:
        return False
    programs = (venv / "bin" / "python", venv / "bin" / "sparktop")
    return written[:1] == [stamp] and ("dev" in written or not dev) and all(path.exists() for path in programs)


def had_dev(venv: Path) -> bool:
    """The development tools are in this environment already, and stay."""
    return (venv / "bin" / "pytest").exists()


# Running uv, and saying how far it is


def estimate(cuda: bool, cores: int) -> str:
    """How long the build takes, in words."""
    minutes = max(1, round(CORE_MINUTES[cuda] / cores))
    return f"about {minutes} minute{'s' if minutes > 1 else ''} on {cores} core{'s' if cores > 1 else ''}"


def elapsed(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


class Progress:
    """Passes on what uv says, and turns the build's own counter into one line that moves.

    On a terminal the line is rewritten in place; elsewhere it is said again every 20 seconds.
    """

    def __init__(self, out: TextIO, now: float) -> None:
        self._out = out
        self._terminal = out.isatty()
        self._began = now
        self._said = now
        self._building = False
        self._shown = False
        self._done = self._steps = 0

    def line(self, line: str) -> None:
        """Something that uv wrote."""
        if line.startswith("DEBUG "):
            if counter := re.match(r"DEBUG \[(\d+)/(\d+)\]", line):
                self._done, self._steps = int(counter[1]), int(counter[2])
            return
        if "Building llama-cpp-python" in line:
            self._building = True
        elif "Built llama-cpp-python" in line or line.lstrip().startswith("×"):
            self._building = False
        self._clear()
        self._out.write(f"{line}\n")
        self._out.flush()

    def tick(self, now: float) -> None:
        """Time has passed."""
        if not self._building or now - self._said < (0.5 if self._terminal else 20):
            return
        self._said = now
        counted = f"step {self._done} of {self._steps}, " if self._steps else ""
        text = f"   llama.cpp: {counted}{elapsed(now - self._began)}"
        self._out.write(f"\r\x1b[K{text}" if self._terminal else f"{text}\n")
        self._out.flush()
        self._shown = self._terminal

    def _clear(self) -> None:
        if self._shown:
            self._out.write("\r\x1b[K")
            self._shown = False

    def close(self) -> None:
        """Nothing more will come."""
        self._clear()
        self._out.flush()


def run_uv(command: Sequence[str | Path], env: Mapping[str, str], out: TextIO = sys.stderr) -> int:
    """Run uv, show its progress, return its exit status."""
    # The build's output reaches uv's log at this level, and only there.
    env = {"RUST_LOG": "uv_build_frontend=debug", **env}
    progress = Progress(out, time.monotonic())
    with subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stderr is not None
        selector = selectors.DefaultSelector()
        selector.register(process.stderr, selectors.EVENT_READ)
        pending = b""
        while True:
            if selector.select(timeout=0.5):
                chunk = os.read(process.stderr.fileno(), 65536)
                if not chunk:
                    break
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    progress.line(line.decode("utf-8", "replace"))
            progress.tick(time.monotonic())
        if pending:
            progress.line(pending.decode("utf-8", "replace"))
        progress.close()
    return process.returncode


def install(uv: Path, env: Mapping[str, str], choice: toolchain.Choice, *, dev: bool, other_index: bool) -> int:
    """Install sparktop (editable) and the locked versions of what it needs into `.venv/`."""
    groups = [] if dev else ["--no-dev"]
    settings = toolchain.uv_args(choice)
    venv = ROOT / ".venv"
    if not other_index:
        return run_uv([uv, "sync", "--frozen", *groups, "--python", sys.executable, *settings], env)
    # The lock file's addresses are PyPI's. From another index: the same versions, held against the same hashes.
    wanted = venv / "sparktop-requirements.txt"
    if not (venv / "bin" / "python").exists():
        shutil.rmtree(venv, ignore_errors=True)
        if status := run_uv([uv, "venv", "--quiet", "--python", sys.executable, venv], env):
            return status
    export: list[str | Path] = [
        uv,
        "export",
        "--quiet",
        "--frozen",
        "--no-emit-project",
        "--output-file",
        wanted,
        *groups,
    ]
    if status := run_uv(export, env):
        return status
    exact: list[str | Path] = ["--exact", "--no-deps", "--requirements", wanted, "--editable", "."]
    return run_uv([uv, "pip", "install", "--python", venv / "bin" / "python", *exact, *settings], env)


def main(arguments: Sequence[str]) -> int:
    """Set up, unless that is done already; returns the exit status."""
    dev = "--dev" in arguments
    venv = ROOT / ".venv"
    stamp = wanted_stamp(ROOT, os.environ)
    if is_ready(venv, stamp, dev):
        return 0
    dev = dev or had_dev(venv)
    try:
        machine = toolchain.probe()
        choice = toolchain.choose(machine, os.environ.get(toolchain.OVERRIDE, "auto"))
        for line in (choice.line, *choice.hints):
            say(line)
        sites = list(venv.glob("lib/python3.*/site-packages"))
        build = toolchain.installed_build(sites[0]) if len(sites) == 1 else None
        must_build = toolchain.plan_fix(build, choice, python=venv / "bin" / "python") is not None
        if must_build and machine.compilers is None:
            raise toolchain.ToolchainError(toolchain.COMPILER_MISSING)
        added, other_index = get_uv.index_environment(os.environ)
        env = {**os.environ, **added, "UV_PROJECT_ENVIRONMENT": str(venv), "UV_PYTHON_DOWNLOADS": "never"}
        env.pop("VIRTUAL_ENV", None)
        uv = get_uv.obtain(ROOT / ".uv", env)
    except (toolchain.ToolchainError, get_uv.UvMissingError) as error:
        say(str(error))
        return 2
    if must_build:
        how_long = estimate(choice.cuda, os.cpu_count() or 1)
        say(f"Setting up: building llama.cpp takes {how_long}, once (seconds if uv still has it from before).")
    if status := install(uv, env, choice, dev=dev, other_index=other_index):
        say("sparktop was not set up: the lines above say why. Nothing outside this folder and uv's cache was changed.")
        return status if status > 0 else 1
    (venv / STAMP).write_text(f"{stamp}{' dev' if dev else ''}\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        say("\nInterrupted; run the same command again to go on.")
        sys.exit(130)
