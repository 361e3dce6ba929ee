"""The RPC server's process: lends this machine's devices to one llama.cpp on another one.

Run as `python -m sparktop.engines.llama.rpc_server HOST PORT CACHE THREADS`. llama.cpp's function never returns, so
the process ends by itself: when its standard input does, as whoever started it closes that or is gone, however it
went; and when the llama.cpp that it was started for has gone, or can't be reached any more.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from sparktop.engines.llama import rpc_cache
from sparktop.engines.llama.rpc import GREETING
from sparktop.engines.llama.rpc_socket import own_sockets, received, set_up

_LISTENS_S: Final = 0.01
"""How soon after llama.cpp listens its socket is set up: the model's connection comes much later."""

_COMES_S: Final = 0.05
"""How often its llama.cpp is looked for before it has come: one that fails at once is connected for a moment only."""

_LOOK_S: Final = 0.25

_ALONE_S: Final = 2.0
"""How long it stays when its llama.cpp has gone: who lost a part of its model then asks each server if it is there."""


_CUT_OFF: Final = threading.Event()
"""The disk was so full that a tensor in the cache may not be whole: none is kept, though there be room again."""


def main(argv: list[str]) -> int:
    """Serves until there is nobody to serve; returns only if it can't."""
    host, port, cache, threads = argv[1], int(argv[2]), argv[3], int(argv[4])
    for ignored in (signal.SIGINT, signal.SIGPIPE):
        signal.signal(ignored, signal.SIG_IGN)
    folder = Path(cache) if cache else None
    threading.Thread(target=_end_with_input, args=(folder,), name="stdin", daemon=True).start()

    from sparktop.engines.llama.devices import lendable, rpc_library

    threading.Thread(target=_end_with_client, args=(port, folder), name="connections", daemon=True).start()
    devices = lendable()
    array = (ctypes.c_void_p * len(devices))(*devices)
    start: Any = rpc_library().ggml_backend_rpc_start_server
    start(f"{host}:{port}".encode(), os.fsencode(folder) if folder is not None else None, threads, len(devices), array)
    return 1


def _end_with_input(cache: Path | None) -> None:
    while os.read(0, 4096):
        pass
    _end(cache)


def _end_with_client(port: int, cache: Path | None) -> None:
    while not _prepare(port):
        time.sleep(_LISTENS_S)
    while not _serves(port):
        time.sleep(_COMES_S)
    seen = time.monotonic()
    while time.monotonic() - seen < _ALONE_S:
        if cache is not None and rpc_cache.is_short(cache):
            _CUT_OFF.set()
            rpc_cache.drop_new(cache)
        time.sleep(_LOOK_S)
        if _serves(port):
            seen = time.monotonic()
    _end(cache)


def _prepare(port: int) -> bool:
    """Sets up the socket that llama.cpp listens on, which stays as long as the process; returns whether it is there."""
    done = False
    for found in own_sockets():
        with found, suppress(OSError):
            if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and found.getsockname()[1] == port:
                set_up(found)
                done = True
    return done


def _serves(port: int) -> bool:
    """Whether somebody is connected who wants more than a greeting."""
    serves = False
    for found in own_sockets():
        with found, suppress(OSError):
            serves |= found.getsockname()[1] == port and (received(found) or 0) > GREETING.size
    return serves


def _end(cache: Path | None) -> None:
    if cache is not None and not _CUT_OFF.is_set():
        rpc_cache.seal(cache)
    # No way leads out of llama.cpp's loop. The kernel takes back all that it held.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
