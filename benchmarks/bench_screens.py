"""What the whole program costs on a terminal: time to the first paint, CPU, bytes and memory.

    python benchmarks/bench_screens.py              every scene beside its budget
    python benchmarks/bench_screens.py --seconds 20 --size 80x24

Each scene is a process of its own on a pseudo-terminal. "paint" starts `sparktop` as a person would and waits for the
menu (the best of five, so that files are in memory). The others play a made-up run of two contenders at once, 30 tokens
a second each; "2k" and "6k" are the tokens that each answer has when counting begins.

Measured on 2 shared cores of an AMD EPYC virtual machine, 120x40, Python 3.11: see docs/tui.md.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import random
import re
import select
import signal
import struct
import sys
import tempfile
import termios
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparktop.model.events import Event

ROOT = Path(__file__).resolve().parents[1]
TOK_S = 30
WARM_UP_S = 3.0
MENU = "Enter runs"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Scene:
    """Something to measure: a screen, the tokens that are there already, and the budgets."""

    key: str
    tokens: int
    cpu: float | None
    kilobytes: float | None
    memory: float | None = None


SCENES = {
    "menu": Scene("", 0, 5, 25, 45),
    "dashboard": Scene("d", 100, 18, 80),
    "answers 2k": Scene("a", 2000, 18, 80),
    "answers 6k": Scene("a", 6000, 18, 80),
}


def events(lasting: float) -> Iterator[Event]:
    """Two contenders that answer at once, and a machine that is read twice a second."""
    from sparktop.model import channels
    from sparktop.model import events as made
    from sparktop.model.records import Contender, ModelInfo, Options
    from sparktop.model.scenario import Item, Kind, Scenario

    dice = random.Random(7)
    names = ("left", "right")
    contenders = tuple(Contender(name=n, engine="llama.cpp", model=f"/m/{n}.gguf", node="here", size=1) for n in names)
    asked = Scenario(
        name="long",
        title="Long answers",
        description="",
        kind=Kind.QUESTIONS,
        items=(Item(id="Q1", prompt="请详细说明。"),),
    )
    yield made.RunStarted(
        t=0.0,
        id="bench",
        created="2026-01-01T00:00:00+00:00",
        sparktop="0",
        scenario=asked,
        options=Options(together=True),
        nodes=(),
        contenders=contenders,
        planned=2,
    )
    for number, name in enumerate(names):
        yield made.RequestQueued(
            t=0.0, request=number, contender=name, item="Q1", repetition=0, batch=1, prompt="?", max_tokens=99_999
        )
        info = ModelInfo(
            description="7B Q8_0",
            parameters=1,
            size=1,
            context=1,
            slots=1,
            vocabulary=1,
            layers=1,
            devices=("GPU",),
            chat_template=True,
        )
        yield made.ModelReady(t=0.0, contender=name, model=info, load_s=1.0)
        yield made.RequestSent(t=0.0, request=number)
    for step in range(1, int(lasting * 10)):
        t = step / 10
        for number in range(2):
            text = "".join(chr(dice.randint(0x4E00, 0x5200)) for _ in range(4)) + dice.choice(("", "，", "。", "GPU "))
            times = tuple(t - 0.1 + (i + 1) / TOK_S for i in range(3))
            yield made.Tokens(t=t, request=number, kind=made.TokenKind.ANSWER, text=text, times=times, counts=(1, 1, 1))
        if step % 5 == 0:
            used = dice.uniform(50, 51) * 1e9
            values = {channels.MEMORY_TOTAL: 128e9, channels.MEMORY_USED: used, channels.MEMORY_FREE: 60e9}
            values |= {channels.MEMORY_AVAILABLE: 128e9 - used, channels.MEMORY_CACHE: 128e9 - used - 60e9}
            values |= {channels.PSI_SOME: dice.uniform(0, 1), channels.PSI_FULL: 0.0, channels.CPU_LOAD: 50.0}
            yield made.SampleTaken(t=t, node="here", values=values)


def child(name: str) -> None:
    """Be the program that is measured."""
    from dataclasses import replace

    from sparktop.model.records import Options
    from sparktop.places import Places
    from sparktop.scenarios.library import Library
    from sparktop.ui.application import SparktopApp
    from sparktop.ui.feed import ReplayFeed
    from sparktop.ui.wiring import real_ports

    scene = SCENES[name]
    places = Places.of(os.environ)
    library = Library(ROOT / "scenarios", places.scenarios)
    ports = real_ports(library, places, time.monotonic)
    ahead = scene.tokens / TOK_S
    if scene.key:
        played = list(events(ahead + 600))
        ports = replace(ports, open=lambda plan: ReplayFeed("bench", played, time.monotonic, skip_s=ahead))
    plan = ports.plan(library.get("smoke"), ports.demos(), Options()) if scene.key else None
    SparktopApp(ports, plan=plan).run_until_left()


class Terminal:
    """A pseudo-terminal with a program on it."""

    def __init__(self, arguments: list[str], size: tuple[int, int], home: str) -> None:
        self.began = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", LANG="C.UTF-8", HOME=home)
            os.environ.update(COLUMNS=str(size[0]), LINES=str(size[1]), PYTHONPATH=str(ROOT))
            os.environ.pop("NO_COLOR", None)
            os.execv(sys.executable, [sys.executable, *arguments])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))

    def read(self, seconds: float) -> Iterator[bytes]:
        """What comes within some seconds."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self.fd], [], [], left)[0]:
                yield os.read(self.fd, 65536)

    def cpu_s(self) -> float:
        """Processor time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_mb(self) -> float:
        """Resident memory now."""
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())
        assert found
        return int(found[1]) / 1024

    def close(self) -> None:
        """Ends the program."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def first_paint(size: tuple[int, int], home: str) -> float:
    """Seconds from the start of the program to its menu."""
    terminal = Terminal(["-m", "sparktop.cli"], size, home)
    seen = b""
    try:
        for piece in terminal.read(30):
            seen += piece
            if MENU.encode() in seen:
                return time.monotonic() - terminal.began
    finally:
        terminal.close()
    raise RuntimeError("the menu never came")


def measure(name: str, seconds: float, size: tuple[int, int], home: str) -> tuple[float, float, float, float]:
    """CPU in percent, kB/s, kB/s as `ssh -C` sends them, and MB of a scene."""
    terminal = Terminal([__file__, "--child", name], size, home)
    # As OpenSSH does it: one stream, level 6, flushed with each packet.
    squeeze = zlib.compressobj(6)
    sent = squeezed = 0
    try:
        for _ in terminal.read(WARM_UP_S):
            pass
        if SCENES[name].key:
            os.write(terminal.fd, SCENES[name].key.encode())
        for _ in terminal.read(1.5):
            pass
        cpu, began = terminal.cpu_s(), time.monotonic()
        for piece in terminal.read(seconds):
            sent += len(piece)
            squeezed += len(squeeze.compress(piece)) + len(squeeze.flush(zlib.Z_SYNC_FLUSH))
        span = time.monotonic() - began
        return 100 * (terminal.cpu_s() - cpu) / span, sent / span / 1e3, squeezed / span / 1e3, terminal.memory_mb()
    finally:
        terminal.close()


def main() -> None:
    """Measures every scene and prints them beside their budgets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--size", default="120x40", help="columns x rows")
    parser.add_argument("--child", choices=SCENES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child)
        return
    width, height = map(int, options.size.split("x"))
    with tempfile.TemporaryDirectory() as home:
        paints = [first_paint((width, height), home) for _ in range(5)]
        print(f"first paint {min(paints):.2f} s (budget 0.8), median {sorted(paints)[2]:.2f} s")
        print(f"{'scene':<12}{'CPU %':>8}{'budget':>8}{'kB/s':>8}{'budget':>8}{'ssh -C':>8}{'RSS MB':>8}{'budget':>8}")
        for name, scene in SCENES.items():
            cpu, sent, squeezed, memory = measure(name, options.seconds, (width, height), home)
            limits = [
                f"{limit:g}" if limit is not None else "-" for limit in (scene.cpu, scene.kilobytes, scene.memory)
            ]
            print(
                f"{name:<12}{cpu:>8.1f}{limits[0]:>8}{sent:>8.1f}{limits[1]:>8}"
                f"{squeezed:>8.1f}{memory:>8.1f}{limits[2]:>8}"
            )


if __name__ == "__main__":
    main()
