"""`sparktop monitor` on a terminal, as a person starts it."""

from __future__ import annotations

import re
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Sparktop, Start
from tests.telemetry.cases import FOLDER
from tests.terminal import Terminal


@pytest.fixture
def start(start: Start) -> Start:
    """Starts `sparktop monitor` on a terminal, with the folder of the test as home."""
    return partial(start, "monitor")


def plain(terminal: Terminal) -> str:
    """What came, without the escape sequences."""
    return re.sub(r"\x1b(\[[0-9;?<>=]*[a-zA-Z]|[()].|[=>])", "", terminal.seen.decode(errors="replace"))


def meminfo(name: str) -> float:
    """A figure of this machine in GiB."""
    found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) / 2**20


def available(terminal: Terminal) -> re.Match[str] | None:
    return re.search(r"available\s+([\d.]+) (GiB|MiB)", plain(terminal))


def test_this_machine_is_on_the_screen_until_q(start: Start) -> None:
    terminal = start()
    terminal.read_until("available")
    while not (found := available(terminal)):
        terminal.read_until("\x1b", more=True)
    scale = 1 if found[2] == "GiB" else 1024
    # Other tests take and give back memory meanwhile.
    assert float(found[1]) / scale == pytest.approx(meminfo("MemAvailable"), abs=max(1.0, 0.2 * meminfo("MemTotal")))
    assert f"of {meminfo('MemTotal'):.1f} GiB" in plain(terminal)
    terminal.type("q")
    assert terminal.ended() == 0
    assert b"\x1b[?1049l" in terminal.seen
    assert b"Traceback" not in terminal.seen


def test_a_recording_is_on_the_screen(start: Start) -> None:
    terminal = start("--from", str(FOLDER / "spark-pd-fault"), "--speed", "2")
    terminal.read_until("at its end")
    terminal.read_until("611 MHz")
    assert "spark-pd-fault" in plain(terminal)
    terminal.type("\x03")
    assert terminal.ended() == 0


def test_what_is_recorded_on_the_screen_can_be_played(start: Start, sparktop: Sparktop, tmp_path: Path) -> None:
    terminal = start("--record", "a case", "--seconds", "3")
    terminal.read_until(" REC ")
    assert terminal.ended(20) == 0
    text = plain(terminal)
    assert str(tmp_path / "a case") in text
    assert "recorded; to see it: sparktop monitor --from 'a case'" in text
    assert len(sparktop("monitor", "--from", "a case").stdout.splitlines()) in range(5, 8)
    again = start("--record", "a case")
    assert again.ended() == 2
    assert b"is a recording already" in again.seen
    assert b"\x1b[?1049h" not in again.seen


@pytest.mark.parametrize(("how", "code"), [("hang up", 129), (signal.SIGTERM, 143)])
def test_what_was_recorded_survives_signals(
    start: Start, sparktop: Sparktop, how: str | signal.Signals, code: int
) -> None:
    terminal = start("--record", "case")
    terminal.read_until(" REC ")
    terminal.read_until("available")
    time.sleep(1)
    begun = time.monotonic()
    if isinstance(how, signal.Signals):
        terminal.process.send_signal(how)
        assert terminal.ended() == code
    else:
        terminal.hang_up()
        assert terminal.process.wait(10) == code
    assert time.monotonic() - begun < 4
    assert len(sparktop("monitor", "--from", "case").stdout.splitlines()) >= 2


FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
from sparktop.cli import main
sys.exit(main(["monitor", "--record", "case", "--seconds", "60"]))
"""
"""A disk on which each file may have 30 kB."""


def test_a_full_disk_is_said_and_is_no_success(tmp_path: Path, sparktop: Sparktop) -> None:
    terminal = Terminal(["-c", FULL], tmp_path, {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"})
    try:
        terminal.read_until(" REC ")
        terminal.read_until(" NOT RECORDED ")
        terminal.type("q")
        assert terminal.ended() == 1
    finally:
        terminal.close()
    text = " ".join(plain(terminal).split())
    assert "sparktop: the recording is not complete: " in text
    assert "recorded; to see it" not in text
    assert len(sparktop("monitor", "--from", "case").stdout.splitlines()) >= 1


def test_text_and_lines_are_still_to_be_had_on_a_terminal(start: Start) -> None:
    terminal = start("--text", "--seconds", "1")
    assert terminal.ended() == 0
    assert re.search(r"memory [\d.]+ (G|M)iB of", terminal.seen.decode())
    assert b"\x1b[?1049h" not in terminal.seen


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--from", "."], "is no recording"),
        (["--from", "nowhere"], "nowhere is no recording"),
        (["--speed", "2"], "name one with --from"),
        (["--from", ".", "--speed", "0"], "expected a number from 0.1 to 100"),
        (["--from", ".", "--speed", "nan"], "expected a number from 0.1 to 100"),
        (["--from", ".", "--seconds", "2"], "leave --record and --seconds away"),
        (["--once", "--text"], "give one of them"),
        (["--record", "/proc/x"], "can't be written to"),
    ],
)
def test_what_can_not_be_shown_is_refused_before_the_screen_opens(
    start: Start, words: list[str], sentence: str
) -> None:
    terminal = start(*words)
    assert terminal.ended() == 2
    text = " ".join(plain(terminal).split())
    assert sentence in text
    assert b"\x1b[?1049h" not in terminal.seen


def test_nothing_of_the_screen_is_loaded_for_text(sparktop: Sparktop) -> None:
    done = sparktop("monitor", "--seconds", "1", python=("-X", "importtime"))
    assert done.returncode == 0
    assert "textual" not in done.stderr
