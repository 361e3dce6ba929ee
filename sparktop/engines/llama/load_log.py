"""What llama.cpp's log says of where a model's parts lie; its functions do not tell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

_BUFFER: Final = re.compile(r"(\S+)\s+(model|KV|RS|compute|output) buffer size =\s+([\d.]+) MiB")
"""`load_tensors: RPC0[192.168.100.11:50052] model buffer size = 35840.12 MiB`"""

_REMOTE: Final = re.compile(r"RPC\d+\[(.+)\]")
_MIB: Final = 1 << 20


@dataclass(slots=True)
class Held:
    """What one machine holds, in bytes.

    Attributes:
        buffers: Names of the devices, as the log has them.
    """

    weights: int = 0
    kv: int = 0
    compute: int = 0
    buffers: list[str] = field(default_factory=list)


def held(log: str, addresses: Iterable[str]) -> Mapping[str, Held]:
    """Returns what each machine holds, by its server's address; "" is the machine that runs llama.cpp.

    Args:
        log: What llama.cpp said while it loaded the model and made a context.
        addresses: Of the servers, as it was told them.
    """
    found = {"": Held(), **{address: Held() for address in addresses}}
    for line in log.splitlines():
        match = _BUFFER.search(line)
        if match is None:
            continue
        name, kind, size = match[1], match[2], int(float(match[3]) * _MIB)
        remote = _REMOTE.fullmatch(name)
        one = found.get(remote[1] if remote else "")
        if one is None:
            continue
        if kind == "model":
            one.weights += size
        elif kind in ("KV", "RS"):
            one.kv += size
        else:
            one.compute += size
        if name not in one.buffers:
            one.buffers.append(name)
    return found


def device_names(buffers: Sequence[str]) -> tuple[str, ...]:
    """Returns names of devices for people: "CPU_Mapped" and "CUDA_Host" are the machine's own memory."""
    names = [re.sub(r"\[.*\]$", "", name) for name in buffers]
    short = ["CPU" if name.startswith("CPU") or name.endswith("_Host") else name for name in names]
    return tuple(dict.fromkeys(short))
