"""How many chunks a second one core takes from a server, and with how much memory: sparktop beside others.

    python benchmarks/http_capacity.py [--aiperf PROGRAM --llama-benchy PROGRAM --tokenizer FOLDER --book URL]

A ground-truth server (tests/servers) sends to 64 streams as fast as they take it, from one core; the
client, with all its processes, is held to another. The time is that from the server's first send of a
token until the client has taken the last byte out of the kernel, which holds megabytes of each stream.
Memory is that of the client's processes together, looked at 20 times a second: the sum of what is
theirs alone (USS), at its highest. All take their turn in each round; the medians are the result.
"socket" is a bare reader that looks at nothing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from tests.servers.process import ROOT, Truth, truth

CLIENT_CORE, SERVER_CORE = 0, 1
EVERY_S = 0.05
QUEUES_EVERY_S = 0.005

SCENARIO = """\
title = "Capacity"
description = "Many streams, as fast as they come."
kind = "batch"
batches = [{streams}]
repetitions = 1
warmup = 0

[sampling]
max_tokens = {tokens}

[[items]]
id = "A"
prompt = "How many seconds does an hour have?"
"""

READER = """\
import selectors, socket, sys
host, port, streams = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
body = b'{"model":"truth","messages":[{"role":"user","content":"hi"}],"stream":true}'
head = b"POST /v1/chat/completions HTTP/1.1\\r\\nHost: x\\r\\n"
head += b"Content-Length: %d\\r\\n\\r\\n" % len(body)
selector = selectors.DefaultSelector()
for _ in range(streams):
    sock = socket.create_connection((host, port))
    sock.sendall(head + body)
    sock.setblocking(False)
    selector.register(sock, selectors.EVENT_READ, b"")
while selector.get_map():
    for key, _ in selector.select():
        data = key.fileobj.recv(1 << 18)
        end = key.data[-8:] + data[-64:]
        selector.modify(key.fileobj, selectors.EVENT_READ, end)
        if not data or end.endswith(b"0\\r\\n\\r\\n"):
            selector.unregister(key.fileobj)
            key.fileobj.close()
"""


class Watch:
    """Looks at a process and its children, and at the connections to a port, until it is told to stop.

    Attributes:
        peak: The most bytes that were the processes' alone.
        taken_ns: CLOCK_MONOTONIC when the kernel held something of the connections last.
    """

    def __init__(self, pid: int, port: int) -> None:
        self.peak = 0
        self.taken_ns = 0
        self._pid = pid
        self._port = f":{port:04X}"
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._memory), threading.Thread(target=self._queues)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _memory(self) -> None:
        while not self._over.wait(EVERY_S):
            self.peak = max(self.peak, sum(map(_own, _family(self._pid))))

    def _queues(self) -> None:
        while not self._over.wait(QUEUES_EVERY_S):
            lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
            # local address, remote address, state (01 is established), bytes to send and to be read
            queues = [words[4] for words in lines if self._port in words[1] + words[2] and words[3] == "01"]
            if any(queue.strip("0") != ":" for queue in queues):
                self.taken_ns = time.monotonic_ns()


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _own(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().uss)
    except psutil.Error:
        return 0


def run(server: Truth, command: list[str], folder: Path, streams: int, tokens: int) -> tuple[float, int]:
    """Runs a client; returns chunks a second, and the bytes of memory that it took at most."""
    server.forget()
    environ = {name: str(folder) for name in ("XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME")}
    log = (folder / "log").open("w")
    process = subprocess.Popen(
        ["taskset", "-c", str(CLIENT_CORE), *command],
        cwd=ROOT,
        env={**os.environ, **environ, "NO_COLOR": "1"},
        stdout=log,
        stderr=log,
        stdin=subprocess.DEVNULL,
    )
    watch = Watch(process.pid, int(server.url.rpartition(":")[2]))
    process.wait(timeout=600)
    watch.stop()
    # Checks and warm-ups of one request at a time come before; the streams are those that were open together.
    asked = [one for one in server.records() if one["method"] == "POST" and len(one["sent"]) > 1]
    together = [one for one in asked if sum(sent["tokens"] for sent in one["sent"]) >= tokens][-streams:]
    if len(together) < streams:
        said = Path(log.name).read_text()[-2000:]
        raise SystemExit(f"{command[0]}: {len(together)} of {streams} streams came\n{said}")
    sent = [chunk for one in together for chunk in one["sent"] if chunk["tokens"]]
    span = (watch.taken_ns - min(chunk["before_ns"] for chunk in sent)) / 1e9
    return sum(chunk["tokens"] for chunk in sent) / span, watch.peak


def clients(arguments: argparse.Namespace, url: str, folder: Path) -> dict[str, list[str]]:
    """Returns the command lines to compare, by name."""
    streams, tokens = arguments.streams, arguments.tokens
    scenario = folder / "capacity.toml"
    scenario.write_text(SCENARIO.format(streams=streams, tokens=tokens))
    host, port = urlsplit(url).hostname, urlsplit(url).port
    found = {
        "socket": [sys.executable, "-c", READER, str(host), str(port), str(streams)],
        "sparktop": [sys.executable, "-m", "sparktop", "run", str(scenario), "-m", url, "--headless"],
    }
    if arguments.llama_benchy:
        found["llama-benchy"] = [
            *(arguments.llama_benchy, "--base-url", f"{url}/v1", "--model", "truth"),
            *("--tokenizer", arguments.tokenizer, "--book-url", arguments.book),
            *("--pp", "16", "--tg", str(tokens), "--concurrency", str(streams), "--runs", "1"),
            *("--no-warmup", "--skip-coherence", "--no-adapt-prompt", "--latency-mode", "none"),
        ]
    if arguments.aiperf:
        found["aiperf"] = [
            *(arguments.aiperf, "profile", "-m", "truth", "-u", url, "--endpoint-type", "chat", "--streaming"),
            *("--tokenizer", arguments.tokenizer, "--concurrency", str(streams), "--request-count", str(streams)),
            *("--isl", "16", "--osl", str(tokens), "--use-server-token-count", "--ui", "none"),
            *("--artifact-dir", str(folder / "aiperf"), "--no-gpu-telemetry", "--no-server-metrics"),
        ]
    return found


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=8192, help="of each stream")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--aiperf", default="")
    parser.add_argument("--llama-benchy", default="")
    parser.add_argument("--tokenizer", default="", help="folder with a tokenizer, for both")
    parser.add_argument("--book", default="", help="address of a text, for llama-benchy")
    arguments = parser.parse_args()
    options = f"mode=unpaced&ttft=0.05&tpot=0&tokens={arguments.tokens}"
    rates: dict[str, list[float]] = {}
    peaks: dict[str, list[int]] = {}
    with truth("--options", options) as server, tempfile.TemporaryDirectory() as name:
        os.sched_setaffinity(server.pid, {SERVER_CORE})
        os.sched_setaffinity(0, {SERVER_CORE})
        commands = clients(arguments, server.url, Path(name))
        for _ in range(arguments.rounds):
            for who, command in commands.items():
                rate, peak = run(server, command, Path(name), arguments.streams, arguments.tokens)
                rates.setdefault(who, []).append(rate)
                peaks.setdefault(who, []).append(peak)
                print(f"{who}: {rate:,.0f} chunks/s, {peak / 1e6:,.0f} MB", file=sys.stderr)
    ours = statistics.median(rates["sparktop"])
    print("| client | chunks/s | sparktop is ahead by | memory MB | rounds |")
    print("|---|---|---|---|---|")
    for who, values in rates.items():
        middle = statistics.median(values)
        rounds = ", ".join(f"{value:,.0f}" for value in values)
        memory = statistics.median(peaks[who]) / 1e6
        print(f"| {who} | {middle:,.0f} | {ours / middle:.2f} | {memory:,.0f} | {rounds} |")


if __name__ == "__main__":
    main()
