"""What the whole program costs on a terminal: time to the first paint, CPU, bytes and memory.

    python benchmarks/bench_screens.py              every scene beside its budget
    python benchmarks/bench_screens.py --seconds 20 --size 80x24

Each scene is a process of its own on a pseudo-terminal. "paint" starts `sparktop` as a person would and waits for the
menu (the best of five, so that files are in memory). The others play a made-up run of two contenders at once, 30 tokens
a second each; "2k" and "6k" are the tokens that each answer has when counting begins. "monitor" is `sparktop monitor`
as a person would start it, on this machine; "monitor, a Spark" shows made-up readings of one that is at work, "a pair"
of two.

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
FIRST: tuple[tuple[str, list[str], str], ...] = (
    ("the menu", [], "Enter runs"),
    ("the monitor", ["monitor"], "1 "),
    ("its figures", ["monitor"], "available"),
)
"""What is painted first, how it is asked for, and by what it is known."""

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Scene:
    """Something to measure: a screen, the tokens that are there already (-1: none come), and the budgets."""

    key: str
    tokens: int
    cpu: float | None
    kilobytes: float | None
    memory: float | None = None


MONITOR = "monitor"
SPARK = "monitor, a Spark"
PAIR = "monitor, a pair"

SCENES = {
    "menu": Scene("", 0, 5, 25, 45),
    MONITOR: Scene("", 0, 5, 25, 45),
    SPARK: Scene("", 0, 5, 25, 45),
    PAIR: Scene("", 0, 5, 25),
    "machine": Scene("d", -1, 5, 25),
    "dashboard": Scene("d", 100, 18, 80),
    "answers 2k": Scene("a", 2000, 18, 80),
    "answers 6k": Scene("a", 6000, 18, 80),
}


def readings(dice: random.Random, first: bool, slow: bool) -> dict[str, float]:
    """What is read of a Spark at work: what moves there moves here."""
    from sparktop.model.channels import ROCE_HEALTH

    used, load, sent = dice.uniform(82, 83) * 1e9, dice.uniform(90, 98), dice.uniform(1e9, 1.2e9)
    clock = dice.uniform(2380, 2440)
    values = {"memory.total": 130e9, "memory.used": used, "memory.free": 8e9, "memory.available": 130e9 - used}
    values |= {"memory.cache": 40e9, "memory.allocatable": 147e9 - used, "memory.huge_pages": 0.0}
    values |= {"swap.total": 17e9, "swap.used": 0.0, "swap.in": 0.0, "swap.out": 0.0}
    values |= {"psi.some": dice.uniform(0, 1), "psi.full": 0.0, "cpu.load": dice.uniform(5, 9), "cpu.clock": 3354.0}
    for kind in ("x925", "a725"):
        values |= {f"cpu.{kind}.load": dice.uniform(3, 12), f"cpu.{kind}.clock": dice.uniform(2700, 3900)}
    values |= {"gpu.0.utilization": load, "gpu.0.sm_clock": clock, "gpu.0.sm_clock_max": 3003.0}
    values |= {"gpu.0.sm_clock_share": clock / 30.03, "gpu.0.power": dice.uniform(54, 61)}
    values |= {"gpu.0.temperature": float(dice.randint(72, 75)), "gpu.0.event_reasons": 0.0, "gpu.0.energy": load * 1e3}
    values |= {f"gpu.0.throttle_{why}": 0.0 for why in ("power_cap", "sw_thermal", "hw_thermal", "power_brake")}
    values |= {"rail.sys_total.power": dice.uniform(130, 145), "rail.gpu.power": dice.uniform(54, 61)}
    devices = ("rocep1s0f0", "rocep1s0f1", "roceP2p1s0f0", "roceP2p1s0f1")
    for way in ("rx", "tx"):
        values |= {f"roce.{name}.{way}_{kind}": sent / 2 for name in devices for kind in ("rdma", "tcp")}
        values |= {f"port.{at}.{way}_rdma": sent * (1 - at) for at in range(2)}
        values |= {f"port.{at}.{way}": sent * (1 - at) for at in range(2)}
        values |= {f"port.{at}.{way}_tcp": 0.0 for at in range(2)}
        values |= {f"net.enP7s7.{way}": dice.uniform(0, 2e3)}
    if first or slow:
        values |= {"port.0.up": 1.0, "port.0.capacity": 25e9, "port.1.up": 0.0, "net.enP7s7.up": 1.0}
        values |= {f"roce.{name}.{channel.name}": 0.0 for name in devices for channel in ROCE_HEALTH}
        values |= {"gpu.0.held": 59e9, "gpu.0.held_own": 0.0, "gpu.0.held_other": 59e9, "gpu.0.processes_other": 1.0}
        values |= {"thermal.acpitz-0.temperature": float(dice.randint(80, 84)), "process.4010.gpu_held": 59e9}
    return values


def events(lasting: float, silent: bool) -> Iterator[Event]:
    """Two contenders that answer at once, or load for ever if they are silent."""
    from sparktop.model import events as made
    from sparktop.model.records import Contender, Options
    from sparktop.model.scenario import Item, Kind, Scenario
    from tests.made_up import info, queued

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
        yield queued(number, name, "Q1", max_tokens=99_999)
        if silent:
            yield made.ModelLoading(t=0.0, contender=name, fraction=0.5)
            continue
        model = info("7B Q8_0", parameters=1, size=1, context=1, vocabulary=1, layers=1, device="GPU")
        yield made.ModelReady(t=0.0, contender=name, model=model, load_s=1.0)
        yield made.RequestSent(t=0.0, request=number)
    for step in range(1, int(lasting * 10)):
        t = step / 10
        for number in range(0 if silent else 2):
            text = "".join(chr(dice.randint(0x4E00, 0x5200)) for _ in range(4)) + dice.choice(("", "，", "。", "GPU "))
            times = tuple(t - 0.1 + (i + 1) / TOK_S for i in range(3))
            yield made.Tokens(t=t, request=number, kind=made.TokenKind.ANSWER, text=text, times=times, counts=(1, 1, 1))


def spark(lasting: float, node: str = "here") -> Iterator[Event]:
    """A Spark at work that is read twice a second."""
    from sparktop.model import events as made

    dice = random.Random(node)
    yield made.ProcessSeen(t=0.0, node=node, pid=4010, name="llama-server", own=False)
    for step in range(int(lasting * 2)):
        yield made.SampleTaken(t=step / 2, node=node, values=readings(dice, step == 0, step % 4 == 0))


def child(name: str) -> None:
    """Be the program that is measured."""
    from dataclasses import replace

    from sparktop.model.records import Options
    from sparktop.places import Places
    from sparktop.scenarios.library import Library
    from sparktop.ui.application import SparktopApp
    from sparktop.ui.wiring import real_ports
    from tests.replay_feed import ReplayFeed

    scene = SCENES[name]
    places = Places.of(os.environ)
    library = Library(ROOT / "scenarios", places.scenarios)
    ports = real_ports(library, places, time.monotonic)
    if name in (SPARK, PAIR):

        class SparkFeed(ReplayFeed):
            recorded_to: Path | None = None
            played_from, length_s, speed, paused, problem = "", 0.0, 1.0, False, ""

            def pause(self) -> bool:
                return False

        nodes = ("spark-1", "spark-2") if name == PAIR else ("here",)
        read = sorted((event for node in nodes for event in spark(600, node)), key=lambda event: event.t)
        SparktopApp(ports, machine=SparkFeed("spark", read, time.monotonic)).run_until_left()
        return
    ahead = max(0, scene.tokens) / TOK_S
    if scene.key:
        lasting = ahead + 600
        played = sorted([*events(lasting, scene.tokens < 0), *spark(lasting)], key=lambda event: event.t)
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


def first_paint(words: list[str], sign: str, size: tuple[int, int], home: str) -> float:
    """Seconds from the start of the program until it shows something."""
    terminal = Terminal(["-m", "sparktop", *words], size, home)
    seen = b""
    try:
        for piece in terminal.read(30):
            seen += piece
            if sign.encode() in seen:
                return time.monotonic() - terminal.began
    finally:
        terminal.close()
    raise RuntimeError(f"{sign} never came")


def measure(name: str, seconds: float, size: tuple[int, int], home: str) -> tuple[float, float, float, float]:
    """CPU in percent, kB/s, kB/s as `ssh -C` sends them, and MB of a scene."""
    arguments = ["-m", "sparktop", "monitor"] if name == MONITOR else [__file__, "--child", name]
    terminal = Terminal(arguments, size, home)
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
        for what, words, sign in FIRST:
            paints = sorted(first_paint(words, sign, (width, height), home) for _ in range(5))
            print(f"first paint of {what} {paints[0]:.2f} s (budget 0.8), median {paints[2]:.2f} s")
        print(f"{'scene':<17}{'CPU %':>8}{'budget':>8}{'kB/s':>8}{'budget':>8}{'ssh -C':>8}{'RSS MB':>8}{'budget':>8}")
        for name, scene in SCENES.items():
            cpu, sent, squeezed, memory = measure(name, options.seconds, (width, height), home)
            limits = [
                f"{limit:g}" if limit is not None else "-" for limit in (scene.cpu, scene.kilobytes, scene.memory)
            ]
            print(
                f"{name:<17}{cpu:>8.1f}{limits[0]:>8}{sent:>8.1f}{limits[1]:>8}"
                f"{squeezed:>8.1f}{memory:>8.1f}{limits[2]:>8}"
            )


if __name__ == "__main__":
    main()
