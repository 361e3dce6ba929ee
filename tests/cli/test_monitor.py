"""`sparktop monitor` in a process of its own: of the recorded machines, and of this one."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from sparktop.headless.readings import line, lines, quantity
from sparktop.telemetry.machine import Inputs
from sparktop.telemetry.reading import Reading
from sparktop.telemetry.recorded import Recording
from tests.cli.conftest import PROGRAM, Sparktop
from tests.telemetry.cases import FOLDER, Case, FakeDriver, lay
from tests.telemetry.machines import CASES

IDS = [case.name for case in CASES]
SQUEEZE = next(case for case in CASES if case.name == "spark-memory-squeeze")


def shown(text: str) -> dict[str, str]:
    """What a table says of each channel, meanings left out."""
    readings = text.partition("\nalerts\n")[0]
    rows = (row.split(maxsplit=1) for row in readings.splitlines() if row.startswith("  "))
    return {name: rest if rest.startswith("n/a") else rest.split("  ")[0] for name, rest in rows}


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_json_is_the_truth_of_the_machine(sparktop: Sparktop, case: Case) -> None:
    done = sparktop("monitor", "--from", str(FOLDER / case.name), "--once", "--json")

    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert document["values"] == pytest.approx(case.values, rel=1e-12)
    assert document["missing"] == case.missing
    assert (document["node"], document["t"]) == (case.name, case.times[-1])
    assert set(document["values"]) <= set(document["units"])
    assert document["units"]["memory.total"] == "bytes"


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_table_has_every_reason_and_no_number_in_its_place(sparktop: Sparktop, case: Case) -> None:
    table = shown(sparktop("monitor", "--from", str(FOLDER / case.name), "--once").stdout)

    assert {name: f"n/a ({reason})" for name, reason in case.missing.items()}.items() <= table.items()
    assert sum(value.startswith("n/a") for value in table.values()) == len(case.missing)


def test_table_is_in_units_of_people(sparktop: Sparktop) -> None:
    done = sparktop("monitor", "--from", str(FOLDER / "spark-rdma"), "--once")

    table = shown(done.stdout)
    assert table["memory.total"] == "121.69 GiB"
    assert table["gpu.0.sm_clock"] == "2418 MHz"
    assert table["gpu.0.power"] == "55.0 W"
    assert table["gpu.0.temperature"] == "74.0 °C"
    assert table["port.0.rx_rdma"] == "189.85 Gb/s"
    assert table["port.1.up"] == "no"
    groups = [row for row in done.stdout.splitlines() if row and not row.startswith(" ")]
    assert groups == ["memory", "gpu", "roce", "network", "cpu", "power", "alerts"]


SHORT = "(it takes 5 s of readings)"
NO_CAP = "without counters, this GPU does not declare that its power is capped"
UNCAPPED = f"throttling (gpu.0.throttle_power_cap: unknown: {NO_CAP})"
WRONG = {
    "spark-idle": ["none", f"not judged  swap-growth, low-clock, roce-errors {SHORT}", f"not judged  {UNCAPPED}"],
    "spark-loaded": [
        "note throttling  GPU 0 held back by its power limit, 10 % of the time",
        f"not judged       swap-growth, low-clock, roce-errors {SHORT}",
    ],
    "spark-pd-fault": [
        "fault low-clock  GPU 0 stuck at 611 MHz, 14 W: power-delivery fault; unplug for 60 s",
        f"not judged       {UNCAPPED}",
    ],
    "spark-memory-squeeze": [
        "fault memory-pressure  memory critical: 4.9 GiB left, floor 8.0: all tasks wait 19 % of time",
        f"not judged             swap-growth, low-clock, roce-errors {SHORT}",
        f"not judged             {UNCAPPED}",
    ],
    "laptop-bare": [
        "none",
        f"not judged  swap-growth {SHORT}",
        "not judged  throttling, low-clock (no NVIDIA driver: NVML Shared Library Not Found)",
    ],
}


@pytest.mark.parametrize("case", WRONG)
def test_table_ends_with_what_is_wrong_and_what_was_not_judged(sparktop: Sparktop, case: str) -> None:
    table = sparktop("monitor", "--from", str(FOLDER / case), "--once").stdout

    assert sorted(row.strip() for row in table.partition("\nalerts\n")[2].splitlines()) == sorted(WRONG[case])


def test_json_has_what_is_wrong_at_each_reading(sparktop: Sparktop) -> None:
    done = sparktop("monitor", "--from", str(FOLDER / "spark-pd-fault"), "--json")

    rows = [json.loads(row) for row in done.stdout.splitlines()]
    codes = {row["t"] - 100: [alert["code"] for alert in row["alerts"]] for row in rows}
    assert codes == {n / 2: ["low-clock"] if n >= 10 else [] for n in range(17)}
    assert ["low-clock" in [one["code"] for one in row["unjudged"]] for row in rows] == [n < 10 for n in range(17)]
    (alert,) = rows[-1]["alerts"]
    assert alert.keys() == {"code", "severity", "text", "evidence"}
    assert (alert["severity"], alert["evidence"]["sm_clock"], alert["evidence"]["seconds"]) == ("fault", 611, 8)


def test_a_log_says_once_that_an_alert_begins_and_that_it_is_over(sparktop: Sparktop, tmp_path: Path) -> None:
    tree = tmp_path / "root"
    made = Recording(
        tmp_path / "case",
        Inputs(root=tree, driver=FakeDriver(SQUEEZE.answers[0]), clock=lambda: 0.0, page_size=65536, me=4000),
    )
    calm = next(case for case in CASES if case.name == "spark-idle")
    for tick in range(8):
        lay(tree, (SQUEEZE if 2 <= tick < 6 else calm).trees[0])
        for source in made.sources:
            source.read(float(tick))
    made.close()

    rows = sparktop("monitor", "--from", "case").stdout.splitlines()

    told = [(at, row.strip()) for at, row in enumerate(rows) if " ! " in row]
    memory = "fault memory-pressure: memory critical: 4.9 GiB left, floor 8.0: all tasks wait 19 % of time"
    swap = "note swap-growth: swap grew by 7,168 MiB in 10 s, to 7.0 GiB"
    assert len(rows) == 8 + 4
    assert told == [
        *((3, f"2.0 s ! {memory}"), (4, f"2.0 s ! {swap}")),
        *((9, f"6.0 s ! over after 4 s: {memory}"), (10, f"6.0 s ! over after 4 s: {swap}")),
    ]


def test_a_recording_is_a_line_for_each_reading(sparktop: Sparktop) -> None:
    rows = sparktop("monitor", "--from", str(FOLDER / "spark-tcp-fallback")).stdout.splitlines()

    assert len(rows) == 2
    assert rows[1].lstrip().startswith("0.5 s | memory 77.69 GiB of 121.69 GiB | gpu0 94.0 % 2418 MHz 55.0 W 74.0 °C")
    assert "port 0 rdma rx 0 b/s tx 0 b/s, tcp rx 671.09 Mb/s tx 671.09 Mb/s" in rows[1]
    assert "port 1" not in rows[1]  # unplugged
    assert "rdma rx n/a" in rows[0]  # a rate needs two readings


def test_this_machine_is_recorded_and_played(sparktop: Sparktop, tmp_path: Path) -> None:
    live = sparktop("monitor", "--record", "a case", "--seconds", "1", "--json")

    played = sparktop("monitor", "--from", "a case", "--json")
    (now,), (_, again) = (list(map(json.loads, done.stdout.splitlines())) for done in (live, played))
    assert live.returncode == played.returncode == 0
    assert "--from 'a case'" in live.stderr
    assert now["values"]["memory.total"] > 0
    assert (now["values"], now["t"]) == (pytest.approx(again["values"]), pytest.approx(again["t"]))
    assert again["node"] == "a case"
    # A recording is never written over.
    second = sparktop("monitor", "--record", "a case")
    assert (second.returncode, second.stdout) == (2, "")
    assert "is a recording already" in second.stderr


def test_once_has_rates(sparktop: Sparktop) -> None:
    document = json.loads(sparktop("monitor", "--once", "--json").stdout)

    assert "cpu.load" in document["values"]
    assert "a rate needs two readings" not in document["missing"].values()
    assert "swap-growth" in [one["code"] for one in document["unjudged"]], "one reading can't tell"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--from", "."], ". is no recording: recording.json can't be read (No such file or directory)"),
        (["--from", ".", "--record", "x"], "leave --record and --seconds away"),
        (["--from", ".", "--seconds", "3"], "leave --record and --seconds away"),
        (["--once", "--seconds", "3"], "leave --seconds away"),
        (["--from", ".", "--speed", "3"], "--speed is for the screen"),
        (["--seconds", "0"], "expected seconds from 1"),
        (["--record", "file/x"], "can't be written to"),
    ],
)
def test_refusals(sparktop: Sparktop, tmp_path: Path, words: list[str], sentence: str) -> None:
    (tmp_path / "file").touch()

    done = sparktop("monitor", *words)

    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def start(environ: dict[str, str], folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*PROGRAM, "monitor", *words],
        env=environ,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_interrupted_recording_is_kept(environ: dict[str, str], tmp_path: Path, sparktop: Sparktop) -> None:
    with start(environ, tmp_path, "--record", "case", "--seconds", "100") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=20)

    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert len(sparktop("monitor", "--from", "case").stdout.splitlines()) >= 2


def test_ends_when_nobody_reads_any_more(environ: dict[str, str], tmp_path: Path) -> None:
    with start(environ, tmp_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "memory" in process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=20) == 0
        assert process.stderr.read() == ""


@pytest.mark.parametrize(
    ("name", "value", "number", "unit"),
    [
        ("memory.total", 1023.0, "1023", "B"),
        ("memory.total", 1024.0, "1.00", "KiB"),
        ("swap.in", 536870912.0, "512.00", "MiB/s"),
        ("net.eth0.rx", 125e6, "1.00", "Gb/s"),
        ("gpu.0.event_reasons", 0x24, "0x24", "power cap, software thermal"),
        ("gpu.0.event_reasons", 0x1001, "0x1001", "idle, unknown 0x1000"),
        ("gpu.0.event_reasons", 0, "0x0", "none declared"),
        ("roce.d.up", 1, "yes", ""),
        ("roce.d.out_of_buffer", 12, "12", ""),
        ("what.is.this", 1.5, "1.50", ""),
    ],
)
def test_quantities(name: str, value: float, number: str, unit: str) -> None:
    assert quantity(name, value) == (number, unit)


def test_error_counters_are_told_one_by_one_once_they_have_counted() -> None:
    values = {"roce.d.out_of_buffer": 3.0, "roce.d.symbol_error": 0.0, "roce.d.link_downed": 0.0}

    rows = lines(Reading(t=0, values=values))

    table = shown("\n".join(rows))
    assert table["roce.d.out_of_buffer"] == "3"
    assert "roce.d.symbol_error" not in table
    assert rows[-1].split()[:3] == ["error", "counters", "2"]


def test_meanings_give_way_and_reasons_do_not() -> None:
    reading = Reading(t=0, values={"cpu.load": 5.0}, missing={"cpu.clock": "no clock is told anywhere here"})

    wide, narrow = lines(reading, 60), lines(reading, 39)

    assert wide[1].endswith("…")
    assert max(map(len, wide)) <= 60
    assert narrow[1:] == ["  cpu.load   5.0 %", "  cpu.clock  n/a (no clock is told anywhere here)"]


def test_gpu_that_was_lost_is_one_gap_in_a_line() -> None:
    reading = Reading(t=0, missing={"gpu": "lost", "gpu.0.power": "lost", "memory.total": "no", "cpu.load": "no"})

    assert line(reading, "1 s") == "1 s | memory n/a of n/a | gpu0 n/a | cpu n/a"


def test_names_of_a_strangers_recording_cannot_act_on_the_terminal() -> None:
    reading = Reading(t=0, values={"net.\x1b[2Jx.rx": 1.0}, missing={"net.y.rx": "\x1b]0;z\x07"})

    assert not set("\n".join([*lines(reading), line(reading, "")])) & set("\x1b\x07")
