"""The devices that llama.cpp computes on, through its own library.

By its bare name: the loader then gives the copy that is loaded already, where a full path would load a second one with
a registry of devices that llama.cpp never sees. Only processes of llama.cpp's own import this.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import llama_cpp  # noqa: F401  (it loads the library)

_Functions = Sequence[tuple[str, Any, list[Any]]]

_FUNCTIONS: Final[_Functions] = (
    ("ggml_backend_dev_count", ctypes.c_size_t, []),
    ("ggml_backend_dev_get", ctypes.c_void_p, [ctypes.c_size_t]),
    ("ggml_backend_dev_name", ctypes.c_char_p, [ctypes.c_void_p]),
    ("ggml_backend_dev_description", ctypes.c_char_p, [ctypes.c_void_p]),
    ("ggml_backend_dev_type", ctypes.c_int, [ctypes.c_void_p]),
    (
        "ggml_backend_dev_memory",
        None,
        [ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ctypes.c_size_t)],
    ),
    ("ggml_backend_register", None, [ctypes.c_void_p]),
    ("ggml_backend_reg_dev_count", ctypes.c_size_t, [ctypes.c_void_p]),
    ("ggml_backend_reg_dev_get", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_size_t]),
)

_RPC_FUNCTIONS: Final[_Functions] = (
    ("ggml_backend_rpc_add_server", ctypes.c_void_p, [ctypes.c_char_p]),
    ("ggml_backend_rpc_init", ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_uint32]),
    (
        "ggml_backend_rpc_start_server",
        None,
        [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p],
    ),
)


REMOTE: Final = "RPC"
"""What the names of other machines' devices begin with."""


class Kind(IntEnum):
    """ggml_backend_dev_type."""

    CPU = 0
    GPU = 1
    IGPU = 2
    ACCEL = 3
    META = 4


@dataclass(frozen=True, slots=True)
class Device:
    """A device of llama.cpp's.

    Attributes:
        name: As in its log ("CUDA0", "RPC0").
        description: "NVIDIA GB10"; of another machine's device that machine's address.
        free: Bytes that can be had there now, as the device says.
    """

    handle: int
    name: str
    description: str
    kind: Kind
    free: int

    def __str__(self) -> str:
        return f"{self.name} ({self.description})"


def ggml() -> ctypes.CDLL:
    """The ggml library that llama.cpp uses."""
    return _library("libggml.so.0", _FUNCTIONS)


def rpc_library() -> ctypes.CDLL:
    """The part of it that speaks RPC.

    Raises:
        OSError: llama.cpp was built without.
    """
    return _library("libggml-rpc.so.0", _RPC_FUNCTIONS)


def _library(name: str, functions: _Functions) -> ctypes.CDLL:
    library = ctypes.CDLL(name)
    for function, result, arguments in functions:
        found = getattr(library, function)
        found.restype, found.argtypes = result, arguments
    return library


def device(handle: int) -> Device:
    """What a device says of itself."""
    library = ggml()
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    library.ggml_backend_dev_memory(handle, ctypes.byref(free), ctypes.byref(total))
    return Device(
        handle=handle,
        name=library.ggml_backend_dev_name(handle).decode("utf-8", "replace"),
        description=library.ggml_backend_dev_description(handle).decode("utf-8", "replace"),
        kind=Kind(library.ggml_backend_dev_type(handle)),
        free=free.value,
    )


def all_devices() -> tuple[Device, ...]:
    """Every device, in llama.cpp's order."""
    library = ggml()
    return tuple(device(library.ggml_backend_dev_get(n)) for n in range(library.ggml_backend_dev_count()))


def gpus() -> tuple[Device, ...]:
    """This machine's devices that llama.cpp puts layers on by itself: GPUs, else those that share its memory."""
    found = [one for one in all_devices() if not one.name.startswith(REMOTE)]
    return tuple(one for one in found if one.kind is Kind.GPU) or tuple(one for one in found if one.kind is Kind.IGPU)


def lendable() -> tuple[int, ...]:
    """Handles of what a server lends: the GPUs, or the processor where there are none."""
    return tuple(one.handle for one in gpus() or [one for one in all_devices() if one.kind is Kind.CPU])
