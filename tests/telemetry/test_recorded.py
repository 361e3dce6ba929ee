"""What is played is what was read; what is broken is said, with its line."""

from __future__ import annotations

import json
import resource
import shutil
from pathlib import Path

import pytest

from sparktop.telemetry.machine import MAKERS, Inputs, sources
from sparktop.telemetry.nvml import Answer, DriverLost
from sparktop.telemetry.played import BadRecording, moments, play
from sparktop.telemetry.recorded import Recording
from tests.telemetry.cases import FOLDER, FakeDriver, lay
from tests.telemetry.machines import CASES

LOADED = next(case for case in CASES if case.name == "spark-loaded")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    lay(tmp_path / "root", LOADED.trees[0])
    return tmp_path / "root"


def recording(folder: Path, root: Path, driver: FakeDriver | None = None) -> Recording:
    return Recording(folder, Inputs(root=root, driver=driver or FakeDriver(LOADED.answers[0]), page_size=4096, me=1))


def test_sources_have_the_names_they_are_made_by() -> None:
    assert [source.name for source in sources()] == list(MAKERS)


def test_what_is_played_is_what_was_read(tmp_path: Path, root: Path) -> None:
    made = recording(tmp_path / "kept", root)
    read = []
    for t in (1.0, 1.5, 2.0, 7.5):
        (root / "sys/class/infiniband/rocep1s0f0/ports/1/counters/port_rcv_data").write_text(f"{t * 1e6:.0f}\n")
        if t == 2.0:
            (root / "proc/meminfo").unlink()
        if t == 7.5:
            (root / "proc/meminfo").write_text("MemTotal: 5 kB\nMemFr")
        read.append([source.read(t) for source in made.sources])
    made.close()
    shutil.rmtree(root)

    played = play(tmp_path / "kept")
    for readings in read:
        for source, was in zip(played, readings, strict=True):
            now = source.read(was.t)
            assert now.values == was.values
            assert now.missing == {k: why.replace(str(root), "") for k, why in was.missing.items()}
    assert made.problem == ""
    assert played[0].next is None
    assert set(played[0].read(8.0).missing.values()) == {"the recording has ended"}


def test_a_driver_that_went_away_goes_away_again(tmp_path: Path, root: Path) -> None:
    class Leaving(FakeDriver):
        gone = False

        def ask(self, question: str, gpu: int = 0) -> object:  # type: ignore[override]
            if self.gone:
                raise DriverLost("the NVIDIA driver went away: GPU is lost")
            return super().ask(question, gpu)

    driver = Leaving(LOADED.answers[0])
    made = recording(tmp_path / "kept", root, driver)
    gpu = made.sources[1]
    gpu.read(0.0)
    driver.gone = True
    gpu.read(0.5)
    made.close()

    again = play(tmp_path / "kept")[1]
    assert again.read(0.0).values["gpu.0.sm_clock"] == 2411
    assert again.read(0.5).missing["gpu"] == "the NVIDIA driver went away: GPU is lost"


def test_an_answer_that_came_too_late_is_a_gap_again(tmp_path: Path, root: Path) -> None:
    made = recording(tmp_path / "kept", root)
    network = made.sources[3]
    for t in (0.0, 0.5):
        network.read(t)
    network.forget()
    network.read(1.0)
    made.close()

    again = play(tmp_path / "kept")[3]
    rx = "net.enP7s7.rx"
    assert [again.read(t).missing.get(rx) for t in (0.0, 0.5, 1.0)] == [
        "a rate needs two readings",
        "the answer came too late",
        "a rate needs two readings",
    ]


def test_a_source_that_hung_is_a_gap_of_the_moment(tmp_path: Path, root: Path) -> None:
    made = recording(tmp_path / "kept", root)
    for t in (0.0, 0.5, 1.0, 1.5):
        for source in made.sources:
            if not (source.name == "power" and t == 1.0):
                source.read(t + 0.001 * len(source.name))
    made.close()

    read = list(moments(play(tmp_path / "kept")))
    assert [round(reading.t, 3) for reading in read] == [0.006, 0.506, 1.006, 1.506]
    assert [reading.missing.get("rail.gpu.power") for reading in read] == [None, None, "no answer at this time", None]
    assert all("memory.total" in reading.values for reading in read)


def test_nothing_is_written_that_was_not_read(tmp_path: Path, root: Path) -> None:
    (root / "proc/cmdline").write_text("secret")
    made = recording(tmp_path / "kept", root)
    for source in made.sources:
        source.read(0.0)
    made.close()

    text = "".join(path.read_text() for path in (tmp_path / "kept").iterdir())
    assert "secret" not in text
    assert str(root) not in text


def test_what_did_not_change_is_written_once(tmp_path: Path, root: Path) -> None:
    made = recording(tmp_path / "kept", root)
    for t in range(4):
        made.sources[0].read(t / 2)
    made.close()

    lines = (tmp_path / "kept/memory.jsonl").read_text().splitlines()
    assert [next(iter(json.loads(line))) for line in lines] == ["read", "file", "file", "file", "read", "read", "read"]


def test_a_recording_is_not_written_over(tmp_path: Path, root: Path) -> None:
    recording(tmp_path / "kept", root).close()

    with pytest.raises(FileExistsError):
        recording(tmp_path / "kept", root)


def test_a_disk_that_is_full_ends_the_recording_and_not_the_reading(tmp_path: Path, root: Path) -> None:
    made = recording(tmp_path / "kept", root)
    made.sources[0].read(0.0)
    written = (tmp_path / "kept/memory.jsonl").stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    (root / "proc/meminfo").write_text("MemTotal: 5 kB\n")
    resource.setrlimit(resource.RLIMIT_FSIZE, (written, limits[1]))
    try:
        full = made.sources[0].read(0.5)
        made.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert full.values["memory.total"] == 5 * 1024
    assert made.problem.startswith("the recording is not complete")
    assert play(tmp_path / "kept")[0].times == (0.0,)


def test_what_comes_after_the_end_is_no_part_of_the_recording(tmp_path: Path, root: Path) -> None:
    made = recording(tmp_path / "kept", root)
    made.sources[0].read(0.0)
    made.close()

    assert made.sources[0].read(1.0).values["memory.total"] == 127_600_748 * 1024
    assert made.problem == ""
    assert play(tmp_path / "kept")[0].times == (0.0,)


def test_a_reading_is_on_disk_when_it_is_done_and_not_before(tmp_path: Path, root: Path) -> None:
    sizes: list[int] = []

    class Looking(FakeDriver):
        def ask(self, question: str, gpu: int = 0) -> Answer:
            sizes.append((tmp_path / "kept/gpu.jsonl").stat().st_size)
            return super().ask(question, gpu)

    made = recording(tmp_path / "kept", root, Looking(LOADED.answers[0]))
    gpu = next(source for source in made.sources if source.name == "gpu")
    gpu.read(0.0)
    assert set(sizes) == {0}
    # Not closed: as after kill -9.
    assert [source.times for source in play(tmp_path / "kept") if source.name == "gpu"] == [(0.0,)]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER / "spark-idle", tmp_path / "copy"))


def test_a_line_that_was_cut_off_costs_the_last_reading_of_its_source(copy: Path) -> None:
    path = copy / "memory.jsonl"
    text = path.read_text()
    path.write_text(text + '{"read":101.0}\n{"file":"/proc/memin')

    assert play(copy)[0].times == (100.0, 100.5)


def test_answers_that_no_machine_gives_are_a_gap(copy: Path) -> None:
    path = copy / "network.jsonl"
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    counters = [entry for entry in entries if entry.get("file", "").endswith("rx_bytes")]
    assert counters
    path.write_text(
        "".join(json.dumps(entry | {"lines": ["9" * 400]} if entry in counters else entry) + "\n" for entry in entries)
    )
    with path.open("a") as file:
        file.write(json.dumps({"read": 101.0}) + "\n" + json.dumps(counters[0] | {"lines": ["9" * 800]}) + "\n")

    last = list(moments(play(copy)))[-1]
    assert "Overflow" in last.missing["net.enP7s7.rx"]


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        '{"file":"/proc/x"}',
        '{"read":"noon"}',
        '{"read":NaN}',
        '{"clock":Infinity}',
        '{"file":"/proc/x","lines":7}',
        '{"link":"/sys/x","to":7}',
        '{"ask":"power/0","error":"x","as":"moon"}',
        "[]",
        '{"moon":1}',
    ],
)
def test_a_broken_line_is_named(copy: Path, line: str) -> None:
    path = copy / "gpu.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], line, *lines[3:]]))

    with pytest.raises(BadRecording, match=r"gpu\.jsonl, line 4"):
        play(copy)


@pytest.mark.parametrize(
    "header", ["", "[]", "{}", '{"format":"sparktop.recording/2"}', '{"format":"sparktop.recording/1"}']
)
def test_what_is_no_recording_is_refused(copy: Path, header: str) -> None:
    (copy / "recording.json").write_text(header)

    with pytest.raises(BadRecording, match="copy"):
        play(copy)


def test_a_recording_without_one_of_its_files_is_refused(copy: Path) -> None:
    (copy / "cpu.jsonl").unlink()

    with pytest.raises(BadRecording, match=r"cpu\.jsonl"):
        play(copy)
