"""What goes over a link: counted where the data goes, by what was being done, and never guessed."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparktop.engines.llama.link_meter import LinkMeter
from sparktop.engines.llama.rpc import Endpoint, Transport
from sparktop.engines.llama.rpc_client import Server
from sparktop.model.events import Event
from sparktop.model.parts import LinkUse
from sparktop.model.split_events import LinkMeasured

RDMA = Transport(True, "rocep1s0f0", "RDMA activated: qpn=281->290 mtu=4096 rx_depth=24")
WHERE = Endpoint(node="spark-2", host="127.0.0.1", port=1)


class Talker:
    """A thread that sleeps in one system call until it is told to wait in another one."""

    def __init__(self) -> None:
        self.id = 0
        self._ours, theirs = socket.socketpair()
        self._go = threading.Lock()
        self._go.acquire()
        begun = threading.Event()

        def run() -> None:
            self.id = threading.get_native_id()
            begun.set()
            self._go.acquire()  # futex
            theirs.recv(1)  # recvfrom

        threading.Thread(target=run, daemon=True).start()
        begun.wait()

    def talk(self) -> None:
        """Lets it wait for an answer."""
        self._go.release()

    def end(self) -> None:
        self._go.release() if self._go.locked() else None
        self._ours.close()


@pytest.fixture
def talker() -> Iterator[Talker]:
    one = Talker()
    time.sleep(0.05)
    yield one
    one.end()


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A root with this machine's own proc, and an RDMA port as the kernel shows it."""
    (tmp_path / "proc").symlink_to("/proc")
    counters = tmp_path / "sys/class/infiniband/rocep1s0f0/ports/1/counters"
    counters.mkdir(parents=True)
    count(tmp_path, 1000, 2000)
    return tmp_path


def count(machine: Path, sent: int, received: int) -> None:
    """The port has carried so many words of 4 bytes."""
    counters = machine / "sys/class/infiniband/rocep1s0f0/ports/1/counters"
    (counters / "port_xmit_data").write_text(f"{sent}\n")
    (counters / "port_rcv_data").write_text(f"{received}\n")


class Metered:
    """A meter of one link, by a connection of this machine with itself."""

    def __init__(self, machine: Path, thread: int, transport: Transport) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.there = socket.create_connection(listener.getsockname())
            self.here, _ = listener.accept()
        self.told: list[Event] = []
        server = Server(WHERE, (), self.here, thread, transport)
        self.meter = LinkMeter("demo", [server], [transport], self.told.append, time.monotonic, machine)

    def use(self) -> LinkUse:
        """What it said last."""
        self.meter.rest()
        last = self.told[-1]
        assert isinstance(last, LinkMeasured)
        return last.link


def test_rdma_is_counted_by_the_port_and_prompts_apart_from_decoding(machine: Path, talker: Talker) -> None:
    one = Metered(machine, talker.id, RDMA)
    one.meter.begin(decoding=False)
    count(machine, 1500, 2000)
    one.meter.step(64)
    one.meter.begin(decoding=True)
    count(machine, 1600, 2150)
    for _ in range(10):
        one.meter.step(2)
    found = one.use()
    assert (found.prompt_tokens, found.prompt_bytes) == (64, 4 * 500)
    assert (found.decode_tokens, found.decode_bytes) == (20, 4 * 250)
    assert found.bytes_per_token == 50
    assert found.rdma
    assert found.proof == f'llama.cpp: "{RDMA.line}"; its TCP connection carried 0 bytes'
    # What goes by while nothing runs belongs to nothing.
    count(machine, 9000, 9000)
    one.meter.begin(decoding=True)
    count(machine, 9001, 9000)
    one.meter.step(1)
    assert one.use().decode_bytes == 4 * 251


def test_tcp_is_counted_by_the_connection(machine: Path, talker: Talker) -> None:
    one = Metered(machine, talker.id, Transport(False))
    one.meter.begin(decoding=True)
    one.here.sendall(b"x" * 700)
    one.there.sendall(b"y" * 300)
    one.there.recv(1000)
    time.sleep(0.1)  # until the kernel has the acknowledgement
    one.meter.step(1)
    found = one.use()
    assert found.decode_bytes == 1000
    assert found.proof == "its TCP connection carried 1,000 bytes, as the kernel counts them"
    assert found.rtt_ms is not None


def test_waiting_is_what_the_thread_does_when_it_does_not_sleep(machine: Path, talker: Talker) -> None:
    one = Metered(machine, talker.id, RDMA)
    one.meter.begin(decoding=True)
    time.sleep(1.0)
    talker.talk()
    time.sleep(1.0)
    found = one.use()
    assert found.waiting == pytest.approx(0.5, abs=0.1)
    assert found.samples >= 100
    assert found.reason == ""


def test_what_can_not_be_known_says_why(machine: Path, talker: Talker) -> None:
    hidden = Metered(machine, 0, Transport(True, "mlx5_9", RDMA.line))
    hidden.meter.begin(decoding=True)
    hidden.meter.step(5)
    found = hidden.use()
    assert (found.decode_bytes, found.bytes_per_token) == (None, None)
    assert (found.waiting, found.reason) == (None, "the thread that talks to it is not known")
    (machine / "proc").unlink()
    blind = Metered(machine, talker.id, RDMA)
    blind.meter.begin(decoding=True)
    assert blind.use().reason == "the kernel does not tell what system call a thread is in"
