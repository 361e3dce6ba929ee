"""A server's model as an engine, driven from a worker process."""

from __future__ import annotations

from sparktop.engines.protocol import Room
from sparktop.engines.wire import Command, Connect
from sparktop.engines.worker_engine import Wiring, WorkerEngine


class HttpEngine(WorkerEngine):
    """A model on a server that speaks OpenAI's API.

    Args:
        wiring: Who it is, and where its events go.
        url: Where the API begins ("http://127.0.0.1:8000/v1").
        model: Its name there; empty if the server has only one.
        key: API key; empty for none. It goes to the worker through a pipe, and is in no event.
        silence_s: Seconds without anything new after which a request is given up.
        room: How much is asked at once.
    """

    def __init__(
        self,
        wiring: Wiring,
        *,
        url: str,
        model: str = "",
        key: str = "",
        silence_s: float,
        room: Room,
    ) -> None:
        super().__init__(
            wiring,
            module="sparktop.engines.http.worker",
            what="HTTP",
            first=Command(
                connect=Connect(
                    contender=wiring.contender,
                    url=url,
                    model=model,
                    key=key,
                    room=room,
                    silence_s=silence_s,
                    origin_ns=wiring.origin_ns,
                )
            ),
        )
