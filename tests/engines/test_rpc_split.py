"""A model split over llama.cpp's RPC: real servers as processes of this machine, real workers, the demo models."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from sparktop.engines.gguf import read_header
from sparktop.engines.llama.rpc import Endpoint, RpcFailed, greet, own_version, transport_of
from sparktop.engines.llama.rpc_host import RpcServer
from sparktop.engines.llama.rpc_server import _ALONE_S as ALONE_S
from sparktop.engines.protocol import Generation, Room
from sparktop.engines.wire import Split
from sparktop.model.codec import decode, encode
from sparktop.model.events import ContenderFailed, ModelReady, PrefillProgress, Tokens
from sparktop.model.scenario import Sampling
from sparktop.model.split_events import LinkMeasured, ModelSplit
from sparktop.nodes.fit import kv_bytes
from sparktop.resources import demo_dir
from tests.engines.conftest import Bench, MakeBench, question

StartRpc = Callable[..., RpcServer]

QUESTIONS = ("什么是过拟合？", "世界上最高的山是哪一座？")

KIB = 1 << 10


def over(*servers: RpcServer, shares: tuple[float, ...] = ()) -> Split:
    return Split(
        node="spark-1",
        servers=tuple(server.endpoint for server in servers),
        shares=shares or (1.0,) * (len(servers) + 1),
    )


def answers(run: Bench) -> list[str]:
    run.ready()
    run.ask(*(question(number, text, max_tokens=60) for number, text in enumerate(QUESTIONS)))
    return [run.answer(number) for number in range(len(QUESTIONS))]


def failure(run: Bench) -> ContenderFailed:
    event = run.until(ContenderFailed)
    assert isinstance(event, ContenderFailed)
    return event


@pytest.mark.parametrize("shares", [(1.0, 1.0), (6.0, 1.0), (1.0, 1.0, 1.0)])
def test_a_split_model_answers_as_the_whole_does_and_says_what_lies_where(
    bench: MakeBench, start_rpc: StartRpc, shares: tuple[float, ...]
) -> None:
    servers = [start_rpc(f"spark-{number}") for number in range(2, len(shares) + 1)]
    run = bench(split=over(*servers, shares=shares))
    assert answers(run) == answers(bench())
    (split,) = (event for event in run.seen if isinstance(event, ModelSplit))
    assert [part.node for part in split.parts] == ["spark-1", *(server.endpoint.node for server in servers)]
    assert [part.address for part in split.parts[1:]] == [str(server.endpoint) for server in servers]
    assert [part.layers for part in split.parts] == {2: [4, 3] if shares[0] == 1 else [6, 1], 3: [3, 2, 2]}[len(shares)]
    # The parts are the whole: the tied embedding lies on both sides, with whoever reads words and whoever chooses them.
    (info,) = (event.model for event in run.seen if isinstance(event, ModelReady))
    embedding = 4601 * 192 * 34 // 32
    assert info.size is not None
    assert sum(part.weights for part in split.parts) == pytest.approx(info.size + embedding, abs=64 * KIB)
    room = Room(slots=1, context=1024)
    assert sum(part.kv for part in split.parts) == kv_bytes(read_header(demo_dir() / "demo-sutra.gguf"), room)
    assert all(part.weights and part.compute for part in split.parts)
    assert decode(encode(split)) == split


def test_what_goes_over_the_link_is_counted_where_the_model_is_split(bench: MakeBench, start_rpc: StartRpc) -> None:
    server = start_rpc()
    run = bench(split=over(server))
    run.ready()
    run.ask(question(0, max_tokens=600, ignore_eos=True))
    told = run.seen[-1] if isinstance(run.seen[-1], LinkMeasured) else run.until(LinkMeasured)
    while isinstance(told, LinkMeasured) and told.link.decode_tokens < 599:
        told = run.until(LinkMeasured)
    assert isinstance(told, LinkMeasured)
    last = told.link
    assert not last.rdma
    assert (last.prompt_tokens, last.decode_tokens) == (run.done(0).prompt_tokens, 599)
    # Over the link go the hidden state to the server, and the logits of the whole vocabulary back from it.
    assert last.decode_bytes is not None
    assert 4 * (192 + 4601) <= last.decode_bytes / last.decode_tokens <= 2 * 4 * (192 + 4601)
    carried = int(re.sub(r"\D", "", last.proof))
    assert carried >= last.decode_bytes + (last.prompt_bytes or 0)
    assert last.rtt_ms is not None
    assert last.waiting is None or 0 < last.waiting < 1
    assert (last.waiting is None) == bool(last.reason) == (last.samples < 100)
    assert decode(encode(told)) == told


@pytest.mark.parametrize("phase", ["prefill", "decode"])
def test_a_server_that_is_killed_fails_the_contender_by_name_and_keeps_what_had_arrived(
    bench: MakeBench, start_rpc: StartRpc, phase: str
) -> None:
    server, other = start_rpc(), start_rpc("spark-3")
    run = bench(split=over(server, other), context=4096)
    run.ready()
    long = Generation(request=1, prompt="", random_tokens=3800, sampling=Sampling(max_tokens=9))
    run.engine.submit([long if phase == "prefill" else question(1, max_tokens=2000, ignore_eos=True)])
    run.until(PrefillProgress if phase == "prefill" else Tokens)
    worker = run.engine.pid
    assert server.pid is not None
    assert worker is not None
    os.kill(server.pid, signal.SIGKILL)
    error = failure(run).error
    assert error.startswith("demo lost spark-2, which held a part of it: its RPC server or its agent ended")
    assert "spark-3" not in error
    assert run.failed(1).error == error
    if phase == "decode":
        assert run.times(1)
    assert not psutil.pid_exists(worker)
    assert other.alive
    # The next one works, with servers of its own.
    for one in (server, other):
        one.stop()
        one.start()
    assert answers(bench(split=over(server, other)))[0]


class Cut:
    """Passes a connection on to a server, and kills that after some bytes: in the middle of a load, for sure."""

    def __init__(self, server: RpcServer, after: int) -> None:
        self.server, self._after = server, after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = Endpoint(node="spark-2", host="127.0.0.1", port=self._listener.getsockname()[1])
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            client, _ = self._listener.accept()
            there = socket.create_connection((self.server.endpoint.host, self.server.endpoint.port))
            threading.Thread(target=self._back, args=(there, client), daemon=True).start()
            passed = 0
            while piece := client.recv(1 << 16):
                there.sendall(piece)
                passed += len(piece)
                if passed > self._after:
                    assert self.server.pid is not None
                    os.kill(self.server.pid, signal.SIGKILL)
                    self._listener.close()
                    client.close()
                    return
            there.shutdown(socket.SHUT_WR)

    @staticmethod
    def _back(there: socket.socket, client: socket.socket) -> None:
        try:
            while piece := there.recv(1 << 16):
                client.sendall(piece)
        except OSError:
            pass
        client.close()


def test_a_server_that_is_killed_while_the_model_is_loaded_is_named(bench: MakeBench, start_rpc: StartRpc) -> None:
    server = start_rpc()
    cut = Cut(server, 500_000)
    run = bench(split=Split(node="spark-1", servers=(cut.endpoint,), shares=(1, 1)))
    run.engine.submit([question(0)])
    error = failure(run).error
    assert error.startswith("demo lost spark-2, which held a part of it")
    assert run.failed(0).error == error
    assert answers(bench())[0]


class Slow:
    """Passes connections on to a server, and what that answers after a while: a link with a delay."""

    def __init__(self, server: RpcServer, delay_s: float) -> None:
        self._server, self._delay_s = server, delay_s
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = Endpoint(node="spark-2", host="127.0.0.1", port=self._listener.getsockname()[1])
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            client, _ = self._listener.accept()
            there = socket.create_connection((self._server.endpoint.host, self._server.endpoint.port))
            for one, other, delay_s in ((client, there, 0.0), (there, client, self._delay_s)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pass, args=(one, other, delay_s), daemon=True).start()

    @staticmethod
    def _pass(one: socket.socket, other: socket.socket, delay_s: float) -> None:
        with suppress(OSError):
            while piece := one.recv(1 << 20):
                time.sleep(delay_s)
                other.sendall(piece)
            other.shutdown(socket.SHUT_WR)


def test_a_slow_link_is_seen_as_waiting_and_costs_every_token_its_delay(bench: MakeBench, start_rpc: StartRpc) -> None:
    delay_s = 0.02
    slow = Slow(start_rpc(), delay_s)
    run = bench(split=Split(node="spark-1", servers=(slow.endpoint,), shares=(1, 1)))
    run.ready()
    run.ask(question(0, max_tokens=100, ignore_eos=True))
    last = run.until(LinkMeasured)
    while isinstance(last, LinkMeasured) and last.link.decode_tokens < 99:
        last = run.until(LinkMeasured)
    assert isinstance(last, LinkMeasured)
    times = run.times(0)
    assert (times[-1] - times[0]) / 99 >= delay_s
    assert last.link.waiting is not None
    assert last.link.waiting > 0.8


def test_a_server_that_is_not_there_is_named_before_llama_cpp_is_asked(bench: MakeBench) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = Endpoint(node="spark-9", host="127.0.0.1", port=closed.getsockname()[1])
        run = bench(split=Split(node="spark-1", servers=(nobody,), shares=(1, 1)))
        assert failure(run).error == f"spark-9's RPC server at {nobody} can't be reached: Connection refused"
    assert "SIGABRT" not in run.log.read_text()


def test_something_else_at_the_address_is_told_from_a_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        there = Endpoint(node="spark-2", host="127.0.0.1", port=listener.getsockname()[1])
        with pytest.raises(RpcFailed, match=r"did not answer within 0 s: the link is down, or it serves somebody else"):
            greet(there, timeout=0.2)

        def say() -> None:
            for answer in (b"", b"HTTP/1.1 400 Bad Request\r\nServer: something-else\r\n\r\n"):
                client, _ = listener.accept()
                client.sendall(answer)
                client.close()

        threading.Thread(target=say, daemon=True).start()
        with pytest.raises(RpcFailed, match=r"is no RPC server of llama\.cpp"):
            greet(there, timeout=5)


def test_a_server_speaks_the_version_that_the_header_says(start_rpc: StartRpc) -> None:
    assert greet(start_rpc().endpoint) == own_version()


def test_the_server_listens_on_its_one_address_alone(start_rpc: StartRpc) -> None:
    server = start_rpc()
    listening = {c.laddr for c in psutil.Process(server.pid).net_connections() if c.status == psutil.CONN_LISTEN}
    assert {(address.ip, address.port) for address in listening} == {(server.endpoint.host, server.endpoint.port)}


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("0.0.0.0", "must not listen on 0.0.0.0: name the address of one link"),
        ("224.0.0.1", "must not listen on 224.0.0.1"),
        ("::", "no IPv4 address"),
        ("203.0.113.7", "spark-2 can't listen at 203.0.113.7: Cannot assign requested address"),
    ],
)
def test_an_address_that_lets_everybody_in_is_refused(tmp_path: Path, host: str, message: str) -> None:
    server = RpcServer("spark-2", host, log=tmp_path / "log")
    with pytest.raises(RpcFailed, match=re.escape(message)):
        server.start()
    assert server.pid is None


def test_a_port_that_is_taken_is_told(start_rpc: StartRpc, tmp_path: Path) -> None:
    first = start_rpc()
    second = RpcServer("spark-2", "127.0.0.1", log=tmp_path / "log", port=first.endpoint.port)
    with pytest.raises(RpcFailed, match=f"can't listen at {first.endpoint}: Address already in use"):
        second.start()
    assert not second.alive


@pytest.fixture
def orphan(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """A program that has started a server, and the server."""
    program = textwrap.dedent(f"""
        import time
        from pathlib import Path
        from sparktop.engines.llama.rpc_host import RpcServer
        server = RpcServer("spark-2", "127.0.0.1", log=Path({str(tmp_path / "log")!r}))
        server.start()
        print(server.pid, flush=True)
        time.sleep(60)
    """)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        yield parent, psutil.Process(int(parent.stdout.readline()))


def test_the_server_goes_when_whoever_started_it_is_killed(
    orphan: tuple[subprocess.Popen[str], psutil.Process],
) -> None:
    parent, server = orphan
    parent.kill()
    server.wait(timeout=5)


def test_a_server_ends_with_whom_it_served(bench: MakeBench, start_rpc: StartRpc) -> None:
    server = start_rpc()
    greet(server.endpoint)
    time.sleep(ALONE_S + 0.5)
    assert server.alive, "a greeting is nobody that it serves"
    run = bench(split=over(server))
    assert answers(run)
    run.engine.kill()
    deadline = time.monotonic() + 5
    while not server.done:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    server.start()
    assert answers(bench(split=over(server)))[0]


def test_the_log_tells_the_transport() -> None:
    assert not transport_of("Accepted client connection\n").rdma
    said = (
        "RDMA probed: dev=rocep1s0f0 gid=3 RoCEv2 qpn=281 inline=256\n"
        "RDMA activated: qpn=281->290 mtu=4096 rx_depth=24\n"
    )
    found = transport_of(said)
    assert (found.rdma, found.device) == (True, "rocep1s0f0")
    assert found.line == "RDMA activated: qpn=281->290 mtu=4096 rx_depth=24"
    # Probed and not taken up: the other side had none.
    assert not transport_of(said.splitlines()[0]).rdma
