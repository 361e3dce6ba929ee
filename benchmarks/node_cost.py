"""What an agent costs the machine that it serves: processor time and memory while only telemetry flows.

    PYTHONPATH=. python benchmarks/node_cost.py [--seconds 30] [--heads 1]

Starts `sparktop node`, connects heads to it over TCP on this machine, and takes the agent's processor time (user and
system, all threads) and its memory from /proc. The limit is 1 % of a core and 60 MB, at two readings a second.

Measured 2026-11-23 on two shared cores of an AMD EPYC without GPU and RDMA, 30 s each: 0.33 % of a core and 32.6 MB
with one head, 0.27 % and 32.4 MB with none. The ring of past readings adds 8 MB at most over the first half hour.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sparktop.model.events import Event, SampleTaken
from sparktop.nodes.place import Place
from sparktop.nodes.remote import RemoteNode


def spent(pid: int) -> float:
    """Processor seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def megabytes(pid: int, name: str) -> float:
    """A figure of /proc/PID/status in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024 / 1e6


def main() -> None:
    """Prints the cost."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--heads", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        agent = subprocess.Popen(
            [
                *(sys.executable, "-m", "sparktop", "node", "--socket", f"{folder}/s/s"),
                *("--listen", "127.0.0.1:0", "--token-file", f"{folder}/token"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert agent.stdout is not None
        url = json.loads(agent.stdout.readline())["listening"][1]
        heads = [RemoteNode(Place(url=url, token_file=Path(folder, "token"))) for _ in range(chosen.heads)]
        readings = 0

        def listen(event: Event) -> None:
            nonlocal readings
            readings += isinstance(event, SampleTaken)

        for head in heads:
            head.connect()
            head.start(listen, time.monotonic())
        time.sleep(3)
        before, began, first = spent(agent.pid), time.monotonic(), readings
        time.sleep(chosen.seconds)
        share = (spent(agent.pid) - before) / (time.monotonic() - began)
        rate = (readings - first) / (time.monotonic() - began)
        print(f"{chosen.heads} heads, {rate:.2f} readings a second in all, {chosen.seconds:.0f} s")
        print(f"processor  {share * 100:.2f} % of a core")
        print(f"memory     {megabytes(agent.pid, 'VmRSS'):.1f} MB, at most {megabytes(agent.pid, 'VmHWM'):.1f} MB")
        for head in heads:
            head.stop()
        agent.terminate()
        agent.wait()


if __name__ == "__main__":
    main()
