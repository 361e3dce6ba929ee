"""A machine elsewhere on one time line: clocks, and whatever happens to the connection."""

from __future__ import annotations

import queue
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from sparktop.model.events import ClockMeasured, Event, NodeSeen, Notice, SampleTaken
from sparktop.model.state import RunState
from sparktop.model.text import one_line
from sparktop.nodes.place import Place
from sparktop.nodes.remote import RemoteNode
from sparktop.runner.watch import LiveMachine
from tests.nodes.conftest import Head, StartAgent
from tests.nodes.wire import Wire

Follow = Callable[[Place], Head]


def samples(events: Sequence[Event]) -> list[SampleTaken]:
    """The readings that hold figures."""
    return [event for event in events if isinstance(event, SampleTaken) and event.values]


def gaps(events: Sequence[Event]) -> list[SampleTaken]:
    """The marks of a connection that was lost."""
    return [
        event
        for event in events
        if isinstance(event, SampleTaken) and not event.values and "no connection" in event.missing["memory.total"]
    ]


def notices(events: Sequence[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Notice)]


def rising(head: Head) -> bool:
    """Whether every series of every channel can be drawn from left to right."""
    return all(
        earlier <= later
        for gauges in head.state.gauges.values()
        for gauge in gauges.values()
        for earlier, later in pairwise(gauge.times)
    )


def load(event: SampleTaken) -> float:
    """What tells a reading from others; 0 for the first one, which has none."""
    return event.values.get("cpu.load", 0.0)


def measured(head: Head) -> ClockMeasured:
    head.wait(lambda events: any(isinstance(event, ClockMeasured) for event in events))
    return next(event for event in head.events if isinstance(event, ClockMeasured))


def begins_with_everything(head: Head) -> bool:
    first = samples(head.events)[0]
    return {"memory.total", "cpu.load"} <= first.values.keys()


@pytest.mark.alone
@pytest.mark.parametrize(
    ("there", "back", "off"),
    [(0.020, 0.020, 0.0), (0.040, 0.0, -0.020), (0.0, 0.040, 0.020)],
    ids=["even", "to", "fro"],
)
def test_the_clock_is_found_through_a_slow_line(
    start_agent: StartAgent, follow: Follow, there: float, back: float, off: float
) -> None:
    agent = start_agent()
    near = follow(agent.place)
    truth = measured(near).offset_s + near.origin
    with Wire(agent.url, there=there, back=back) as wire:
        far = follow(replace(agent.far, url=wire.url))
        found = measured(far)
        error = found.offset_s + far.origin - truth
        # Half of what the two ways differ by can't be seen, and is admitted.
        assert error == pytest.approx(off, abs=0.001)
        assert abs(error) <= found.uncertainty_s
        assert 0.020 <= found.uncertainty_s < 0.025
        assert 0.040 <= found.rtt_s < 0.050
        far.wait(lambda events: len(samples(events)) >= 4)
    # The same readings stand at the same time, however long they were on their way.
    mine = {load(event): event.t + near.origin for event in samples(near.events) if load(event)}
    theirs = {load(event): event.t + far.origin for event in samples(far.events)[1:] if load(event)}
    both = mine.keys() & theirs.keys()
    assert both
    for one in both:
        assert theirs[one] - mine[one] == pytest.approx(off, abs=0.002)


def test_what_happened_while_the_line_was_cut_is_filled_in(start_agent: StartAgent, follow: Follow) -> None:
    agent = start_agent()
    with Wire(agent.url) as wire:
        head = follow(replace(agent.far, url=wire.url))
        head.wait(lambda events: len(samples(events)) >= 4)
        before = samples(head.events)[-1].t
        wire.cut()
        head.wait(lambda events: bool(gaps(events)), 5)
        assert set(head.state.missing["spark-2"].values()) == {"no connection to spark-2"}
        assert all(gauge.last is None for gauge in head.state.gauges["spark-2"].values())
        assert notices(head.events) == ["spark-2 is cut off: the connection was cut"]
        time.sleep(3)
        wire.mend()
        head.wait(lambda events: len(samples(events)) >= 14)
        head.remote.stop()
    told = samples(head.events)
    assert any(before + 0.1 < event.t < before + 3 for event in told)
    steps = [later.t - earlier.t for earlier, later in pairwise(told[1:])]
    assert max(steps) < 0.9, steps
    assert min(steps) > 0, steps
    assert rising(head)
    assert "no connection" not in str(head.state.missing), head.state.missing
    assert notices(head.events)[1:] == ["spark-2 is back"]
    # The one mark stands where the line was cut, and the time line goes on after it.
    assert [event.t for event in gaps(head.events)] == [pytest.approx(before, abs=0.6)]


def test_a_killed_agent_is_a_gap_until_another_one_serves(start_agent: StartAgent, follow: Follow) -> None:
    agent = start_agent()
    head = follow(agent.place)
    head.wait(lambda events: len(samples(events)) >= 3)
    agent.kill()
    head.wait(lambda events: bool(gaps(events)), 5)
    assert agent.socket.exists()
    start_agent()
    count = len(samples(head.events))
    head.wait(lambda events: len(samples(events)) >= count + 4)
    assert rising(head)
    assert "no connection" not in str(head.state.missing)
    clocks = [event.offset_s for event in head.events if isinstance(event, ClockMeasured)]
    # Its clock began anew.
    assert clocks[-1] > clocks[0] + 1


def test_an_agent_that_hangs_is_told_as_such_and_comes_back(start_agent: StartAgent, follow: Follow) -> None:
    agent = start_agent()
    head = follow(agent.place)
    head.wait(lambda events: len(samples(events)) >= 3)
    agent.pause(signal.SIGSTOP)
    head.wait(lambda events: bool(gaps(events)), 6)
    assert notices(head.events) == ["spark-2 is cut off: nothing came for 3 s"]
    agent.pause(signal.SIGCONT)
    count = len(samples(head.events))
    head.wait(lambda events: len(samples(events)) >= count + 3)
    assert notices(head.events)[1:] == ["spark-2 is back"]
    assert rising(head)


def test_an_agent_that_is_stopped_says_so(start_agent: StartAgent, follow: Follow) -> None:
    agent = start_agent()
    head = follow(agent.place)
    head.wait(lambda events: len(samples(events)) >= 1)
    agent.process.terminate()
    head.wait(lambda events: bool(notices(events)), 5)
    assert notices(head.events) == ["spark-2 is cut off: its agent was stopped"]
    assert agent.process.wait(5) == 0
    assert not agent.socket.exists()


def test_a_head_begins_with_what_is_read_seldom_too(start_agent: StartAgent, follow: Follow) -> None:
    agent = start_agent()
    early = follow(agent.place)
    early.wait(lambda events: len(samples(events)) >= 3)
    late = follow(agent.place)
    late.wait(lambda events: len(samples(events)) >= 3)
    assert begins_with_everything(late)
    everything = {name for event in samples(early.events) for name in event.values}
    assert samples(late.events)[0].values.keys() >= everything
    assert late.events[0] == NodeSeen(t=late.events[0].t, node=late.state.nodes["spark-2"])
    assert all(event.t >= 0 for event in late.events)


def test_two_heads_are_told_the_same(start_agent: StartAgent, follow: Follow) -> None:
    agent = start_agent()
    heads = [follow(agent.place), follow(agent.far)]
    for head in heads:
        head.wait(lambda events: len(samples(events)) >= 6)
    one, other = ([event.values for event in samples(head.events)[1:]] for head in heads)
    assert len([values for values in one if values in other]) >= 3
    assert all(one_line(name) == name for values in one for name in values)


def test_machines_are_told_of_as_they_were_named_and_not_as_they_answer(start_agent: StartAgent) -> None:
    slow, quick = start_agent(name="spark-2"), start_agent(name="spark-3")
    nodes = [RemoteNode(slow.far), RemoteNode(quick.far)]
    machine = LiveMachine(others=nodes)
    told: queue.Queue[Event] = queue.Queue()
    try:
        for node in nodes:
            node.connect()
        slow.process.send_signal(signal.SIGSTOP)
        machine.start(told.put)
        state = RunState()
        while "spark-3" not in state.gauges:
            state.extend([told.get(timeout=20)])
        assert list(state.nodes)[1:] == ["spark-2", "spark-3"]
    finally:
        slow.process.send_signal(signal.SIGCONT)
        machine.stop()
