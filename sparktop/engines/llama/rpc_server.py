"""The RPC server's process: lends this machine's devices to one llama.cpp on another one.

Run as `python -m sparktop.engines.llama.rpc_server HOST PORT CACHE THREADS`. llama.cpp's function never returns, so
the process ends when its standard input does: when whoever started it closes that, or is gone, however it went.
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
from sparktop.engines.llama.rpc import send_at_once

_LOOK_S: Final = 0.01
"""How soon after llama.cpp listens its socket is set up: the model's connection comes much later."""


def main(argv: list[str]) -> int:
    """Serves until standard input ends; returns only if it can't."""
    host, port, cache, threads = argv[1], int(argv[2]), argv[3], int(argv[4])
    for ignored in (signal.SIGINT, signal.SIGPIPE):
        signal.signal(ignored, signal.SIG_IGN)
    folder = Path(cache) if cache else None
    threading.Thread(target=_end_with_input, args=(folder,), name="stdin", daemon=True).start()

    from sparktop.engines.llama.devices import lendable, rpc_library

    threading.Thread(target=_answer_at_once, args=(port,), name="listener", daemon=True).start()
    devices = lendable()
    array = (ctypes.c_void_p * len(devices))(*devices)
    start: Any = rpc_library().ggml_backend_rpc_start_server
    start(f"{host}:{port}".encode(), os.fsencode(folder) if folder is not None else None, threads, len(devices), array)
    return 1


def _end_with_input(cache: Path | None) -> None:
    while os.read(0, 4096):
        pass
    if cache is not None:
        rpc_cache.seal(cache)
    # No way leads out of llama.cpp's loop. The kernel takes back all that it held.
    os._exit(0)


def _answer_at_once(port: int) -> None:
    """Sets up llama.cpp's socket once it listens, which it does for as long as the process lives."""
    while True:
        for name in os.listdir("/proc/self/fd"):
            try:
                found = socket.socket(fileno=os.dup(int(name)))
            except OSError:
                continue  # no socket, or the descriptor of this listing, which is closed by now
            with found, suppress(OSError):
                listens = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
                if listens and found.family == socket.AF_INET and found.getsockname()[1] == port:
                    send_at_once(found)
                    return
        time.sleep(_LOOK_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
