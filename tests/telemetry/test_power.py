"""Zones and rails by what they are called, not by their number; what is no reading is a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparktop.telemetry.power import PowerSource


def write(sys: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (sys / name).parent.mkdir(parents=True, exist_ok=True)
        (sys / name).write_text(text)


SPARK = {
    "class/thermal/thermal_zone0/type": "acpitz\n",
    "class/thermal/thermal_zone0/temp": "95000\n",
    "class/thermal/thermal_zone1/type": "acpitz\n",
    "class/thermal/thermal_zone1/temp": "71300\n",
    "class/thermal/thermal_zone2/type": "mlx5\n",
    "class/thermal/thermal_zone2/temp": "88000\n",
    "class/thermal/cooling_device0/type": "Processor\n",
    "class/hwmon/hwmon0/name": "acpitz\n",
    "class/hwmon/hwmon0/temp1_input": "95000\n",
    "class/hwmon/hwmon1/name": "nvme\n",
    "class/hwmon/hwmon1/temp1_input": "40000\n",
    "class/hwmon/hwmon2/name": "mlx5\n",
    "class/hwmon/hwmon2/temp1_input": "88000\n",
    "class/hwmon/hwmon3/name": "spbm\n",
    "class/hwmon/hwmon3/power1_label": "sys_total\n",
    "class/hwmon/hwmon3/power1_input": "142500000\n",
    "class/hwmon/hwmon3/power2_label": "gpu\n",
    "class/hwmon/hwmon3/power2_input": "61250000\n",
    "class/hwmon/hwmon3/power3_label": "pl1\n",
    "class/hwmon/hwmon3/power3_input": "140000000\n",
    "class/hwmon/hwmon3/power4_label": "budget_cpu\n",
    "class/hwmon/hwmon3/power4_input": "30000000\n",
    "class/hwmon/hwmon3/energy1_label": "pkg\n",
    "class/hwmon/hwmon3/energy1_input": "5000000\n",
}


@pytest.fixture
def sys(tmp_path: Path) -> Path:
    write(tmp_path, SPARK)
    return tmp_path


def test_zones_and_rails(sys: Path) -> None:
    source = PowerSource(sys)

    reading = source.read(0.0)

    assert reading.missing == {}
    assert reading.values == {
        "thermal.acpitz-0.temperature": 95.0,
        "thermal.acpitz-1.temperature": 71.3,
        "rail.sys_total.power": 142.5,
        "rail.gpu.power": 61.25,
        "rail.pkg.energy": 0.0,
    }
    assert set(source.channels) == set(reading.values)


def test_energy_is_what_was_used_since_the_first_reading(sys: Path) -> None:
    source = PowerSource(sys)
    source.read(0.0)
    write(sys, {"class/hwmon/hwmon3/energy1_input": "7500000\n"})
    assert source.read(0.5).values["rail.pkg.energy"] == 2.5
    write(sys, {"class/hwmon/hwmon3/energy1_input": "100000\n"})
    assert source.read(1.0).missing == {"rail.pkg.energy": "the counter was reset"}
    write(sys, {"class/hwmon/hwmon3/energy1_input": "600000\n"})
    assert source.read(40.0).values["rail.pkg.energy"] == 3.0  # the new list of chips goes on with the sum


def test_zones_are_read_every_other_second_and_rails_always(sys: Path) -> None:
    source = PowerSource(sys)
    readings = [source.read(t / 2) for t in range(5)]

    assert ["thermal.acpitz-0.temperature" in reading.values for reading in readings] == [
        True,
        False,
        False,
        False,
        True,
    ]
    assert all("rail.gpu.power" in reading.values for reading in readings)


@pytest.mark.parametrize("text", ["", "hot\n", "--5\n"])
def test_a_broken_zone_is_a_reason_until_it_is_read_again(sys: Path, text: str) -> None:
    write(sys, {"class/thermal/thermal_zone0/temp": text})
    source = PowerSource(sys)

    for t in (0.0, 0.5):
        assert "thermal_zone0/temp" in source.read(t).missing["thermal.acpitz-0.temperature"]
    assert source.read(0.5).values.get("thermal.acpitz-0.temperature") is None


def test_below_zero_is_a_temperature(sys: Path) -> None:
    write(sys, {"class/thermal/thermal_zone0/temp": "-1500\n"})

    assert PowerSource(sys).read(0.0).values["thermal.acpitz-0.temperature"] == -1.5


def test_a_dead_rail_is_not_four_kilowatts(sys: Path) -> None:
    write(sys, {"class/hwmon/hwmon3/power1_input": "4294967295000\n"})

    reading = PowerSource(sys).read(0.0)

    assert reading.missing["rail.sys_total.power"].endswith("power1_input holds no reading")
    assert reading.values["rail.gpu.power"] == 61.25


def test_a_processors_package_is_shown_and_its_cores_are_not(tmp_path: Path) -> None:
    chip = {"name": "coretemp\n", "temp1_label": "Package id 0\n", "temp1_input": "61000\n"}
    cores = {"temp2_label": "Core 0\n", "temp2_input": "60000\n", "temp3_input": "59000\n"}
    write(tmp_path, {f"class/hwmon/hwmon4/{name}": text for name, text in (chip | cores).items()})

    assert PowerSource(tmp_path).read(0.0).values == {
        "thermal.coretemp-4-Package_id_0.temperature": 61.0,
        "thermal.coretemp-4-temp3.temperature": 59.0,
    }


def test_a_machine_without_anything_has_two_reasons(tmp_path: Path) -> None:
    source = PowerSource(tmp_path)

    assert source.read(0.0).missing == {
        "thermal": f"no {tmp_path}/class/thermal",
        "rail": f"no {tmp_path}/class/hwmon",
    }
    assert source.channels == ("thermal", "rail")


def test_a_chip_that_comes_later_is_found(tmp_path: Path) -> None:
    source = PowerSource(tmp_path)
    source.read(0.0)
    write(tmp_path, SPARK)

    assert source.read(29.0).values == {}
    assert source.read(30.0).values["rail.gpu.power"] == 61.25
