"""Processes on the GPU of a machine elsewhere, which may end while nobody hears of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from sparktop.model.events import Event, Notice
from sparktop.model.processes import holders
from sparktop.nodes.place import Place
from tests.nodes.conftest import Head
from tests.nodes.test_agent import HELLO, impostor, token_file

__all__ = ["token_file"]


def test_one_that_ended_while_the_link_was_down_is_not_shown_for_ever(
    follow: Callable[[Place], Head], token_file: Path
) -> None:
    began = time.monotonic()
    readings: list[dict[str, Any]] = [
        {"gpu.0.held": 3.0, "process.7.gpu_held": 2.0, "process.8.gpu_held": 1.0},
        {"gpu.0.held": 1.0, "process.8.gpu_held": 1.0},
    ]

    async def answer(connection: ServerConnection) -> None:
        # Each connection is one to another agent, which has not seen what the one before has.
        values = readings.pop(0)
        await connection.send(json.dumps({**HELLO, "instance": str(len(readings))}))
        with suppress(ConnectionClosed):
            async for message in connection:
                asked, t = json.loads(message), time.monotonic() - began
                if asked["frame"] == "ping":
                    await connection.send(json.dumps({**asked, "frame": "pong", "received": t, "answered": t}))
                    continue
                head = json.dumps({"frame": "events", "start": 0})
                reading = {"event": "sample-taken", "t": t, "node": "", "values": values, "missing": {}}
                await connection.send(f"{head}\n{json.dumps(reading)}")
                if readings:
                    await connection.close()

    def back(events: list[Event]) -> bool:
        return any(isinstance(event, Notice) and event.text.endswith("is back") for event in events)

    with impostor(answer) as url:
        head = follow(Place(name="spark-2", url=url, token_file=token_file))
        head.wait(lambda events: bool(head.state.notices), 5)
        assert set(head.state.missing["spark-2"].values()) == {"no connection to spark-2"}
        head.wait(back, 5)
        state = head.state
        head.remote.stop()
    assert [holder.pid for holder in holders(state, "spark-2")] == [8]
