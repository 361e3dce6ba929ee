"""Callers over the network who have no token, in numbers."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

import psutil

from sparktop.model.events import SampleTaken
from sparktop.nodes.callers import MOST_CALLERS
from sparktop.nodes.place import Place
from sparktop.nodes.remote import RemoteNode
from tests.nodes.conftest import Head, StartAgent


def test_callers_without_a_token_take_little_and_keep_nobody_out(
    start_agent: StartAgent, follow: Callable[[Place], Head]
) -> None:
    """Who opens connections and says nothing, or much, can't take the files and the memory that a node lives by."""
    agent = start_agent()
    host, port = agent.url.removeprefix("ws://").split(":")
    process = psutil.Process(agent.process.pid)
    head = follow(agent.far)
    head.wait(lambda events: any(isinstance(event, SampleTaken) for event in events))
    before = process.memory_info().rss, process.num_fds()
    much = b"GET /node HTTP/1.1\r\n" + b"".join(b"h%d: %s\r\n" % (number, b"x" * 8000) for number in range(100))
    with ExitStack() as stack:
        for _ in range(400):
            caller = stack.enter_context(socket.create_connection((host, int(port)), timeout=5))
            caller.setblocking(False)
            with suppress(OSError):
                caller.send(much)
        time.sleep(1)
        assert process.num_fds() <= before[1] + MOST_CALLERS + 1
        assert process.memory_info().rss - before[0] < 16 << 20
        # Who has a token gets in as ever, and who is in stays.
        assert RemoteNode(agent.far).connect().node.name == "spark-2"
        had = head.count(SampleTaken)
        head.wait(lambda events: sum(isinstance(event, SampleTaken) for event in events) > had + 1)
    assert head.state.notices == []
    missing = [why for event in head.events if isinstance(event, SampleTaken) for why in event.missing.values()]
    assert not any("open files" in why for why in missing)
