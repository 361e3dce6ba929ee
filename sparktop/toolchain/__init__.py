"""Which llama.cpp this machine should build, and whether the installed one is that.

Standard library only, and imports nothing else of sparktop: the set-up uses it before anything is installed
(`python3 -m sparktop.toolchain --uv-args`), and `sparktop doctor --fix` for people who came by pip or uv.

    machine = probe()                      what is here: nvcc, an NVIDIA driver, RDMA, a C++ compiler
    choice = choose(machine, override)     CPU or CUDA, one line that says why, and what could be better
    build = installed_build(site)          what llama-cpp-python is installed, read from its files
    fix = plan_fix(build, choice, ...)     the command that makes the one into the other, or None
    apply_fix(fix)                         shows the command, then runs it

`examine()` does the first four for the running interpreter. Folders, environment and commands are parameters, so that
tests can describe a machine instead of being on it.
"""

from sparktop.toolchain.choice import BASE_SETTINGS, PACKAGE, VERSION, Choice, choose, uv_args
from sparktop.toolchain.fix import (
    Build,
    Examination,
    Fix,
    apply_fix,
    examine,
    find_uv,
    installed_build,
    plan_fix,
    site_packages,
)
from sparktop.toolchain.machine import (
    COMPILER_MISSING,
    OVERRIDE,
    Machine,
    ToolchainError,
    find_compilers,
    find_nvcc,
    fingerprint,
    probe,
)

__all__ = [
    "BASE_SETTINGS",
    "COMPILER_MISSING",
    "OVERRIDE",
    "PACKAGE",
    "VERSION",
    "Build",
    "Choice",
    "Examination",
    "Fix",
    "Machine",
    "ToolchainError",
    "apply_fix",
    "choose",
    "examine",
    "find_compilers",
    "find_nvcc",
    "find_uv",
    "fingerprint",
    "installed_build",
    "plan_fix",
    "probe",
    "site_packages",
    "uv_args",
]
