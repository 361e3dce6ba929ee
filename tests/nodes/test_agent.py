"""Who an agent lets in, what it takes from them, and what a head takes from an agent."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response

from sparktop.model.events import SampleTaken
from sparktop.nodes.agent import MOST_HEADS, Agent
from sparktop.nodes.place import Place, Unreachable
from sparktop.nodes.protocol import PATH, VERSION, VERSION_HEADER
from sparktop.nodes.recorder import Recorder
from sparktop.nodes.remote import RemoteNode
from sparktop.nodes.ring import Feed, Ring
from sparktop.nodes.shelf import Shelf
from tests.nodes.conftest import ROOT, Head, StartAgent

NOW = {VERSION_HEADER: str(VERSION)}


def refusal(place: Place) -> str:
    """What a person is told who can't get in."""
    with pytest.raises(Unreachable) as refused:
        RemoteNode(place).connect()
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_tokens(start_agent: StartAgent, tmp_path: Path) -> None:
    agent, other = start_agent(), start_agent(name="spark-3")
    assert agent.token_file.stat().st_mode & 0o777 == 0o600
    assert RemoteNode(agent.far).connect().node.name == "spark-2"
    wrong = tmp_path / "wrong"
    wrong.write_text(f"spark-2.{'x' * 43}\n")
    wrong.chmod(0o600)
    token = wrong.read_text().strip()
    sentence = refusal(replace(agent.far, token_file=wrong))
    assert "refused the token in" in sentence
    assert "the token is not this node's" in sentence
    assert "the token is that of another node (spark-3)" in refusal(replace(agent.far, token_file=other.token_file))
    assert "wants a token" in refusal(replace(agent.far, token_file=None))
    assert "can't be read: No such file" in refusal(replace(agent.far, token_file=tmp_path / "none"))
    wrong.chmod(0o644)
    assert "others can read the token" in refusal(replace(agent.far, token_file=wrong))
    # No token is written down, neither the right one nor the wrong one.
    assert token not in agent.log.read_text()
    assert agent.token_file.read_text().strip() not in agent.log.read_text()
    assert agent.token_file.read_text().strip() not in " ".join(map(str, agent.process.args))  # type: ignore[arg-type]


def test_whoever_has_no_token_is_told_nothing(start_agent: StartAgent) -> None:
    agent = start_agent()
    address = agent.url.removeprefix("ws://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=5) as caller:
        caller.sendall(
            b"GET /node HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSparktop-Protocol: 0\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        answer = b""
        while piece := caller.recv(4096):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 401")
    assert answer.endswith(b"no token was sent\n")


def test_a_socket_is_for_its_owner_alone(start_agent: StartAgent) -> None:
    agent = start_agent()
    assert agent.socket.stat().st_mode & 0o777 == 0o600
    assert agent.socket.parent.stat().st_mode & 0o077 == 0


@contextmanager
def impostor(
    answer: Callable[[ServerConnection], Awaitable[None]], version: str = str(VERSION), status: int = 0
) -> Iterator[str]:
    """Something that answers in an agent's place; yields its address."""
    started, ended = threading.Event(), asyncio.Event()
    url: list[str] = []
    loops: list[asyncio.AbstractEventLoop] = []

    def respond(connection: ServerConnection, request: Request, response: Response) -> Response:
        if VERSION_HEADER not in response.headers:
            response.headers[VERSION_HEADER] = version
            response.headers["Sparktop-Version"] = "9.9"
        return response

    def examine(connection: ServerConnection, request: Request) -> Response | None:
        return respond(connection, request, connection.respond(HTTPStatus(status), "no\n")) if status else None

    async def main() -> None:
        loops.append(asyncio.get_running_loop())
        async with serve(answer, "127.0.0.1", 0, process_response=respond, process_request=examine) as server:
            url.append(f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}")
            started.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert started.wait(5)
    try:
        yield url[0]
    finally:
        loops[0].call_soon_threadsafe(ended.set)
        thread.join(10)


async def silent(connection: ServerConnection) -> None:
    with suppress(ConnectionClosed):
        await connection.recv()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"n.{'x' * 43}\n")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(("version", "status"), [("0", 426), ("3", 426), ("3", 0), ("one", 0), ("", 0)])
def test_another_protocol_is_told_apart(version: str, status: int, token_file: Path) -> None:
    with impostor(silent, version, status) as url:
        sentence = refusal(Place(url=url, token_file=token_file))
    if version.isdigit():
        where = "there" if version == "0" else "here"
        assert f"speaks version {version} of the protocol (sparktop 9.9), this program version 2" in sentence
        assert sentence.endswith(f"update sparktop {where}")
    else:
        assert sentence == f"what answers at {url} is no node of sparktop"


def test_a_web_server_is_no_node(token_file: Path) -> None:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert "Authorization" in self.headers
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()

        def log_request(self, *_: Any) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        url = f"ws://127.0.0.1:{server.server_port}"
        # Nor is it followed to where it points, with the token.
        assert refusal(Place(url=url, token_file=token_file)) == f"what answers at {url} is no node of sparktop"


HELLO = {
    "frame": "hello",
    "instance": "1",
    "sparktop": "1",
    "node": {
        "name": "evil\x1b]0;x\x07",
        "os": "",
        "machine": "a\nb",
        "cpu": "",
        "cores": 1,
        "memory": 1,
        "gpus": [],
        "driver": "",
        "llama_cpp": "",
    },
    "models": [],
    "processes": [],
    "first": 0,
    "next": 0,
}
READING = {
    "event": "sample-taken",
    "t": 1e300,
    "node": "x",
    "values": {"memory.total": 1.0, "gpu.0.vram_total": 5e-324},
    "missing": {"gpu": "\x1b[2J"},
}


def answering(*messages: str) -> Callable[[ServerConnection], Awaitable[None]]:
    """An agent that greets, tells the time, and sends this when it is asked for events."""

    async def answer(connection: ServerConnection) -> None:
        await connection.send(json.dumps(HELLO))
        with suppress(ConnectionClosed):
            async for message in connection:
                asked = json.loads(message)
                if asked["frame"] == "ping":
                    await connection.send(json.dumps({**asked, "frame": "pong", "received": 1.0, "answered": 1.0}))
                else:
                    for one in messages:
                        await connection.send(one)

    return answer


def test_what_an_agent_says_is_made_safe(follow: Callable[[Place], Head], token_file: Path) -> None:
    frame = json.dumps({"frame": "events", "start": 0}) + "\n" + json.dumps(READING)
    with impostor(answering(frame)) as url:
        head = follow(Place(url=url, token_file=token_file))
        head.wait(lambda events: any(isinstance(event, SampleTaken) for event in events))
        head.remote.stop()
    state = head.state
    assert state.nodes.keys() == {"evil"}
    assert state.nodes["evil"].machine == "a b"
    assert state.missing["evil"] == {"gpu": ""}
    # What is next to zero would make infinity of what is divided by it.
    assert state.gauges["evil"]["gpu.0.vram_total"].last == 0.0
    # It can't say when: nothing is later than now.
    assert state.now < 30


@pytest.mark.parametrize(
    "line",
    [
        '{"frame":"events","start":-1}',
        '{"frame":"events","start":0}\n{"event":"run-ended","t":0,"status":"failed"}',
        '{"frame":"events","start":0}\n' + json.dumps({**READING, "t": float("inf")}),
        '{"frame":"events","start":0}\n' + json.dumps({**READING, "values": {"a\u001b[2J": 1.0}}),
        '{"frame":"events","start":0}\n' + json.dumps({**READING, "values": {str(n): 1.0 for n in range(5000)}}),
        '{"frame":"events","start":0}\n' + json.dumps({**READING, "values": {"memory.total": 1e300}}),
        '{"frame":"events","start":0}\n' + "[" * 100_000,
        '{"frame":"pong"}',
        '{"frame":"order"}',
        "[]",
        "x" * (5 << 20),
        json.dumps(HELLO),
    ],
    ids=range(12),
)
def test_an_agent_that_sends_something_else_is_cut_off(
    line: str, follow: Callable[[Place], Head], token_file: Path
) -> None:
    with impostor(answering(line)) as url:
        head = follow(Place(url=url, token_file=token_file))
        head.wait(lambda events: bool(head.state.notices), 5)
        head.remote.stop()
    assert head.state.notices[0].text.startswith("evil is cut off: ")
    assert len(head.state.notices[0].text) < 500
    assert not head.state.gauges.get("evil")


def talk(agent: Path, conversation: Callable[[ClientConnection], Awaitable[None]], **headers: str) -> None:
    """Talks to an agent without being a head."""

    async def main() -> None:
        async with unix_connect(
            str(agent), f"ws://localhost{PATH}", additional_headers={**NOW, **headers}, compression=None
        ) as connection:
            await conversation(connection)

    asyncio.run(main())


@pytest.mark.parametrize(
    "message",
    [
        b"\x00",
        "",
        "{",
        '{"frame":"hello"}',
        '{"frame":"ping","id":"x"}',
        '{"frame":"follow","start":-1}',
        '{"frame":"follow","start":1e400}',
        "[" * 60_000,
        "x" * 70_000,
    ],
    ids=range(9),
)
def test_a_head_that_sends_something_else_is_dropped_alone(start_agent: StartAgent, message: str | bytes) -> None:
    agent = start_agent()

    async def converse(connection: ClientConnection) -> None:
        await connection.recv()
        await connection.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            await connection.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code in (1002, 1009)

    talk(agent.socket, converse)
    assert RemoteNode(agent.place).connect().node.name == "spark-2"


def test_a_program_ends_though_it_forgets_its_nodes(start_agent: StartAgent) -> None:
    agent = start_agent()
    code = (
        "import sys; from pathlib import Path; from sparktop.nodes.place import Place\n"
        "from sparktop.nodes.remote import RemoteNode; RemoteNode(Place(socket=Path(sys.argv[1]))).connect()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, agent.socket], cwd=ROOT, timeout=10, check=False)
    assert ended.returncode == 0


def test_old_heads_and_too_many_heads_are_told(start_agent: StartAgent) -> None:
    agent = start_agent()

    async def main() -> None:
        url = f"ws://localhost{PATH}"
        for headers in ({}, {VERSION_HEADER: "0"}):
            with pytest.raises(InvalidStatus) as refused:
                await unix_connect(str(agent.socket), url, additional_headers=headers)
            assert refused.value.response.status_code == 426
            assert b"this node speaks version 2 of the protocol" in (refused.value.response.body or b"")
        heads = [await unix_connect(str(agent.socket), url, additional_headers=NOW) for _ in range(MOST_HEADS)]
        for head in heads:
            await head.recv()
        assert (
            refusal_of_one_more() == f"{agent.socket} refused the connection: {MOST_HEADS} heads are connected already"
        )
        for head in heads:
            await head.close()

    def refusal_of_one_more() -> str:
        return refusal(agent.place)

    asyncio.run(main())
    time.sleep(0.1)
    assert RemoteNode(agent.place).connect().node.name == "spark-2"


async def exhaust(connection: ClientConnection) -> None:
    while True:
        await connection.recv()


async def test_a_head_that_takes_nothing_is_dropped_and_holds_nobody_up(tmp_path: Path) -> None:
    said: list[str] = []
    began = time.monotonic()

    def clock() -> float:
        return time.monotonic() - began

    # So much that no socket's buffer holds it.
    feed = Feed(Ring(8 << 20))
    for number in range(400):
        feed.add(json.dumps({**READING, "t": number / 1e3, "missing": {"gpu": "x" * 20_000}}).encode())
    agent = Agent(Recorder("here", clock), Shelf(()), clock=clock, log=said.append, feed=feed, slow_s=0.5)
    path = tmp_path / "s"
    server = await agent.listen_unix(path)
    url = f"ws://localhost{PATH}"
    async with unix_connect(str(path), url, additional_headers=NOW, compression=None, max_queue=1) as slow:
        await slow.recv()
        await slow.send('{"frame":"follow","start":0}')
        await asyncio.sleep(1.0)
        async with unix_connect(str(path), url, additional_headers=NOW, compression=None) as other:
            await other.recv()
            await other.send('{"frame":"ping","id":7}')
            assert json.loads(await asyncio.wait_for(other.recv(), 1))["id"] == 7
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(exhaust(slow), 10)
        if closed.value.rcvd is not None and closed.value.rcvd.reason:
            assert closed.value.rcvd.reason == "too slow: it took nothing for 0.5 s"
    assert any("dropped: it took nothing for 0.5 s" in sentence for sentence in said), said
    server.close()
    await server.wait_closed()


def test_what_the_ring_has_dropped_is_a_gap(tmp_path: Path, follow: Callable[[Place], Head], token_file: Path) -> None:
    def frame(start: int, *times: float) -> str:
        lines = [json.dumps({**READING, "t": t, "missing": {}}) for t in times]
        return "\n".join([json.dumps({"frame": "events", "start": start}), *lines])

    with impostor(answering(frame(0, 1.0, 1.1), frame(50, 1.2))) as url:
        head = follow(Place(url=url, token_file=token_file))
        head.wait(lambda events: sum(isinstance(event, SampleTaken) for event in events) >= 4)
        head.remote.stop()
    gauge = head.state.gauges["evil"]["memory.total"]
    assert gauge.values[:4] == [1.0, 1.0, None, 1.0]


def test_ring_is_bounded_and_tells_where_it_begins() -> None:
    ring = Ring(1000)
    for number in range(100):
        ring.add(b"%03d" % number * 10)
    assert (ring.first, ring.next) == (67, 100)
    assert ring.since(0, 10**6) == (67, [b"%03d" % number * 10 for number in range(67, 100)])
    assert ring.since(98, 1) == (98, [b"098" * 10])
    assert ring.since(100, 10**6) == (100, [])
    assert ring.since(10**9, 10**6) == (100, [])


def test_tls(start_agent: StartAgent, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here to make a certificate with")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", key, "-out", certificate, "-days", "1", "-subj", "/CN=spark-2"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    agent = start_agent("--certificate", str(certificate), "--key", str(key))
    assert agent.url.startswith("wss://")
    assert RemoteNode(replace(agent.far, ca_file=certificate)).connect().node.name == "spark-2"
    assert "is not trusted (self-signed certificate" in refusal(agent.far)
    plain = refusal(replace(agent.far, url=agent.url.replace("wss", "ws")))
    assert plain.startswith("ws://127.0.0.1")
    assert plain.endswith("where it serves with a certificate, its address begins with wss://")
    readable = start_agent(name="spark-3")
    assert refusal(replace(readable.far, url=readable.url.replace("ws:", "wss:"))).endswith("begins with ws://")


def test_models_come_from_the_folders_alone(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    (folder / "sub").mkdir(parents=True)
    (folder / "one.gguf").write_bytes(b"12")
    (folder / "sub" / "one.gguf").write_bytes(b"123")
    for part in (1, 2):
        (folder / f"big-{part:05}-of-00002.gguf").write_bytes(b"1234")
    (folder / "text.txt").write_bytes(b"1")
    (folder / "bad\x1b[2J.gguf").write_bytes(b"1")
    secret = tmp_path / "secret.gguf"
    secret.write_bytes(b"1")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "far.gguf").write_bytes(b"1")
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    shelf = Shelf((folder,))
    assert {model.name: model.size for model in shelf.models()} == {"one": 2, "sub/one.gguf": 3, "big": 8}
    assert shelf.path("big") == folder / "big-00001-of-00002.gguf"
    for name in ("../secret", "../secret.gguf", str(secret), "secret", "far", "link/far.gguf", ""):
        assert shelf.path(name) is None


def test_an_agent_is_small(start_agent: StartAgent, follow: Callable[[Place], Head]) -> None:
    agent = start_agent()
    head = follow(agent.place)
    head.wait(lambda events: sum(isinstance(event, SampleTaken) for event in events) >= 8)
    status = Path(f"/proc/{agent.process.pid}/status").read_text()
    most = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    assert most / 1024 < 60
    maps = Path(f"/proc/{agent.process.pid}/maps").read_text()
    for heavy in ("numpy", "llama", "ggml"):
        assert f"{heavy}" not in maps.replace(sys.executable, "")
