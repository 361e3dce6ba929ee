"""The measurement of memory bandwidth: plausible, kept, and measured again where it must be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparktop.telemetry import bandwidth
from sparktop.telemetry.bandwidth import Bandwidth, measure, processor_bandwidth
from sparktop.telemetry.reading import Unreadable


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "proc").mkdir(parents=True)
    (root / "etc").mkdir()
    (root / "proc/meminfo").write_text("MemTotal: 33554432 kB\nMemAvailable: 16777216 kB\n")
    (root / "proc/cpuinfo").write_text("processor : 0\nmodel name : Example 1\n")
    (root / "etc/machine-id").write_text("0123456789abcdef\n")
    return root


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Measures in no time, and tells with how many bytes."""
    sizes: list[int] = []

    def instead(threads: int, size: int, machine: str, *, seconds: float) -> Bandwidth:
        sizes.append(size)
        return Bandwidth(bytes_s=5e9, how="read by processor", threads=threads, size=size, rounds=3, machine=machine)

    monkeypatch.setattr(bandwidth, "measure", instead)
    return sizes


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 1})


def ticking(*times: float) -> Iterator[float]:
    yield from times


def test_this_machine_reads_at_a_plausible_speed() -> None:
    found = measure(2, 64 << 20, "m", seconds=0.05)
    assert 0.5e9 < found.bytes_s < 2e12
    assert (found.threads, found.size, found.how) == (2, 64 << 20, "read by processor")
    assert found.rounds >= 1


def test_the_fastest_round_counts() -> None:
    clock = ticking(0.0, 4.0, 4.0, 5.0, 5.0, 7.0)  # rounds of 4 s, 1 s and 2 s
    found = measure(1, 8000, "m", seconds=6.0, clock=lambda: next(clock))
    assert (found.bytes_s, found.rounds) == (8000.0, 3)
    assert found.source == "read by processor: 8e-06 GB/s, 1 threads, best of 3 rounds"


def test_it_is_measured_once_for_a_machine(tmp_path: Path, root: Path, measured: list[int]) -> None:
    state = tmp_path / "state" / "sparktop"
    first = processor_bandwidth(state, root)
    assert processor_bandwidth(state, root) == first
    assert len(measured) == 1
    assert [file.name for file in state.iterdir()] == ["bandwidth.json"]
    (root / "etc/machine-id").write_text("another\n")  # a home folder on a shared disk
    assert processor_bandwidth(state, root).machine != first.machine
    assert len(measured) == 2


def test_the_file_does_not_tell_which_machine_it_was(tmp_path: Path, root: Path, measured: list[int]) -> None:
    processor_bandwidth(tmp_path, root)
    assert "0123456789abcdef" not in (tmp_path / "bandwidth.json").read_text()


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", '"x"', '{"bytes_s": "fast"}', "\x00"])
def test_a_damaged_file_is_measured_again(tmp_path: Path, root: Path, measured: list[int], damage: str) -> None:
    (tmp_path / "bandwidth.json").write_text(damage)
    assert processor_bandwidth(tmp_path, root).bytes_s == 5e9
    assert len(measured) == 1
    assert json.loads((tmp_path / "bandwidth.json").read_text())["bytes_s"] == 5e9


def test_a_folder_that_cannot_be_written_costs_only_time(tmp_path: Path, root: Path, measured: list[int]) -> None:
    (tmp_path / "file").write_text("")
    assert processor_bandwidth(tmp_path / "file" / "sparktop", root).bytes_s == 5e9


def test_it_takes_a_small_part_of_what_is_free_or_refuses(tmp_path: Path, root: Path, measured: list[int]) -> None:
    processor_bandwidth(tmp_path / "a", root)
    (root / "proc/meminfo").write_text(f"MemAvailable: {3200 << 10} kB\n")
    processor_bandwidth(tmp_path / "b", root)
    assert measured == [256 << 20, 200 << 20]
    (root / "proc/meminfo").write_text("MemAvailable: 1048576 kB\n")
    with pytest.raises(Unreadable, match=r"too little memory is free .*\(1024 MiB\)"):
        processor_bandwidth(tmp_path / "c", root)
    assert len(measured) == 2


@pytest.mark.parametrize(("cores", "mebibytes"), [(1, 256), (8, 512), (64, 1024)])
def test_more_threads_read_more_memory(
    tmp_path: Path, root: Path, measured: list[int], monkeypatch: pytest.MonkeyPatch, cores: int, mebibytes: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(cores)))
    found = processor_bandwidth(tmp_path, root)
    assert (found.threads, measured) == (min(cores, 16), [mebibytes << 20])


def test_memory_that_cannot_be_had_is_a_reason_and_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise MemoryError

    monkeypatch.setattr("numpy.arange", refuse)
    with pytest.raises(Unreadable, match="no memory could be had"):
        measure(2, 1 << 20, "m", seconds=0.01)
