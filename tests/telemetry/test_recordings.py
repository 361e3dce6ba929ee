"""Every number that is read of each recorded machine is the one that was put there, and nothing more is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparktop.model.channels import describe
from sparktop.telemetry.played import moments, play
from tests.telemetry.cases import FOLDER, Case, record
from tests.telemetry.machines import CASES

IDS = [case.name for case in CASES]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_every_number_is_the_machines_own(case: Case) -> None:
    readings = list(moments(play(FOLDER / case.name)))

    read: dict[str, float] = {}
    for reading in readings:
        read |= reading.values
    assert read == pytest.approx(case.values, rel=1e-12)
    assert readings[-1].missing == case.missing
    assert tuple(reading.t for reading in readings) == case.times


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_every_channel_has_a_unit(case: Case) -> None:
    assert all(describe(name) is not None for name in case.values)
    assert all(describe(name) is not None for name in case.missing if "." in name)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_the_recording_is_what_the_sources_read_today(case: Case, tmp_path: Path) -> None:
    record(case, tmp_path / "again")

    for kept in (FOLDER / case.name).iterdir():
        assert (tmp_path / "again" / kept.name).read_text() == kept.read_text(), kept.name


def test_no_machine_is_missing_from_the_folder() -> None:
    assert {path.name for path in FOLDER.iterdir() if path.is_dir()} == set(IDS)


def test_the_firmwares_counters_are_read_by_name() -> None:
    for case in IDS:
        lines = (FOLDER / case / "roce.jsonl").read_text().splitlines()
        assert not [line for line in lines if line.startswith('{"dir"') and "counters" in line]
        assert not [line for line in lines if "rx_icrc_encapsulated" in line]
        if case.startswith("spark"):
            # Four devices with ten counters, once in half a second.
            assert sum("/hw_counters/" in line for line in lines) == 40
