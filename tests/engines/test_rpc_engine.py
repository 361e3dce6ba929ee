"""A split model as one engine: its servers come with it and go with it, whatever ends it."""

from __future__ import annotations

import os
import queue
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from sparktop.engines.llama.engine import LlamaEngine
from sparktop.engines.llama.rpc import Endpoint, RpcFailed
from sparktop.engines.llama.rpc_host import RpcServer
from sparktop.engines.llama.split_engine import LocalLender, SplitEngine
from sparktop.engines.protocol import Emit, Room
from sparktop.engines.wire import Split
from sparktop.engines.worker_engine import Wiring
from sparktop.model.events import (
    ContenderFailed,
    Event,
    ModelLoading,
    ModelReady,
    ModelUnloaded,
    RequestDone,
    RequestFailed,
    Tokens,
)
from sparktop.model.split_events import ModelSplit
from sparktop.resources import demo_dir
from tests.engines.conftest import Heard, question


class Parted(Heard):
    """A split engine on this machine alone, with its events."""

    def __init__(self, folder: Path, further: int = 1, **server: Any) -> None:
        super().__init__()
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.log = folder / "worker.log"
        origin = time.monotonic_ns()
        clock = lambda: (time.monotonic_ns() - origin) / 1e9  # noqa: E731
        self.inner: list[LlamaEngine] = []

        def make(split: Split, emit: Emit) -> LlamaEngine:
            self.inner.append(
                LlamaEngine(
                    Wiring(contender="demo", log=self.log, emit=emit, clock=clock, origin_ns=origin),
                    path=demo_dir() / "demo-sutra.gguf",
                    room=Room(slots=1, context=2048, threads=1),
                    split=split,
                )
            )
            return self.inner[-1]

        self.servers = [
            RpcServer(f"spark-{number}", "127.0.0.1", log=folder / f"{number}.log", **server)
            for number in range(2, further + 2)
        ]
        self.engine = SplitEngine(
            "demo",
            "spark-1",
            [LocalLender(server) for server in self.servers],
            (1.0,) * (further + 1),
            make,
            self.events.put,
            clock,
        )

    def until(self, *kinds: type[Event]) -> Event:
        while True:
            event = self.events.get(timeout=30)
            self.seen.append(event)
            if isinstance(event, kinds):
                return event

    @property
    def pids(self) -> list[int]:
        return [server.pid for server in self.servers if server.pid is not None]

    def over(self) -> Event:
        """Waits for its last event; by then nothing of it may run."""
        last = self.until(ModelUnloaded, ContenderFailed)
        assert not any(map(psutil.pid_exists, self.pids))
        assert not any(psutil.pid_exists(engine.pid) for engine in self.inner if engine.pid is not None)
        return last


@pytest.fixture
def parted(tmp_path: Path) -> Iterator[Callable[..., Parted]]:
    made: list[Parted] = []

    def make(**others: int) -> Parted:
        made.append(Parted(tmp_path, **others))
        made[-1].engine.open()
        return made[-1]

    yield make
    for one in made:
        one.engine.kill()
        for server in one.servers:
            server.stop()


def test_it_comes_with_its_servers_and_goes_with_them(parted: Callable[..., Parted]) -> None:
    run = parted(further=2)
    run.engine.submit([question(0)])  # before there is a server: it waits
    run.until(RequestDone)
    assert len(run.answer(0)) > 10
    assert [len(event.parts) for event in run.seen if isinstance(event, ModelSplit)] == [3]
    assert len(run.pids) == 2
    run.engine.close()
    assert isinstance(run.over(), ModelUnloaded)


@pytest.mark.parametrize("when", [ModelReady, Tokens])
def test_killed_it_leaves_nothing(parted: Callable[..., Parted], when: type[Event]) -> None:
    run = parted()
    run.engine.submit([question(0, max_tokens=1500, ignore_eos=True)])
    run.until(when)
    run.engine.kill()
    assert isinstance(run.over(), ModelUnloaded)
    assert run.failed(0).error == "the run was stopped"


def test_closed_while_its_servers_start_it_loads_nothing(parted: Callable[..., Parted]) -> None:
    run = parted()
    run.engine.submit([question(0)])
    run.engine.close()
    assert isinstance(run.over(), ModelUnloaded)
    assert run.failed(0).error == "the run was stopped"


class Hanging:
    """A machine that neither starts its server nor says why, until it is told that nobody waits."""

    def __init__(self) -> None:
        self._told = threading.Event()

    def lend(self) -> Endpoint:
        self._told.wait(30)
        raise RpcFailed("it was told to end")

    def end(self) -> None:
        self._told.set()


def test_a_machine_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    run = Parted(tmp_path)
    run.engine._lenders = (*run.engine._lenders, Hanging())
    run.engine.open()
    run.until(ModelLoading)
    began = time.monotonic()
    run.engine.kill()
    assert isinstance(run.over(), ModelUnloaded)
    assert time.monotonic() - began < 10


def test_a_server_that_is_lost_ends_the_others_too(parted: Callable[..., Parted]) -> None:
    run = parted(further=2)
    run.engine.submit([question(0, max_tokens=1500, ignore_eos=True)])
    run.until(Tokens)
    os.kill(run.pids[1], signal.SIGKILL)
    last = run.over()
    assert isinstance(last, ContenderFailed)
    assert last.error.startswith("demo lost spark-3, which held a part of it")
    assert run.failed(0).error == last.error
    run.engine.submit([question(1)])
    run.until(RequestFailed)
    assert run.failed(1).error == last.error


def test_a_server_that_cannot_start_fails_it_by_name(parted: Callable[..., Parted]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run = parted(further=2, port=taken.getsockname()[1])
        run.engine.submit([question(0)])
        last = run.over()
    if not any(isinstance(event, RequestFailed) for event in run.seen):
        run.until(RequestFailed)  # it failed before it was given one
    assert isinstance(last, ContenderFailed)
    assert "can't listen at 127.0.0.1" in last.error
    assert run.failed(0).error == last.error
    assert not run.inner
