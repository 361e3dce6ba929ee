"""Starts the servers of this folder in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Truth:
    """A running ground-truth server.

    Attributes:
        url: Where it is, without a path: "http://127.0.0.1:N".
        pid: Its process.
    """

    url: str
    pid: int

    def under(self, options: str) -> str:
        """Returns the base address under which every path has these options; add "/v1"."""
        return f"{self.url}/o/{options}"

    def records(self) -> list[dict[str, Any]]:
        """Returns every request so far (see `tests.servers.truth.record.Record`), in order of arrival."""
        requests: list[dict[str, Any]] = self._ask("GET", "/truth")["requests"]
        return requests

    def record(self, name: str | int) -> dict[str, Any]:
        """Returns one request, by its number, its X-Request-Id or the "id" in its chunks."""
        return self._ask("GET", f"/truth/{name}")

    def forget(self) -> None:
        """Drops the records."""
        self._ask("DELETE", "/truth")

    def _ask(self, method: str, path: str) -> dict[str, Any]:
        request = urllib.request.Request(self.url + path, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            document: dict[str, Any] = json.load(answer)
            return document


@contextmanager
def truth(*words: str) -> Iterator[Truth]:
    """Runs a ground-truth server.

    Args:
        words: For its command line.
    """
    with serving("tests.servers.truth", *words) as (said, process):
        yield Truth(said["url"], process.pid)


@contextmanager
def serving(module: str, *words: str) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    """Runs a module that prints a line of JSON when it is ready and ends with its standard input."""
    with subprocess.Popen(
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline()), process
        finally:
            process.terminate()
