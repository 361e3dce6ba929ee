"""The machine without a run: this one read for real, one that hangs, and recorded ones."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sparktop.model.alerts import alerts
from sparktop.model.events import Event, NodeSeen, Notice, ProcessSeen, RunEnded, SampleTaken
from sparktop.model.state import fold
from sparktop.model.verdicts import Code, Severity
from sparktop.nodes.nvidia import Gpus
from sparktop.runner.watch import BadRecording, LiveMachine, RecordedMachine
from sparktop.telemetry.machine import Inputs
from sparktop.telemetry.reading import Reading
from sparktop.telemetry.recorded import Recording
from tests.telemetry.cases import FOLDER, Case, FakeDriver, lay
from tests.telemetry.machines import CASES

LOADED = next(case for case in CASES if case.name == "spark-loaded")


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Waits for something that another thread does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def samples(events: list[Event]) -> list[SampleTaken]:
    return [event for event in events if isinstance(event, SampleTaken)]


@pytest.mark.alone
def test_this_machine_names_itself_and_is_read_twice_a_second() -> None:
    events: list[Event] = []
    machine = LiveMachine()
    machine.start(events.append)
    until(lambda: len(samples(events)) >= 3)
    machine.stop()
    told = len(events)

    assert isinstance(events[0], NodeSeen)
    node = events[0].node
    assert (node.name, node.cores) == (os.uname().nodename, os.cpu_count())
    first, second, third = samples(events)[:3]
    assert {sample.node for sample in (first, second, third)} == {node.name}
    assert first.values["memory.total"] == node.memory
    assert first.t < 1.0
    assert third.t - second.t == pytest.approx(0.5, abs=0.2)
    assert "cpu.load" in second.values
    time.sleep(0.6)
    assert len(events) == told, "it was stopped"


def test_a_driver_that_hangs_keeps_nothing_back() -> None:
    events: list[Event] = []
    answers = threading.Event()

    def hang() -> Gpus:
        answers.wait(20)
        return Gpus(names=("NVIDIA GB10",), driver="580.95.05")

    machine = LiveMachine(ask_gpus=hang)
    machine.start(events.append)
    until(lambda: samples(events))
    assert fold(events).nodes[os.uname().nodename].gpus == ()
    answers.set()
    until(lambda: fold(events).nodes[os.uname().nodename].driver == "580.95.05")
    machine.stop()


class Hanging:
    """A source that answers once and never again."""

    name = "memory"
    channels = ("memory.total",)

    def __init__(self) -> None:
        self.reads = 0
        self.let_go = threading.Event()

    def read(self, now: float) -> Reading:
        self.reads += 1
        if self.reads > 1:
            self.let_go.wait(20)
        return Reading(t=now, values={"memory.total": 5.0})

    def forget(self) -> None: ...


def test_a_source_that_hangs_is_a_gap_with_a_reason_and_stopping_does_not_wait_for_it() -> None:
    events: list[Event] = []
    source = Hanging()
    machine = LiveMachine(those=(source,))
    machine.start(events.append)
    until(lambda: any(sample.missing for sample in samples(events)))
    begun = time.monotonic()
    machine.stop()

    assert time.monotonic() - begun < 1.5
    state = fold(events)
    (node,) = state.nodes
    assert state.missing[node]["memory.total"].startswith("no answer for 0.")
    assert state.gauges[node]["memory.total"].values[:2] == [5.0, None]
    source.let_go.set()


def test_processes_on_the_gpu_are_looked_up_as_they_come() -> None:
    events = list(RecordedMachine(FOLDER / "spark-loaded").events())

    seen = {event.pid: (event.name, event.own) for event in events if isinstance(event, ProcessSeen)}
    assert seen == {4010: ("python (llama)", True), 5000: ("vllm", False)}
    assert fold(events).processes["spark-loaded"][5000].name == "vllm"


class Changing(FakeDriver):
    """A driver whose list of processes changes."""

    def list_only(self, *processes: list[int]) -> None:
        self.answers = LOADED.answers[0] | {"processes": [list(process) for process in processes]}


def test_a_number_that_is_given_again_is_looked_up_again(tmp_path: Path) -> None:
    root = tmp_path / "root"
    lay(root, LOADED.trees[0])
    driver = Changing({})
    made = Recording(tmp_path / "kept", Inputs(root=root, driver=driver, clock=lambda: 0.0, page_size=4096, me=4000))
    gpu = next(source for source in made.sources if source.name == "gpu")
    for t, name in enumerate(["first", "first", "", "", "other", "other"]):
        driver.list_only(*([[5000, 7]] if name else []))
        (root / "proc/5000/stat").write_text(f"5000 ({name}) S 1 1 1 0 -1 0\n")
        gpu.read(float(t))
    made.close()

    events = list(RecordedMachine(tmp_path / "kept").events())
    seen = [(event.t, event.name, event.own) for event in events if isinstance(event, ProcessSeen)]
    assert seen == [(0.0, "first", False), (4.0, "other", False)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_recorded_machines_are_told_as_they_were(case: Case) -> None:
    machine = RecordedMachine(FOLDER / case.name)
    events = list(machine.events())

    assert (machine.name, machine.length_s) == (case.name, case.times[-1] - case.times[0])
    first, *_, last = events
    assert isinstance(first, NodeSeen)
    assert first.node.memory == case.values["memory.total"]
    assert first.node.gpus == tuple(str(case.answers[0][key]) for key in case.answers[0] if key == "name")
    assert isinstance(last, RunEnded)
    assert last.t == machine.length_s
    state = fold(events)
    newest = {name: gauge.last for name, gauge in state.gauges[case.name].items() if gauge.last is not None}
    assert newest == pytest.approx(case.values, rel=1e-12)
    assert state.missing[case.name] == case.missing


@pytest.mark.parametrize("without", [(), ("performance_state",)], ids=["today", "of an older version"])
def test_the_fault_of_a_recorded_spark_is_called_what_it_is(tmp_path: Path, without: tuple[str, ...]) -> None:
    folder = tmp_path / "kept"
    shutil.copytree(FOLDER / "spark-pd-fault", folder)
    kept = [row for row in (folder / "gpu.jsonl").read_text().splitlines() if not any(part in row for part in without)]
    (folder / "gpu.jsonl").write_text("\n".join(kept) + "\n")

    state = fold(RecordedMachine(folder).events())
    assert set(state.missing["kept"]) - {f"gpu.0.{question}" for question in without} == {
        *("gpu.0.throttle_power_cap", "port.1.capacity", "rail")
    }
    [found] = alerts(state, state.now)
    assert (found.code, found.severity) == (Code.LOW_CLOCK, Severity.FAULT)
    assert "power-delivery fault" in found.text


def test_what_is_recorded_while_it_is_watched_survives_a_kill(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from sparktop.runner.watch import LiveMachine\n"
        "from sparktop.telemetry.machine import Inputs\n"
        "from sparktop.telemetry.recorded import Recording\n"
        "machine = LiveMachine(Recording(Path(sys.argv[1]), Inputs()))\n"
        "machine.start(lambda event: print(type(event).__name__, flush=True))\n"
        "time.sleep(60)\n"
    )
    folder = tmp_path / "case"
    with subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = 0
        while told < 3:
            told += process.stdout.readline().startswith("SampleTaken")
        process.send_signal(signal.SIGKILL)

    played = samples(list(RecordedMachine(folder).events()))
    assert len(played) >= 3
    assert played[-1].values["memory.available"] > 0
    assert "cpu.load" in played[-1].values


def test_a_recording_that_breaks_off_is_told_once(tmp_path: Path) -> None:
    made = Recording(tmp_path / "case", Inputs())
    events: list[Event] = []
    machine = LiveMachine(made)
    machine.start(events.append)
    until(lambda: samples(events))
    made._tapes[0].problem = "the recording is not complete: the disk is full"
    told = len(samples(events))
    until(lambda: len(samples(events)) >= told + 3)
    machine.stop()

    assert [event.text for event in events if isinstance(event, Notice)] == [machine.problem]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda folder: (folder / "recording.json").unlink(), "is no recording"),
        (lambda folder: (folder / "gpu.jsonl").unlink(), r"gpu\.jsonl can't be read"),
        (lambda folder: [path.write_text("") for path in folder.glob("*.jsonl")], "there is no reading in"),
        (lambda folder: (folder / "cpu.jsonl").write_text("x\n{}\n"), r"cpu\.jsonl, line 1"),
    ],
)
def test_what_can_not_be_played_is_refused(tmp_path: Path, spoil: Callable[[Path], object], sentence: str) -> None:
    folder = Path(shutil.copytree(FOLDER / "spark-idle", tmp_path / "copy"))
    spoil(folder)

    with pytest.raises(BadRecording, match=sentence):
        RecordedMachine(folder)


def test_a_recording_that_was_cut_off_is_played_up_to_there(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(FOLDER / "spark-idle", tmp_path / "copy"))
    for path in folder.glob("*.jsonl"):
        path.write_text(path.read_text() + '{"read":101.0}\n{"fi')

    assert [sample.t for sample in samples(list(RecordedMachine(folder).events()))] == [0.0, 0.5]
