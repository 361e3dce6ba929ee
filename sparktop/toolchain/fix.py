"""Whether the installed llama.cpp is the right one, and the command that makes it so."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sparktop.toolchain.choice import BASE_SETTINGS, PACKAGE, VERSION, Choice, choose, uv_setting
from sparktop.toolchain.machine import OVERRIDE, Environment, Machine, Run, names_in, probe, run_command, which


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


def site_packages() -> Path:
    """Returns the folder that llama-cpp-python is installed in, or would be.

    `sysconfig` would say it too, for half a megabyte of the interpreter's own build settings.
    """
    found = importlib.util.find_spec("llama_cpp")
    if found is not None and found.origin is not None:
        return Path(found.origin).parents[1]
    return Path(sys.exec_prefix, sys.platlibdir, f"python{sys.version_info[0]}.{sys.version_info[1]}", "site-packages")


def installed_build(site: Path) -> Build | None:
    """What llama-cpp-python lies in this site-packages folder, read from file names: llama_cpp is not imported."""
    lib = site / "llama_cpp" / "lib"
    if not lib.is_dir():
        return None
    versions = [
        found[1] for name in names_in(site) if (found := re.fullmatch(r"llama_cpp_python-(.+)\.dist-info", name))
    ]
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
        given = [arg for item in settings.items() for arg in uv_setting(*item)]
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
    return which("uv", env) or (fetched if os.access(fetched, os.X_OK) else None)


def examine(env: Environment = os.environ, root: Path = Path("/"), run: Run = run_command) -> Examination:
    """What the running interpreter's environment has, should have, and the command from the one to the other.

    Raises:
        ToolchainError: SPARKTOP_CUDA asks for what cannot be built here.
    """
    machine = probe(env, root, run)
    choice = choose(machine, env.get(OVERRIDE, "auto"))
    build = installed_build(site_packages())
    has_pip = run([sys.executable, "-c", "import pip; print(1)"]) != ""
    fix = plan_fix(build, choice, python=Path(sys.executable), uv=find_uv(env, Path(sys.prefix)), pip=has_pip)
    return Examination(machine=machine, choice=choice, build=build, fix=fix)
