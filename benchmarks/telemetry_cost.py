"""What reading the machine costs: all sources at 2 Hz, in percent of one core.

    PYTHONPATH=. python benchmarks/telemetry_cost.py [--readings 200] [--tree spark]

Reads every source as often as asked and takes the processor time of this process, user and system.
With `--tree spark` it reads a DGX Spark's files (four RDMA devices, twenty cores, spbm) from a
temporary folder and a driver that answers at once, so the time that kernel, firmware and NVML take
to make the answers is not in it; without, it reads this machine.

Measured 2026-11-23 on two shared cores of an AMD EPYC without GPU and RDMA, 400 readings, median
of three rounds: this machine 0.074 % of a core (memory 0.040, network 0.015, cpu 0.009), the
Spark's tree 0.164 % (roce 0.084, cpu 0.039, memory 0.014). With the sampler and its threads, in
real time for 20 s: 0.21 % on this machine.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
from pathlib import Path

from sparktop.telemetry.machine import MAKERS, Inputs
from sparktop.telemetry.reading import Source

PER_SECOND = 2


def spent() -> float:
    """Processor seconds of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def measure(sources: list[Source], readings: int) -> dict[str, float]:
    """Returns the seconds of processor time that one reading of each source takes, on average.

    Half a second passes between readings on the clock that sources see, so that what is read less
    often is read as often as in earnest.
    """
    taken = dict.fromkeys((source.name for source in sources), 0.0)
    for number in range(readings):
        for source in sources:
            before = spent()
            source.read(number / PER_SECOND)
            taken[source.name] += spent() - before
    return {name: seconds / readings for name, seconds in taken.items()}


def main() -> None:
    """Prints the share of one core, each source by itself and all together."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--readings", type=int, default=200)
    parser.add_argument("--tree", choices=["spark"])
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        inputs = Inputs()
        if chosen.tree:
            from tests.telemetry.cases import FakeDriver, lay
            from tests.telemetry.machines import CASES

            case = next(case for case in CASES if case.name == "spark-loaded")
            lay(Path(folder), case.trees[0])
            inputs = Inputs(root=Path(folder), driver=FakeDriver(case.answers[0]), me=1)
        rounds = [measure([make(inputs) for make in MAKERS.values()], chosen.readings) for _ in range(3)]
    for name in MAKERS:
        print(f"{name:8} {statistics.median(r[name] for r in rounds) * PER_SECOND * 100:6.3f} %")
    print(f"{'all':8} {statistics.median(sum(r.values()) for r in rounds) * PER_SECOND * 100:6.3f} % of one core")


if __name__ == "__main__":
    main()
