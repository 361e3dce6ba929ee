"""ctrl+z: the terminal goes back to the shell and comes back whole, but not while something is measured."""

from __future__ import annotations

import fcntl
import struct
import sys
import termios
from pathlib import Path

import pytest
import recorded
from fakes import Bench, settle, shows
from kept import keep

from sparktop.store.opening import open_tape
from sparktop.store.runs import find_run
from sparktop.ui.replay import Replay
from sparktop.ui.screens.question import Question
from sparktop.ui.suspending import standing_still
from tests.terminal import Terminal

SHELL = "import os; os.execvp('bash', ['bash', '--norc', '--noprofile', '-i'])"

APP = """
import sys
sys.path.insert(0, {here!r})
from pathlib import Path
from replayed import replayed_app
sys.exit(replayed_app(Path({home!r}), runs=False).run_until_left())
"""


def begun(terminals: list[Terminal], home: Path, *words: str) -> Terminal:
    """A terminal with a program in the folder of a person, who has an app there as `app.py`."""
    (home / "app.py").write_text(APP.format(here=str(Path(__file__).parent), home=str(home)))
    environ = {"PYTHONPATH": str(Path(__file__).parents[2]), "PS1": "prompt> "}
    terminals.append(Terminal(list(words), home, environ))
    return terminals[-1]


def in_a_shell(terminals: list[Terminal], home: Path) -> Terminal:
    """The menu of an app that was begun in a shell."""
    terminal = begun(terminals, home, "-c", SHELL)
    terminal.read_until("prompt> ")
    terminal.type(f"{sys.executable} app.py\n")
    terminal.read_until("Sutra questions")
    return terminal


def test_the_terminal_is_the_shells_meanwhile_and_comes_back_whole(tmp_path: Path, terminals: list[Terminal]) -> None:
    terminal = in_a_shell(terminals, tmp_path)
    before = len(terminal.seen)
    terminal.type("o")
    terminal.read_until("m .gguf file", more=True)  # its first letter is the cursor
    terminal.type("kept words\x1a")
    terminal.read_until("prompt> ", more=True)
    screen, _, left = terminal.seen[before:].rpartition(b"\x1b[?1049l")
    for mode in ("?1000l", "?1003l", "?1006l", "?2004l", "<u", "?7h"):
        assert f"\x1b[{mode}".encode() in screen, mode
    assert b"\x1b[?25h" in left
    assert b"Stopped" in left
    terminal.type("stty -a\n")
    terminal.read_until("echoke", more=True)
    settings = terminal.seen.rpartition(b"stty -a")[2].decode().split()
    assert {"icanon", "isig", "echo", "ixon"} <= set(settings)
    # Continued behind the shell's back, it leaves the terminal alone.
    before = len(terminal.seen)
    terminal.type("bg; wait %1; jobs\n")
    terminal.read_until("Stopped", more=True)
    assert b"\x1b[?1049" not in terminal.seen[before:]
    fcntl.ioctl(terminal.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    before = len(terminal.seen)
    terminal.type("fg\n")
    # For the columns that there are now.
    terminal.read_until("classics. Shows whether a model")
    painted = terminal.seen[before:].decode()
    for sign in ("\x1b[?1049h", "\x1b[?1003h", "\x1b[?1006h", "\x1b[?2004h", "\x1b[?25l"):
        assert sign in painted, sign
    # And it listens again.
    terminal.type("!")
    terminal.read_until("kept words!", more=True)
    terminal.type("\x03")
    terminal.read_until("prompt> ", more=True)
    terminal.type("echo code $?\n")
    terminal.read_until("code 0", more=True)


def test_a_signal_ends_it_without_a_touch_of_the_terminal(tmp_path: Path, terminals: list[Terminal]) -> None:
    terminal = in_a_shell(terminals, tmp_path)
    terminal.type("\x1a")
    terminal.read_until("prompt> ", more=True)
    before = len(terminal.seen)
    terminal.type("kill %1; wait -f %1; echo code $?\n")
    terminal.read_until("code 143", more=True)
    assert b"\x1b[?1049" not in terminal.seen[before:]


def test_it_is_not_stopped_where_nobody_could_bring_it_back(tmp_path: Path, terminals: list[Terminal]) -> None:
    # Nothing but the terminal is above it, as behind `ssh -t HOST sparktop`.
    terminal = begun(terminals, tmp_path, "app.py")
    terminal.read_until("Sutra questions")
    terminal.type("\x1a")
    terminal.read_until('that could bring sparktop back with "fg"')
    terminal.type("q")
    assert terminal.ended() == 0


def test_a_machine_that_is_recorded_is_not_left_alone(tmp_path: Path, terminals: list[Terminal]) -> None:
    terminal = begun(terminals, tmp_path, "-m", "sparktop", "monitor", "--record", "recording")
    terminal.read_until("Recording into")
    terminal.type("\x1a")
    terminal.read_until("while sparktop is stopped would be missing")
    terminal.type("q")
    assert terminal.ended() == 0


async def test_a_run_that_is_measured_is_not_stopped(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app(bench.default_plan()).run_test(size=(80, 24), notifications=True) as pilot:
        bench.watch.t = 110.0
        bench.latest.poll()
        await settle(pilot)
        await pilot.press("m", "ctrl+z")
        await shows(bench, pilot, "A run goes on, and what it measures would be spoilt")
        # In a box too.
        await pilot.press("q", "ctrl+z")
        await settle(pilot)
        assert isinstance(bench.latest.screen, Question)
        assert len([n for n in bench.latest._notifications if n.message.startswith("A run goes on")]) == 2


@pytest.mark.parametrize("paused", [False, True])
async def test_a_replay_goes_on_from_where_it_was(tmp_path: Path, paused: bool) -> None:
    entry = find_run(tmp_path, str(keep(tmp_path)))
    bench = Bench(tmp_path)
    async with bench.app().run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        replay = Replay(open_tape(entry), bench.watch, entry=entry)
        bench.latest.past.show(replay, "dashboard")
        await settle(pilot)
        if paused:
            replay.freeze()
        bench.watch.t += 2
        place = replay.transport.place_s
        assert place == (0 if paused else 2)
        with standing_still(bench.latest):
            bench.watch.t += 3600
        assert replay.transport.place_s == place
        bench.watch.t += 1
        assert replay.transport.place_s == (0 if paused else 3)
