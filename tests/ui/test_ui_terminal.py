"""The program on a real terminal, in a process of its own: first paint, signals, what it leaves behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.terminal import Terminal

START = """
import sys
sys.path.insert(0, {here!r})
from pathlib import Path
from replayed import replayed_app
try:
    sys.exit(replayed_app(Path({home!r}), runs={runs!r}).run_until_left())
except RuntimeError as error:
    sys.exit(f"RuntimeError: {{error}}")
"""


def opened(terminals: list[Terminal], home: Path, runs: bool = False, **environ: str) -> Terminal:
    code = START.format(here=str(Path(__file__).parent), home=str(home), runs=runs)
    terminals.append(Terminal(["-c", code], home, {"PYTHONPATH": str(Path(__file__).parents[2]), **environ}))
    return terminals[-1]


def test_it_leaves_the_terminal_as_it_was(tmp_path: Path, terminals: list[Terminal]) -> None:
    terminal = opened(terminals, tmp_path)
    terminal.read_until("Sutra questions")
    terminal.type("q")
    assert terminal.ended() == 0
    assert b"\x1b[?1049l" in terminal.seen
    assert b"\x1b[?25h" in terminal.seen
    assert b"Traceback" not in terminal.seen


def test_a_terminal_that_nobody_reads_cannot_hold_it(tmp_path: Path, terminals: list[Terminal]) -> None:
    terminal = opened(terminals, tmp_path, runs=True)
    terminal.read_until("Throughput")
    # What it paints now fills the terminal's buffer, which nobody empties.
    for _ in range(60):
        terminal.type("tt12")
        time.sleep(0.05)
    begun = time.monotonic()
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.process.wait(10) == 143
    assert time.monotonic() - begun < 4
    assert (tmp_path / "cancelled").exists()


def test_a_defect_reaches_the_caller_without_a_traceback_on_the_screen(
    tmp_path: Path, terminals: list[Terminal]
) -> None:
    terminal = opened(terminals, tmp_path, runs=True, BREAK="yes")
    terminal.read_until("Throughput")
    terminal.type("?")
    assert terminal.ended() == 1
    assert b"\x1b[?1049l" in terminal.seen
    assert terminal.seen.endswith(b"RuntimeError: broken on purpose\r\n")
    assert terminal.seen.count(b"Traceback") == 0
    assert (tmp_path / "cancelled").exists()


def test_term_ends_a_run_and_restores_the_terminal(tmp_path: Path, terminals: list[Terminal]) -> None:
    terminal = opened(terminals, tmp_path, runs=True)
    terminal.read_until("Throughput")
    begun = time.monotonic()
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.ended() == 143
    assert time.monotonic() - begun < 4
    assert b"\x1b[?1049l" in terminal.seen
    assert (tmp_path / "cancelled").exists()


def test_a_terminal_that_goes_away_ends_the_run_and_the_program(tmp_path: Path, terminals: list[Terminal]) -> None:
    terminal = opened(terminals, tmp_path, runs=True)
    terminal.read_until("Throughput")
    begun = time.monotonic()
    terminal.hang_up()
    assert terminal.process.wait(10) == 129
    # Two seconds are promised; a machine that runs other tests as well gets a little more.
    assert time.monotonic() - begun < 4
    assert (tmp_path / "cancelled").exists()


def test_a_poor_terminal_gets_ascii(tmp_path: Path, terminals: list[Terminal]) -> None:
    terminal = opened(terminals, tmp_path, runs=True, TERM="linux", LANG="C")
    terminal.read_until("Throughput")
    time.sleep(1)
    terminal.type("q")
    terminal.read_until("Quit while")
    chrome = terminal.seen.decode(errors="replace")
    assert not any("\u2500" <= character <= "\u28ff" for character in chrome)


def test_no_color_means_no_colour(tmp_path: Path, terminals: list[Terminal]) -> None:
    terminal = opened(terminals, tmp_path, runs=True, NO_COLOR="1")
    terminal.read_until("Throughput")
    terminal.type("q")
    terminal.read_until("Quit while")
    seen = terminal.seen.decode(errors="replace")
    for colour in ("[38;5;", "[48;5;", "[38;2;", "[48;2;", ";38;2;", ";48;2;", ";38;5;", "\x1b[31m", "\x1b[36m"):
        assert colour not in seen, colour


def test_the_screens_never_import_what_is_heavy(tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import sparktop.ui.app, sparktop.ui.application, sparktop.ui.wiring, sparktop.ui.live\n"
        "import sparktop.ui.screens.dashboard, sparktop.ui.screens.answers, sparktop.ui.screens.results\n"
        "print(sorted(m for m in ('llama_cpp', 'torch', 'numpy', 'websockets') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("words", "sign", "unneeded"),
    [
        (
            [],
            "fits",
            {"model.snapshot", "model.state", "nodes.remote", "runner.session", "store.rating_book", "ui.run"},
        ),
        (["monitor"], "available", {"headless", "model.codec", "runner.plan", "scenarios.loader", "ui.replay"}),
    ],
)
def test_a_screen_that_waits_holds_nothing_of_what_may_come(
    tmp_path: Path, terminals: list[Terminal], words: list[str], sign: str, unneeded: set[str]
) -> None:
    code = (
        f"import sys; from sparktop.cli import main; code = main({words!r})\n"
        "open('held', 'w').write(' '.join(sys.modules)); sys.exit(code)"
    )
    terminals.append(Terminal(["-c", code], tmp_path, {"PYTHONPATH": str(Path(__file__).parents[2])}))
    terminals[-1].read_until(sign)
    terminals[-1].type("q")
    assert terminals[-1].ended() == 0
    held = set((tmp_path / "held").read_text().split())
    assert "textual.app" in held
    assert not held & {f"sparktop.{name}" for name in unneeded}


def test_the_front_door_imports_no_textual() -> None:
    code = "import sys, sparktop.ui.app; print('textual' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
