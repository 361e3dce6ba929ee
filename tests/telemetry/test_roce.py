"""Counters of RDMA and of TCP, links and health, when files vanish, jump, or hold nonsense."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparktop.telemetry.interfaces import speed
from sparktop.telemetry.network import NetworkSource
from sparktop.telemetry.reading import DISK
from sparktop.telemetry.roce import RoceSource
from tests.telemetry.cases import CLOCKS, HALVES, lay, spark_cores, spark_network

HALF = "rocep1s0f0"
COUNTERS = f"sys/class/infiniband/{HALF}/ports/1/counters"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    lay(tmp_path, spark_network({}, {}) | spark_cores({"a725": 1, "x925": 1}, 10, CLOCKS))
    return tmp_path


def source(root: Path) -> RoceSource:
    return RoceSource(root / "proc", root / "sys", clock=lambda: 0.0)


def test_the_two_halves_of_a_port_are_one(root: Path) -> None:
    values = source(root).read(0.0).values

    assert [values[f"roce.{device}.port"] for device in HALVES] == [0, 1, 0, 1]


def test_on_other_machines_every_device_is_a_port(root: Path) -> None:
    (root / "proc/cpuinfo").write_text("processor : 0\nmodel name : Some x86\n")

    values = source(root).read(0.0).values

    assert sorted(values[f"roce.{device}.port"] for device in HALVES) == [0, 1, 2, 3]


def test_a_port_without_one_of_its_halves_has_no_sum(root: Path) -> None:
    roce = source(root)
    roce.read(0.0)
    (root / COUNTERS / "port_rcv_data").unlink()

    reading = roce.read(1.0)

    gone = f"no {root / COUNTERS}/port_rcv_data"
    assert reading.missing[f"roce.{HALF}.rx_rdma"] == gone
    assert reading.missing["port.0.rx_rdma"] == f"roce.{HALF}.rx_rdma: {gone}"
    assert "port.0.rx" in reading.missing
    assert reading.values["port.0.tx"] == reading.values["port.1.rx"] == 0


@pytest.mark.parametrize("text", ["", "-5\n", "12 34\n", "0x10\n", "nonsense\n"])
def test_a_counter_that_holds_nonsense_is_no_base_for_a_rate(root: Path, text: str) -> None:
    roce = source(root)
    roce.read(0.0)
    counter = root / COUNTERS / "port_rcv_data"
    counter.write_text(text)
    assert str(counter) in roce.read(1.0).missing[f"roce.{HALF}.rx_rdma"]
    counter.write_text("1000\n")

    assert roce.read(2.0).missing[f"roce.{HALF}.rx_rdma"] == "a rate needs two readings"


def test_a_counter_that_wraps_or_is_reset_is_a_gap_of_one_reading(root: Path) -> None:
    counter = root / COUNTERS / "port_rcv_data"
    counter.write_text(f"{2**64 - 1}\n")
    roce = source(root)
    roce.read(0.0)
    counter.write_text("10\n")
    assert roce.read(1.0).missing[f"roce.{HALF}.rx_rdma"] == "the counter was reset"
    counter.write_text("35\n")
    assert roce.read(2.0).values[f"roce.{HALF}.rx_rdma"] == 25 * 4


def test_rates_go_by_the_time_beside_the_read(root: Path) -> None:
    clock = {"now": 0.0, "step": 0.0}

    def later() -> float:
        clock["now"] += clock["step"]
        return clock["now"]

    roce = RoceSource(root / "proc", root / "sys", clock=later)
    roce.read(0.0)
    first = min(HALVES)
    (root / f"sys/class/infiniband/{first}/ports/1/counters/port_xmit_data").write_text("900\n")
    # Every asking of the clock finds it an eighth of a second on, as if every file were that slow;
    # this one is the second to be read.
    clock["step"] = 0.125

    assert roce.read(2.0).values[f"roce.{first}.tx_rdma"] == 900 * 4 / 2.25


def test_health_is_read_every_five_seconds_and_summed(root: Path) -> None:
    roce = source(root)
    path = root / f"sys/class/infiniband/{HALF}/ports/1/hw_counters/out_of_sequence"
    name = f"roce.{HALF}.out_of_sequence"
    found = []
    for t, count in ((0.0, 7), (0.5, 8), (4.9, 9), (5.0, 10), (10.0, 2), (15.0, 6)):
        path.write_text(f"{count}\n")
        reading = roce.read(t)
        found.append(reading.values.get(name, reading.missing.get(name)))

    assert found == [0, None, None, 3, "the counter was reset", 7]


def test_a_counter_that_this_kernel_lacks_is_a_reason_at_every_tick(root: Path) -> None:
    path = root / f"sys/class/infiniband/{HALF}/ports/1/hw_counters/roce_adp_retrans"
    path.unlink()
    roce = source(root)

    assert [roce.read(t).missing[f"roce.{HALF}.roce_adp_retrans"] for t in (0.0, 0.5)] == [f"no {path}"] * 2


def test_no_folder_of_counters_is_ever_listed(root: Path) -> None:
    listed: list[Path] = []
    read: list[Path] = []

    class Watched:
        link = staticmethod(DISK.link)

        def names(self, path: Path) -> tuple[str, ...]:
            listed.append(path)
            return DISK.names(path)

        def lines(self, path: Path) -> list[str]:
            read.append(path)
            return DISK.lines(path)

    roce = RoceSource(root / "proc", root / "sys", Watched())
    for t in range(12):
        roce.read(t / 2)

    assert listed
    assert not [path for path in listed if "counters" in str(path.relative_to(root))]
    # Ten files of four devices, at 0 and at 5 s.
    assert len([path for path in read if path.parent.name == "hw_counters"]) == 2 * 4 * 10


@pytest.mark.parametrize(
    ("state", "up"), [("4: ACTIVE", 1.0), ("1: DOWN", 0.0), ("2: INIT", 0.0), ("ACTIVE", None), ("", None)]
)
def test_state_of_a_link(root: Path, state: str, up: float | None) -> None:
    (root / f"sys/class/infiniband/{HALF}/ports/1/state").write_text(state)
    reading = source(root).read(0.0)

    assert reading.values.get(f"roce.{HALF}.up") == up
    assert (f"roce.{HALF}.up" in reading.missing) is (up is None)


@pytest.mark.parametrize(
    ("speed", "width", "gbit"),
    [("32.0 GT/s PCIe", "4", 32 * 4 * 128 / 130), ("5.0 GT/s PCIe", "1", 4), ("64.0 GT/s PCIe", "16", 200)],
)
def test_capacity_is_the_lower_of_the_port_and_its_lanes(root: Path, speed: str, width: str, gbit: float) -> None:
    device = root / f"sys/class/infiniband/{HALF}/device"
    (device / "current_link_speed").write_text(speed)
    (device / "current_link_width").write_text(width)

    assert source(root).read(0.0).values[f"roce.{HALF}.capacity"] == pytest.approx(gbit * 1e9 / 8)


def test_unknown_lanes_are_not_the_ports_rate(root: Path) -> None:
    (root / f"sys/class/infiniband/{HALF}/device/current_link_speed").write_text("Unknown\n")
    reading = source(root).read(0.0)

    assert reading.values[f"roce.{HALF}.rate"] == 25e9
    assert "PCIe lanes" in reading.missing[f"roce.{HALF}.capacity"]
    assert "port.0.capacity" in reading.missing


def test_a_device_without_an_interface_still_counts_rdma(root: Path) -> None:
    folder = root / f"sys/class/infiniband/{HALF}/device/net"
    (folder / HALVES[HALF][0] / ".keep").unlink()
    (folder / HALVES[HALF][0]).rmdir()
    roce = source(root)
    roce.read(0.0)
    reading = roce.read(1.0)

    assert reading.missing[f"roce.{HALF}.rx_tcp"] == f"no network interface in {folder}"
    assert reading.values[f"roce.{HALF}.rx_rdma"] == 0


def test_a_device_that_appears_is_found(tmp_path: Path) -> None:
    roce = source(tmp_path)
    assert roce.read(0.0).missing == {"roce": f"no RDMA device: no {tmp_path}/sys/class/infiniband"}
    assert roce.channels == ("roce",)
    lay(tmp_path, spark_network({}, {}))

    assert roce.read(4.0).values == {}
    assert roce.read(5.0).values[f"roce.{HALF}.up"] == 1
    assert set(roce.read(6.0).values) <= set(roce.channels)


def test_plain_interfaces_are_the_physical_ones_without_rdma(root: Path) -> None:
    network = NetworkSource(root / "sys", clock=lambda: 0.0)
    first = network.read(0.0)
    statistics = root / "sys/class/net/enP7s7/statistics"
    (statistics / "rx_bytes").write_text("9000500\n")
    second = network.read(0.5)

    assert first.values == {"net.enP7s7.up": 1, "net.enP7s7.capacity": 1.25e9}
    assert second.values == {"net.enP7s7.rx": 1000, "net.enP7s7.tx": 0}
    assert set(network.channels) == first.values.keys() | second.values.keys()


@pytest.mark.parametrize("speed", ["-1\n", "0\n", ""])
def test_an_unknown_speed_is_a_reason_until_it_is_read_again(root: Path, speed: str) -> None:
    (root / "sys/class/net/enP7s7/speed").write_text(speed)
    network = NetworkSource(root / "sys")

    assert all("net.enP7s7.capacity" in network.read(t).missing for t in (0.0, 0.5))


def test_a_machine_of_virtual_interfaces_says_so(tmp_path: Path) -> None:
    (tmp_path / "class/net").mkdir(parents=True)
    (tmp_path / "class/net/eth0").symlink_to("../../devices/virtual/net/eth0")

    assert NetworkSource(tmp_path).read(0.0).missing == {
        "net": f"no physical network interface in {tmp_path}/class/net without RDMA"
    }


def test_a_half_carries_what_its_lanes_do(root: Path) -> None:
    """Where machines are told by which links a model could be split, too: the kernel says 200 Gb/s of each half."""
    folder = root / "sys/class/net/enp1s0f0np0"
    (folder / "speed").write_text("200000\n")
    assert speed(folder) == 25e9
    lay(folder / "device", {"current_link_speed": "32.0 GT/s PCIe\n", "current_link_width": "4\n"})
    assert speed(folder) == pytest.approx(126e9 / 8, rel=0.01)
    (folder / "speed").write_text("-1\n")
    assert speed(folder) is None
