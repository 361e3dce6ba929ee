"""Which llama.cpp to build here: for the processor or for CUDA, and with which settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sparktop.toolchain.machine import OVERRIDE, Machine, ToolchainError

PACKAGE = "llama-cpp-python"
VERSION = "0.3.36"

BASE_SETTINGS: Mapping[str, str] = {"cmake.define.GGML_RPC": "ON"}
"""What every build gets. pyproject.toml says the same to uv, which adds the two up: never pass these to `uv sync`."""

GB10_CUDA = (12, 9)
"""The first CUDA release that knows the GPU of a DGX Spark (compute capability 12.1)."""


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
    return tuple(arg for item in choice.settings.items() for arg in uv_setting(*item))


def uv_setting(key: str, value: str) -> tuple[str, str]:
    """The arguments that give uv one setting of the build."""
    return "--config-settings-package", f"{PACKAGE}:{key}={value}"
