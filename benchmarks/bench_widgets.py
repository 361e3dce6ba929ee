"""What the widgets cost: CPU, bytes to the terminal and memory, measured in a real terminal.

    python benchmarks/bench_widgets.py             every scene beside its budget
    python benchmarks/bench_widgets.py --json      the same for machines
    python benchmarks/bench_widgets.py --scene idle --seconds 5 --size 80x24

Each scene is an application of its own in a pseudo-terminal, 120 by 40 if not told otherwise. CPU and bytes are counted
between two marks, after the first paint.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import random
import resource
import select
import signal
import struct
import sys
import termios
import time
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.app import App

ROOT = Path(__file__).resolve().parent.parent
WARM_UP = 1.5
TOKENS_PER_SECOND = 30


def chinese(characters: int) -> str:
    """Make text that compresses about as badly as an answer does, the same each time."""
    chance = random.Random(7)
    sentences: list[str] = []
    length = 0
    while length < characters:
        words = ["".join(chr(chance.randint(0x4E00, 0x5200)) for _ in range(chance.randint(2, 9))) for _ in range(3)]
        sentences.append(f"{words[0]}，{chance.choice(['GPU', 'memory bandwidth', '“'])}{words[1]}；{words[2]}。")
        if chance.random() < 0.2:
            sentences.append("\n")
        length += len(sentences[-1]) + len(sentences[-2] if len(sentences) > 1 else "")
    return "".join(sentences)


CHINESE = chinese(12_000)


@dataclass(frozen=True, slots=True)
class Scene:
    """Something to measure.

    Attributes:
        charts: How many charts are updated twice a second.
        streams: How many texts grow at 30 tokens a second.
        before: Tokens that each text holds already.
        rows: Rows of a table updated five times a second.
        cpu: The budget in percent of a core, if there is one.
        kilobytes: The budget in kB/s, if there is one.
    """

    charts: int = 0
    streams: int = 0
    before: int = 0
    rows: int = 0
    cpu: float | None = None
    kilobytes: float | None = None


SCENES = {
    "idle": Scene(charts=6, cpu=5, kilobytes=25),
    "streams": Scene(streams=2, before=2000, cpu=18, kilobytes=80),
    "streams-long": Scene(streams=2, before=6000, cpu=18, kilobytes=80),
    "dashboard": Scene(charts=6, streams=2, before=2000, cpu=18, kilobytes=80),
    "table": Scene(rows=16),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a scene cost.

    Attributes:
        cpu: Percent of a core.
        kilobytes: Thousands of bytes a second to the terminal.
        compressed: The same as `ssh -C` would send it.
        paints: Writes to the terminal a second.
        memory: Resident megabytes.
    """

    cpu: float
    kilobytes: float
    compressed: float
    paints: float
    memory: float


def make_app(scene: Scene) -> App[None]:
    """Build the application of a scene."""
    import math
    from collections import deque

    from textual.app import App, ComposeResult
    from textual.containers import Grid, Horizontal

    from sparktop.ui.widgets.chart import Reference, Series, TimeChart
    from sparktop.ui.widgets.columns import Column
    from sparktop.ui.widgets.streaming_text import StreamingText
    from sparktop.ui.widgets.table import GridTable, TableRow

    class Bench(App[None]):
        CSS = """
        Grid { grid-size: 3 2; height: 1fr; }
        TimeChart, StreamingText, GridTable { border: round $primary; padding: 0 1; }
        """

        def get_theme_variable_defaults(self) -> dict[str, str]:
            return {
                "muted": "#8695a6",
                "track": "#28333f",
                **{f"series-{i}": c for i, c in enumerate(("#6cb6e4", "#e6a45f", "#97cf86", "#c79be0"), 1)},
            }

        def compose(self) -> ComposeResult:
            self.charts = [TimeChart(unit="tok/s") for _ in range(scene.charts)]
            self.texts = [StreamingText() for _ in range(scene.streams)]
            if self.charts:
                yield Grid(*self.charts)
            if self.texts:
                yield Horizontal(*self.texts)
            columns = [Column("stream"), Column("问题", flexible=True), *(Column(c, "right") for c in ("tok", "tok/s"))]
            self.table = GridTable(columns)
            if scene.rows:
                yield self.table

        def on_mount(self) -> None:
            self.times: deque[float] = deque(maxlen=1200)
            self.samples: deque[float] = deque(maxlen=1200)
            start = time.monotonic()
            for i in range(120):
                self.sample(start - 60 + i / 2)
            for text in self.texts:
                text.append(CHINESE[: scene.before * 3 // 2])
                text.flush()
            self.written = 0
            if self.charts:
                self.set_interval(0.5, self.show_charts)
            if self.texts:
                self.began = time.monotonic()
                self.set_interval(1 / TOKENS_PER_SECOND, self.write)
            if scene.rows:
                self.set_interval(0.2, self.show_rows)

        def sample(self, at: float) -> None:
            self.times.append(at)
            noise = math.sin(at * 7.3) * math.sin(at * 3.1)
            self.samples.append(32 + 6 * math.sin(at / 7) + 2 * noise)

        def show_charts(self) -> None:
            now = time.monotonic()
            self.sample(now)
            times = list(self.times)
            for i, chart in enumerate(self.charts):
                samples = [value + i * math.sin(t / (3 + i)) for t, value in zip(times, self.samples, strict=True)]
                fact = f"{samples[-1]:.1f} tok/s"
                series = [Series("demo-sutra", times, samples, "series-1", (fact, "mean 32.0", "peak 39.9"), "area")]
                chart.show(series, now, references=[Reference(45, "roofline 45 tok/s")])

        def write(self) -> None:
            due = int((time.monotonic() - self.began) * TOKENS_PER_SECOND)
            while self.written < due:
                # Three characters for two tokens is what common tokenizers make of Chinese.
                at = (6000 + self.written * 3 // 2) % len(CHINESE)
                self.written += 1
                for text in self.texts:
                    text.append(CHINESE[at : at + 1 + self.written % 2])

        def show_rows(self) -> None:
            now = time.monotonic()
            rows = []
            for i in range(scene.rows):
                speed = f"{30 + math.sin(now + i):.1f}"
                rows.append(TableRow(str(i), [f"#{i}", "什么是“空”？", str(int(now * 30) % 9999), (speed, "good")]))
            self.table.show(rows)

    return Bench()


def measure(name: str, seconds: float, size: tuple[int, int] = (120, 40)) -> Cost:
    """Run a scene in a terminal of its own and count what it costs."""
    report, report_in = os.pipe()
    os.set_inheritable(report_in, True)
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(
            TERM="xterm-256color", COLORTERM="truecolor", COLUMNS=str(size[0]), LINES=str(size[1]), PYTHONPATH=str(ROOT)
        )
        os.environ.pop("NO_COLOR", None)
        arguments = [sys.executable, __file__, "--child", str(report_in), "--scene", name, "--seconds", str(seconds)]
        os.execv(sys.executable, arguments)
    os.close(report_in)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    began = ended = None
    sent = squeezed = 0
    # As OpenSSH does it: one stream, level 6, flushed with each packet.
    squeeze = zlib.compressobj(6)
    cpu = memory = paints = 0.0
    deadline = time.monotonic() + WARM_UP + seconds + 20
    try:
        while time.monotonic() < deadline:
            ready, _, _ = select.select([terminal, report], [], [], 1.0)
            if terminal in ready:
                try:
                    data = os.read(terminal, 65536)
                except OSError:
                    break
                if began is not None and ended is None:
                    sent += len(data)
                    squeezed += len(squeeze.compress(data)) + len(squeeze.flush(zlib.Z_SYNC_FLUSH))
            if report in ready:
                line = os.read(report, 4096).decode()
                if not line:
                    break
                if began is None:
                    began = time.monotonic()
                else:
                    ended = time.monotonic()
                    cpu, memory, paints = json.loads(line)
                    break
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
        os.close(report)
    if began is None or ended is None:
        raise RuntimeError(f"the scene {name!r} ended before it was measured")
    span = ended - began
    return Cost(100 * cpu / span, sent / span / 1000, squeezed / span / 1000, paints / span, memory)


def run_child(name: str, seconds: float, report: int) -> None:
    """Be the application that is measured."""
    app = make_app(SCENES[name])
    paints = 0

    def count() -> None:
        driver = app._driver
        assert driver is not None
        write = driver.write

        def counting(data: str) -> None:
            nonlocal paints
            paints += len(data) > 64
            write(data)

        driver.write = counting  # type: ignore[method-assign]

    def used() -> float:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime

    def begin() -> None:
        nonlocal paints
        count()
        paints = 0
        start = used()
        os.write(report, b"begin\n")
        app.set_timer(seconds, lambda: end(start))

    def end(start: float) -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        memory = pages * resource.getpagesize() / 1e6
        os.write(report, json.dumps([used() - start, memory, paints]).encode())
        app.exit()

    app.call_later(lambda: app.set_timer(WARM_UP, begin))
    app.run()


def main() -> None:
    """Measure the scenes and print them beside their budgets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scene", choices=SCENES)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--size", default="120x40", help="columns x rows")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        run_child(options.scene, options.seconds, options.child)
        return
    width, height = map(int, options.size.split("x"))
    names = [options.scene] if options.scene else list(SCENES)
    costs = {name: measure(name, options.seconds, (width, height)) for name in names}
    if options.json:
        print(json.dumps({name: asdict(cost) for name, cost in costs.items()}, indent=2))
        return
    print(f"{'scene':<14}{'CPU %':>8}{'budget':>8}{'kB/s':>8}{'budget':>8}{'ssh -C':>8}{'paints/s':>10}{'RSS MB':>8}")
    for name, cost in costs.items():
        scene = SCENES[name]
        budgets = [f"{limit:g}" if limit is not None else "-" for limit in (scene.cpu, scene.kilobytes)]
        print(
            f"{name:<14}{cost.cpu:>8.1f}{budgets[0]:>8}{cost.kilobytes:>8.1f}{budgets[1]:>8}"
            f"{cost.compressed:>8.1f}{cost.paints:>10.1f}{cost.memory:>8.1f}"
        )


if __name__ == "__main__":
    main()
