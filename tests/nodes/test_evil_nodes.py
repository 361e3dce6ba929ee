"""Nodes that tell what no machine makes: the head stays whole, small, and says so."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from sparktop.model.events import ClockMeasured, ContenderFailed, Event, Notice, SampleTaken
from sparktop.nodes.place import Place
from sparktop.nodes.remote import RemoteNode
from tests.nodes.conftest import Head
from tests.nodes.driven import engine_on
from tests.nodes.test_agent import HELLO, READING, impostor, token_file

__all__ = ["token_file"]

NODE: dict[str, Any] = HELLO["node"]  # type: ignore[assignment]

Tell = Callable[[ServerConnection], Coroutine[Any, Any, None]]


def telling(tell: Tell, **hello: Any) -> Tell:
    """An agent that greets and keeps time as they all do, and tells something once it is asked."""

    async def answer(connection: ServerConnection) -> None:
        await connection.send(json.dumps({**HELLO, **hello}))
        began = time.monotonic()
        telling: asyncio.Task[None] | None = None
        with suppress(ConnectionClosed):
            async for message in connection:
                asked = json.loads(message)
                if asked["frame"] == "ping":
                    t = time.monotonic() - began
                    await connection.send(json.dumps({**asked, "frame": "pong", "received": t, "answered": t}))
                elif telling is None:
                    telling = asyncio.create_task(tell(connection))
        if telling is not None:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    return answer


def told(start: int, *events: dict[str, Any]) -> str:
    return "\n".join([json.dumps({"frame": "events", "start": start}), *map(json.dumps, events)])


@pytest.mark.parametrize("number", [2**64 - 1, 2**80])
def test_numbers_beyond_all_counting(number: int, follow: Callable[[Place], Head], token_file: Path) -> None:
    died: list[object] = []
    hook, threading.excepthook = threading.excepthook, died.append

    async def tell(connection: ServerConnection) -> None:
        await connection.send(told(number, {**READING, "t": 1.0}, {**READING, "t": 1.0}))
        await connection.close()

    try:
        with impostor(telling(tell)) as url:
            head = follow(Place(url=url, token_file=token_file))
            # Once more, from where it stopped.
            head.wait(lambda events: bool(head.state.notices), 5)
            time.sleep(1.5)
            assert head.remote._thread.is_alive()
            head.remote.stop()
    finally:
        threading.excepthook = hook
    assert died == []


@pytest.mark.parametrize(("received", "answered"), [(1.7e308, 1.7e308), (-1e9, -1e9), (2.0, 1.0)])
def test_a_clock_that_can_not_be(
    received: float, answered: float, follow: Callable[[Place], Head], token_file: Path
) -> None:
    """Two such times added up are infinite, which no journal can hold."""

    async def answer(connection: ServerConnection) -> None:
        await connection.send(json.dumps(HELLO))
        with suppress(ConnectionClosed):
            async for message in connection:
                asked = json.loads(message)
                if asked["frame"] == "ping":
                    await connection.send(
                        json.dumps({**asked, "frame": "pong", "received": received, "answered": answered})
                    )

    with impostor(answer) as url:
        head = follow(Place(url=url, token_file=token_file))
        head.wait(lambda events: bool(head.state.notices), 5)
        head.remote.stop()
    assert head.state.notices[0].text.endswith("a time that no clock shows")
    assert not head.count(ClockMeasured)


@pytest.mark.parametrize(
    "flood",
    [
        [{**READING, "t": 1.0}] * 2000,
        [{"event": "process-seen", "t": 1.0, "node": "x", "pid": pid, "name": "p", "own": None} for pid in range(2000)],
        [{"event": "node-seen", "t": 1.0, "node": {**NODE, "cpu": str(n)}} for n in range(2000)],
    ],
    ids=["readings", "processes", "nodes"],
)
def test_a_flood_of_events_ends(flood: list[dict[str, Any]], token_file: Path) -> None:
    async def tell(connection: ServerConnection) -> None:
        for number in range(200):
            await connection.send(told(number * len(flood), *flood))

    events = 0
    notices: queue.SimpleQueue[str] = queue.SimpleQueue()

    def listen(event: Event) -> None:
        nonlocal events
        events += 1
        if isinstance(event, Notice):
            notices.put(event.text)

    with impostor(telling(tell)) as url:
        node = RemoteNode(Place(url=url, token_file=token_file))
        node.connect()
        node.start(listen, time.monotonic())
        assert notices.get(timeout=30) == "evil is cut off: it told more events than any machine makes"
        node.stop()
    assert events < 52_000


def test_a_node_can_not_fill_the_memory_with_names(follow: Callable[[Place], Head], token_file: Path) -> None:
    ended = threading.Event()

    async def tell(connection: ServerConnection) -> None:
        for number in range(20):
            values = {f"c{number}.{channel}": 1.0 for channel in range(4000)}
            await connection.send(told(number, {**READING, "t": 1.0, "values": values, "missing": {}}))
        await connection.send(told(20, {**READING, "t": 1.0, "values": {"c0.0": 2.0}, "missing": {}}))
        ended.set()

    with impostor(telling(tell)) as url:
        head = follow(Place(url=url, token_file=token_file))
        assert ended.wait(30)
        # What was known goes on.
        head.wait(
            lambda events: any(isinstance(event, SampleTaken) and event.values == {"c0.0": 2.0} for event in events)
        )
        head.remote.stop()
    assert 60_000 < len(head.state.gauges["evil"]) <= 1 << 16


def test_a_node_that_never_says_whether_it_can_be_had(token_file: Path) -> None:
    async def tell(connection: ServerConnection) -> None:
        t = 1.0
        while True:
            # It lives: its readings come.
            await connection.send(told(int(t), {**READING, "t": t}))
            t += 1
            await asyncio.sleep(0.2)

    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    with impostor(telling(tell, first=1, next=1)) as url:
        node = RemoteNode(Place(url=url, token_file=token_file), patience_s=1.0)
        node.connect()
        node.start(lambda event: None, time.monotonic())
        engine = engine_on(node, events.put)
        engine.open()
        failed = events.get(timeout=5)
        node.stop()
    assert isinstance(failed, ContenderFailed)
    assert failed.error.startswith("evil did not say within 1 s whether it can be had")
