"""Orders that take a while, while connections come and go and the agent ends."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.asyncio.client import unix_connect
from websockets.exceptions import ConnectionClosed

from sparktop.engines.protocol import Room
from sparktop.model.events import Tokens
from sparktop.nodes.agent import Agent
from sparktop.nodes.desk import Desk
from sparktop.nodes.jobs import Maker
from sparktop.nodes.orders import BadOrder, Fits, Held, Hold, Load, Refused
from sparktop.nodes.protocol import PATH, frame
from sparktop.nodes.recorder import Recorder
from sparktop.nodes.shelf import Shelf
from sparktop.resources import demo_dir
from tests.nodes.conftest import StartAgent
from tests.nodes.test_agent import NOW
from tests.nodes.test_orders import LONG, StartRun, gone, once, start_run, workers

__all__ = ["start_run"]

HOLD = Hold(session="0123456789abcdef" * 2, who="me")
LOAD = Load(order=0, job=0, contender="c", model="demo-base", room=Room(slots=1, context=64))


class SlowDisk(Shelf):
    """Models on a disk that takes its time."""

    def __init__(self) -> None:
        super().__init__((), sorted(demo_dir().glob("*.gguf")))
        self.asked, self.spun_up = threading.Event(), threading.Event()

    def path(self, name: str) -> Path | None:
        self.asked.set()
        assert self.spun_up.wait(10)
        return super().path(name)


def desk_of(shelf: Shelf, folder: Path, clock: Callable[[], float]) -> Desk:
    node = Recorder("spark-2", clock).node
    return Desk(
        Maker(shelf=shelf, node=lambda: node, logs=folder, state=folder, clock=clock, origin_ns=0, environ=os.environ)
    )


async def test_a_head_that_comes_back_during_a_load_finds_it(tmp_path: Path) -> None:
    disk = SlowDisk()
    desk = desk_of(disk, tmp_path, asyncio.get_running_loop().time)
    assert await desk.hold(HOLD, "before") == Held(orders=0)
    loading = asyncio.create_task(desk.order(LOAD, "before"))
    await asyncio.to_thread(disk.asked.wait, 5)
    again = asyncio.create_task(desk.hold(HOLD, "after"))
    await asyncio.sleep(0.05)
    disk.spun_up.set()
    assert await again == Held(orders=1)
    await loading
    assert desk.feed(0, "after").ring.first == 0
    with pytest.raises(BadOrder):
        desk.feed(0, "before")
    await desk.end()


async def test_an_error_of_the_agent_itself_is_told_and_logged(tmp_path: Path) -> None:
    class Broken(SlowDisk):
        def path(self, name: str) -> Path | None:
            raise KeyError(name)

    loop, said = asyncio.get_running_loop(), list[str]()
    disk = Broken()
    desk = desk_of(disk, tmp_path, loop.time)
    agent = Agent(Recorder("spark-2", loop.time), disk, clock=loop.time, log=said.append, desk=desk)
    server = await agent.listen_unix(tmp_path / "s")
    async with unix_connect(str(tmp_path / "s"), f"ws://localhost{PATH}", additional_headers=NOW) as head:
        await head.recv()
        await head.send(frame(Fits(id=0, model="m", room=LOAD.room)))
        with pytest.raises(ConnectionClosed) as closed:
            await head.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1011
    assert closed.value.rcvd.reason == "sparktop made an error (KeyError('m'))"
    server.close()
    await server.wait_closed()
    assert said[-1] == "the head from this machine is gone: sparktop made an error (KeyError('m'))"


async def test_another_head_is_sent_away_at_once_during_a_load(tmp_path: Path) -> None:
    disk = SlowDisk()
    desk = desk_of(disk, tmp_path, asyncio.get_running_loop().time)
    await desk.hold(HOLD, "head")
    loading = asyncio.create_task(desk.order(LOAD, "head"))
    await asyncio.to_thread(disk.asked.wait, 5)
    async with asyncio.timeout(1):
        answer = await desk.hold(replace(HOLD, session="f" * 32, who="you"), "other")
    assert isinstance(answer, Refused)
    assert answer.reason.startswith("spark-2 runs models for me, since ")
    disk.spun_up.set()
    await loading
    await desk.end()


async def test_what_was_being_loaded_as_the_agent_ends_ends_with_it(tmp_path: Path) -> None:
    disk = SlowDisk()
    desk = desk_of(disk, tmp_path, asyncio.get_running_loop().time)
    await desk.hold(HOLD, "head")
    loading = asyncio.create_task(desk.order(LOAD, "head"))
    await asyncio.to_thread(disk.asked.wait, 5)
    holding = desk._holding
    assert holding is not None
    ending = asyncio.create_task(desk.end())
    await asyncio.sleep(0.05)
    disk.spun_up.set()
    await ending
    await loading
    assert holding.jobs[0].over
    # Whoever comes now can't begin anything any more.
    assert await desk.hold(replace(HOLD, session="f" * 32), "other") == Refused(
        reason="the agent of spark-2 was stopped"
    )


def test_an_agent_that_is_stopped_during_a_run_is_said_to_be(start_agent: StartAgent, start_run: StartRun) -> None:
    """Also where what it runs takes a while to end: the head, which tries again at once, must not get in once more."""
    agent = start_agent()

    def stop() -> None:
        for pid in workers(agent):
            os.kill(pid, signal.SIGSTOP)
        agent.process.terminate()

    run = start_run(LONG, ["demo-base@spark-2"], [agent.place], once(Tokens, stop))
    run.ended()
    (failure,) = run.failures
    assert failure.startswith("the agent of spark-2 has gone, and what it had loaded with it: ")
    assert "spark-2 is cut off: its agent was stopped" in [notice.text for notice in run.state.notices]
    assert agent.process.wait(10) == 0
    assert gone(agent)
