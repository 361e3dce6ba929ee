"""How fast the processor can read this machine's memory: a measurement of less than a second.

It is the ceiling for models that run on the processor, where no specification can be looked up. A
GPU reads the same or another memory in its own way: this says nothing of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from sparktop.telemetry.memory import MemoryInfo
from sparktop.telemetry.reading import Unreadable, read_lines

HOW: Final = "read by processor"

_PER_THREAD: Final = 64 << 20
_SMALL, _LARGE = 256 << 20, 1 << 30
"""Bytes that a round reads: so many for each thread, within these bounds, to be several times the last-level cache."""

_LEAST: Final = 128 << 20
_MEMORY_SHARE: Final = 16
"""At most this part of the available memory is taken: models that are loaded must not be pushed out."""

_MOST_THREADS: Final = 16
"""So many cores saturate the memory of any one socket."""

_SECONDS: Final = 0.3
_FILE: Final = "bandwidth.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bandwidth:
    """What a machine's memory was seen to give its processor.

    Attributes:
        bytes_s: Bytes per second, of all threads together, in the fastest round.
        how: How it was measured.
        threads: Threads that read.
        size: Bytes that each round read.
        rounds: Rounds of which the fastest counts: others' work slows some.
        machine: Fingerprint of the machine and of what the process may use of it.
    """

    bytes_s: float
    how: str
    threads: int
    size: int
    rounds: int
    machine: str

    @property
    def source(self) -> str:
        """Where the number is from, in words."""
        return f"{self.how}: {self.bytes_s / 1e9:.3g} GB/s, {self.threads} threads, best of {self.rounds} rounds"


def processor_bandwidth(state: Path, root: Path = Path("/"), *, seconds: float = _SECONDS) -> Bandwidth:
    """Returns this machine's bandwidth: as it was measured before, else measured now.

    Takes well under a second and all cores while it measures: not to be called while anything is timed.

    Args:
        state: Folder that the result is kept in.
        root: Folder that holds proc and etc.
        seconds: Time to read for.

    Raises:
        Unreadable: There is too little free memory to measure with; the message says so.
    """
    cores = sorted(os.sched_getaffinity(0))
    machine = _fingerprint(root, cores)
    kept = _kept(state / _FILE, machine)
    if kept is not None:
        return kept
    threads = min(len(cores), _MOST_THREADS)
    found = measure(threads, _room(root / "proc", threads), machine, seconds=seconds)
    _keep(state / _FILE, found)
    return found


def measure(
    threads: int, size: int, machine: str, *, seconds: float, clock: Callable[[], float] = time.perf_counter
) -> Bandwidth:
    """Reads memory with several threads at once, again and again, and takes the fastest round.

    Args:
        threads: How many.
        size: Bytes to read in a round, over all threads.
        machine: Fingerprint to put into the result.
        seconds: Time after which no further round begins; there is at least one.
        clock: Seconds on a monotonic clock.

    Raises:
        Unreadable: The memory could not be had.
    """
    # It holds 13 MB, and is not needed where the bandwidth is known already.
    import numpy as np

    count = max(size // threads // 8, 1)
    # Each thread looks at the clock itself: whoever waits for them may be woken late, when all cores are busy.
    starts, ends = [0.0] * threads, [0.0] * threads
    durations: list[float] = []
    go_on = [True]
    begin, end = threading.Barrier(threads + 1), threading.Barrier(threads + 1)

    def read(index: int) -> None:
        try:
            # Written by the thread that reads, so that its pages exist and lie close to it; all different, so that
            # no host of a virtual machine keeps one page for many.
            numbers = np.arange(count, dtype=np.int64)
            begin.wait()
        except MemoryError:
            begin.abort()
            return
        except threading.BrokenBarrierError:
            return
        while go_on[0]:
            starts[index] = clock()
            numbers.max()  # reads everything, and lets other threads run
            ends[index] = clock()
            end.wait()
            begin.wait()

    workers = [threading.Thread(target=read, args=(n,), name="bandwidth", daemon=True) for n in range(threads)]
    for worker in workers:
        worker.start()
    first: float | None = None
    try:
        while go_on[0]:
            begin.wait()
            end.wait()
            durations.append(max(ends) - min(starts))
            first = min(starts) if first is None else first
            go_on[0] = max(ends) - first < seconds
        begin.wait()
    except threading.BrokenBarrierError:
        raise Unreadable("no memory could be had to measure its bandwidth with") from None
    for worker in workers:
        worker.join()
    read_bytes = count * 8 * threads
    return Bandwidth(
        bytes_s=read_bytes / min(durations),
        how=HOW,
        threads=threads,
        size=read_bytes,
        rounds=len(durations),
        machine=machine,
    )


def _room(proc: Path, threads: int) -> int:
    """Bytes to measure with."""
    available = MemoryInfo(proc).bytes("MemAvailable")
    size = min(max(_SMALL, min(_LARGE, threads * _PER_THREAD)), available // _MEMORY_SHARE)
    if size < _LEAST:
        raise Unreadable(f"too little memory is free to measure its bandwidth ({available >> 20} MiB)")
    return size


def _fingerprint(root: Path, cores: list[int]) -> str:
    """Stands for this machine and the processors allowed here; tells nobody which machine it is."""
    known = [",".join(map(str, cores))]
    for path, wanted in ((root / "etc/machine-id", ""), (root / "proc/cpuinfo", "model name")):
        try:
            known.append(next((line for line in read_lines(path) if line.startswith(wanted)), ""))
        except Unreadable:
            known.append("")
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:16]


def _kept(path: Path, machine: str) -> Bandwidth | None:
    try:
        found = Bandwidth(**json.loads(path.read_bytes()))
        usable = found.machine == machine and found.how == HOW and found.bytes_s > 0
    except (OSError, ValueError, TypeError):
        return None  # never measured, or the file is damaged: it is measured again
    return found if usable else None


def _keep(path: Path, found: Bandwidth) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.write_text(json.dumps(asdict(found)))
        partial.replace(path)
    except OSError:
        return  # a full disk costs the same time again, nothing else
