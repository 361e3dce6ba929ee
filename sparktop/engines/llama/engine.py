"""llama.cpp as an engine: a model in a worker process of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sparktop.engines.protocol import Clock, Emit, Room
from sparktop.engines.wire import Command, Load, Split
from sparktop.engines.worker_engine import WorkerEngine

_CAUSES: Final = {
    "SIGABRT": "llama.cpp gave up by itself",
    "SIGSEGV": "a crash inside llama.cpp",
    "SIGILL": "llama.cpp was built for another processor",
}


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
