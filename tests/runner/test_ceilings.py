"""Where a ceiling comes from, for each place that a model can run at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sparktop.model.roofline import GB10
from sparktop.model.shape import Footprint
from sparktop.runner import ceilings
from sparktop.runner.ceilings import find_ceilings
from sparktop.telemetry.bandwidth import Bandwidth
from sparktop.telemetry.reading import Unreadable
from tests.model.synthetic import INFO, NODE

LARGE = Footprint(dense=4 << 30)
PROCESSOR = replace(INFO, devices=("CPU",))
LAPTOP = replace(NODE, gpus=())


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    asked: list[Path] = []

    def instead(state: Path, root: Path) -> Bandwidth:
        asked.append(state)
        return Bandwidth(bytes_s=30e9, how="read by processor", threads=4, size=1 << 28, rounds=9, machine="m")

    monkeypatch.setattr(ceilings, "processor_bandwidth", instead)
    return asked


def test_on_the_gpu_of_a_spark_nothing_is_measured(tmp_path: Path, measured: list[Path]) -> None:
    assert find_ceilings(NODE, INFO, LARGE, tmp_path) is GB10
    assert measured == []


def test_on_the_processor_it_is_measured(tmp_path: Path, measured: list[Path]) -> None:
    found = find_ceilings(LAPTOP, PROCESSOR, LARGE, tmp_path)
    assert (found.theoretical, found.measured) == (None, 30e9)
    assert found.source == "read by processor: 30 GB/s, 4 threads, best of 9 rounds"
    assert measured == [tmp_path]


def test_a_model_that_the_cache_holds_has_no_ceiling(tmp_path: Path, measured: list[Path]) -> None:
    found = find_ceilings(LAPTOP, PROCESSOR, Footprint(dense=4 << 20), tmp_path)
    assert (found.theoretical, found.measured) == (None, None)
    assert "cache" in found.source
    assert measured == []


def test_where_it_cannot_be_measured_the_reason_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(state: Path, root: Path) -> Bandwidth:
        raise Unreadable("too little memory is free")

    monkeypatch.setattr(ceilings, "processor_bandwidth", refuse)
    found = find_ceilings(LAPTOP, PROCESSOR, LARGE, tmp_path)
    assert (found.theoretical, found.measured, found.source) == (None, None, "too little memory is free")
