"""An agent that hangs while a large order is on its way."""

from __future__ import annotations

import queue
import signal
import time
from collections.abc import Callable

from sparktop.engines.protocol import Generation
from sparktop.model.events import ContenderFailed, Event, ModelReady, Notice, RequestSent
from sparktop.model.scenario import Sampling
from sparktop.nodes.place import Place
from tests.nodes.conftest import Head, StartAgent
from tests.nodes.driven import engine_on


def test_a_connection_that_takes_nothing_is_seen_as_cut(
    start_agent: StartAgent, follow: Callable[[Place], Head]
) -> None:
    agent = start_agent()
    head = follow(agent.place)
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def wait(kind: type[Event], timeout: float = 20.0) -> None:
        while not isinstance(event := events.get(timeout=timeout), kind):
            assert not isinstance(event, ContenderFailed), event

    engine = engine_on(head.remote, events.put, lambda: time.monotonic() - head.origin)
    engine.open()
    wait(ModelReady)
    agent.pause(signal.SIGSTOP)
    try:
        # More than the socket holds.
        engine.submit([Generation(request=0, prompt="x" * 3_000_000, sampling=Sampling(max_tokens=1))])
        head.wait(lambda events: any(isinstance(event, Notice) for event in events), 6)
        assert [notice.text for notice in head.state.notices] == ["spark-2 is cut off: nothing came for 3 s"]
    finally:
        agent.pause(signal.SIGCONT)
    head.wait(lambda events: sum(isinstance(event, Notice) for event in events) == 2)
    assert head.state.notices[1].text == "spark-2 is back"
    # The order arrived all the same.
    wait(RequestSent)
    engine.kill()
