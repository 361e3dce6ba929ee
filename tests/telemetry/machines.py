"""The nine machines; every number is from the facts named in recordings/README.md, or made up and marked so there."""

from __future__ import annotations

from typing import Any, Final

from sparktop.telemetry.nvml import Answer
from tests.telemetry.cases import (
    CLOCKS,
    KB,
    NO_CAP_COUNTER,
    NO_RAIL,
    PORT_DOWN,
    PROCESSES,
    STRANGER,
    WORKER,
    Case,
    Tree,
    cores_values,
    gb10,
    gb10_values,
    heat,
    held_values,
    interface,
    interface_values,
    memory,
    memory_values,
    spark_cores,
    spark_network,
    spark_network_values,
)

SPARK_TOTAL: Final = 127_600_748
IDLE: Final[dict[str, Any]] = {
    "total": SPARK_TOTAL,
    "available": 121_634_816,
    "free": 108_003_328,
    "cached": 13_107_200,
    "swap_free": 16_777_212,
    "psi": "0.00 0.00",
}
LOADED: Final[dict[str, Any]] = IDLE | {"available": 46_137_344, "free": 7_340_032, "cached": 38_797_312}
SQUEEZED: Final[dict[str, Any]] = IDLE | {
    "available": 5_104_030,
    "free": 1_048_576,
    "cached": 4_194_304,
    "swap_free": 9_437_184,
    "psi": "42.50 18.75",
}
MODEL: Final = 63_350_767_616
"""Bytes of gpt-oss-120b's weights, as its file has them."""


def spark(
    name: str,
    *,
    mem: dict[str, Any] = LOADED,
    swapped_in: int = 0,
    busy: tuple[int, int] = (4, 12),
    gpus: tuple[dict[str, Answer], dict[str, Answer]],
    network: tuple[Tree, Tree] | None = None,
    network_values: dict[str, float] | None = None,
    warm: Tree | None = None,
    values: dict[str, float],
    missing: dict[str, str],
    no_driver: str = "",
    moments: int = 2,
) -> Case:
    """A Spark, with `busy` percent of its thrifty and fast cores and `swapped_in` pages each half second."""
    quiet = spark_network({}, {})
    first, second = network or (quiet, quiet)
    still = PROCESSES | (warm or heat(52000))

    def at(moment: int) -> Tree:
        worked = {"a725": 1000 + busy[0] * moment, "x925": 2000 + busy[1] * moment}
        return (
            memory(**mem, swapped_in=5000 + swapped_in * moment)
            | spark_cores(worked, 100_000 + 100 * moment, CLOCKS)
            | (second if moment else first)
            | still
        )

    return Case(
        name=name,
        trees=tuple(map(at, range(moments))),
        answers=gpus,
        values={
            **memory_values(**mem),
            "swap.in": swapped_in * 65536 / 0.5,
            **cores_values(*busy, CLOCKS),
            **(network_values or spark_network_values({}, {})),
            **values,
        },
        missing=PORT_DOWN | missing,
        no_driver=no_driver,
    )


def both(answers: dict[str, Answer]) -> tuple[dict[str, Answer], dict[str, Answer]]:
    return answers, answers


def _idle() -> Case:
    gpu = gb10(load=0, clock=208, power=4500, heat=41, held=[])
    return spark(
        "spark-idle",
        mem=IDLE,
        gpus=both(gpu),
        values=gb10_values(load=0, clock=208, power=4.5, heat=41, capped=None)
        | held_values({}, {})
        | {"thermal.acpitz-0.temperature": 52.0},
        missing=NO_CAP_COUNTER | NO_RAIL,
    )


def _loaded() -> Case:
    # The driver lists a process once a context; of the half second power was capped for a tenth.
    held: list[list[int | None]] = [[WORKER, MODEL], [WORKER, MODEL], [STRANGER, 2_147_483_648]]
    before = gb10(load=96, clock=2411, power=61000, heat=78, held=held, capped_ns=7_000_000_000)
    after = gb10(load=96, clock=2411, power=61000, heat=78, held=held, capped_ns=7_050_000_000)
    return spark(
        "spark-loaded",
        gpus=(before, after),
        warm=heat(95000, {"sys_total": 142_500_000, "gpu": 61_250_000, "pl1": 140_000_000}),
        values=gb10_values(load=96, clock=2411, power=61, heat=78, capped=10.0)
        | held_values({WORKER: MODEL}, {STRANGER: 2_147_483_648})
        | {"thermal.acpitz-0.temperature": 95.0, "rail.sys_total.power": 142.5, "rail.gpu.power": 61.25},
        missing={},
    )


def _split(name: str, words: tuple[int, int], tcp: tuple[int, int]) -> Case:
    """Both halves of the first port carry the same; per half 4-byte words, or bytes of TCP, in half a second."""
    halves = {"rocep1s0f0": "enp1s0f0np0", "roceP2p1s0f0": "enP2p1s0f0np0"}
    base = 81_250_000_000  # as much RDMA as was seen against 5.6 MB in /proc/net/dev
    before = spark_network(dict.fromkeys(halves, (base, base)), dict.fromkeys(halves.values(), (5_600_000, 5_600_000)))
    after = spark_network(
        dict.fromkeys(halves, (base + words[0], base + words[1])),
        dict.fromkeys(halves.values(), (5_600_000 + tcp[0], 5_600_000 + tcp[1])),
    )
    rdma_rate = (words[0] * 4 / 0.5, words[1] * 4 / 0.5)
    tcp_rate = (tcp[0] / 0.5, tcp[1] / 0.5)
    gpu = gb10(load=94, clock=2418, power=55000, heat=74, held=[[WORKER, MODEL]])
    return spark(
        name,
        gpus=both(gpu),
        network=(before, after),
        network_values=spark_network_values(dict.fromkeys(halves, rdma_rate), dict.fromkeys(halves, tcp_rate)),
        values=gb10_values(load=94, clock=2418, power=55, heat=74, capped=None)
        | held_values({WORKER: MODEL}, {})
        | {"thermal.acpitz-0.temperature": 52.0},
        missing=NO_CAP_COUNTER | NO_RAIL,
    )


def _pd_fault() -> Case:
    # A clock must be low for five seconds to be called stuck, and be seen to be for as long as a person needs to look.
    gpu = gb10(load=96, clock=611, power=14000, heat=52, held=[[WORKER, MODEL]])
    return spark(
        "spark-pd-fault",
        moments=17,
        gpus=both(gpu),
        values=gb10_values(load=96, clock=611, power=14, heat=52, capped=None, seconds=8.0)
        | held_values({WORKER: MODEL}, {})
        | {"thermal.acpitz-0.temperature": 52.0},
        missing=NO_CAP_COUNTER | NO_RAIL,
    )


def _squeeze() -> Case:
    gpu = gb10(load=35, clock=2402, power=21000, heat=66, held=[[WORKER, 112 * 2**30]])
    return spark(
        "spark-memory-squeeze",
        mem=SQUEEZED,
        swapped_in=4096,
        gpus=both(gpu),
        values=gb10_values(load=35, clock=2402, power=21, heat=66, capped=None)
        | held_values({WORKER: 112 * 2**30}, {})
        | {"thermal.acpitz-0.temperature": 52.0},
        missing=NO_CAP_COUNTER | NO_RAIL,
    )


def _no_nvml() -> Case:
    reason = "NVIDIA driver: Driver/library version mismatch"
    return spark(
        "spark-without-nvml",
        mem=IDLE,
        gpus=({}, {}),
        no_driver=reason,
        values={"thermal.acpitz-0.temperature": 52.0},
        missing=NO_RAIL | {"gpu": reason},
    )


def x86_cores(cpus: int, busy: int, ticks: int) -> Tree:
    lines = [f"cpu{n} {busy} 0 0 {ticks - busy} 0 0 0 0 0 0" for n in range(cpus)]
    return {
        "proc/stat": "\n".join([f"cpu  {busy * cpus} 0 0 {(ticks - busy) * cpus} 0 0 0 0 0 0", *lines]) + "\n",
        "proc/cpuinfo": "".join(f"processor\t: {n}\nmodel name\t: Some x86\n\n" for n in range(cpus)),
    }


def _h200() -> Case:
    # In a virtual machine whose memory happens to be as large as the GPU's: it is discrete all the same.
    mem = IDLE | {"total": 134_217_728, "available": 125_829_120, "free": 94_371_840}
    answers: dict[str, Answer] = {
        "count": 1,
        "name": "NVIDIA H200",
        "utilization": 98,
        "sm_clock": 1830,
        "sm_clock_max": 1980,
        "performance_state": 0,
        "memory_clock": 3201,
        "bus_width": 6144,
        "temperature": 63,
        "power": 695_000,
        "power_limit": 700_000,
        "memory": [143_771 * 2**20, 70_000 * 2**20],
        "events": 0x4,
        "throttle": {"power_cap": 10**12, "sw_thermal": 0, "hw_thermal": 0, "power_brake": 0},
        "energy": 5_000_000_000,
        "processes": [[WORKER, 69_500 * 2**20]],
    }
    later = answers | {
        "throttle": {"power_cap": 10**12 + 400_000_000, "sw_thermal": 0, "hw_thermal": 0, "power_brake": 0},
        "energy": 5_000_347_500,
    }
    values: dict[str, float] = {
        "gpu.0.utilization": 98,
        "gpu.0.sm_clock": 1830,
        "gpu.0.sm_clock_max": 1980,
        "gpu.0.sm_clock_share": 100 * 1830 / 1980,
        "gpu.0.performance_state": 0,
        "gpu.0.memory_clock": 3201,
        "gpu.0.temperature": 63,
        "gpu.0.power": 695,
        "gpu.0.power_limit": 700,
        "gpu.0.vram_total": 143_771 * 2**20,
        "gpu.0.vram_used": 70_000 * 2**20,
        "gpu.0.event_reasons": 4,
        "gpu.0.throttle_power_cap": 80.0,
        "gpu.0.throttle_sw_thermal": 0,
        "gpu.0.throttle_hw_thermal": 0,
        "gpu.0.throttle_power_brake": 0,
        "gpu.0.energy": 347.5,
    }
    still = PROCESSES | {
        "sys/class/hwmon/hwmon0/name": "coretemp\n",
        "sys/class/hwmon/hwmon0/temp1_label": "Package id 0\n",
        "sys/class/hwmon/hwmon0/temp1_input": "58000\n",
        "sys/class/hwmon/hwmon0/temp2_label": "Core 0\n",
        "sys/class/hwmon/hwmon0/temp2_input": "57000\n",
    }
    ram = memory(**mem, swapped_in=0)
    return Case(
        name="x86-h200",
        trees=(
            ram | x86_cores(4, 100, 1000) | interface("eth0", 100_000, 10_000, 20_000) | still,
            ram | x86_cores(4, 125, 1050) | interface("eth0", 100_000, 1_010_000, 20_500) | still,
        ),
        answers=(answers, later),
        values=memory_values(**mem)
        | {"swap.in": 0, "cpu.load": 50.0, "thermal.coretemp-0-Package_id_0.temperature": 58.0}
        | interface_values("eth0", 100_000, rx=2_000_000, tx=1_000)
        | values
        | held_values({WORKER: 69_500 * 2**20}, {}),
        missing=NO_RAIL
        | {
            "roce": "no RDMA device: no /sys/class/infiniband",
            "cpu.clock": "no /sys/devices/system/cpu/cpufreq",
        },
        page_size=4096,
    )


def _laptop() -> Case:
    mem = IDLE | {"total": 16_213_452, "available": 9_000_000, "free": 1_500_000, "cached": 6_000_000}
    ram = memory(**mem, swapped_in=0)
    return Case(
        name="laptop-bare",
        trees=(ram | x86_cores(2, 50, 1000), ram | x86_cores(2, 60, 1040)),
        answers=({}, {}),
        no_driver="no NVIDIA driver: NVML Shared Library Not Found",
        values=memory_values(**mem) | {"swap.in": 0, "cpu.load": 25.0},
        missing={
            "gpu": "no NVIDIA driver: NVML Shared Library Not Found",
            "roce": "no RDMA device: no /sys/class/infiniband",
            "net": "no /sys/class/net",
            "cpu.clock": "no /sys/devices/system/cpu/cpufreq",
            "thermal": "no /sys/class/thermal",
            "rail": "no /sys/class/hwmon",
        },
        page_size=4096,
    )


CASES: Final = (
    _idle(),
    _loaded(),
    # 189.85 Gb/s over both halves; for TCP what one stream was seen to carry less is made up.
    _split("spark-rdma", words=(1_483_203_125, 1_483_203_125), tcp=(0, 0)),
    _split("spark-tcp-fallback", words=(0, 0), tcp=(20_480 * KB, 20_480 * KB)),
    _pd_fault(),
    _squeeze(),
    _no_nvml(),
    _h200(),
    _laptop(),
)
