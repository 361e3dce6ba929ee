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
