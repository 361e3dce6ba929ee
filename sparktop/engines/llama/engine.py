"""llama.cpp as an engine: a model in a worker process of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sparktop.engines.llama.rpc import Endpoint, RpcFailed, greet
from sparktop.engines.protocol import Clock, Emit, Room
from sparktop.engines.wire import Command, Load, Split
from sparktop.engines.worker_engine import WorkerEngine

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
        contender: Name that events carry.
        path: The .gguf file, or the first part of a split one.
        room: What the context must hold.
        log: File that the worker's output goes to; its folder is made.
        emit: Takes events, from the engine's own thread.
        clock: Seconds since the run began.
        origin_ns: CLOCK_MONOTONIC at t = 0 of that clock.
        environ: Environment of the worker.
        split: The other machines that the model is split over; None where it stays whole.
    """

    def __init__(
        self,
        *,
        contender: str,
        path: Path,
        room: Room,
        log: Path,
        emit: Emit,
        clock: Clock,
        origin_ns: int,
        environ: Mapping[str, str] = os.environ,
        split: Split | None = None,
    ) -> None:
        super().__init__(
            contender=contender,
            module="sparktop.engines.llama.worker",
            what="llama.cpp",
            first=Command(load=Load(contender=contender, path=str(path), room=room, origin_ns=origin_ns, split=split)),
            log=log,
            emit=emit,
            clock=clock,
            environ={**environ, "GGML_NO_BACKTRACE": "1"},
            causes=_CAUSES,
        )
        self._split = split

    def _explain(self) -> str:
        """A worker that loses one of its split's machines is aborted by llama.cpp, which does not say which."""
        if self._split is None or not any(sign in self._tail() for sign in _LOST):
            return ""
        gone = [server.node for server in self._split.servers if not _answers(server)]
        who = " and ".join(gone) or " or ".join(server.node for server in self._split.servers)
        what = "its RPC server ended or the link is down" if gone else "the link broke"
        return f"{self._contender} lost {who}, which held a part of it: {what}; what had arrived is kept, run it again"


def _answers(server: Endpoint) -> bool:
    try:
        greet(server, _GREET_S)
    except RpcFailed:
        return False
    return True
