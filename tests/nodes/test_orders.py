"""Models that run on other machines, by real agents and llama.cpp, and whatever happens to those."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from sparktop.model.events import (
    ContenderFailed,
    Event,
    FootprintKnown,
    ModelLoading,
    ModelReady,
    ModelUnloaded,
    PrefillProgress,
    RequestSent,
    SampleTaken,
    Status,
    Tokens,
)
from sparktop.model.records import Options
from sparktop.model.scenario import Item, Kind, Sampling, Scenario
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import RunState, fold
from sparktop.nodes.place import Place
from sparktop.nodes.remote import RemoteNode
from sparktop.places import Places
from sparktop.runner.contenders import resolve_contenders
from sparktop.runner.fleet import Fleet
from sparktop.runner.plan import make_plan
from sparktop.runner.session import Outcome, Session
from sparktop.store.reading import read_journal
from sparktop.store.snapshots import read_snapshot
from tests.nodes.conftest import ROOT, Agent, StartAgent
from tests.nodes.machines import Machine, joined
from tests.nodes.wire import Wire

ASKED = Scenario(
    name="quick",
    title="quick",
    description="quick",
    kind=Kind.QUESTIONS,
    sampling=Sampling(max_tokens=40),
    items=(Item(id="A", prompt="什么是过拟合？"), Item(id="B", prompt="你好")),
)
LONG = Scenario(
    name="long",
    title="long",
    description="long",
    kind=Kind.PREFILL_DECODE,
    sampling=Sampling(max_tokens=900, ignore_eos=True),
    isl=64,
    osl=900,
)
"""Some four seconds of tokens."""

READING = replace(LONG, isl=3800, osl=100)
"""A prompt that takes a while to read."""


FIRST = ("demo-base", "demo-base@spark-2")
"""What the contender on the node is called, alone and beside one of the same name."""


@dataclass
class Run:
    """A run that goes on or is over.

    Attributes:
        on: Called with every event, from the session's thread.
    """

    session: Session
    events: list[Event] = field(default_factory=list)
    on: Callable[[Event], None] = lambda event: None

    def listen(self, event: Event) -> None:
        self.events.append(event)
        self.on(event)

    def ended(self, timeout: float = 40.0) -> Outcome:
        outcome = self.session.wait(timeout)
        assert outcome is not None, "the run did not end"
        assert outcome.problems == ()
        return outcome

    @property
    def state(self) -> RunState:
        return fold(self.events)

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def failures(self) -> list[str]:
        return [event.error for event in self.events if isinstance(event, ContenderFailed)]


StartRun = Callable[..., Run]


@pytest.fixture
def start_run(tmp_path: Path) -> Iterator[StartRun]:
    """Begins runs on nodes; none may be left."""
    runs: list[Run] = []

    def start(
        scenario: Scenario,
        specs: list[str],
        nodes: list[Place],
        on: Callable[[Event], None] = lambda event: None,
        patience_s: float = 60.0,
        **options: object,
    ) -> Run:
        found = [RemoteNode(place, patience_s=patience_s) for place in nodes]
        elsewhere = {(hello := one.connect()).node.name: hello.models for one in found}
        plan = make_plan(scenario, resolve_contenders(specs, elsewhere=elsewhere), Options(**options))  # type: ignore[arg-type]
        run = Run(None, on=on)  # type: ignore[arg-type]
        run.session = Session(plan, Places.of({"HOME": str(tmp_path)}), run.listen, fleet=Fleet(found))
        runs.append(run)
        run.session.start()
        return run

    yield start
    for run in runs:
        run.session.cancel()
        assert run.session.wait(20) is not None


def workers(agent: Agent) -> list[int]:
    """The engines' processes of an agent, of one that was killed too."""
    home = str(agent.log.parent)
    found = []
    for process in psutil.process_iter(["cmdline"]):
        with suppress(psutil.Error):
            if (
                "sparktop.engines.llama.worker" in (process.info["cmdline"] or [])
                and process.environ().get("HOME") == home
            ):
                found.append(process.pid)
    return found


def gone(agent: Agent, within_s: float = 5.0) -> bool:
    deadline = time.monotonic() + within_s
    while workers(agent) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not workers(agent)


def once(kind: type[Event], act: Callable[[], object]) -> Callable[[Event], None]:
    """Returns what acts, in a thread, at the first contender's first event of a kind."""
    done = threading.Event()

    def on(event: Event) -> None:
        first = getattr(event, "request", 0) == 0 and getattr(event, "contender", FIRST[0]) in FIRST
        if isinstance(event, kind) and first and not done.is_set():
            done.set()
            threading.Thread(target=act, daemon=True).start()

    return on


@pytest.fixture
def two() -> Iterator[list[Machine]]:
    with joined(2, "10.231.10") as machines:
        yield machines


def test_two_nodes_run_their_models_at_the_same_time(
    two: list[Machine], start_agent: StartAgent, start_run: StartRun
) -> None:
    # In one network they would be one machine, and take turns.
    a, b = (
        start_agent(name=name, prefix=machine.within, listen=f"{machine.address}:0")
        for name, machine in zip("ab", two, strict=True)
    )
    # So many that each is still at work when the last one has loaded, on a busy machine too.
    run = start_run(replace(ASKED, repetitions=24), ["demo-base@a", "demo-sutra@b", "demo-base"], [a.place, b.place])
    assert run.ended().status is Status.COMPLETED
    here = run.session._plan.contenders[2].name
    spans = [
        [event.t for event in run.events if isinstance(event, ModelReady | ModelUnloaded) and event.contender == name]
        for name in ("demo-base@a", "demo-sutra", here)
    ]
    # Each of the three machines has one to run, and all do so at once.
    assert max(begin for begin, _ in spans) < min(end for _, end in spans)
    outcome = run.session.wait()
    assert outcome is not None
    assert outcome.snapshot is not None
    kept = read_snapshot(outcome.snapshot)
    assert [node.name for node in kept.nodes][1:] == ["a", "b"]
    assert [record.contender.node for record in kept.contenders][:2] == ["a", "b"]
    assert {series.node for series in kept.telemetry} >= {"a", "b"}
    assert [clock.node for clock in sorted(kept.clocks, key=lambda clock: clock.node)] == ["a", "b"]
    assert all(0 < clock.rtt_s / 2 <= clock.uncertainty_s < 1 for clock in kept.clocks)
    answers = {(request.contender, request.item): request.answer for request in kept.requests}
    for item in "AB":
        # The same model, the same answer, wherever it runs.
        assert answers["demo-base@a", item] == answers[here, item] != ""
    assert all(request.metrics.ttft_ms and request.metrics.tpot_ms for request in kept.requests)
    assert len(run.of(FootprintKnown)) == 3
    # The journal tells the same again.
    contents = read_journal(outcome.snapshot.with_suffix(".jsonl"))
    assert take_snapshot(fold(contents.events)) == kept
    assert gone(a, 0.5)
    assert gone(b, 0.5)


def test_what_came_while_the_line_was_cut_is_filled_in(start_agent: StartAgent, start_run: StartRun) -> None:
    agent = start_agent()
    with Wire(agent.url) as wire:

        def cut() -> None:
            wire.cut()
            time.sleep(2)
            wire.mend()

        run = start_run(LONG, ["demo-base@spark-2"], [replace(agent.far, url=wire.url)], once(Tokens, cut))
        assert run.ended().status is Status.COMPLETED
    assert run.failures == []
    (request,) = run.state.measured()
    assert sum(request.counts) == request.output_tokens == LONG.osl
    # Nothing of the two seconds shows in when the tokens were made.
    assert max(later - earlier for earlier, later in pairwise(request.times)) < 1
    told = [notice.text for notice in run.state.notices]
    assert told[0].startswith("spark-2 and "), "that it is this machine"
    assert told[1:] == ["spark-2 is cut off: the connection was cut", "spark-2 is back"]


@pytest.mark.parametrize(
    ("scenario", "moment"),
    [(LONG, ModelLoading), (READING, PrefillProgress), (LONG, Tokens)],
    ids=["load", "prefill", "decode"],
)
def test_an_agent_that_is_killed(
    start_agent: StartAgent, start_run: StartRun, scenario: Scenario, moment: type[Event]
) -> None:
    agent = start_agent()
    here = ["demo-base"] if moment is Tokens else []
    run = start_run(scenario, ["demo-base@spark-2", *here], [agent.place], once(moment, agent.kill))
    # The contender on this machine is not concerned.
    assert run.ended().status is (Status.COMPLETED if here else Status.FAILED)
    (failure,) = run.failures
    assert failure.startswith("the agent of spark-2 has gone, and what it had loaded with it: ")
    assert 'start "sparktop node" there, then run again' in failure
    assert next(iter(run.state.contenders.values())).unreachable
    request = next(iter(run.state.requests.values()))
    assert bool(request.times) is (moment is Tokens)
    assert gone(agent)
    again = start_agent()
    after = start_run(ASKED, ["demo-base@spark-2"], [again.place])
    assert after.ended().status is Status.COMPLETED
    assert after.failures == []


def test_an_agent_that_comes_back_at_once_has_nothing_loaded(start_agent: StartAgent, start_run: StartRun) -> None:
    agent = start_agent()

    def restart() -> None:
        agent.kill()
        start_agent()

    began = time.monotonic()
    run = start_run(LONG, ["demo-base@spark-2"], [agent.place], once(Tokens, restart))
    assert run.ended().status is Status.FAILED
    assert run.failures == ["the agent of spark-2 was started anew, and what it had loaded is gone: run again"]
    assert time.monotonic() - began < 15


def test_a_line_that_stays_cut_ends_the_run_on_both_sides(start_agent: StartAgent, start_run: StartRun) -> None:
    agent = start_agent()
    with Wire(agent.url) as wire:
        place = replace(agent.far, url=wire.url)
        run = start_run(LONG, ["demo-base@spark-2"], [place], once(Tokens, wire.cut), patience_s=2.0)
        assert run.ended().status is Status.FAILED
        (failure,) = run.failures
        assert failure.startswith(
            "nothing came from spark-2 for 2 s: see whether the machine and the link to it are up"
        )
        assert next(iter(run.state.requests.values())).times
        assert gone(agent)
        wire.mend()
        assert start_run(ASKED, ["demo-base@spark-2"], [place]).ended().status is Status.COMPLETED


def test_a_worker_that_is_killed_there(start_agent: StartAgent, start_run: StartRun) -> None:
    agent = start_agent()

    def kill() -> None:
        for pid in workers(agent):
            os.kill(pid, signal.SIGKILL)

    run = start_run(LONG, ["demo-base@spark-2"], [agent.place], once(Tokens, kill))
    assert run.ended().status is Status.FAILED
    (failure,) = run.failures
    assert failure.startswith("on spark-2: llama.cpp was ended by SIGKILL")
    assert start_run(ASKED, ["demo-base@spark-2"], [agent.place]).ended().status is Status.COMPLETED


def test_a_head_that_is_killed_leaves_nothing_there(
    start_agent: StartAgent, start_run: StartRun, tmp_path: Path
) -> None:
    agent = start_agent()
    head = subprocess.Popen(
        [
            *(sys.executable, "-m", "sparktop", "run", "prefill-decode", "--headless", "--max-tokens", "2000"),
            *("--node", str(agent.socket), "-m", "demo-base@spark-2"),
        ],
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert head.stderr is not None
    assert any("loaded" in line for line in head.stderr)
    time.sleep(0.5)
    assert workers(agent)
    head.kill()
    head.wait()
    assert gone(agent)
    assert agent.process.poll() is None
    assert start_run(ASKED, ["demo-base@spark-2"], [agent.place]).ended().status is Status.COMPLETED


def test_a_second_head_is_told_who_has_the_node(start_agent: StartAgent, start_run: StartRun) -> None:
    agent = start_agent()
    loaded = threading.Event()
    first = start_run(LONG, ["demo-base@spark-2"], [agent.place], once(RequestSent, loaded.set))
    assert loaded.wait(20)
    second = start_run(ASKED, ["demo-base@spark-2"], [agent.far])
    assert second.ended().status is Status.FAILED
    (failure,) = second.failures
    assert failure.startswith("spark-2 runs models for ")
    assert failure.endswith("by its clock: wait until that run is over, or end it")
    # It is told what the machine does all the same.
    assert any(event.node == "spark-2" for event in second.events if isinstance(event, SampleTaken))
    assert first.ended().status is Status.COMPLETED
    assert start_run(ASKED, ["demo-base@spark-2"], [agent.far]).ended().status is Status.COMPLETED


def test_cancelled_within_a_moment(start_agent: StartAgent, start_run: StartRun) -> None:
    agent = start_agent()
    begun = threading.Event()
    run = start_run(LONG, ["demo-base@spark-2", "demo-sutra@spark-2"], [agent.place], once(Tokens, begun.set))
    assert begun.wait(20)
    began = time.monotonic()
    run.session.cancel()
    assert run.ended().status is Status.CANCELLED
    assert time.monotonic() - began < 4
    assert gone(agent, 1.0)
    assert next(iter(run.state.requests.values())).times


def test_what_does_not_fit_there_is_refused_with_that_nodes_sum(start_agent: StartAgent, start_run: StartRun) -> None:
    agent = start_agent()
    run = start_run(ASKED, ["demo-base@spark-2"], [agent.place], reserve=1 << 50)
    assert run.ended().status is Status.FAILED
    (failure,) = run.failures
    assert re.match(r"does not fit: needs [1-9][\d.]* MiB \(weights 3\.", failure), failure
    assert not run.of(ModelLoading)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The home of an agent on a disk of its own."""
    if os.geteuid() != 0:
        pytest.skip("a small disk is root's to make")
    disk = tmp_path / "spark-2"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k,nr_inodes=64", "tmpfs", disk], check=False, capture_output=True
    )
    if made.returncode:
        pytest.skip(f"mounting is not allowed here: {made.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_full_disk_there_stops_nothing(small_disk: Path, start_agent: StartAgent, start_run: StartRun) -> None:
    agent = start_agent()
    with (small_disk / "full").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    run = start_run(ASKED, ["demo-base@spark-2"], [agent.place])
    assert run.ended().status is Status.COMPLETED
    assert run.failures == []
    assert list(small_disk.glob(".local/state/sparktop/log/*.log")) or run.state.notices
