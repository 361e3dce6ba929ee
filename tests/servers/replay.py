"""A server that answers what a file of wire/ says, whatever it is asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from tests.servers.wire_file import Wire, find, load


@dataclass(slots=True)
class Replay:
    """A running replay, in threads of the test's own process.

    Attributes:
        url: Where it is, without a path.
        wires: What it answers; the test may put others in.
        play: Which of several answers it gives, where a path does not say so itself:
            "/play/NAME/v1/models" is answered as "/v1/models" of NAME.
        made: What makes the body of a path's answers, where it changes with what was asked.
        gap_s: Seconds between the pieces of a stream.
        asked: (method, path, headers, body) of every request.
    """

    url: str
    wires: tuple[Wire, ...]
    play: str = ""
    made: dict[str, Callable[[], bytes]] = field(default_factory=dict)
    gap_s: float = 0.001
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    def under(self, play: str) -> str:
        """Returns the base address under which every path plays this; add "/v1"."""
        return f"{self.url}/play/{play}"


@contextmanager
def replay(name: str) -> Iterator[Replay]:
    """Runs a replay of a server, "vllm" for example."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        running = Replay(f"http://127.0.0.1:{server.server_port}", load(name))
        server.running = running  # type: ignore[attr-defined]
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield running
        finally:
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answers."""
        self._answer("GET")

    def do_POST(self) -> None:
        """Answers."""
        self._answer("POST")

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def _answer(self, method: str) -> None:
        running = cast(Replay, self.server.running)  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path, play = self.path.partition("?")[0], running.play
        if path.startswith("/play/"):
            play, _, path = path.removeprefix("/play/").partition("/")
            path = f"/{path}"
        running.asked.append((method, path, {key.lower(): value for key, value in self.headers.items()}, body))
        wire = find(running.wires, method, path, play)
        if wire is None:
            wire = Wire(method=method, path=path, status=404, kind="text/plain", play="", body=b"Not Found")
        if path in running.made:
            wire = replace(wire, body=running.made[path]())
        self.send_response(wire.status)
        self.send_header("Content-Type", wire.kind)
        if len(wire.pieces) > 1:
            self._stream(wire, running.gap_s)
        else:
            self.send_header("Content-Length", str(len(wire.body)))
            self.end_headers()
            self.wfile.write(wire.body)

    def _stream(self, wire: Wire, gap_s: float) -> None:
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for piece in wire.pieces:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                time.sleep(gap_s)
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.close_connection = True
