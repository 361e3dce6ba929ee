"""Machines to read, made from published facts, and what must be read of each.

`python -m tests.telemetry.cases` writes them as recordings into `recordings/`; see the README there.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sparktop.telemetry.machine import Inputs
from sparktop.telemetry.nvml import Answer, NotSupported
from sparktop.telemetry.reading import Unreadable
from sparktop.telemetry.recorded import Recording

FOLDER: Final = Path(__file__).parent / "recordings"
T0, DT = 100.0, 0.5
ME, WORKER, STRANGER = 4000, 4010, 5000
KB = 1024
REFUSED = "Not Supported"
LINK = "-> "
"""A file that begins so is a symbolic link."""

Tree = dict[str, str]


class FakeDriver:
    """Answers from a table; what is not in it is not supported."""

    def __init__(self, answers: Mapping[str, Answer], no_driver: str = "") -> None:
        self.answers = answers
        self.no_driver = no_driver

    def open(self) -> None:
        if self.no_driver:
            raise Unreadable(self.no_driver)

    def close(self) -> None: ...

    def ask(self, question: str, gpu: int = 0) -> Answer:
        if question not in self.answers:
            raise NotSupported(f"the driver says: {REFUSED}")
        return self.answers[question]


@dataclass(frozen=True)
class Case:
    """A machine at two moments or more, half a second apart.

    Attributes:
        trees: Its files at each.
        answers: Its driver's answers at the first two; those at the second hold from then on. Empty without a driver.
        values: Every value that must be read in all of them, the latest one where read again.
        missing: Every reason of the last moment.
    """

    name: str
    trees: tuple[Tree, ...]
    answers: tuple[dict[str, Answer], dict[str, Answer]]
    values: dict[str, float]
    missing: dict[str, str]
    no_driver: str = ""
    page_size: int = 65536

    @property
    def times(self) -> tuple[float, ...]:
        """When it is read."""
        return tuple(T0 + DT * moment for moment in range(len(self.trees)))


# The DGX Spark's RDMA devices, network interfaces and physical ports.
HALVES: Final = {
    "rocep1s0f0": ("enp1s0f0np0", "p0"),
    "rocep1s0f1": ("enp1s0f1np1", "p1"),
    "roceP2p1s0f0": ("enP2p1s0f0np0", "p0"),
    "roceP2p1s0f1": ("enP2p1s0f1np1", "p1"),
}
CORES: Final = ["a725"] * 5 + ["x925"] * 5 + ["a725"] * 5 + ["x925"] * 5
PARTS: Final = {"a725": "0xd87", "x925": "0xd85"}
HEALTH: Final = (
    *(f"counters/{n}" for n in ("symbol_error", "link_error_recovery", "link_downed", "port_rcv_errors")),
    "counters/port_xmit_discards",
    *(f"hw_counters/{n}" for n in ("out_of_sequence", "packet_seq_err", "out_of_buffer", "rnr_nak_retry_err")),
    *(f"hw_counters/{n}" for n in ("local_ack_timeout_err", "duplicate_request", "roce_adp_retrans", "np_cnp_sent")),
    *(f"hw_counters/{n}" for n in ("np_ecn_marked_roce_packets", "rp_cnp_handled")),
)
GEN5_X4: Final = 32e9 * 128 / 130 * 4 / 8
PORT_RATE: Final = 200e9 / 8


def memory(*, total: int, available: int, free: int, cached: int, swap_free: int, swapped_in: int, psi: str) -> Tree:
    """Amounts in kB, `swapped_in` in pages, `psi` as "some full" in percent."""
    some, full = psi.split()
    return {
        "proc/meminfo": (
            f"MemTotal:       {total} kB\nMemFree:        {free} kB\nMemAvailable:   {available} kB\n"
            f"Buffers:          204800 kB\nCached:         {cached} kB\nSwapTotal:      16777212 kB\n"
            f"SwapFree:       {swap_free} kB\nSReclaimable:    524288 kB\nHugePages_Total:       0\n"
            "HugePages_Free:        0\nHugepagesize:       2048 kB\n"
        ),
        "proc/vmstat": f"nr_free_pages 1835008\npswpin {swapped_in}\npswpout 700\n",
        "proc/pressure/memory": (
            f"some avg10={some} avg60=0.10 avg300=0.00 total=123\nfull avg10={full} avg60=0.00 avg300=0.00 total=45\n"
        ),
    }


def memory_values(*, total: int, available: int, free: int, cached: int, swap_free: int, psi: str) -> dict[str, float]:
    """What must be read of `memory`, swapping left out."""
    some, full = psi.split()
    return {
        "memory.total": total * KB,
        "memory.used": (total - available) * KB,
        "memory.available": available * KB,
        "memory.free": free * KB,
        "memory.cache": (cached + 524288) * KB,
        "memory.allocatable": (available + swap_free) * KB,
        "memory.huge_pages": 0,
        "swap.total": 16777212 * KB,
        "swap.used": (16777212 - swap_free) * KB,
        "swap.out": 0,
        "psi.some": float(some),
        "psi.full": float(full),
    }


def spark_cores(busy: dict[str, int], ticks: int, clocks: dict[str, int]) -> Tree:
    """Twenty processors after `ticks` ticks, of which each was busy for some; clocks in MHz."""
    lines = [f"cpu{n} {busy[kind]} 0 0 {ticks - busy[kind]} 0 0 0 0 0 0" for n, kind in enumerate(CORES)]
    total = sum(busy[kind] for kind in CORES)
    tree = {
        "proc/stat": "\n".join([f"cpu  {total} 0 0 {20 * ticks - total} 0 0 0 0 0 0", *lines, "ctxt 99"]) + "\n",
        "proc/cpuinfo": "".join(
            f"processor\t: {n}\nCPU implementer\t: 0x41\nCPU part\t: {PARTS[kind]}\n\n" for n, kind in enumerate(CORES)
        ),
    }
    for first in (0, 5, 10, 15):
        policy = f"sys/devices/system/cpu/cpufreq/policy{first}"
        tree[f"{policy}/related_cpus"] = " ".join(str(first + n) for n in range(5)) + "\n"
        tree[f"{policy}/scaling_cur_freq"] = f"{clocks[CORES[first]] * 1000}\n"
    return tree


def spark_network(words: dict[str, tuple[int, int]], tcp: dict[str, tuple[int, int]], errors: int = 0) -> Tree:
    """Four halves; received and sent 4-byte words and TCP bytes of the first port's halves; the second is unplugged."""
    tree: Tree = {}
    for device, (netdev, port) in HALVES.items():
        up = port == "p0"
        folder = f"sys/class/infiniband/{device}"
        received, sent = words.get(device, (0, 0))
        tree |= {
            f"{folder}/device/net/{netdev}/.keep": "",
            f"{folder}/device/current_link_speed": "32.0 GT/s PCIe\n",
            f"{folder}/device/current_link_width": "4\n",
            f"{folder}/ports/1/state": "4: ACTIVE\n" if up else "1: DOWN\n",
            f"{folder}/ports/1/rate": "200 Gb/sec (4X HDR)\n" if up else "40 Gb/sec (4X QDR)\n",
            f"{folder}/ports/1/counters/port_rcv_data": f"{received}\n",
            f"{folder}/ports/1/counters/port_xmit_data": f"{sent}\n",
        }
        tree |= {f"{folder}/ports/1/{name}": f"{errors if up else 0}\n" for name in HEALTH}
        # A counter that nobody asked for: reading it would show in a recording.
        tree[f"{folder}/ports/1/hw_counters/rx_icrc_encapsulated"] = "0\n"
        rx, tx = tcp.get(netdev, (0, 0))
        tree |= {
            f"sys/class/net/{netdev}": f"{LINK}../../devices/pci0000:00/net/{netdev}",
            f"sys/devices/pci0000:00/net/{netdev}/phys_port_name": f"{port}\n",
            f"sys/devices/pci0000:00/net/{netdev}/statistics/rx_bytes": f"{rx}\n",
            f"sys/devices/pci0000:00/net/{netdev}/statistics/tx_bytes": f"{tx}\n",
            f"sys/devices/pci0000:00/net/{netdev}/device/infiniband/{device}/.keep": "",
        }
    return tree | interface("enP7s7", 10000, 9_000_000, 400_000)


def interface(name: str, speed: int, received: int, sent: int) -> Tree:
    """A plain network interface; speed in Mb/s."""
    folder = f"sys/devices/pci0007:00/net/{name}"
    return {
        f"sys/class/net/{name}": f"{LINK}../../devices/pci0007:00/net/{name}",
        f"{folder}/operstate": "up\n",
        f"{folder}/speed": f"{speed}\n",
        f"{folder}/statistics/rx_bytes": f"{received}\n",
        f"{folder}/statistics/tx_bytes": f"{sent}\n",
        "sys/class/net/lo": f"{LINK}../../devices/virtual/net/lo",
        "sys/class/net/docker0": f"{LINK}../../devices/virtual/net/docker0",
        "sys/devices/virtual/net/lo/operstate": "unknown\n",
        "sys/devices/virtual/net/docker0/operstate": "down\n",
    }


def interface_values(name: str, speed: int, rx: float = 0, tx: float = 0) -> dict[str, float]:
    return {f"net.{name}.up": 1, f"net.{name}.capacity": speed * 1e6 / 8, f"net.{name}.rx": rx, f"net.{name}.tx": tx}


def spark_network_values(rdma: dict[str, tuple[float, float]], tcp: dict[str, tuple[float, float]]) -> dict[str, float]:
    """Bytes per second received and sent by device, from which everything else follows."""
    values: dict[str, float] = interface_values("enP7s7", 10000)
    for device, (_, port) in HALVES.items():
        up = port == "p0"
        r, t = rdma.get(device, (0, 0)), tcp.get(device, (0, 0))
        values |= {
            f"roce.{device}.port": 0 if up else 1,
            f"roce.{device}.up": 1 if up else 0,
            f"roce.{device}.rate": PORT_RATE if up else 40e9 / 8,
            f"roce.{device}.capacity": GEN5_X4 if up else 40e9 / 8,
            f"roce.{device}.rx_rdma": r[0],
            f"roce.{device}.tx_rdma": r[1],
            f"roce.{device}.rx_tcp": t[0],
            f"roce.{device}.tx_tcp": t[1],
        }
        values |= {f"roce.{device}.{name.partition('/')[2]}": 0 for name in HEALTH}
    for number in (0, 1):
        mine = [device for device, (_, port) in HALVES.items() if port == f"p{number}"]
        for way, index in (("rx", 0), ("tx", 1)):
            by_rdma = sum(rdma.get(device, (0, 0))[index] for device in mine)
            by_tcp = sum(tcp.get(device, (0, 0))[index] for device in mine)
            values |= {
                f"port.{number}.{way}_rdma": by_rdma,
                f"port.{number}.{way}_tcp": by_tcp,
                f"port.{number}.{way}": by_rdma + by_tcp,
            }
    # Twice 126 Gb/s of PCIe lanes behind one cable of 200.
    return values | {"port.0.up": 1, "port.0.capacity": PORT_RATE, "port.1.up": 0}


PORT_DOWN: Final = {"port.1.capacity": "the link is down"}
NO_RAIL: Final = {"rail": "no spbm chip in /sys/class/hwmon: the rails' power is not known"}


def heat(acpi: int, rails: dict[str, int] | None = None) -> Tree:
    """Zones in m°C, and rails in uW."""
    tree = {
        "sys/class/thermal/thermal_zone0/type": "acpitz\n",
        "sys/class/thermal/thermal_zone0/temp": f"{acpi}\n",
        "sys/class/hwmon/hwmon0/name": "acpitz\n",
        "sys/class/hwmon/hwmon0/temp1_input": f"{acpi}\n",
        "sys/class/hwmon/hwmon1/name": "nvme\n",
        "sys/class/hwmon/hwmon1/temp1_input": "41850\n",
        "sys/class/hwmon/hwmon2/name": "mlx5\n",
        "sys/class/hwmon/hwmon2/temp1_input": "67000\n",
    }
    if rails:
        tree["sys/class/hwmon/hwmon3/name"] = "spbm\n"
        for number, (label, power) in enumerate(rails.items(), 1):
            tree[f"sys/class/hwmon/hwmon3/power{number}_label"] = f"{label}\n"
            tree[f"sys/class/hwmon/hwmon3/power{number}_input"] = f"{power}\n"
    return tree


def gb10(
    *,
    load: int,
    clock: int,
    power: int,
    heat: int,
    held: list[list[int | None]],
    capped_ns: int | None = None,
    **more: Answer,
) -> dict[str, Answer]:
    """Answers of a GB10: no memory, no power limit, no energy; power in mW."""
    answers: dict[str, Answer] = {
        "count": 1,
        "name": "NVIDIA GB10",
        "utilization": load,
        "sm_clock": clock,
        "sm_clock_max": 3003,
        "performance_state": 8 if load == 0 else 0,
        "temperature": heat,
        "power": power,
        "events": 1 if load == 0 else 0,
        "processes": list(held),
    }
    if capped_ns is not None:
        answers["throttle"] = {"power_cap": capped_ns, "sw_thermal": 0, "hw_thermal": 0, "power_brake": 0}
    return answers | more


def gb10_values(
    *, load: int, clock: int, power: float, heat: int, capped: float | None, seconds: float = DT
) -> dict[str, float]:
    """Power in W at all moments; `capped` in percent, None without counters; `seconds` from the first to the last."""
    values: dict[str, float] = {
        "gpu.0.utilization": load,
        "gpu.0.sm_clock": clock,
        "gpu.0.sm_clock_max": 3003,
        "gpu.0.sm_clock_share": 100 * clock / 3003,
        "gpu.0.performance_state": 8 if load == 0 else 0,
        "gpu.0.power": power,
        "gpu.0.temperature": heat,
        "gpu.0.event_reasons": 1 if load == 0 else 0,
        "gpu.0.throttle_sw_thermal": 0,
        "gpu.0.throttle_hw_thermal": 0,
        "gpu.0.throttle_power_brake": 0,
        "gpu.0.energy_integrated": power * seconds,
    }
    return values if capped is None else values | {"gpu.0.throttle_power_cap": capped}


NO_CAP_COUNTER: Final = {
    "gpu.0.throttle_power_cap": "unknown: without counters, this GPU does not declare that its power is capped"
}


def held_values(own: dict[int, int], others: dict[int, int]) -> dict[str, float]:
    values: dict[str, float] = {
        "gpu.0.held": sum(own.values()) + sum(others.values()),
        "gpu.0.held_own": sum(own.values()),
        "gpu.0.held_other": sum(others.values()),
        "gpu.0.processes_other": len(others),
    }
    return values | {f"process.{pid}.gpu_held": size for pid, size in (own | others).items()}


PROCESSES: Final = {
    f"proc/{WORKER}/stat": f"{WORKER} (python (llama)) S {ME} 1 1 0 -1 0\n",
    f"proc/{STRANGER}/stat": f"{STRANGER} (vllm) S 1 1 1 0 -1 0\n",
}
CLOCKS: Final = {"a725": 2808, "x925": 3900}


def cores_values(a725: float, x925: float, clocks: dict[str, int]) -> dict[str, float]:
    return {
        "cpu.load": (a725 + x925) / 2,
        "cpu.a725.load": a725,
        "cpu.x925.load": x925,
        "cpu.clock": (clocks["a725"] + clocks["x925"]) / 2,
        "cpu.a725.clock": clocks["a725"],
        "cpu.x925.clock": clocks["x925"],
    }


def lay(root: Path, tree: Tree) -> None:
    """Writes a tree's files; those of an earlier one that are the same are left alone."""
    for name, text in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith(LINK):
            if not path.is_symlink():
                path.symlink_to(text.removeprefix(LINK))
        elif not path.exists() or path.read_text() != text:
            path.write_text(text)


def record(case: Case, folder: Path) -> None:
    """Reads a case's moments as a machine and keeps them as a recording."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        driver = FakeDriver(case.answers[0], case.no_driver)
        lay(root, case.trees[0])
        inputs = Inputs(root=root, driver=driver, clock=lambda: 0.0, page_size=case.page_size, me=ME)
        recording = Recording(folder, inputs)
        for moment, (t, tree) in enumerate(zip(case.times, case.trees, strict=True)):
            lay(root, tree)
            driver.answers = case.answers[min(moment, 1)]
            for source in recording.sources:
                source.read(t)
        recording.close()


def main() -> None:
    """Writes every case anew."""
    from tests.telemetry.machines import CASES

    for case in CASES:
        shutil.rmtree(FOLDER / case.name, ignore_errors=True)
        record(case, FOLDER / case.name)


if __name__ == "__main__":
    main()
