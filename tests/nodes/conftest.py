"""Agents as processes, and machines for them: network namespaces joined by a pair of virtual interfaces."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sparktop.model.codec import decode, encode
from sparktop.model.events import Event
from sparktop.model.state import RunState
from sparktop.nodes.place import Place
from sparktop.nodes.remote import RemoteNode

ROOT = Path(__file__).parents[2]


@dataclass
class Agent:
    """An agent that runs."""

    process: subprocess.Popen[str]
    socket: Path
    url: str
    token_file: Path
    ready: Mapping[str, object]
    log: Path

    @property
    def place(self) -> Place:
        """It at its socket."""
        return Place(socket=self.socket)

    @property
    def far(self) -> Place:
        """It at its address."""
        return Place(url=self.url, token_file=self.token_file)

    def kill(self) -> None:
        """As kill -9 does."""
        self.process.kill()
        self.process.wait()

    def pause(self, signal: int) -> None:
        """Stops it, or lets it go on."""
        self.process.send_signal(signal)


StartAgent = Callable[..., Agent]


@pytest.fixture
def start_agent(tmp_path: Path) -> Iterator[StartAgent]:
    """Starts agents; those that still run are ended, and none may leave a socket behind."""
    running: list[Agent] = []
    short = Path(os.environ.get("TMPDIR", "/tmp")) / f"st-{secrets.token_hex(4)}"

    def start(
        *words: str,
        name: str = "spark-2",
        prefix: Sequence[str] = (),
        wrap: Sequence[str] = (),
        listen: str = "127.0.0.1:0",
    ) -> Agent:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        short.mkdir(mode=0o700, exist_ok=True)
        socket, log = short / f"{name}.sock", folder / "log"
        program = list(wrap) or [sys.executable, "-m", "sparktop"]
        with log.open("a") as errors:
            process = subprocess.Popen(
                [*prefix, *program, "node", "--name", name, "--socket", str(socket), "--listen", listen, *words],
                env={"HOME": str(folder), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, log.read_text()
        ready = json.loads(line)
        url = next(one for one in ready["listening"] if one.startswith("ws"))
        agent = Agent(process, socket, url, folder / ".local/state/sparktop/node-token", ready, log)
        running.append(agent)
        return agent

    yield start
    for agent in running:
        agent.process.terminate()
    for agent in running:
        assert agent.process.wait(10) in (0, -9)
    shutil.rmtree(short, ignore_errors=True)


@dataclass
class Head:
    """What a head was told.

    Attributes:
        heard: Every event, and when it came, in seconds since the beginning.
    """

    remote: RemoteNode
    origin: float = field(default_factory=time.monotonic)
    heard: list[tuple[float, Event]] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def listen(self, event: Event) -> None:
        with self._changed:
            # What can't be written down must not be told.
            assert decode(encode(event)) == event
            self.heard.append((time.monotonic() - self.origin, event))
            self._changed.notify_all()

    @property
    def events(self) -> list[Event]:
        """What was told."""
        with self._changed:
            return [event for _, event in self.heard]

    @property
    def state(self) -> RunState:
        """What it comes to."""
        state = RunState()
        state.extend(self.events)
        return state

    def wait(self, found: Callable[[list[Event]], bool], timeout: float = 20.0) -> None:
        """Waits until what was told is enough."""
        with self._changed:
            enough = self._changed.wait_for(lambda: found([event for _, event in self.heard]), timeout)
            assert enough, [event for _, event in self.heard][-5:]

    def count(self, kind: type[Event]) -> int:
        """How many events of a kind there were."""
        return sum(isinstance(event, kind) for event in self.events)


@pytest.fixture
def follow() -> Iterator[Callable[[Place], Head]]:
    """Connects to a place and follows it."""
    heads: list[Head] = []

    def begin(place: Place) -> Head:
        head = Head(RemoteNode(place))
        heads.append(head)
        head.remote.connect()
        head.origin = time.monotonic()
        head.remote.start(head.listen, head.origin)
        return head

    yield begin
    for head in heads:
        head.remote.stop()
        assert not head.remote._thread.is_alive()
