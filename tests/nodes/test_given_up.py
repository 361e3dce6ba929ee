"""What a head does with a node that it had given up, and that is back."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import replace

import pytest

from sparktop.engines.protocol import Generation
from sparktop.model.events import ContenderFailed, Event, ModelReady, Status, Tokens
from sparktop.model.scenario import Sampling
from sparktop.nodes.remote import RemoteNode
from tests.nodes.conftest import StartAgent
from tests.nodes.driven import engine_on
from tests.nodes.test_orders import LONG, StartRun, gone, once, start_run, workers
from tests.nodes.wire import Wire

__all__ = ["start_run"]

HALF = replace(LONG, osl=400)


@pytest.mark.parametrize("away_s", [0.0, 4.0], ids=["still runs there", "was ended there"])
def test_a_contender_that_was_given_up_does_not_run_beside_the_next(
    start_agent: StartAgent, start_run: StartRun, away_s: float
) -> None:
    agent = start_agent()
    beside: list[int] = []
    with Wire(agent.url) as wire:
        place = replace(agent.far, url=wire.url)

        def mend() -> None:
            time.sleep(away_s)
            wire.mend()

        def on(event: Event) -> None:
            if isinstance(event, Tokens) and event.request == 0 and not run.failures:
                threading.Thread(target=wire.cut).start()
            elif isinstance(event, ContenderFailed):
                threading.Thread(target=mend).start()
            elif isinstance(event, Tokens) and event.request > 0:
                beside.append(len(workers(agent)))

        run = start_run(HALF, ["demo-base@spark-2", "demo-sutra@spark-2"], [place], patience_s=2.0)
        run.on = on
        assert run.ended().status is Status.COMPLETED
    (failure,) = run.failures
    assert failure.startswith("nothing came from spark-2 for 2 s")
    assert set(beside) == {1}
    assert gone(agent)


def test_the_next_contender_runs_on_an_agent_that_was_started_anew(
    start_agent: StartAgent, start_run: StartRun
) -> None:
    agent = start_agent()

    def restart() -> None:
        agent.kill()
        start_agent()

    run = start_run(HALF, ["demo-base@spark-2", "demo-sutra@spark-2"], [agent.place], once(Tokens, restart))
    assert run.ended().status is Status.COMPLETED
    assert run.failures == ["the agent of spark-2 was started anew, and what it had loaded is gone: run again"]
    assert [request.ended is not None for request in run.state.measured()] == [True, True]


def test_what_is_too_long_for_a_message_leaves_nothing_loaded(start_agent: StartAgent) -> None:
    agent = start_agent()
    node = RemoteNode(agent.place)
    node.connect()
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    engine = engine_on(node, events.put)
    node.start(lambda event: None, time.monotonic())
    engine.open()
    while not isinstance(events.get(timeout=20), ModelReady):
        pass
    assert workers(agent)
    engine.submit([Generation(request=0, prompt="x" * 5_000_000, sampling=Sampling())])
    while not isinstance(event := events.get(timeout=20), ContenderFailed):
        pass
    assert "are longer than spark-2 takes at once" in event.error
    # The head has the node for its next contender.
    assert gone(agent)
    node.stop()
