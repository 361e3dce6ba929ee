"""Which llama.cpp this machine should build, and whether the installed one is that.

Standard library only, and imports nothing of sparktop: the set-up runs this file before anything is installed
(`python3 sparktop/toolchain.py --uv-args`), and `sparktop doctor --fix` uses it for people who came by pip or uv.

    machine = probe()                      what is here: nvcc, an NVIDIA driver, RDMA, a C++ compiler
    choice = choose(machine, override)     CPU or CUDA, one line that says why, and what could be better
    build = installed_build(site)          what llama-cpp-python is installed, read from its files
    fix = plan_fix(build, choice, ...)     the command that makes the one into the other, or None
    apply_fix(fix)                         shows the command, then runs it

`examine()` does the first four for the running interpreter. Folders, environment and commands are parameters, so that
tests can describe a machine instead of being on it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PACKAGE = "llama-cpp-python"
VERSION = "0.3.36"
OVERRIDE = "SPARKTOP_CUDA"
"""Environment variable: `on` or `off` builds for CUDA or not whatever is found; `auto` is the default."""

BASE_SETTINGS: Mapping[str, str] = {"cmake.define.GGML_RPC": "ON"}
"""What every build gets. pyproject.toml says the same to uv, which adds the two up: never pass these to `uv sync`."""

COMPILER_MISSING = (
    "sparktop builds llama.cpp and found no C and C++ compiler: install one "
    "(Debian, Ubuntu, DGX OS: sudo apt install build-essential), then run this again."
)

GB10_CUDA = (12, 9)
"""The first CUDA release that knows the GPU of a DGX Spark (compute capability 12.1)."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which llama.cpp to build.

    Attributes:
        cuda: For the GPU.
        line: One line that says what was chosen, and why.
        hints: What the person could do to get a better build; one line each.
        settings: Settings of the build beyond `BASE_SETTINGS`.
        forced: The person asked for this, so a build that is better than it is a wrong one too.
    """

    cuda: bool
    line: str
    hints: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    forced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """An installed llama-cpp-python.

    Attributes:
        version: Of llama-cpp-python.
        cuda: It can use an NVIDIA GPU.
        rpc: It can split a model over several machines.
        rdma: Its RPC can use RDMA.
    """

    version: str
    cuda: bool
    rpc: bool
    rdma: bool = False

    def __str__(self) -> str:
        parts = ["CUDA" if self.cuda else "CPU", *(["RPC"] if self.rpc else []), *(["RDMA"] if self.rdma else [])]
        return f"{PACKAGE} {self.version} ({', '.join(parts)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """A command that makes the installed build the right one.

    Attributes:
        command: The command; empty when nothing here can install packages, and `why` then says what to do.
        why: What is wrong now, as one sentence.
    """

    command: tuple[str, ...]
    why: str


# What is here


def _which(name: str, env: Environment) -> Path | None:
    found = shutil.which(name, path=env.get("PATH", ""))
    return Path(found) if found else None


def _run(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout if done.returncode == 0 else ""


def find_nvcc(env: Environment, root: Path = Path("/")) -> Path | None:
    """The CUDA compiler: what the person names, then PATH, then where CUDA installs itself."""
    named = [Path(env["CUDACXX"])] if env.get("CUDACXX") else []
    named += [Path(env[key]) / "bin" / "nvcc" for key in ("CUDA_HOME", "CUDA_PATH") if env.get(key)]
    on_path = _which("nvcc", env)
    for nvcc in (*named, *([on_path] if on_path else []), root / "usr/local/cuda/bin/nvcc"):
        if nvcc.is_file() and os.access(nvcc, os.X_OK):
            return nvcc
    return None


def find_compilers(env: Environment) -> tuple[str, str] | None:
    """A C and a C++ compiler, found as CMake finds them: $CC and $CXX, then the usual names."""
    found = []
    for key, names in (("CC", ("cc", "gcc", "clang")), ("CXX", ("c++", "g++", "clang++"))):
        candidates = shlex.split(env.get(key, ""))[:1] or names
        compiler = next((path for name in candidates if (path := _which(name, env))), None)
        if compiler is None:
            return None
        found.append(str(compiler))
    return found[0], found[1]


def _driver_file(root: Path) -> str:
    for name in ("proc/driver/nvidia/version", "dev/nvidiactl"):
        if (root / name).exists():
            return f"/{name}"
    return ""


def probe(env: Environment = os.environ, root: Path = Path("/"), run: Run = _run) -> Machine:
    """Look at this machine. Asks nvcc and nvidia-smi, so it takes up to a second where a GPU is."""
    nvcc = find_nvcc(env, root)
    release = re.search(r"release (\d+)\.(\d+)", run([str(nvcc), "--version"])) if nvcc else None
    driver = _driver_file(root)
    capabilities: tuple[str, ...] = ()
    if smi := _which("nvidia-smi", env):
        listed = run([str(smi), "--query-gpu=compute_cap", "--format=csv,noheader"])
        capabilities = tuple(line.strip() for line in listed.splitlines() if re.fullmatch(r"\s*\d+\.\d+\s*", line))
        if capabilities and not driver:
            driver = "nvidia-smi"
    return Machine(
        nvcc=nvcc,
        cuda=(int(release[1]), int(release[2])) if release else None,
        driver=driver,
        capabilities=capabilities,
        rdma=_lists(root / "sys/class/infiniband") != [],
        verbs=(root / "usr/include/infiniband/verbs.h").is_file(),
        compilers=find_compilers(env),
    )


def _lists(folder: Path) -> list[str]:
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
        "driver": [_driver_file(root), driver, str(_which("nvidia-smi", env))],
        "gpus": _lists(root / "proc/driver/nvidia/gpus"),
        "rdma": [_lists(root / "sys/class/infiniband"), (root / "usr/include/infiniband/verbs.h").is_file()],
        "cmake": [env.get(key, "") for key in ("CMAKE_ARGS", "CC", "CXX")],
    }
    return json.dumps(seen, sort_keys=True)


# What to build


def _architecture(capability: str) -> str:
    """CMake's name of a GPU generation: 12.1 -> 121a-real. From Blackwell's consumer parts on, FP4 needs the "a"."""
    major, minor = capability.split(".")
    return f"{major}{minor}{'a' if int(major) >= 12 else ''}-real"


def choose(machine: Machine, override: str = "auto") -> Choice:
    """CPU or CUDA: CUDA when there is both a compiler for it and a GPU to run it.

    Raises:
        ToolchainError: The override is none of on, off, auto, or asks for what cannot be built here.
    """
    wish = override.strip().lower() or "auto"
    if wish not in {"on", "off", "auto"}:
        raise ToolchainError(f"{OVERRIDE} is {override!r}; it must be on, off or auto.")
    settings: dict[str, str] = {}
    hints: list[str] = []
    if machine.rdma and machine.verbs:
        settings["cmake.define.GGML_RPC_RDMA"] = "ON"
    elif machine.rdma:
        hints.append(
            "RDMA devices found, but not the headers that let two Sparks use them for llama.cpp's RPC: "
            "sudo apt install libibverbs-dev, then run this again."
        )

    def cpu(why: str, *more: str) -> Choice:
        return Choice(
            cuda=False,
            line=f"llama.cpp: CPU build ({why})",
            hints=(*more, *hints),
            settings=settings,
            forced=wish == "off",
        )

    if wish == "off":
        return cpu(f"{OVERRIDE}=off")
    if machine.nvcc is None:
        install = "install the CUDA toolkit (DGX OS, Ubuntu: sudo apt install cuda-toolkit) or set CUDA_HOME"
        if wish == "on":
            raise ToolchainError(f"{OVERRIDE}=on, but no nvcc was found: {install}.")
        if machine.driver:
            return cpu("NVIDIA driver found, but no nvcc", f"The GPU is not used: {install}, then run this again.")
        return cpu("no NVIDIA GPU found")
    if wish == "auto" and not machine.driver:
        return cpu(f"nvcc found, but no NVIDIA driver; {OVERRIDE}=on builds for CUDA anyway")
    targets = machine.capabilities or ("12.1",)
    if "12.1" in targets and machine.cuda is not None and machine.cuda < GB10_CUDA:
        found, needed = (".".join(map(str, version)) for version in (machine.cuda, GB10_CUDA))
        too_old = f"nvcc is {found}, and a DGX Spark needs {needed} or newer"
        if wish == "on":
            raise ToolchainError(f"{OVERRIDE}=on, but {too_old}: {machine.nvcc}")
        return cpu(too_old, "The GPU is not used: install a newer CUDA toolkit or set CUDA_HOME, then run this again.")
    settings["cmake.define.GGML_CUDA"] = "ON"
    settings["cmake.define.CMAKE_CUDA_COMPILER"] = str(machine.nvcc)
    settings["cmake.define.CMAKE_CUDA_ARCHITECTURES"] = ";".join(sorted({_architecture(cap) for cap in targets}))
    of = f"compute capability {', '.join(sorted(set(targets)))}"
    if not machine.capabilities:
        of = f"DGX Spark, {of}; no GPU answered here"
    release = " {}.{}".format(*machine.cuda) if machine.cuda else ""
    return Choice(
        cuda=True,
        line=f"llama.cpp: CUDA build for {of} (nvcc{release}: {machine.nvcc})",
        hints=tuple(hints),
        settings=settings,
        forced=wish == "on",
    )


def uv_args(choice: Choice) -> tuple[str, ...]:
    """What to add to `uv sync` in this project. uv keeps built wheels apart by these settings.

    A build with other settings is never taken from its cache, and an installed one is replaced.
    """
    return tuple(arg for item in choice.settings.items() for arg in _uv_setting(*item))


def _uv_setting(key: str, value: str) -> tuple[str, str]:
    return "--config-settings-package", f"{PACKAGE}:{key}={value}"


# What is installed, and how to replace it


def installed_build(site: Path) -> Build | None:
    """What llama-cpp-python lies in this site-packages folder, read from file names: llama_cpp is not imported."""
    lib = site / "llama_cpp" / "lib"
    if not lib.is_dir():
        return None
    versions = [found[1] for name in _lists(site) if (found := re.fullmatch(r"llama_cpp_python-(.+)\.dist-info", name))]
    rpc = sorted(lib.glob("libggml-rpc.*"))
    return Build(
        version=versions[0] if versions else "",
        cuda=any(lib.glob("libggml-cuda.*")),
        rpc=bool(rpc),
        rdma=any(b"libibverbs.so" in path.read_bytes() for path in rpc[:1]),
    )


def plan_fix(
    build: Build | None, choice: Choice, *, python: Path, uv: Path | None = None, pip: bool = False
) -> Fix | None:
    """The command that makes the installed build what was chosen, or None where it is already.

    Args:
        build: What is installed.
        choice: What should be.
        python: The interpreter of the environment to change.
        uv: uv's program, if there is one; preferred.
        pip: That interpreter has pip.
    """
    if build is None:
        why = f"{PACKAGE} is not installed."
    elif build.version != VERSION:
        why = f"{PACKAGE} {build.version} is installed, and sparktop is made for {VERSION}."
    elif choice.cuda and not build.cuda:
        why = f"The installed {PACKAGE} cannot use the GPU."
    elif choice.forced and build.cuda and not choice.cuda:
        why = f"The installed {PACKAGE} is built for CUDA, and {OVERRIDE}=off."
    elif not build.rpc:
        why = f"The installed {PACKAGE} cannot split a model over two machines (RPC)."
    elif "cmake.define.GGML_RPC_RDMA" in choice.settings and not build.rdma:
        why = f"The installed {PACKAGE} cannot use RDMA between two machines."
    else:
        return None
    settings = {**BASE_SETTINGS, **choice.settings}
    target = f"{PACKAGE}=={VERSION}"
    if uv is not None:
        given = [arg for item in settings.items() for arg in _uv_setting(*item)]
        common = ("--no-deps", "--reinstall-package", PACKAGE, "--no-binary", PACKAGE)
        return Fix(command=(str(uv), "pip", "install", "--python", str(python), *common, *given, target), why=why)
    if pip:
        # pip's cache does not tell builds with different settings apart.
        given = [f"--config-settings={key}={value}" for key, value in settings.items()]
        common = ("--no-deps", "--force-reinstall", "--no-cache-dir", "--no-binary", PACKAGE)
        return Fix(command=(str(python), "-m", "pip", "install", *common, *given, target), why=why)
    return Fix(command=(), why=f"{why} Neither uv nor pip was found to replace it: install uv, then run this again.")


def _print(line: str) -> None:
    print(line, flush=True)  # before what the command prints


def apply_fix(
    fix: Fix,
    say: Callable[[str], None] = _print,
    call: Callable[[Sequence[str]], int] | None = None,
) -> int:
    """Show the command, run it, and return its exit status; 2 where there is no command."""
    say(fix.why)
    if not fix.command:
        return 2
    say(shlex.join(fix.command))
    # From "/", so that uv does not add the settings of a pyproject.toml that happens to be near.
    return call(fix.command) if call else subprocess.run(fix.command, cwd="/", check=False).returncode


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What `examine` found."""

    machine: Machine
    choice: Choice
    build: Build | None
    fix: Fix | None


def find_uv(env: Environment, prefix: Path) -> Path | None:
    """uv's program: on PATH, else the one that the set-up fetched into the checkout of the environment `prefix`."""
    fetched = prefix.parent / ".uv" / "bin" / "uv"
    return _which("uv", env) or (fetched if os.access(fetched, os.X_OK) else None)


def examine(env: Environment = os.environ, root: Path = Path("/"), run: Run = _run) -> Examination:
    """What the running interpreter's environment has, should have, and the command from the one to the other.

    Raises:
        ToolchainError: SPARKTOP_CUDA asks for what cannot be built here.
    """
    machine = probe(env, root, run)
    choice = choose(machine, env.get(OVERRIDE, "auto"))
    build = installed_build(Path(sysconfig.get_paths()["platlib"]))
    has_pip = run([sys.executable, "-c", "import pip; print(1)"]) != ""
    fix = plan_fix(build, choice, python=Path(sys.executable), uv=find_uv(env, Path(sys.prefix)), pip=has_pip)
    return Examination(machine=machine, choice=choice, build=build, fix=fix)


def main(arguments: Sequence[str] = tuple(sys.argv[1:]), env: Environment = os.environ) -> int:
    """Print what was chosen and why; with --uv-args, the arguments for `uv sync` on stdout, one a line."""
    if any(argument != "--uv-args" for argument in arguments):
        print("usage: python3 sparktop/toolchain.py [--uv-args]", file=sys.stderr)
        return 2
    try:
        choice = choose(probe(env), env.get(OVERRIDE, "auto"))
    except ToolchainError as error:
        print(error, file=sys.stderr)
        return 2
    for line in (choice.line, *choice.hints):
        print(line, file=sys.stderr)
    if "--uv-args" in arguments:
        print("\n".join(uv_args(choice)), end="\n" if choice.settings else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
