"""Every check has its three outcomes only where the machine has; the names are an interface."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sparktop import toolchain
from sparktop.doctor import Check, Grade, Surroundings, examine
from sparktop.nodes.nvidia import Gpus
from sparktop.places import Places
from sparktop.resources import scenarios_dir
from sparktop.scenarios.library import Library
from sparktop.telemetry.once import read_once
from sparktop.telemetry.played import play
from sparktop.telemetry.reading import Reading
from tests.cli.conftest import Sparktop
from tests.telemetry.cases import FOLDER

NAMES = [
    *("python", "llama-cpp", "llama-cpp-build", "demo-models", "scenarios", "runs-folder"),
    *("terminal", "memory", "psi", "gpu-driver"),
    *("gpu", "roce", "network", "cpu", "power", "textual"),
]
MACHINE = toolchain.Machine()
CPU = toolchain.Choice(cuda=False, line="llama.cpp: CPU build (no NVIDIA GPU found)")
BUILD = toolchain.Build(version="0.3.36", cuda=False, rpc=True)
GIB = 1 << 30


def examination(**more: object) -> Callable[[], toolchain.Examination]:
    base = toolchain.Examination(machine=MACHINE, choice=CPU, build=BUILD, fix=None)
    return lambda: replace(base, **more)  # type: ignore[arg-type]


def recorded(case: str, **other: Reading) -> Callable[[Path], dict[str, Reading]]:
    """What the sources tell of a recorded machine, some of them replaced."""
    return lambda _: {**read_once(play(FOLDER / case), apart_s=0), **other}


def meminfo(root: Path, available_gib: int) -> None:
    (root / "proc/meminfo").write_text(
        f"MemTotal: {100 << 20} kB\nMemAvailable: {available_gib << 20} kB\nMemFree: 1 kB\n"
    )


@pytest.fixture
def well(tmp_path: Path) -> Surroundings:
    """A machine on which nothing is amiss."""
    (tmp_path / "proc/pressure").mkdir(parents=True)
    (tmp_path / "proc/pressure/memory").write_text("some avg10=0.00\nfull avg10=0.00\n")
    meminfo(tmp_path, 50)
    home = {"HOME": str(tmp_path)}
    places = Places.of(home)
    return Surroundings(
        environ={**home, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
        places=places,
        library=Library(shipped=scenarios_dir(), user=places.scenarios),
        terminal=(120, 40),
        encoding="utf-8",
        root=tmp_path,
        ask_gpus=lambda: Gpus(names=("NVIDIA GB10",), driver="580.95.05"),
        ask_toolchain=examination(),
        ask_sources=recorded("spark-loaded"),
        run=lambda _: (0, "0.3.36\n"),
        version_of=lambda _: "8.2.8",
        demos=(),
    )


def check(around: Surroundings, name: str) -> Check:
    return next(check for check in examine(around) if check.name == name)


def test_all_is_well(well: Surroundings) -> None:
    checks = examine(well)

    assert [check.name for check in checks] == NAMES
    assert [check for check in checks if check.grade is not Grade.OK] == []


def test_old_python(well: Surroundings) -> None:
    found = check(replace(well, python=(3, 10, 4)), "python")

    assert (found.grade, found.found) == (Grade.PROBLEM, "Python 3.10.4")


def test_library_that_does_not_load(well: Surroundings) -> None:
    found = check(replace(well, run=lambda _: (1, "Traceback...\nOSError: libgomp.so.1: not found\n")), "llama-cpp")

    assert found.grade is Grade.PROBLEM
    assert "libgomp.so.1" in found.found
    assert "doctor --fix" in found.advice


def test_build_without_the_gpu(well: Surroundings) -> None:
    fix = toolchain.Fix(command=("uv",), why="The installed llama-cpp-python cannot use the GPU.")
    found = check(replace(well, ask_toolchain=examination(fix=fix)), "llama-cpp-build")

    assert (found.grade, found.found) == (Grade.WARNING, fix.why)
    assert found.advice == 'run "sparktop doctor --fix"'


def test_no_build_at_all(well: Surroundings) -> None:
    fix = toolchain.Fix(command=("uv",), why="llama-cpp-python is not installed.")

    assert (
        check(replace(well, ask_toolchain=examination(build=None, fix=fix)), "llama-cpp-build").grade is Grade.PROBLEM
    )


def test_build_that_could_be_better(well: Surroundings) -> None:
    choice = replace(CPU, hints=("The GPU is not used: install the CUDA toolkit.",))
    found = check(replace(well, ask_toolchain=examination(choice=choice)), "llama-cpp-build")

    assert (found.grade, found.advice) == (Grade.WARNING, choice.hints[0])


def test_build_that_cannot_be_had(well: Surroundings) -> None:
    def ask() -> toolchain.Examination:
        raise toolchain.ToolchainError("SPARKTOP_CUDA=on, but no nvcc was found.")

    assert check(replace(well, ask_toolchain=ask), "llama-cpp-build").grade is Grade.PROBLEM


def test_missing_demo_model(well: Surroundings) -> None:
    found = check(replace(well, demos=("./nothing.gguf",)), "demo-models")

    assert found.grade is Grade.PROBLEM
    assert "does not exist" in found.found


def test_scenarios(well: Surroundings, tmp_path: Path) -> None:
    own, broken = tmp_path / "own", tmp_path / "shipped"
    own.mkdir()
    (own / "mine.toml").write_text("title =")
    broken.mkdir()
    (broken / "x.toml").write_text("title =")

    mine = check(replace(well, library=Library(shipped=scenarios_dir(), user=own)), "scenarios")
    ours = check(replace(well, library=Library(shipped=broken, user=tmp_path / "none")), "scenarios")
    none = check(replace(well, library=Library(shipped=tmp_path / "none", user=tmp_path / "none")), "scenarios")

    assert (mine.grade, ours.grade, none.grade) == (Grade.WARNING, Grade.PROBLEM, Grade.PROBLEM)
    assert "mine.toml:1" in mine.found


def test_runs_folder_that_is_a_file(well: Surroundings, tmp_path: Path) -> None:
    (tmp_path / ".local").touch()

    assert check(well, "runs-folder").grade is Grade.PROBLEM


def test_checking_the_runs_folder_creates_nothing(well: Surroundings, tmp_path: Path) -> None:
    assert check(well, "runs-folder").grade is Grade.OK
    assert not (tmp_path / ".local").exists()


@pytest.mark.parametrize(
    ("term", "encoding", "size", "word"),
    [
        ("dumb", "utf-8", (120, 40), "TERM"),
        ("", "utf-8", (120, 40), "TERM"),
        ("xterm", "ascii", (120, 40), "LANG=C.UTF-8"),
        ("xterm", "UTF-8", (79, 40), "80x24"),
        ("xterm", "UTF-8", (80, 23), "80x24"),
    ],
)
def test_poor_terminal(well: Surroundings, term: str, encoding: str, size: tuple[int, int], word: str) -> None:
    found = check(replace(well, environ={"TERM": term}, encoding=encoding, terminal=size), "terminal")

    assert found.grade is Grade.WARNING
    assert word in found.advice


@pytest.mark.parametrize(
    ("environ", "colours"),
    [
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "true colour"),
        ({"TERM": "xterm-256color"}, "256 colours"),
        ({"TERM": "linux"}, "16 colours"),
        ({"TERM": "xterm", "COLORTERM": "truecolor", "NO_COLOR": "1"}, "no colours"),
    ],
)
def test_colours(well: Surroundings, environ: dict[str, str], colours: str) -> None:
    assert colours in check(replace(well, environ=environ), "terminal").found


def test_no_terminal_is_no_fault(well: Surroundings) -> None:
    assert check(replace(well, terminal=None, environ={}), "terminal").grade is Grade.OK


def test_little_memory(well: Surroundings, tmp_path: Path) -> None:
    meminfo(tmp_path, 7)
    assert check(well, "memory").grade is Grade.WARNING
    meminfo(tmp_path, 9)
    assert check(well, "memory").grade is Grade.OK


def test_unknown_memory_is_a_warning(well: Surroundings, tmp_path: Path) -> None:
    (tmp_path / "proc/meminfo").unlink()

    assert check(well, "memory").grade is Grade.WARNING
    assert check(well, "psi").grade is Grade.OK


def test_no_pressure(well: Surroundings, tmp_path: Path) -> None:
    (tmp_path / "proc/pressure/memory").unlink()

    found = check(well, "psi")

    assert found.grade is Grade.WARNING
    assert "psi=1" in found.found


def test_driver(well: Surroundings, tmp_path: Path) -> None:
    silent = replace(well, ask_gpus=lambda: Gpus(reason="Driver Not Loaded"))
    assert check(silent, "gpu-driver").grade is Grade.OK  # a laptop
    (tmp_path / "proc/driver/nvidia").mkdir(parents=True)
    (tmp_path / "proc/driver/nvidia/version").touch()
    assert check(silent, "gpu-driver").grade is Grade.PROBLEM


def test_sources_of_a_spark(well: Surroundings) -> None:
    around = replace(well, ask_sources=recorded("spark-idle"))

    found = {name: check(around, name).found for name in ("gpu", "roce", "network", "cpu", "power")}

    assert found["gpu"].startswith("reads gpu.0 (energy_integrated, event_reasons, held, ")
    assert found["gpu"].endswith(
        "; not read: gpu.0.throttle_power_cap "
        "(unknown: without counters, this GPU does not declare that its power is capped)"
    )
    assert "roce.roceP2p1s0f0, roce.roceP2p1s0f1, roce.rocep1s0f0, roce.rocep1s0f1 (" in found["roce"]
    assert "15 error counters" in found["roce"]
    assert "not read: port.1.capacity (the link is down)" in found["roce"]
    assert found["network"] == "reads net.enP7s7 (capacity, rx, tx, up)"
    assert found["cpu"] == "reads cpu, cpu.a725, cpu.x925 (clock, load)"
    assert found["power"].startswith("reads thermal.acpitz-0 (temperature); not read: rail (no spbm chip")


def test_laptop_without_anything_has_no_fault(well: Surroundings) -> None:
    around = replace(well, ask_sources=recorded("laptop-bare"))

    checks = {check.name: check for check in examine(around)}

    assert {checks[name].grade for name in ("gpu", "roce", "network", "cpu", "power")} == {Grade.OK}
    assert checks["gpu"].found == "not read: gpu (no NVIDIA driver: NVML Shared Library Not Found)"
    assert checks["cpu"].found == "reads cpu (load); not read: cpu.clock (no /sys/devices/system/cpu/cpufreq)"


def test_gpu_behind_a_driver_that_does_not_answer(well: Surroundings, tmp_path: Path) -> None:
    around = replace(well, ask_sources=recorded("spark-without-nvml"))
    assert check(around, "gpu").grade is Grade.OK
    (tmp_path / "proc/driver/nvidia").mkdir(parents=True)
    (tmp_path / "proc/driver/nvidia/version").touch()

    assert check(around, "gpu").grade is Grade.WARNING
    assert "gpu-driver" in check(around, "gpu").advice


def test_source_that_hangs_or_has_no_load(well: Surroundings) -> None:
    hanging = Reading(t=0, missing={"roce": "no answer for 5 s"})
    loadless = Reading(t=0, values={"cpu.clock": 2000.0}, missing={"cpu.load": "no /proc/stat"})
    around = replace(well, ask_sources=recorded("spark-idle", roce=hanging, cpu=loadless))

    assert check(around, "roce").grade is Grade.WARNING
    assert "no answer for 5 s" in check(around, "roce").found
    assert check(around, "cpu").grade is Grade.WARNING
    assert "cpu.load (no /proc/stat)" in check(around, "cpu").found


def test_memory_says_what_else_is_not_read(well: Surroundings, tmp_path: Path) -> None:
    assert "swap.in, swap.out (no " in check(well, "memory").found
    (tmp_path / "proc/vmstat").write_text("pswpin 1\npswpout 2\n")

    assert "swap.in" not in check(well, "memory").found


@pytest.mark.parametrize(
    ("version", "grade"), [("8.2.7", Grade.WARNING), ("8.10.0", Grade.OK), ("9.0.0", Grade.WARNING)]
)
def test_textual_version(well: Surroundings, version: str, grade: Grade) -> None:
    assert check(replace(well, version_of=lambda _: version), "textual").grade is grade


def test_no_textual(well: Surroundings) -> None:
    def version_of(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    assert check(replace(well, version_of=version_of), "textual").grade is Grade.PROBLEM


def test_command_prints_the_checks_of_this_machine(sparktop: Sparktop) -> None:
    text, document = sparktop("doctor"), sparktop("doctor", "--json")

    checks = json.loads(document.stdout)["checks"]
    problems = [check["name"] for check in checks if check["grade"] == "problem"]
    assert [check["name"] for check in checks] == NAMES
    assert json.loads(document.stdout)["ok"] is not bool(problems)
    assert text.returncode == document.returncode == bool(problems)
    assert [line.split()[1] for line in text.stdout.splitlines() if not line.startswith(" ")] == NAMES
    assert text.stderr == document.stderr == ""
