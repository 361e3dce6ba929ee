"""llama.cpp as an engine: a model in a worker process of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

from sparktop.engines.llama.rpc import Endpoint, RpcFailed, greet
from sparktop.engines.protocol import Room
from sparktop.engines.wire import Command, Load, Split
from sparktop.engines.worker_engine import Wiring, WorkerEngine

_CAUSES: Final = {
    "SIGABRT": "llama.cpp gave up by itself",
    "SIGSEGV": "a crash inside llama.cpp",
    "SIGILL": "llama.cpp was built for another processor",
}


_LOST: Final = (
    "Remote RPC server crashed",
    "Failed to connect to",
    "RPC handshake failed",
    "recv failed",
    "send failed",
)
"""What llama.cpp says before it aborts for a server that is gone."""

_GREET_S: Final = 1.0


class LlamaEngine(WorkerEngine):
    """A model in a llama.cpp worker process of its own.

    Args:
        wiring: Who it is, and where its events go.
        path: The .gguf file, or the first part of a split one.
        room: What the context must hold.
        split: The other machines that the model is split over; None where it stays whole.
    """

    def __init__(self, wiring: Wiring, *, path: Path, room: Room, split: Split | None = None) -> None:
        load = Load(contender=wiring.contender, path=str(path), room=room, origin_ns=wiring.origin_ns, split=split)
        super().__init__(
            replace(wiring, environ={**wiring.environ, "GGML_NO_BACKTRACE": "1"}),
            module="sparktop.engines.llama.worker",
            what="llama.cpp",
            first=Command(load=load),
            causes=_CAUSES,
        )
        self._split = split

    def _explain(self) -> str:
        """A worker that loses one of its split's machines is aborted by llama.cpp, which does not say which."""
        tail = self._tail()
        told = any(sign in tail for sign in _LOST)
        # On a full disk there is no log, and only who answers can tell.
        if self._split is None or (tail.strip() and not told):
            return ""
        servers = self._split.servers
        with ThreadPoolExecutor(len(servers)) as together:
            # At once: a server that nobody is connected to stays for a moment only.
            gone = [one.node for one, there in zip(servers, together.map(_answers, servers), strict=True) if not there]
        if not (told or gone):
            return ""
        who = " and ".join(gone) or " or ".join(server.node for server in servers)
        what = "its RPC server or its agent ended, or the link is down" if gone else "the link broke"
        return f"{self._contender} lost {who}, which held a part of it: {what}; what had arrived is kept, run it again"


def _answers(server: Endpoint) -> bool:
    try:
        greet(server, _GREET_S)
    except RpcFailed:
        return False
    return True
