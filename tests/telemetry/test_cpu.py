from __future__ import annotations

from pathlib import Path

import pytest

from sparktop.model.channels import CPU_LOAD
from sparktop.telemetry.cpu import CpuSource

#       user nice system idle iowait irq softirq steal guest guest_nice
FIRST = "cpu  100 0 100 700 100 0 0 0 50 0\ncpu0 1 2 3 4 5 6 7 8\n"


@pytest.fixture
def stat(tmp_path: Path) -> Path:
    (tmp_path / "stat").write_text(FIRST)
    return tmp_path / "stat"


def test_load_is_the_share_that_was_not_idle(stat: Path) -> None:
    source = CpuSource(stat.parent)
    assert source.read(0.0).missing == {CPU_LOAD: "a rate needs two readings"}
    stat.write_text("cpu  120 1 102 760 115 0 1 1 999 0\n")  # 25 of 100 ticks busy, 75 idle or waiting

    assert source.read(0.5).values == {CPU_LOAD: 25.0}


def test_reset_is_a_gap(stat: Path) -> None:
    source = CpuSource(stat.parent)
    source.read(0.0)
    stat.write_text("cpu  1 0 1 7 1 0 0 0 0 0\n")
    assert source.read(1.0).missing == {CPU_LOAD: "the counter was reset"}
    stat.write_text("cpu  2 0 1 8 1 0 0 0 0 0\n")
    assert source.read(2.0).values == {CPU_LOAD: 50.0}


def test_no_time_is_not_no_load(stat: Path) -> None:
    source = CpuSource(stat.parent)
    source.read(0.0)
    assert source.read(0.0).missing == {CPU_LOAD: "no time has passed since the last reading"}


@pytest.mark.parametrize("text", ["", "cpu", "cpu 1 2 3", "cpu0 1 2 3 4 5 6 7 8", "cpu a b c d e f g h"])
def test_broken_file_is_a_reason_and_not_a_base_for_the_next_rate(stat: Path, text: str) -> None:
    source = CpuSource(stat.parent)
    source.read(0.0)
    stat.write_text(text)
    assert source.read(1.0).missing[CPU_LOAD] == f"{stat} does not begin with the processors' times"
    stat.write_text(FIRST)
    assert source.read(2.0).missing == {CPU_LOAD: "a rate needs two readings"}


def test_vanished_file_is_a_reason(stat: Path) -> None:
    stat.unlink()
    assert CpuSource(stat.parent).read(0.0).missing == {CPU_LOAD: f"no {stat}"}


# A GB10: even in number, the kinds lie in four groups.
KINDS = ["a725"] * 5 + ["x925"] * 5 + ["a725"] * 5 + ["x925"] * 5
PARTS = {"a725": "0xd87", "x925": "0xd85"}


def gb10(root: Path, busy: dict[str, int], ticks: int) -> None:
    """Writes the state after `ticks` ticks, of which each processor of a kind was busy for some."""
    lines = [f"cpu{n} {busy[kind]} 0 0 {ticks - busy[kind]} 0 0 0 0 0 0" for n, kind in enumerate(KINDS)]
    total = sum(busy[kind] for kind in KINDS)
    (root / "proc").mkdir(parents=True, exist_ok=True)
    (root / "proc/stat").write_text("\n".join([f"cpu {total} 0 0 {20 * ticks - total} 0 0 0 0 0 0", *lines, "intr 5"]))
    (root / "proc/cpuinfo").write_text(
        "".join(f"processor\t: {n}\nCPU part\t: {PARTS[kind]}\n\n" for n, kind in enumerate(KINDS))
    )
    for first, clock in ((0, 2810), (5, 3900), (10, 2000), (15, 3100)):
        policy = root / f"sys/devices/system/cpu/cpufreq/policy{first}"
        policy.mkdir(parents=True, exist_ok=True)
        (policy / "related_cpus").write_text(" ".join(str(first + n) for n in range(5)) + "\n")
        (policy / "scaling_cur_freq").write_text(f"{clock * 1000}\n")


def test_kinds_of_cores_go_by_their_part_number(tmp_path: Path) -> None:
    gb10(tmp_path, {"a725": 100, "x925": 100}, 1000)
    source = CpuSource(tmp_path / "proc", tmp_path / "sys")
    source.read(0.0)
    gb10(tmp_path, {"a725": 110, "x925": 190}, 1100)

    reading = source.read(1.0)

    assert reading.missing == {}
    assert reading.values == {
        "cpu.load": 50.0,
        "cpu.a725.load": 10.0,
        "cpu.x925.load": 90.0,
        "cpu.clock": (2810 + 3900 + 2000 + 3100) / 4,
        "cpu.a725.clock": (2810 + 2000) / 2,
        "cpu.x925.clock": (3900 + 3100) / 2,
    }
    assert set(source.channels) == set(reading.values)


def test_a_policy_that_vanishes_costs_the_clock_of_its_kind_alone(tmp_path: Path) -> None:
    gb10(tmp_path, {"a725": 100, "x925": 100}, 1000)
    source = CpuSource(tmp_path / "proc", tmp_path / "sys")
    source.read(0.0)
    gone = tmp_path / "sys/devices/system/cpu/cpufreq/policy10/scaling_cur_freq"
    gone.unlink()

    reading = source.read(1.0)

    assert reading.missing["cpu.a725.clock"] == reading.missing["cpu.clock"] == f"no {gone}"
    assert reading.values["cpu.x925.clock"] == 3500


def test_a_processor_that_goes_is_no_load(tmp_path: Path) -> None:
    gb10(tmp_path, {"a725": 100, "x925": 100}, 1000)
    source = CpuSource(tmp_path / "proc", tmp_path / "sys")
    source.read(0.0)
    gb10(tmp_path, {"a725": 110, "x925": 190}, 1100)
    stat = tmp_path / "proc/stat"
    stat.write_text("\n".join(line for line in stat.read_text().splitlines() if not line.startswith("cpu19 ")))

    reading = source.read(1.0)

    assert reading.missing == {"cpu.x925.load": "a processor came or went"}
    assert reading.values["cpu.a725.load"] == 10.0


def test_many_cores_are_not_asked_for_their_clock_at_every_tick(stat: Path) -> None:
    for number in range(33):
        policy = stat.parent / f"devices/system/cpu/cpufreq/policy{number}"
        policy.mkdir(parents=True)
        (policy / "related_cpus").write_text(f"{number}\n")
        (policy / "scaling_cur_freq").write_text("1500000\n")
    source = CpuSource(stat.parent, stat.parent)

    assert [source.read(t).values.get("cpu.clock") for t in (0.0, 0.5, 4.9, 5.0)] == [1500, None, None, 1500]


def test_a_machine_without_clocks_says_so(stat: Path) -> None:
    reading = CpuSource(stat.parent, stat.parent).read(0.0)

    assert reading.missing["cpu.clock"] == f"no {stat.parent}/devices/system/cpu/cpufreq"
