"""Holds sparktop's batch loop against llama.cpp's own tools, on the same file, turn by turn.

    python benchmarks/against_llama_bench.py MODEL.gguf --bin FOLDER [--streams 1,8,32] [--rounds 3]

FOLDER holds llama-bench and llama-batched-bench, built from the llama.cpp that llama-cpp-python
brings (they do not come with it). Both sides run in turn, so that a noisy machine is noisy for
both; the ratio of the medians is the result. llama.cpp's tools do not sample; sparktop does.
"""

from __future__ import annotations

import argparse
import json
import queue
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sparktop.engines.llama.engine import LlamaEngine
from sparktop.engines.protocol import Generation, Room
from sparktop.engines.worker_engine import Wiring
from sparktop.model import metrics
from sparktop.model.events import ContenderFailed, Event, ModelReady, ModelUnloaded, RequestDone, RequestFailed, Tokens
from sparktop.model.scenario import Sampling

PROMPT = 512
PREFILL = 2048


class Ours:
    """sparktop's engine, open with a number of slots."""

    def __init__(self, model: Path, slots: int, threads: int, out: int, temperature: float) -> None:
        self._sampling = Sampling(max_tokens=out, ignore_eos=True, temperature=temperature)
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._origin = time.monotonic_ns()
        self._numbers = iter(range(1 << 30))
        self._engine = LlamaEngine(
            Wiring(
                contender="bench",
                log=Path("against_llama_bench.log"),
                emit=self._events.put,
                clock=self.clock,
                origin_ns=self._origin,
            ),
            path=model,
            room=Room(slots=slots, context=max(PREFILL, PROMPT + out) + 256, threads=threads, sampling=self._sampling),
        )
        self._engine.open()
        self._until(ModelReady)

    def clock(self) -> float:
        return (time.monotonic_ns() - self._origin) / 1e9

    def close(self) -> None:
        self._engine.close()
        self._until(ModelUnloaded)

    def run(self, streams: int, prompt: int, out: int) -> tuple[float, float]:
        """Returns aggregate decode tokens per second, and prefill tokens per second."""
        requests: dict[int, tuple[list[float], list[int]]] = {next(self._numbers): ([], []) for _ in range(streams)}
        sampling = replace(self._sampling, max_tokens=out)
        sent = self.clock()
        self._engine.submit(
            [Generation(request=n, prompt="", random_tokens=prompt, sampling=sampling) for n in requests]
        )
        prefill, left = 0.0, streams
        while left:
            event = self._next()
            if isinstance(event, Tokens):
                requests[event.request][0].extend(event.times)
                requests[event.request][1].extend(event.counts)
            elif isinstance(event, RequestDone):
                left -= 1
                prefill = max(prefill, event.prefill_ms or 0)
        speed = metrics.steady_tok_s([metrics.Stream(sent, *times) for times in requests.values()])
        return speed or 0.0, prompt * streams / prefill * 1e3

    def _next(self) -> Event:
        event = self._events.get(timeout=600)
        if isinstance(event, ContenderFailed | RequestFailed):
            sys.exit(f"{event.error}\n{getattr(event, 'log', '')}")
        return event

    def _until(self, kind: type[Event]) -> None:
        while not isinstance(self._next(), kind):
            pass


@contextmanager
def ours(model: Path, slots: int, threads: int, out: int, temperature: float) -> Iterator[Ours]:
    engine = Ours(model, slots, threads, out, temperature)
    yield engine
    engine.close()


def llama_bench(folder: Path, model: Path, prompt: int, out: int, threads: int) -> float:
    """Tokens per second of `llama-bench` for a prompt alone or for decoding alone."""
    command = [folder / "llama-bench", "-m", model, "-p", prompt, "-n", out, "-r", 1, "-ub", 2048, "-o", "json"]
    command += ["-ngl", 99, "-fa", "auto"] if threads == 0 else ["-t", threads]
    return float(json.loads(_output(command))[0]["avg_ts"])


def llama_batched_bench(folder: Path, model: Path, streams: int, out: int, threads: int) -> float:
    """Aggregate decode tokens per second of `llama-batched-bench`."""
    context = (PROMPT + out + 256) * streams
    command = [folder / "llama-batched-bench", "-m", model, "-c", context, "-b", 2048, "-ub", 2048]
    command += ["-npp", PROMPT, "-ntg", out, "-npl", streams, "--output-format", "jsonl"]
    command += ["-ngl", 99] if threads == 0 else ["-t", threads]
    rows = [json.loads(line) for line in _output(command).splitlines() if line.startswith("{")]
    return float(rows[-1]["speed_tg"])


def _output(command: list[object]) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{command[0]} failed: {done.stderr[-2000:]}")
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--bin", type=Path, required=True, help="folder of llama-bench and llama-batched-bench")
    parser.add_argument("--streams", default="1", help="comma-separated numbers of streams")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--threads", type=int, default=0, help="processor threads; 0 on a GPU")
    parser.add_argument("--temperature", type=float, default=0.0)
    options = parser.parse_args()
    rows: list[tuple[str, list[float], list[float]]] = []
    model, folder, out, threads = options.model, options.bin, options.tokens, options.threads
    single: tuple[list[float], list[float]] = ([], [])
    prefill: tuple[list[float], list[float]] = ([], [])
    for _ in range(options.rounds):
        single[0].append(llama_bench(folder, model, 0, out, threads))
        prefill[0].append(llama_bench(folder, model, PREFILL, 0, threads))
        with ours(model, 1, threads, out, options.temperature) as engine:
            engine.run(1, 16, 16)
            single[1].append(engine.run(1, 1, out + 1)[0])
            engine.run(1, PREFILL, 1)
            prefill[1].append(engine.run(1, PREFILL, 1)[1])
    rows += [(f"llama-bench tg{out}", *single), (f"llama-bench pp{PREFILL}", *prefill)]
    for streams in map(int, options.streams.split(",")):
        both: tuple[list[float], list[float]] = ([], [])
        for _ in range(options.rounds):
            both[0].append(llama_batched_bench(folder, model, streams, out, threads))
            with ours(model, streams, threads, out, options.temperature) as engine:
                engine.run(streams, 16, 16)
                both[1].append(engine.run(streams, PROMPT, out + 1)[0])
        rows.append((f"llama-batched-bench {streams} streams", *both))
    print("| against | tok/s | sparktop | ratio | rounds |\n|---|---|---|---|---|")
    for name, theirs, mine in rows:
        a, b = statistics.median(theirs), statistics.median(mine)
        spread = ", ".join(f"{y / x:.3f}" for x, y in zip(theirs, mine, strict=True))
        print(f"| {name} | {a:,.1f} | {b:,.1f} | {b / a:.3f} | {spread} |")


if __name__ == "__main__":
    main()
