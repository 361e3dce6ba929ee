"""What the driver refuses is a reason; what it takes back is a gap; when it goes away it is found again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sparktop.telemetry.gpu import GpuSource
from sparktop.telemetry.nvml import Answer, DriverLost, NotSupported
from sparktop.telemetry.reading import Unreadable

GIB = 1 << 30
H100: dict[str, Answer] = {
    "count": 1,
    "name": "NVIDIA H100",
    "utilization": 50,
    "sm_clock": 1500,
    "sm_clock_max": 2000,
    "performance_state": 0,
    "memory_clock": 2619,
    "temperature": 40,
    "power": 300_000,
    "power_limit": 700_000,
    "memory": [80 * GIB, 10 * GIB],
    "events": 0,
    "throttle": {"power_cap": 0, "sw_thermal": 0, "hw_thermal": 0, "power_brake": 0},
    "energy": 1_000_000,
    "processes": [],
}


class Script:
    """A driver whose answers a test changes; an exception in place of an answer is raised."""

    def __init__(self, **changes: Answer | Exception) -> None:
        self.answers: dict[str, Answer | Exception] = {**H100, **changes}
        self.opened = self.closed = 0
        self.asked: list[str] = []
        self.lost: Exception | None = None
        self.absent: Exception | None = None

    def open(self) -> None:
        self.opened += 1
        if self.absent is not None:
            raise self.absent

    def close(self) -> None:
        self.closed += 1

    def ask(self, question: str, gpu: int = 0) -> Answer:
        self.asked.append(question)
        if self.lost is not None:
            raise self.lost
        answer = self.answers[question]
        if isinstance(answer, Exception):
            raise answer
        return answer


def source(driver: Script, root: Path, own: Callable[[int], bool | None] = lambda pid: False) -> GpuSource:
    (root / "meminfo").write_text(f"MemTotal: {128 * GIB // 1024} kB\n")
    return GpuSource(root, driver, me=1, own=own, clock=lambda: 0.0)


def test_one_refused_question_costs_its_own_channel_alone(tmp_path: Path) -> None:
    reading = source(Script(temperature=Unreadable("the driver says: Unknown Error")), tmp_path).read(0.0)

    assert reading.missing["gpu.0.temperature"] == "the driver says: Unknown Error"
    assert reading.values["gpu.0.utilization"] == 50
    assert "gpu.0.temperature" not in reading.values


@pytest.mark.parametrize("unknown", [32, -1, "P0", NotSupported("the driver says: Not Supported")])
def test_a_performance_state_that_is_none_is_no_number(tmp_path: Path, unknown: Answer | Exception) -> None:
    assert source(Script(performance_state=2), tmp_path).read(0.0).values["gpu.0.performance_state"] == 2

    reading = source(Script(performance_state=unknown), tmp_path).read(0.0)

    assert "gpu.0.performance_state" not in reading.values
    assert reading.missing["gpu.0.performance_state"]
    assert reading.values["gpu.0.utilization"] == 50


def test_what_is_never_supported_is_asked_once(tmp_path: Path) -> None:
    driver = Script(memory_clock=NotSupported("the driver says: Not Supported"))
    gpu = source(driver, tmp_path)
    readings = [gpu.read(t) for t in (0.0, 0.5, 1.0)]

    assert driver.asked.count("memory_clock") == 1
    assert {r.missing["gpu.0.memory_clock"] for r in readings} == {"the driver says: Not Supported"}


@pytest.mark.parametrize("answer", [-1, 2**32 - 1, 2**64 - 1, None, "fast", [1]])
def test_nonsense_is_a_reason(tmp_path: Path, answer: Answer) -> None:
    reading = source(Script(sm_clock=answer), tmp_path).read(0.0)

    assert "makes no sense" in reading.missing["gpu.0.sm_clock"]
    assert "gpu.0.sm_clock_share" not in reading.values


@pytest.mark.parametrize(
    ("memory", "bus", "unified"),
    [
        (NotSupported("no"), 0, True),
        ([0, 0], 0, True),
        ([120 * GIB, 1], 256, True),
        ([120 * GIB, 1], NotSupported("no"), True),
        ([120 * GIB, 1], 5120, False),
        ([80 * GIB, 1], 256, False),
        ([192 * GIB, 1], 8192, False),
        (Unreadable("not now"), 0, False),
    ],
)
def test_unified_memory_is_told_from_the_gpus_own(
    tmp_path: Path, memory: Answer | Exception, bus: Answer | Exception, unified: bool
) -> None:
    reading = source(Script(memory=memory, bus_width=bus), tmp_path).read(0.0)

    told = [name for name in (*reading.values, *reading.missing) if name.startswith("gpu.0.vram")]
    assert bool(told) is not unified
    assert ("gpu.0.power_limit" in reading.values) is not unified


def test_a_gb10_that_refuses_for_another_reason_is_known_by_its_name(tmp_path: Path) -> None:
    reading = source(Script(memory=Unreadable("not now"), name="NVIDIA GB10"), tmp_path).read(0.0)

    assert not [name for name in (*reading.values, *reading.missing) if "vram" in name]


def test_throttling_by_counters_is_a_share_of_the_measured_time(tmp_path: Path) -> None:
    driver = Script()
    gpu = source(driver, tmp_path)
    assert gpu.read(0.0).missing["gpu.0.throttle_hw_thermal"] == "a rate needs two readings"
    driver.answers["throttle"] = {
        "power_cap": 500_000_000,
        "sw_thermal": None,
        "hw_thermal": 0,
        "power_brake": 9 * 10**9,
    }
    driver.answers["events"] = 0x20
    reading = gpu.read(2.0)

    assert reading.values["gpu.0.throttle_power_cap"] == 25.0
    assert reading.values["gpu.0.throttle_sw_thermal"] == 100.0  # it has no counter, but the bit is set
    assert reading.values["gpu.0.throttle_hw_thermal"] == 0.0
    assert reading.missing["gpu.0.throttle_power_brake"] == "the driver's counter grows by 450 % of the time"


def test_neither_counters_nor_reasons_is_not_well(tmp_path: Path) -> None:
    driver = Script(throttle=NotSupported("no"), events=NotSupported("no"))

    reading = source(driver, tmp_path).read(0.0)

    assert all(reading.missing[f"gpu.0.throttle_{r}"].startswith("unknown") for r in ("power_cap", "hw_thermal"))


def test_energy_is_summed_over_a_reset_of_the_counter(tmp_path: Path) -> None:
    driver = Script()
    gpu = source(driver, tmp_path)
    found = []
    for t, energy in enumerate((1_000_000, 1_500_000, 20_000, 120_000)):
        driver.answers["energy"] = energy
        found.append(gpu.read(float(t)).values.get("gpu.0.energy"))

    assert found == [0, 500, None, 600]


def test_without_a_counter_power_is_summed_and_gaps_are_left_out(tmp_path: Path) -> None:
    driver = Script(energy=NotSupported("no"))
    gpu = source(driver, tmp_path)
    found = []
    for t, power in ((0.0, 100_000), (1.0, 200_000), (2.0, Unreadable("gone")), (3.0, 200_000), (4.0, 200_000)):
        driver.answers["power"] = power
        reading = gpu.read(t)
        found.append(reading.values.get("gpu.0.energy_integrated"))
        assert "gpu.0.energy" not in {**reading.values, **reading.missing}

    assert found == [0, 150, None, 150, 350]


def test_processes_are_counted_once_and_told_apart(tmp_path: Path) -> None:
    driver = Script(processes=[[7, 5], [7, 5], [8, 3], [9, 2]])

    reading = source(driver, tmp_path, own=lambda pid: pid == 7).read(0.0)

    assert {name: value for name, value in reading.values.items() if "held" in name or "processes" in name} == {
        "gpu.0.held": 10,
        "gpu.0.held_own": 5,
        "gpu.0.held_other": 5,
        "gpu.0.processes_other": 2,
        "process.7.gpu_held": 5,
        "process.8.gpu_held": 3,
        "process.9.gpu_held": 2,
    }


def test_a_process_on_two_gpus_holds_the_sum(tmp_path: Path) -> None:
    reading = source(Script(count=2, processes=[[7, 5]]), tmp_path).read(0.0)

    assert reading.values["process.7.gpu_held"] == 10
    assert reading.values["gpu.0.held"] == reading.values["gpu.1.held"] == 5


def test_a_process_that_ends_is_a_gap_once(tmp_path: Path) -> None:
    driver = Script(processes=[[7, 5]])
    gpu = source(driver, tmp_path)
    gpu.read(0.0)
    driver.answers["processes"] = []

    assert [gpu.read(t).missing.get("process.7.gpu_held") for t in (2.0, 4.0)] == [
        "the process holds nothing on a GPU any more",
        None,
    ]
    assert gpu.read(6.0).values["gpu.0.held"] == 0


def test_bytes_that_are_not_told_are_not_nothing(tmp_path: Path) -> None:
    reading = source(Script(processes=[[7, None], [8, 3]]), tmp_path, own=lambda pid: pid == 8).read(0.0)

    assert "does not tell" in reading.missing["gpu.0.held"]
    assert "does not tell" in reading.missing["gpu.0.held_other"]
    assert reading.values["gpu.0.held_own"] == 3
    assert reading.values["gpu.0.processes_other"] == 1


def test_a_process_that_can_not_be_seen_is_not_called_a_stranger(tmp_path: Path) -> None:
    reading = source(Script(processes=[[7, 4]]), tmp_path, own=lambda pid: None).read(0.0)

    assert reading.values["gpu.0.held"] == 4
    for quantity in ("held_own", "held_other", "processes_other"):
        assert reading.missing[f"gpu.0.{quantity}"].startswith("process 7 on the GPU can't be seen")


def test_a_driver_that_goes_away_is_a_gap_with_a_reason_and_found_again(tmp_path: Path) -> None:
    driver = Script()
    gpu = source(driver, tmp_path)
    known = set(gpu.read(0.0).values)
    driver.lost = DriverLost("the NVIDIA driver went away: GPU is lost")
    gone = gpu.read(1.0)
    waiting = gpu.read(1.5)
    driver.lost = None
    driver.answers["energy"] = 5_000  # the counter begins again with the driver
    back = gpu.read(2.0)
    driver.answers["energy"] = 6_000
    after = gpu.read(3.0)

    assert gone.values == waiting.values == {}
    assert known <= gone.missing.keys()
    assert set(gone.missing.values()) == set(waiting.missing.values()) == {"the NVIDIA driver went away: GPU is lost"}
    assert (driver.opened, driver.closed) == (2, 1)
    assert back.values["gpu.0.utilization"] == 50
    assert back.missing["gpu.0.energy"] == "the counter was reset"
    assert after.values["gpu.0.energy"] == 1


def test_a_driver_that_refuses_everything_is_opened_again(tmp_path: Path) -> None:
    driver = Script()
    gpu = source(driver, tmp_path)
    gpu.read(0.0)
    driver.lost = Unreadable("the driver says: Unknown Error")

    assert gpu.read(1.0).missing["gpu"] == "the NVIDIA driver answers nothing any more: Unknown Error"
    assert driver.closed == 1


def test_a_gpu_that_is_lost_costs_no_other_its_readings(tmp_path: Path) -> None:
    class OneLost(Script):
        def ask(self, question: str, gpu: int = 0) -> Answer:
            if gpu == 1:
                raise Unreadable("the driver says: GPU is lost")
            return super().ask(question, gpu)

    driver = OneLost(count=2)
    gpu = source(driver, tmp_path)
    reading = [gpu.read(t) for t in (0.0, 0.5)][-1]

    assert reading.values["gpu.0.utilization"] == 50
    assert reading.missing["gpu.1.utilization"] == "the driver says: GPU is lost"
    assert "gpu" not in reading.missing
    assert (driver.opened, driver.closed) == (1, 0)


def test_no_driver_is_one_reason_and_asked_for_less_and_less(tmp_path: Path) -> None:
    driver = Script()
    driver.absent = Unreadable("no NVIDIA driver: NVML Shared Library Not Found")
    gpu = source(driver, tmp_path)
    readings = [gpu.read(t / 2) for t in range(241)]

    assert all(r.missing == {"gpu": "no NVIDIA driver: NVML Shared Library Not Found"} for r in readings)
    assert driver.opened == 7  # at 0, 1, 3, 7, 15, 31 and 63 s of two minutes, and not before 123 s again
    assert gpu.channels == ("gpu",)


def test_a_driver_without_a_gpu_says_so(tmp_path: Path) -> None:
    assert source(Script(count=0), tmp_path).read(0.0).missing == {"gpu": "the NVIDIA driver knows no GPU"}


def test_forgotten_counters_give_no_rate(tmp_path: Path) -> None:
    gpu = source(Script(), tmp_path)
    gpu.read(0.0)
    gpu.forget()

    assert gpu.read(1.0).missing["gpu.0.throttle_power_cap"] == "a rate needs two readings"


def test_own_processes_are_those_started_under_this_one(tmp_path: Path) -> None:
    for pid, parent, command in ((20, 10, "worker) S 1 ("), (30, 20, "a b"), (40, 1, "vllm"), (50, 60, "orphan")):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(f"{pid} ({command}) S {parent} 1 1\n")
    (tmp_path / "70").mkdir()
    (tmp_path / "70" / "stat").write_text("70 (cut")
    (tmp_path / "meminfo").write_text("")
    sizes = {10: 1, 20: 2, 30: 4, 40: 8, 50: 16}
    driver = Script(processes=[[pid, size] for pid, size in sizes.items()])

    reading = GpuSource(tmp_path, driver, me=10, clock=lambda: 0.0).read(0.0)

    assert reading.values["gpu.0.held_own"] == 1 + 2 + 4
    assert reading.values["gpu.0.held_other"] == 8 + 16
    driver.answers["processes"] = [[70, 1]]
    assert "process 70" in GpuSource(tmp_path, driver, me=10).read(0.0).missing["gpu.0.held_own"]
