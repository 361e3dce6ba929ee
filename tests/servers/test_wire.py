"""The files of wire/ are whole, and what plays them plays every byte."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sparktop.model.servers import ServerKind, kind_of_metric, kind_of_models
from tests.servers.llama_server import llama_server
from tests.servers.replay import replay
from tests.servers.wire_client import Arrived, connect, exchange, get, post
from tests.servers.wire_file import FOLDER, Wire, dump, find, load, names

CHAT = "/v1/chat/completions"

KINDS = {
    "llama-server": ServerKind.LLAMA_SERVER,
    "ollama": None,  # its models belong to whoever made them
    "sglang": ServerKind.SGLANG,
    "tensorrt-llm": ServerKind.TENSORRT_LLM,
    "vllm": ServerKind.VLLM,
}

STREAMS = [
    (name, wire)
    for name in names()
    for wire in load(name)
    if wire.status == 200 and wire.kind.startswith("text/event-stream")
]


def ask(url: str, request: bytes) -> Arrived:
    with connect(url) as sock:
        return exchange(sock, request)


def test_every_file_says_where_it_is_from_and_is_read_without_loss() -> None:
    assert set(names()) == set(KINDS)
    for name in names():
        data = (FOLDER / f"{name}.wire").read_bytes()
        origin = [line[2:] for line in data.decode().split("\n=== ")[0].splitlines()]
        assert dump("\n".join(origin), iter(load(name))) == data
        assert any("github.com/" in line or "recorded" in line for line in origin)


@pytest.mark.parametrize("name", names())
def test_every_server_gives_itself_away(name: str) -> None:
    models = find(load(name), "GET", "/v1/models")
    assert models is not None
    assert kind_of_models(json.loads(models.body)) == KINDS[name]
    for wire in load(name):
        if wire.path.endswith("/metrics") and wire.status == 200 and wire.kind.startswith("text/plain"):
            metrics = [line for line in wire.body.decode().splitlines() if not line.startswith("#")]
            assert {kind_of_metric(line) for line in metrics} - {None} == {KINDS[name]}


@pytest.mark.parametrize(("name", "wire"), STREAMS, ids=[f"{name} {wire.play}" for name, wire in STREAMS])
def test_every_stream_is_of_whole_events(name: str, wire: Wire) -> None:
    assert b"".join(wire.pieces) == wire.body
    events = [json.loads(piece.removeprefix(b"data: ")) for piece in wire.pieces if b"[DONE]" not in piece]
    texts = [choice.get("delta", choice) for event in events for choice in event.get("choices", ())]

    assert wire.pieces[-1] == b"data: [DONE]\n\n"
    assert any(text.get("content") or text.get("text") for text in texts)
    for usage in (event["usage"] for event in events if event.get("usage")):
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_a_replay_plays_every_byte() -> None:
    with replay("ollama") as server:
        for wire in load("ollama"):
            path = f"/play/{wire.play}{wire.path}" if wire.play else wire.path
            arrived = ask(server.url, get(path) if wire.method == "GET" else post(path, {}))
            assert (arrived.status, arrived.header("Content-Type"), arrived.whole) == (wire.status, wire.kind, True)
            assert arrived.body == wire.body
        assert ask(server.url, get("/metrics")).status == 404
        server.play = "unloaded"
        assert json.loads(ask(server.url, get("/api/ps")).body) == {"models": []}
    assert server.asked[-1][:2] == ("GET", "/api/ps")


def keys(document: Any) -> Any:
    """A document without what differs from run to run."""
    if isinstance(document, dict):
        return {key: keys(value) for key, value in document.items()}
    return [keys(document[0])] if isinstance(document, list) and document else type(document).__name__


def test_the_recording_is_what_the_real_server_sends() -> None:
    body = {"model": "demo", "stream": True, "max_tokens": 8, "temperature": 0}
    body |= {"messages": [{"role": "user", "content": "How many seconds does an hour have? One line."}]}
    body |= {"stream_options": {"include_usage": True}}
    recorded = find(load("llama-server"), "POST", CHAT, "plain")
    assert recorded is not None

    with llama_server() as url:
        arrived = ask(url, post(CHAT, body))

    events = [json.loads(piece.removeprefix(b"data: ")) for piece in recorded.pieces[:-1]]
    assert [keys(event) for event in arrived.events] == [keys(event) for event in events]
