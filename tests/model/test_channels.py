"""Names of channels are built and taken apart by one rule, which every reader of a run relies on."""

from __future__ import annotations

import pytest

from sparktop.model.channels import CHANNELS, FAMILIES, Channel, describe, indexed, things


def test_a_fixed_channel_is_described() -> None:
    assert describe("memory.free") == Channel("memory.free", "bytes", "MemFree: what lies idle")


def test_a_channel_of_several_is_described_under_its_full_name() -> None:
    assert describe("gpu.1.power") == Channel("gpu.1.power", "W", "power of the GPU only, not of the machine")


def test_a_fixed_name_wins_over_a_family() -> None:
    found = describe("cpu.load")
    assert found is not None
    assert found.meaning == "share of all processors' time that was not idle"


@pytest.mark.parametrize("name", ["", "gpu", "gpu.power", "gpu..power", "gpu.0.colour", "moon.0.power", "memory.moon"])
def test_what_is_not_a_channel_is_not_described(name: str) -> None:
    assert describe(name) is None


def test_a_thing_may_hold_dots() -> None:
    name = indexed("net", "eth0.100", "rx")
    assert name == "net.eth0.100.rx"
    found = describe(name)
    assert found is not None
    assert found.unit == "bytes/s"
    assert things([name], "net") == ("eth0.100",)


def test_a_quantity_that_is_not_there_can_not_be_named() -> None:
    with pytest.raises(KeyError):
        indexed("gpu", 0, "memory_utilization")


def test_things_are_listed_once_in_order() -> None:
    names = ["gpu.1.power", "gpu.0.power", "gpu.1.energy", "gpu", "gpus.7.power", "memory.free"]
    assert things(names, "gpu") == ("1", "0")


def test_every_channel_has_a_unit_and_a_meaning_and_a_name_that_can_be_split() -> None:
    for channel in (*CHANNELS, *(c for family in FAMILIES.values() for c in family)):
        assert channel.unit
        assert channel.meaning
    assert not any("." in c.name for family in FAMILIES.values() for c in family)
