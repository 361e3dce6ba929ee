"""Records wire/llama-server.wire from a real llama-server: python -m tests.servers.record_llama_server."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import xllamacpp

from tests.servers.llama_server import DEMO, llama_server
from tests.servers.process import ROOT
from tests.servers.wire_client import Arrived, connect, exchange, get, post
from tests.servers.wire_file import FOLDER, Wire, dump

_CHAT: Final = "/v1/chat/completions"
_DECODING: Final = re.compile(rb'"n_decoded":[1-9]')
_ASK: Final = {
    "model": "demo",
    "stream": True,
    "max_tokens": 8,
    "temperature": 0,
    "messages": [{"role": "user", "content": "How many seconds does an hour have? One line."}],
}
_USAGE: Final = {"stream_options": {"include_usage": True}}
_LONG: Final = {"messages": [{"role": "user", "content": "word " * 1500}]}

_PLAYS: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    (_CHAT, "plain", _ASK | _USAGE),
    (_CHAT, "nousage", _ASK),
    (_CHAT, "timings", _ASK | _USAGE | {"timings_per_token": True}),
    # More than a batch, which holds 2048 tokens.
    (_CHAT, "progress", _ASK | {"return_progress": True, "messages": [{"role": "user", "content": "word " * 900}]}),
    (_CHAT, "whole", _ASK | {"stream": False}),
    (_CHAT, "too-long", _ASK | _LONG),
    ("/v1/completions", "", {"model": "demo", "stream": True, "max_tokens": 6, "temperature": 0, "prompt": "One"}),
    ("/tokenize", "", {"content": "How many seconds"}),
)


def _wire(arrived: Arrived, method: str, path: str, play: str = "") -> Wire:
    kind = arrived.header("Content-Type") or ""
    return Wire(method=method, path=path, status=arrived.status, kind=kind, play=play, body=arrived.body)


def _get(url: str, path: str, play: str = "") -> Wire:
    with connect(url) as sock:
        return _wire(exchange(sock, get(path)), "GET", path, play)


def _post(url: str, path: str, play: str, body: dict[str, Any]) -> Wire:
    with connect(url) as sock:
        return _wire(exchange(sock, post(path, body)), "POST", path, play)


def _record(model: Path) -> Iterator[Wire]:
    with llama_server(model, "--context", "8192", "--slots", "2") as url:
        yield from (_get(url, path) for path in ("/health", "/v1/models", "/props", "/version"))
        yield _get(url, "/slots", "idle")
        yield _get(url, "/metrics", "idle")
        yield from (_post(url, path, play, body) for path, play, body in _PLAYS)
        busy = _ASK | {"max_tokens": 800, "ignore_eos": True}
        thread = threading.Thread(target=_post, args=(url, _CHAT, "", busy))
        thread.start()
        while not _DECODING.search((slots := _get(url, "/slots", "busy")).body):
            pass
        yield slots
        yield _get(url, "/metrics", "busy")
        thread.join()
    with llama_server(model, "--draft") as url:
        yield _post(url, _CHAT, "draft", _ASK | _USAGE | {"timings_per_token": True})
        yield _get(url, "/metrics", "draft")
    with llama_server(model, "--no-metrics", "--no-slots") as url:
        yield _get(url, "/metrics", "off")
        yield _get(url, "/slots", "off")


def main() -> None:
    """Writes the file."""
    origin = (
        f"llama-server of xllamacpp {xllamacpp.__version__} (PyPI), recorded with the model demo-base by\n"
        "python -m tests.servers.record_llama_server"
    )
    (FOLDER / "llama-server.wire").write_bytes(dump(origin, _record(DEMO.relative_to(ROOT))))


if __name__ == "__main__":
    main()
