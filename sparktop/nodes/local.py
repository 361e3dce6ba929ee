"""What this machine is: the record that a run keeps of it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sparktop import toolchain
from sparktop.model.records import Node
from sparktop.nodes.nvidia import Gpus, gpus
from sparktop.telemetry.memory import MemoryInfo
from sparktop.telemetry.reading import Unreadable, read_lines

try:
    # The same function; hashlib loads OpenSSL beside it, 0.7 MB in a monitor that is open for days.
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b

_IMPLEMENTERS: Final = {"0x41": "Arm", "0x4e": "NVIDIA", "0xc0": "Ampere", "0x61": "Apple", "0x51": "Qualcomm"}

_ARM_PARTS: Final = {
    "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72",
    "0xd0b": "Cortex-A76",
    "0xd0c": "Neoverse N1",
    "0xd40": "Neoverse V1",
    "0xd42": "Cortex-A78AE",
    "0xd49": "Neoverse N2",
    "0xd4f": "Neoverse V2",
    "0xd85": "Cortex-X925",
    "0xd87": "Cortex-A725",
}
"""Arm Ltd.'s own part numbers (MIDR); the last two make up a GB10."""


def describe_local(root: Path = Path("/"), *, ask_gpus: Callable[[], Gpus] = gpus, site: Path | None = None) -> Node:
    """Returns what this machine is; whatever can't be found out is empty or 0.

    Args:
        root: Folder that holds proc, sys and etc.
        ask_gpus: Asks the driver.
        site: Folder of the installed packages; None takes the running interpreter's own.
    """
    found = ask_gpus()
    build = toolchain.installed_build(site if site is not None else toolchain.site_packages())
    cpu, cores = _cpu(root / "proc/cpuinfo")
    return Node(
        name=_first_line(root / "proc/sys/kernel/hostname") or "localhost",
        os=_os(root),
        machine=_machine(root),
        cpu=cpu,
        cores=cores,
        memory=_memory(root / "proc"),
        gpus=found.names,
        driver=found.driver,
        llama_cpp=str(build) if build is not None else "",
        identity=own_identity(root / "proc"),
    )


def own_identity(proc: Path = Path("/proc")) -> str:
    """Returns what tells this machine from all others as long as it runs; empty where that can't be found out.

    Cloned disks have the same machine-id, containers of two machines the same addresses, and those of one machine the
    same kernel: so it is the start of the kernel and the network that the program is in.

    Args:
        proc: Where /proc is.
    """
    boot = _first_line(proc / "sys/kernel/random/boot_id")
    try:
        network = (proc / "self/ns/net").stat().st_ino
    except OSError:
        return ""
    return blake2b(f"{boot} {network}".encode(), digest_size=16).hexdigest() if boot else ""


def _first_line(path: Path) -> str:
    try:
        # Device-tree strings end in a NUL.
        return next(iter(read_lines(path)), "").strip("\0 ")
    except Unreadable:
        return ""


def _os(root: Path) -> str:
    name = ""
    try:
        for line in read_lines(root / "etc/os-release"):
            key, _, value = line.partition("=")
            if key == "PRETTY_NAME":
                name = " ".join(shlex.split(value))
    except (Unreadable, ValueError):
        # ValueError: the file is for shells to read, and this one has a quote that never closes.
        name = ""
    kernel = _first_line(root / "proc/sys/kernel/osrelease")
    return ", ".join(part for part in (name or "Linux", f"kernel {kernel}" if kernel else "") if part)


def _machine(root: Path) -> str:
    name = _first_line(root / "sys/class/dmi/id/product_name") or _first_line(root / "proc/device-tree/model")
    return name.replace("_", " ")


def _cpu(path: Path) -> tuple[str, int]:
    """Model and number of the logical processors."""
    try:
        pairs = [(key.strip(), value.strip()) for key, _, value in (line.partition(":") for line in read_lines(path))]
    except Unreadable:
        return "", 0
    cores = sum(key == "processor" for key, _ in pairs)
    if names := [value for key, value in pairs if key == "model name"]:
        return names[0], cores
    implementers = [value for key, value in pairs if key == "CPU implementer"]
    parts = [value for key, value in pairs if key == "CPU part"]
    kinds = Counter(_arm_name(*pair) for pair in zip(implementers, parts, strict=False))
    if len(kinds) == 1:
        return next(iter(kinds)), cores
    return " + ".join(
        f"{count} x {name}" for name, count in sorted(kinds.items(), key=lambda k: k[0], reverse=True)
    ), cores


def _arm_name(implementer: str, part: str) -> str:
    if implementer == "0x41" and part in _ARM_PARTS:
        return _ARM_PARTS[part]
    return f"{_IMPLEMENTERS.get(implementer, f'implementer {implementer}')} part {part}"


def _memory(proc: Path) -> int:
    try:
        return MemoryInfo(proc).bytes("MemTotal")
    except Unreadable:
        return 0
