"""Recorded machines on the dashboard: every number is the machine's own, and what is not known is said to be so.

What must be seen of each stands here as text, from the numbers that tests/telemetry/machines.py puts into the trees.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from fakes import Bench, at, screen_text, settle
from rich.cells import cell_len

from sparktop.model.events import Event, NodeSeen, ProcessSeen, RunEnded, SampleTaken, Status
from sparktop.model.state import fold
from sparktop.telemetry.changes import Changes
from sparktop.telemetry.played import moments, play
from sparktop.ui.actions import PANELS
from sparktop.ui.chrome import Chrome
from sparktop.ui.panels.alerts import AlertBar
from sparktop.ui.panels.machine import machines
from sparktop.ui.panels.machine_panel import MachinePanel
from tests.made_up import SPARK

RECORDINGS: Final = Path(__file__).parents[1] / "telemetry" / "recordings"
GIB: Final = 2**30

QUIET_LINK: Final = (
    "port 0 up 200G in        0 b/s       0 b/s       0 b/s",
    "               out       0 b/s       0 b/s       0 b/s",
    "port 1 down",
    "errors none since the start",
    "enP7s7    up 10G  in       0 b/s  out       0 b/s",
)
SLOW_CORES: Final = ("X925         12 %  ━", "  3,900 MHz", "A725          4 %  ━", "  2,808 MHz")
NO_RAILS: Final = ("rails   n/a (no spbm chip in /sys/class/hwmon: the rails' power is not known)",)
CALM: Final = (
    "pressure  ✓ ok  some 0.0 %  full 0.0 %  of the last 10 s",
    "swap      0 B of 16.0 GiB  in 0 B/s  out 0 B/s",
)
LOADED: Final = (
    " 77.7 of 121.7 GiB 64 %",
    "▒ cache 37.5  · free 7.0 GiB",
    "available 44.0 GiB  lowest 44.0 GiB",
    "headroom  60.0 GiB  available + free swap",
    *CALM,
)
MODEL: Final = ("GPU holds 59.0 GiB  own 59.0 GiB  others 0 B", "█ GPU 59.0  ▓ other 18.7  ")
UNCAPPED: Final = "slowed  power cap unknown, else no"

SEEN: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "spark-idle": {
        "gpu": (
            *("load          0 %  ───", "core 41 °C", "clock     208 MHz  ━", "7 % of 3,003 MHz"),
            *("power       4.5 W  ━", "GPU only, peak 4.5 W", f"{UNCAPPED}; declares idle"),
            *("memory  own   0.0  others   0.0 GiB", "energy    ~2.25 J  GPU only, summed from its power"),
        ),
        "memory": (
            *(" 5.7 of 121.7 GiB 5 %", "█ GPU 0.0  ▓ other 5.7  ▒ cache 13.0  · free 103.0 GiB"),
            *(
                "available 116.0 GiB  lowest 116.0 GiB",
                "headroom  132.0 GiB",
                "GPU holds 0 B  own 0 B  others 0 B",
                *CALM,
            ),
        ),
        "links": QUIET_LINK,
        "processor": (*SLOW_CORES, "heat        52 °C acpitz-0", *NO_RAILS),
    },
    "spark-loaded": {
        "gpu": (
            *("load         96 %  ━", "core 78 °C", "clock   2,411 MHz  ━", "80 % of 3,003 MHz"),
            *("power      61.0 W  ━", "GPU only, peak 61.0 W", "slowed  by power cap 10 %"),
            *("memory  own  59.0  others   2.0 GiB  in 1 process", "energy    ~30.5 J"),
            *("process 4010              59.0 GiB", "process 5000               2.0 GiB"),
        ),
        "memory": (*LOADED, "GPU holds 61.0 GiB  own 59.0 GiB  others 2.0 GiB", "█ GPU 61.0  ▓ other 16.7  "),
        "links": QUIET_LINK,
        "processor": (*SLOW_CORES, "heat        95 °C acpitz-0", "rails     142.5 W sys_total   61.2 W gpu"),
        "alerts": ("! note GPU 0 held back by its power limit, 10 % of the time",),
    },
    "spark-pd-fault": {
        "gpu": (
            *(
                "load         96 %  ━",
                "core 52 °C",
                "clock     611 MHz  ━",
                "20 % of 3,003 MHz",
                "power      14.0 W  ━",
            ),
            *(UNCAPPED, "memory  own  59.0  others   0.0 GiB", "energy    ~7.00 J"),
        ),
        "memory": (*LOADED, *MODEL),
        "links": QUIET_LINK,
        "processor": (*SLOW_CORES, "heat        52 °C acpitz-0", *NO_RAILS),
    },
    "spark-memory-squeeze": {
        "gpu": (
            *(
                "load         35 %  ━",
                "core 66 °C",
                "clock   2,402 MHz  ━",
                "80 % of 3,003 MHz",
                "power      21.0 W  ━",
            ),
            *(UNCAPPED, "memory  own 112.0  others   0.0 GiB", "energy    ~10.5 J"),
        ),
        "memory": (
            *(" 116.8 of 121.7 GiB 96 %", "█ GPU 112.0  ▓ other 4.8  ▒ cache 4.5  · free 1.0 GiB"),
            *("available 4.9 GiB  lowest 4.9 GiB", "pressure  ✗ critical  some 42.5 %  full 18.8 %  of the last 10 s"),
            *("headroom  13.9 GiB  available + free swap", "GPU holds 112.0 GiB  own 112.0 GiB  others 0 B"),
            "swap      7.0 GiB of 16.0 GiB  in 512.0 MiB/s  out 0 B/s",
        ),
        "links": QUIET_LINK,
        "processor": (*SLOW_CORES, *NO_RAILS),
        "alerts": ("✗ fault memory critical: 4.9 GiB left, floor 8.0: all tasks wait 19 % of time",),
    },
    "spark-rdma": {
        "gpu": (
            "load         94 %  ━",
            "core 74 °C",
            "clock   2,418 MHz  ━",
            "81 % of 3,003 MHz",
            "power      55.0 W  ━",
        ),
        "memory": (*LOADED, *MODEL),
        "links": (
            *("                          RDMA         TCP        both", "port 1 down", "errors none since the start"),
            "port 0 up 200G in  189.85 Gb/s       0 b/s 189.85 Gb/s",
            "               out 189.85 Gb/s       0 b/s 189.85 Gb/s",
        ),
        "processor": (*SLOW_CORES, *NO_RAILS),
    },
    "spark-tcp-fallback": {
        "gpu": ("load         94 %  ━", "clock   2,418 MHz  ━", "power      55.0 W  ━", "energy    ~27.5 J"),
        "memory": (*LOADED, *MODEL),
        "links": (
            *("                          RDMA         TCP        both", "port 1 down", "errors none since the start"),
            "port 0 up 200G in        0 b/s 671.09 Mb/s 671.09 Mb/s",
            "               out       0 b/s 671.09 Mb/s 671.09 Mb/s",
        ),
        "processor": (*SLOW_CORES, *NO_RAILS),
    },
    "spark-without-nvml": {
        "gpu": ("n/a (NVIDIA driver: Driver/library version mismatch)",),
        "memory": (" 5.7 of 121.7 GiB 5 %", "█ used 5.7  ▓ cache 13.0  · free 103.0 GiB", "available 116.0 GiB", *CALM),
        "links": QUIET_LINK,
        "processor": (*SLOW_CORES, *NO_RAILS),
        "alerts": ("spark-a  GPU n/a: NVIDIA driver: Driver/library version mismatch",),
    },
    "x86-h200": {
        "gpu": (
            *(
                "load         98 %  ━",
                "core 63 °C",
                "clock   1,830 MHz  ━",
                "92 % of 1,980 MHz",
                "power     695.0 W  ━",
            ),
            *("GPU only, of 700.0 W", "slowed  by power cap 80 %", "memory  own  67.9  others   0.0 GiB"),
            *("energy    347.5 J  GPU only, by its counter", "process 4010              67.9 GiB"),
        ),
        "memory": (
            *("VRAM 0    ▕█", " 68.4 of 140.4 GiB 49 %", "system    ▕█", " 8.0 of 128.0 GiB 6 %"),
            *("█ used 8.0  ▓ cache 13.0  · free 90.0 GiB", "available 120.0 GiB  lowest 120.0 GiB", *CALM),
        ),
        "links": ("eth0      up 100G in  16.00 Mb/s  out   8.00 kb/s",),
        "processor": ("load         50 %  ━", "clock n/a", "heat        58 °C coretemp-0-Package_id_0", *NO_RAILS),
        "alerts": ("! note GPU 0 held back by its power limit, 80 % of the time",),
    },
    "laptop-bare": {
        "gpu": ("n/a (no NVIDIA driver: NVML Shared Library Not Found)",),
        "memory": (" 6.9 of 15.5 GiB 44 %", "█ used 6.9  ▓ cache 6.2  · free 1.4 GiB", "available 8.6 GiB", *CALM),
        "links": ("n/a (no /sys/class/net)",),
        "processor": (
            "load         25 %  ━",
            "clock n/a",
            "heat    n/a (no /sys/class/thermal)",
            "n/a (no /sys/class/hwmon)",
        ),
        "alerts": ("spark-a  GPU n/a: no NVIDIA driver: NVML Shared Library Not Found",),
    },
}

TITLES: Final = {
    "spark-without-nvml": ("Memory", "RoCE links"),
    "x86-h200": ("Memory and VRAM", "Network"),
    "laptop-bare": ("Memory", "Links"),
}


def played(name: str, node: str = "spark-a") -> list[Event]:
    """The events of a recorded machine: nothing else is known of it."""
    changes = Changes(node)
    return [changes.sample(reading) for reading in moments(play(RECORDINGS / name))]


def panel(bench: Bench, name: str) -> MachinePanel:
    return bench.latest.screen.query_one(f"#{name}", MachinePanel)


def figures(bench: Bench, name: str) -> str:
    return "\n".join("".join(text for text, _ in row) for row in panel(bench, name).query_one(Chrome).rows)


def told(bench: Bench) -> str:
    return "".join(text for row in bench.latest.screen.query_one(AlertBar).rows for text, _ in row)


@pytest.mark.parametrize("name", SEEN)
async def test_the_numbers_of_a_machine(tmp_path: Path, name: str) -> None:
    bench = Bench(tmp_path, events=played(name))
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await at(bench, pilot, 100.6)
        for part in SEEN[name].get("alerts", ()):
            assert part in told(bench)
        if "alerts" not in SEEN[name]:
            assert told(bench).strip() == "spark-a"
        for one in ("gpu", "memory", "links", "processor"):
            await pilot.press(str(PANELS.index(one) + 1))
            await settle(pilot)
            for part in SEEN[name][one]:
                assert part in figures(bench, one), one
            assert " 0.0 W" not in figures(bench, one), "what is not known is no zero"
        memory, links = TITLES.get(name, ("Unified memory", "RoCE links"))
        assert panel(bench, "memory").border_title == f"4 {memory}"
        assert panel(bench, "links").border_title == f"5 {links}"


async def test_figures_fit_at_every_width(tmp_path: Path) -> None:
    """No row is wider than its panel, none is a label without a figure, and none stands below the last row."""
    bench = Bench(tmp_path, events=sorted(every_machine(), key=lambda event: event.t))
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await at(bench, pilot, 100.6)
        for one in bench.latest.screen.query(MachinePanel):
            together = one.machines
            for chosen in [*([machine] for machine in together), together[:2], together]:
                one.machines = chosen
                for width in (22, 26, 31, 36, 45, 54, 55, 56, 70, 116):
                    for height in (1, 3, 9, 30):
                        rows = one.figures(width, height)
                        assert len(rows) <= height
                        for row in rows:
                            text = "".join(part for part, _ in row)
                            assert cell_len(text.rstrip()) <= width, (one.id, width, height, text)
                            words = [part.strip() for part, look in row if look != "label" and part.strip()]
                            header = set(text.split()) <= {"RDMA", "TCP", "both", "in", "out", "in/out", "b/s"}
                            assert words or header or not text.strip(), (one.id, width, height, text)


def every_machine() -> list[Event]:
    """All recorded machines at once, called alike but for their ends."""
    return [event for at, name in enumerate(SEEN) for event in played(name, f"spark-{at}{name[-4:]}")]


async def test_what_a_machine_lacks_takes_no_room(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=played("laptop-bare"))
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await at(bench, pilot, 100.6)
        shown = [one.id for one in bench.latest.screen.query(".panel") if one.display]
        assert shown == ["throughput", "latency", "memory", "processor", "contenders", "streams"]
        await pilot.press("5")
        await settle(pilot)
        assert "5 Links" in screen_text(bench.latest)


async def test_a_process_that_ended_holds_nothing(tmp_path: Path) -> None:
    events = [
        *(NodeSeen(t=0.0, node=SPARK), ProcessSeen(t=0.0, node="spark-a", pid=7, name="vllm", own=False)),
        reading(0.0, {"gpu.0.held": 3.0 * GIB, "process.7.gpu_held": 2.0 * GIB, "process.8.gpu_held": 1.0 * GIB}),
        reading(2.0, {"gpu.0.held": 2.0 * GIB, "process.7.gpu_held": 2.0 * GIB}),
    ]
    bench = Bench(tmp_path, events=events)
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await pilot.press("3")
        await at(bench, pilot, 1.0)
        assert "7 vllm                     2.0 GiB" in figures(bench, "gpu")
        assert "process 8                  1.0 GiB" in figures(bench, "gpu")
        await at(bench, pilot, 2.2)
        assert "7 vllm" in figures(bench, "gpu")
        assert "process 8" not in figures(bench, "gpu")


def reading(t: float, values: dict[str, float], missing: dict[str, str] | None = None) -> SampleTaken:
    """What was read of a machine at a time."""
    return SampleTaken(t=t, node="spark-a", values=values, missing=missing or {})


def test_readings_that_are_overdue_are_old_and_those_long_gone_are_not_shown() -> None:
    state_at = {}
    for interval in (0.5, 1.0):
        events = [reading(step * interval, {"cpu.load": 50.0, "cpu.clock": 1.0}) for step in range(8)]
        events.append(reading(20.0, {"cpu.load": 50.0}))
        state = fold(events[:8])
        end = 7 * interval
        state_at[interval] = [machines(state, end + late)[0].stale for late in (1.9, 2.1, 3.4, 3.6)]
        (machine,) = machines(fold(events), 20.0)
        assert machine.get("cpu.load") == 50.0
        assert machine.get("cpu.clock") is None, "nothing has told for ten seconds"
    assert state_at == {0.5: [False, True, True, True], 1.0: [False, False, False, True]}
    state = fold([*events[:8], RunEnded(t=8.0, status=Status.COMPLETED)])
    assert not machines(state, 90.0)[0].stale, "nothing is read any more"


async def test_old_readings_are_marked(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=played("spark-loaded"))
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await at(bench, pilot, 100.6)
        assert " old" not in screen_text(bench.latest)
        await at(bench, pilot, 105.0)
        assert screen_text(bench.latest).count("! readings are 4 s old") == 4
        assert "2,411 MHz" in screen_text(bench.latest)


async def test_a_driver_that_is_gone_for_a_while(tmp_path: Path) -> None:
    gone = {f"gpu.0.{one}": "GPU is lost" for one in ("utilization", "sm_clock", "power")} | {"gpu": "GPU is lost"}
    events = [
        reading(1.0, {"gpu.0.utilization": 96.0, "gpu.0.sm_clock": 2411.0, "gpu.0.power": 60.0, "cpu.load": 5.0}),
        reading(1.5, {"cpu.load": 5.0}, gone),
        reading(2.0, {"cpu.load": 5.0}),
        reading(2.5, {"gpu.0.utilization": 50.0, "cpu.load": 5.0}),
    ]
    bench = Bench(tmp_path, events=events)
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await at(bench, pilot, 1.1)
        assert "load         96 %" in figures(bench, "gpu")
        await at(bench, pilot, 2.1)
        assert "load          n/a  ───" in figures(bench, "gpu")
        assert "slowed  unknown (GPU is lost)" in figures(bench, "gpu")
        assert panel(bench, "gpu").display
        await at(bench, pilot, 2.6)
        assert "load         50 %" in figures(bench, "gpu")


async def test_two_machines_are_told_apart_and_added_up(tmp_path: Path) -> None:
    events = sorted([*played("spark-loaded"), *played("spark-rdma", "spark-b")], key=lambda event: event.t)
    bench = Bench(tmp_path, events=events)
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await at(bench, pilot, 100.6)
        assert figures(bench, "gpu").splitlines()[:3] == [
            "spark-a    96 % 2,411 MHz   61.0 W  78 °C  61.0 GiB held",
            "spark-b    94 % 2,418 MHz   55.0 W  74 °C  59.0 GiB held",
            "together   95 % mean       116.0 W        120.0 GiB held",
        ]
        assert panel(bench, "gpu").border_subtitle == "power of GPUs only"
        memory = figures(bench, "memory")
        assert "together 155.4 of 243.4 GiB 64 %" in memory
        assert memory.count("77.7 of 121.7 GiB 64 %") == 2
        links = figures(bench, "links")
        assert links.splitlines()[:4] == [
            "b/s               RDMA in RDMA out   TCP in  TCP out",
            "spark-a  port 0         0        0        0        0",
            "spark-b  port 0      190G     190G        0        0",
            "together             190G     190G        0        0",
        ]
        assert panel(bench, "links").border_subtitle == "bytes between them count once in and once out"
        processor = figures(bench, "processor")
        assert "spark-a  X925         12 %" in processor
        assert "spark-b  X925         12 %" in processor
        assert "1 of 2   142.5 W sys_total" in processor, "nobody told how many cores there are"
        assert "! note spark-a: GPU 0 held back by its power limit" in told(bench)
        await at(bench, pilot, 104.0)
        assert "spark-b! " in figures(bench, "gpu")


async def test_one_machine_under_two_names_counts_once(tmp_path: Path) -> None:
    names = {"spark-a": "one", "again": "one", "spark-b": "other"}
    seen = [NodeSeen(t=100.0, node=replace(SPARK, name=name, identity=identity)) for name, identity in names.items()]
    events = [*played("spark-loaded"), *played("spark-loaded", "again"), *played("spark-rdma", "spark-b")]
    both = [*played("spark-loaded"), *played("spark-loaded", "again")]
    for those, gpu, memory in (
        (events, "together   95 % mean       116.0 W        120.0 GiB held", "together 155.4 of 243.4 GiB 64 %"),
        (both, "", ""),
    ):
        known = seen if those is events else seen[:2]
        bench = Bench(tmp_path, events=sorted([*known, *those], key=lambda event: event.t))
        async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
            await at(bench, pilot, 100.6)
            shown = figures(bench, "gpu"), figures(bench, "memory"), figures(bench, "links")
            assert gpu in shown[0]
            assert memory in shown[1]
            assert all("again" in one for one in shown)
            assert [("together" in one) for one in shown] == [bool(gpu)] * 3, "one machine needs no sum"


@pytest.mark.parametrize("size", [(120, 40), (50, 16)])
async def test_plain_links_of_two_machines_say_whose_they_are(tmp_path: Path, size: tuple[int, int]) -> None:
    values = {"net.eth0.up": 1.0, "net.eth0.capacity": 1.25e9, "net.eth0.rx": 123_456.0, "net.eth0.tx": 1.9e9}
    bench = Bench(tmp_path, events=[reading(1.0, values), replace(reading(1.0, values), node="spark-2")])
    async with bench.app(bench.default_plan()).run_test(size=size) as pilot:
        await pilot.press("5")
        await at(bench, pilot, 1.1)
        links = figures(bench, "links")
        for name in ("spark-a", "spark-2"):
            assert name in links
        assert links.count("987.65 kb/s") == 2


async def test_several_gpus_have_a_row_each(tmp_path: Path) -> None:
    values = {"process.7.gpu_held": 4.0 * GIB}
    for gpu in range(10):
        values |= {f"gpu.{gpu}.utilization": 10.0 * gpu, f"gpu.{gpu}.power": 100.0 + gpu, f"gpu.{gpu}.held": 1.0 * GIB}
        values |= {f"gpu.{gpu}.vram_total": 80.0 * GIB, f"gpu.{gpu}.vram_used": 8.0 * GIB * gpu}
    bench = Bench(tmp_path, events=[reading(1.0, values)])
    async with bench.app(bench.default_plan()).run_test(size=(120, 60)) as pilot:
        await at(bench, pilot, 1.1)
        one = panel(bench, "gpu")
        lines = ["".join(text for text, _ in row) for row in one.figures(56, 12)]
        assert [line.split()[0] for line in lines] == [str(gpu) for gpu in range(10)], "by number, not by letter"
        assert lines[9].startswith("9   90 %       n/a  109.0 W")
        blocks = "\n".join("".join(text for text, _ in row) for row in one.figures(56, 70))
        assert blocks.count("slowed  unknown") == 10
        assert "process 7" not in blocks, "nobody tells on which GPU"
        memory = panel(bench, "memory")
        assert "VRAM 9    " in "".join(text for row in memory.figures(56, 30) for text, _ in row)
        (bar, *_) = memory.figures(56, 8)
        assert "".join(text for text, _ in bar).startswith("VRAM x10  ▕█████████")
        assert "".join(text for text, _ in bar).endswith("45 % of 800.0 GiB")


async def test_errors_of_a_link_are_named(tmp_path: Path) -> None:
    errors = {"roce.rocep1s0f0.out_of_sequence": 3.0, "roce.roceP2p1s0f0.out_of_sequence": 9.0}
    still = {"roce.rocep1s0f0.symbol_error": 0.0, "port.0.up": 1.0, "port.0.rx": 0.0}
    bench = Bench(tmp_path, events=[reading(1.0, errors | still)])
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await at(bench, pilot, 1.1)
        assert "errors out_of_sequence 12" in figures(bench, "links")
        assert "symbol_error" not in figures(bench, "links")
        # A rate that was not read is no zero.
        assert "port 0 up      in          n/a         n/a       0 b/s" in figures(bench, "links")


async def test_huge_pages_change_what_can_be_had(tmp_path: Path) -> None:
    apart = {"memory.total": 121.0 * GIB, "memory.used": 100.0 * GIB, "memory.available": 21.0 * GIB}
    apart |= {"memory.allocatable": 4.0 * GIB, "memory.huge_pages": 8.0 * GIB, "gpu.0.utilization": 1.0}
    bench = Bench(tmp_path, events=[reading(1.0, apart)])
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await at(bench, pilot, 1.1)
        assert "headroom  4.0 GiB  free of 8.0 GiB huge pages" in figures(bench, "memory")
        assert "pressure  ✓ ok  n/a (no reading yet)" in figures(bench, "memory")


async def test_counters_that_were_not_read_are_not_none(tmp_path: Path) -> None:
    lost = reading(102.0, {}, {"roce.rocep1s0f0.out_of_buffer": "permission denied"})
    bench = Bench(tmp_path, events=[*played("spark-rdma"), lost])
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await at(bench, pilot, 100.6)
        await pilot.press(str(PANELS.index("links") + 1))
        await settle(pilot)
        assert "errors none since the start" in figures(bench, "links")
        await at(bench, pilot, 102.1)
        assert "errors none of those read  1 n/a" in figures(bench, "links")
