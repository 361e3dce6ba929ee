"""What each side takes from the other about what runs on a node, and what it does not."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from sparktop.engines.protocol import Generation
from sparktop.model.events import ContenderFailed, Event, ModelReady, RequestFailed, Tokens
from sparktop.model.scenario import Sampling
from sparktop.nodes.agent import Agent
from sparktop.nodes.desk import Desk
from sparktop.nodes.jobs import Maker
from sparktop.nodes.orders import Held, Hold, Refused
from sparktop.nodes.place import Place
from sparktop.nodes.protocol import PATH
from sparktop.nodes.recorder import Recorder
from sparktop.nodes.remote import RemoteNode
from sparktop.nodes.shelf import Shelf
from sparktop.resources import demo_dir
from tests.nodes.conftest import StartAgent
from tests.nodes.driven import engine_on
from tests.nodes.test_agent import HELLO, NOW, exhaust, impostor, talk, token_file

__all__ = ["token_file"]

SESSION = "0123456789abcdef" * 2
HOLD = {"frame": "hold", "session": SESSION, "who": "me"}
ROOM = {"slots": 1, "context": 256}
LOAD = {"frame": "load", "order": 0, "job": 0, "contender": "c", "model": "demo-base", "room": ROOM}


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        ([LOAD], "an order from a head that does not hold the node"),
        ([HOLD, {**LOAD, "order": 1}], "order 1, where 0 was due"),
        ([HOLD, LOAD, {**LOAD, "order": 1}], "job 0 twice"),
        (
            [HOLD, {"frame": "submit", "order": 0, "job": 3, "generations": []}],
            "an order for job 3, which there is not",
        ),
        ([HOLD, {**LOAD, "room": {"slots": 10**6, "context": 1}}], "room for 1000000 sequences of 1 tokens"),
        ([HOLD, {**LOAD, "job": -1}], "an order or a job with an impossible number"),
        ([HOLD, {"frame": "follow", "start": 0, "job": 5}], "the events of job 5, which there is not"),
        ([{**HOLD, "session": "x"}], "a session that is none"),
    ],
    ids=range(8),
)
def test_a_head_that_orders_what_can_not_be_is_dropped(
    start_agent: StartAgent, frames: list[dict[str, Any]], why: str
) -> None:
    agent = start_agent()

    async def converse(connection: ClientConnection) -> None:
        for frame in frames:
            await connection.send(json.dumps(frame))
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(exhaust(connection), 10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1002
        assert closed.value.rcvd.reason == f"it sent {why}"

    talk(agent.socket, converse)
    assert RemoteNode(agent.place).connect().node.name == "spark-2"


def test_a_model_is_a_name_and_never_a_path(start_agent: StartAgent) -> None:
    agent = start_agent()
    path = str(demo_dir() / "demo-base.gguf")

    async def converse(connection: ClientConnection) -> None:
        for frame in (HOLD, {**LOAD, "model": path}, {"frame": "follow", "start": 0, "job": 0}):
            await connection.send(json.dumps(frame))
        while '"job":0' not in (message := str(await asyncio.wait_for(connection.recv(), 10))):
            pass
        event = json.loads(message.split("\n")[1])
        assert event["event"] == "contender-failed"
        assert event["error"].startswith(f'there is no model "{path}" in the folders of spark-2: it has demo-base')

    talk(agent.socket, converse)


async def test_what_a_silent_head_runs_ends(tmp_path: Path) -> None:
    """As when a link is down for ever: the connection stays, and nothing comes through it."""
    loop = asyncio.get_running_loop()
    said: list[str] = []
    shelf = Shelf((), sorted(demo_dir().glob("*.gguf")))
    recorder = Recorder("here", loop.time)
    make = Maker(
        shelf=shelf,
        node=lambda: recorder.node,
        logs=tmp_path,
        state=tmp_path,
        clock=loop.time,
        origin_ns=0,
        environ=os.environ,
    )
    desk = Desk(make, log=said.append, patience_s=1.0)
    agent = Agent(recorder, shelf, clock=loop.time, desk=desk)
    server = await agent.listen_unix(tmp_path / "s")
    url = f"ws://localhost{PATH}"
    async with unix_connect(str(tmp_path / "s"), url, additional_headers=NOW, compression=None) as head:
        for frame in (HOLD, LOAD, {"frame": "follow", "start": 0, "job": 0}):
            await head.send(json.dumps(frame))
        async with asyncio.timeout(20):
            seen = ""
            while "model-unloaded" not in seen:
                seen += str(await head.recv())
    assert "no longer held by me: nothing came from it for 1 s" in said
    server.close()
    await server.wait_closed()


def test_whoever_comes_back_takes_over_from_a_run_that_nobody_hears_of(tmp_path: Path) -> None:
    now = 0.0
    make = Maker(
        shelf=Shelf((), ()),
        node=lambda: Recorder("spark-2", lambda: now).node,
        logs=tmp_path,
        state=tmp_path,
        clock=lambda: now,
        origin_ns=0,
        environ=os.environ,
        wall=lambda: datetime(2026, 1, 1),
    )
    desk = Desk(make)
    first, second, other = "a" * 32, "b" * 32, "c" * 32

    async def scene() -> None:
        nonlocal now

        async def ask(session: str, who: str) -> Held | Refused:
            return await desk.hold(Hold(session=session, who=who), object())

        assert isinstance(await ask(first, "me on spark-1"), Held)
        said = "spark-2 runs models for me on spark-1, since 00:00:00 by its clock: "
        assert await ask(second, "me on spark-1") == Refused(reason=said + "wait until that run is over, or end it")
        now = 19.0
        waits = Refused(reason=said + "nothing came from there for 19 s, try again in 1 s")
        assert await ask(second, "me on spark-1") == waits
        now = 21.0
        assert isinstance(await ask(other, "you on spark-3"), Refused)
        assert isinstance(await ask(second, "me on spark-1"), Held)
        # The one of before is told as anybody else would be.
        assert isinstance(await ask(first, "me on spark-1"), Refused)
        await desk.end()

    asyncio.run(scene())


def evil(*events: dict[str, Any]) -> Callable[[ServerConnection], Awaitable[None]]:
    """An agent that loads at once, and answers requests with these events."""

    async def answer(connection: ServerConnection) -> None:
        sent = 0

        async def tell(*those: dict[str, Any]) -> None:
            nonlocal sent
            lines = [json.dumps({"frame": "events", "job": 0, "start": sent}), *map(json.dumps, those)]
            sent += len(those)
            await connection.send("\n".join(lines))

        ready = {
            "event": "model-ready",
            "t": 1.0,
            "contender": "c",
            "load_s": 1e17,
            "model": {
                "description": "x\u001b[2J",
                "parameters": 1,
                "size": 1,
                "context": 1,
                "slots": 1,
                "vocabulary": 1,
                "layers": 1,
                "devices": ["a\nb"],
                "chat_template": True,
            },
        }
        await connection.send(json.dumps(HELLO))
        with suppress(ConnectionClosed):
            async for message in connection:
                asked = json.loads(message)
                match asked["frame"]:
                    case "ping":
                        await connection.send(json.dumps({**asked, "frame": "pong", "received": 1.0, "answered": 1.0}))
                    case "hold":
                        await connection.send('{"frame":"held","orders":0}')
                    case "load":
                        await tell(ready)
                    case "submit":
                        await tell(SENT, *events)

    return answer


DONE = {
    "event": "request-done",
    "t": 1.0,
    "request": 0,
    "finish": "stop",
    "prompt_tokens": 1,
    "cached_tokens": 0,
    "output_tokens": 1,
    "prefill_ms": 1.0,
    "token_source": "token ids",
}
SENT = {"event": "request-sent", "t": 1.0, "request": 0}
TOKENS = {"event": "tokens", "t": 1.0, "request": 0, "kind": "answer", "text": "x", "times": [1.0], "counts": [1]}


@pytest.mark.parametrize(
    "event",
    [
        {**TOKENS, "request": 1},
        {**TOKENS, "times": [2.0, 1.0], "counts": [1, 1]},
        {**TOKENS, "counts": [-1]},
        {**TOKENS, "text": "x" * 1_000_000},
        {**TOKENS, "text": "", "times": [1.0] * 5000, "counts": [0] * 5000},
        {**DONE, "prompt_tokens": -1},
        {"event": "run-ended", "t": 1.0, "status": "completed"},
        {"event": "model-loading", "t": 1.0, "contender": "another", "fraction": 1.0},
        {"event": "model-loading", "t": 1.0, "contender": "c", "fraction": "x"},
        {"event": "model-loading", "t": 1.0, "contender": "c", "fraction": 1e12},
        {"event": "prefill-progress", "t": 1.0, "request": 0, "done": 1 << 60, "total": 1},
        {**DONE, "prefill_ms": -1.0},
        {**DONE, "prefill_ms": 1e17},
        {**TOKENS, "times": [0.5]},
        SENT,
    ],
    ids=range(15),
)
def test_a_node_that_tells_what_can_not_be_fails_its_contender(event: dict[str, Any], token_file: Path) -> None:
    events, failed = play(evil(event), token_file)
    assert failed.error.startswith("evil can't be understood: it ")
    assert [one.request for one in events if isinstance(one, RequestFailed)] == [0]


def test_tokens_of_one_request_come_one_after_another(token_file: Path) -> None:
    _, failed = play(evil({**TOKENS, "times": [2.0]}, TOKENS), token_file)
    assert failed.error.startswith("evil can't be understood: it told tokens at impossible times")


def test_what_a_node_tells_is_placed_within_the_run_and_made_safe(token_file: Path) -> None:
    late = {**TOKENS, "t": 1e9, "times": [1.0, 1e9], "counts": [1, 1]}
    failure = {
        "event": "contender-failed",
        "t": 1.0,
        "contender": "c",
        "error": "a\u001b]0;b\u0007\nc",
        "log": "d\u001b[2J\ne",
    }
    events, failed = play(evil(late, failure), token_file)
    (tokens,) = (one for one in events if isinstance(one, Tokens))
    assert 0 <= tokens.times[0] <= tokens.times[1] < 30
    (ready,) = (one for one in events if isinstance(one, ModelReady))
    assert 0 <= ready.load_s <= ready.t
    assert (ready.model.description, ready.model.devices) == ("x", ("a b",))
    assert (failed.error, failed.log) == ("on evil: a c", "d\ne")


def test_prompts_that_are_too_long_for_a_message_are_not_sent(token_file: Path) -> None:
    events, failed = play(evil(DONE), token_file, "x" * 5_000_000)
    assert failed.error.startswith("the prompts of one batch are longer than evil takes at once (4 million characters)")
    assert [one.request for one in events if isinstance(one, RequestFailed)] == [0]


def play(
    agent: Callable[[ServerConnection], Awaitable[None]], token: Path, prompt: str = "x"
) -> tuple[list[Event], ContenderFailed]:
    """Runs a request on an agent; returns what came, and how it failed."""
    events: list[Event] = []
    loaded, over = threading.Event(), threading.Event()

    def emit(event: Event) -> None:
        events.append(event)
        if isinstance(event, ModelReady):
            loaded.set()
        if isinstance(event, ContenderFailed):
            over.set()

    with impostor(agent) as url:
        node = RemoteNode(Place(url=url, token_file=token))
        node.connect()
        began = time.monotonic()
        node.start(lambda event: None, began)
        engine = engine_on(node, emit, lambda: time.monotonic() - began)
        engine.open()
        assert loaded.wait(10)
        engine.submit([Generation(request=0, prompt=prompt, sampling=Sampling())])
        assert over.wait(10)
        node.stop()
    (failed,) = (one for one in events if isinstance(one, ContenderFailed))
    return events, failed
