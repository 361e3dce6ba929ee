"""A server's model as an engine, driven from a worker process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from sparktop.engines.protocol import Clock, Emit, Room
from sparktop.engines.wire import Command, Connect
from sparktop.engines.worker_engine import WorkerEngine


class HttpEngine(WorkerEngine):
    """A model on a server that speaks OpenAI's API.

    Args:
        contender: Name that events carry.
        url: Where the API begins ("http://127.0.0.1:8000/v1").
        model: Its name there; empty if the server has only one.
        key: API key; empty for none. It goes to the worker through a pipe, and is in no event.
        silence_s: Seconds without anything new after which a request is given up.
        room: How much is asked at once.
        log: File that the worker's output goes to; its folder is made.
        emit: Takes events, from the engine's own thread.
        clock: Seconds since the run began.
        origin_ns: CLOCK_MONOTONIC at t = 0 of that clock.
        environ: Environment of the worker.
    """

    def __init__(
        self,
        *,
        contender: str,
        url: str,
        model: str = "",
        key: str = "",
        silence_s: float,
        room: Room,
        log: Path,
        emit: Emit,
        clock: Clock,
        origin_ns: int,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        super().__init__(
            contender=contender,
            module="sparktop.engines.http.worker",
            what="HTTP",
            first=Command(
                connect=Connect(
                    contender=contender,
                    url=url,
                    model=model,
                    key=key,
                    room=room,
                    silence_s=silence_s,
                    origin_ns=origin_ns,
                )
            ),
            log=log,
            emit=emit,
            clock=clock,
            environ=environ,
        )
