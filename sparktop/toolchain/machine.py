"""What of this machine a build of llama.cpp depends on: compilers, CUDA, the NVIDIA driver, RDMA."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

OVERRIDE = "SPARKTOP_CUDA"
"""Environment variable: `on` or `off` builds for CUDA or not whatever is found; `auto` is the default."""

COMPILER_MISSING = (
    "sparktop builds llama.cpp and found no C and C++ compiler: install one "
    "(Debian, Ubuntu, DGX OS: sudo apt install build-essential), then run this again."
)

Environment = Mapping[str, str]
Run = Callable[[Sequence[str]], str]
"""Runs a command and returns what it printed; empty if it could not be run or failed."""


class ToolchainError(Exception):
    """What was asked for cannot be built here; the message is one sentence for the person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a build needs to know of this machine.

    Attributes:
        nvcc: The CUDA compiler.
        cuda: Its version as (major, minor).
        driver: What shows that an NVIDIA driver or GPU is here; empty when nothing does.
        capabilities: Compute capability of each GPU, as nvidia-smi says it ("12.1").
        rdma: There are RDMA devices (InfiniBand or RoCE, such as the ConnectX-7 of a DGX Spark).
        verbs: The headers of libibverbs are here, so llama.cpp's RPC can use RDMA.
        compilers: A C and a C++ compiler.
    """

    nvcc: Path | None = None
    cuda: tuple[int, int] | None = None
    driver: str = ""
    capabilities: tuple[str, ...] = ()
    rdma: bool = False
    verbs: bool = False
    compilers: tuple[str, str] | None = None


def which(name: str, env: Environment) -> Path | None:
    """A program on PATH."""
    found = shutil.which(name, path=env.get("PATH", ""))
    return Path(found) if found else None


def run_command(command: Sequence[str]) -> str:
    """What a command prints; empty if it can't be run, fails or takes over 20 s."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout if done.returncode == 0 else ""


def find_nvcc(env: Environment, root: Path = Path("/")) -> Path | None:
    """The CUDA compiler: what the person names, then PATH, then where CUDA installs itself."""
    named = [Path(env["CUDACXX"])] if env.get("CUDACXX") else []
    named += [Path(env[key]) / "bin" / "nvcc" for key in ("CUDA_HOME", "CUDA_PATH") if env.get(key)]
    on_path = which("nvcc", env)
    for nvcc in (*named, *([on_path] if on_path else []), root / "usr/local/cuda/bin/nvcc"):
        if nvcc.is_file() and os.access(nvcc, os.X_OK):
            return nvcc
    return None


def find_compilers(env: Environment) -> tuple[str, str] | None:
    """A C and a C++ compiler, found as CMake finds them: $CC and $CXX, then the usual names."""
    found = []
    for key, names in (("CC", ("cc", "gcc", "clang")), ("CXX", ("c++", "g++", "clang++"))):
        candidates = shlex.split(env.get(key, ""))[:1] or names
        compiler = next((path for name in candidates if (path := which(name, env))), None)
        if compiler is None:
            return None
        found.append(str(compiler))
    return found[0], found[1]


def _driver_file(root: Path) -> str:
    for name in ("proc/driver/nvidia/version", "dev/nvidiactl"):
        if (root / name).exists():
            return f"/{name}"
    return ""


def probe(env: Environment = os.environ, root: Path = Path("/"), run: Run = run_command) -> Machine:
    """Look at this machine. Asks nvcc and nvidia-smi, so it takes up to a second where a GPU is."""
    nvcc = find_nvcc(env, root)
    release = re.search(r"release (\d+)\.(\d+)", run([str(nvcc), "--version"])) if nvcc else None
    driver = _driver_file(root)
    capabilities: tuple[str, ...] = ()
    if smi := which("nvidia-smi", env):
        listed = run([str(smi), "--query-gpu=compute_cap", "--format=csv,noheader"])
        capabilities = tuple(line.strip() for line in listed.splitlines() if re.fullmatch(r"\s*\d+\.\d+\s*", line))
        if capabilities and not driver:
            driver = "nvidia-smi"
    return Machine(
        nvcc=nvcc,
        cuda=(int(release[1]), int(release[2])) if release else None,
        driver=driver,
        capabilities=capabilities,
        rdma=names_in(root / "sys/class/infiniband") != [],
        verbs=(root / "usr/include/infiniband/verbs.h").is_file(),
        compilers=find_compilers(env),
    )


def names_in(folder: Path) -> list[str]:
    """Names in a folder, sorted; none if it can't be read."""
    try:
        return sorted(entry.name for entry in folder.iterdir())
    except OSError:
        return []


def fingerprint(env: Environment = os.environ, root: Path = Path("/")) -> str:
    """Everything that `choose` depends on, as far as files tell, in one string: no command is run.

    Equal strings mean that the choice made last time still holds.
    """
    nvcc = find_nvcc(env, root)
    try:
        driver = (root / "proc/driver/nvidia/version").read_text(errors="replace")
    except OSError:
        driver = ""
    seen = {
        "override": env.get(OVERRIDE, ""),
        "nvcc": [str(nvcc), nvcc.stat().st_mtime_ns] if nvcc else None,
        "driver": [_driver_file(root), driver, str(which("nvidia-smi", env))],
        "gpus": names_in(root / "proc/driver/nvidia/gpus"),
        "rdma": [names_in(root / "sys/class/infiniband"), (root / "usr/include/infiniband/verbs.h").is_file()],
        "cmake": [env.get(key, "") for key in ("CMAKE_ARGS", "CC", "CXX")],
    }
    return json.dumps(seen, sort_keys=True)
