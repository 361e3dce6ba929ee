"""A server of llama.cpp's RPC on this machine: started for a run, gone with it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from sparktop.engines.llama import rpc_cache
from sparktop.engines.llama.rpc import Endpoint, RpcFailed, Transport, Version, check_address, greet, transport_of
from sparktop.engines.log_file import open_log

_READY_S: Final = 60.0
"""CUDA's start on a busy machine."""

_POLL_S: Final = 0.05
_END_S: Final = 3.0
_LOG_TAIL: Final = 4096
_MOST_LOG: Final = 1 << 20


class RpcServer:
    """A process that lends this machine's devices to one llama.cpp elsewhere.

    It ends when it is stopped, and by itself within a moment when this process is gone, or the llama.cpp that it
    served.

    Args:
        node: This machine's name, for sentences.
        host: IPv4 address of the link that it is to be reached over; never all interfaces.
        log: File that its output goes to; its folder is made.
        cache: Folder for large tensors; None keeps none.
        coming: Bytes of tensors that may come at most.
        port: 0 takes a free one.
        threads: Processor threads, where it lends the processor.
        environ: Its environment.
        say: Called with a sentence that stops nothing.
    """

    def __init__(
        self,
        node: str,
        host: str,
        *,
        log: Path,
        cache: Path | None = None,
        coming: int = 0,
        port: int = 0,
        threads: int = 1,
        environ: Mapping[str, str] = os.environ,
        say: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self._node = node
        self._host = host
        self._log = log
        self._cache = cache
        self._coming = coming
        self._port = port
        self._threads = threads
        self._environ = environ
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None
        self._endpoint: Endpoint | None = None

    @property
    def endpoint(self) -> Endpoint:
        """Where it listens; to be asked once it was started."""
        assert self._endpoint is not None
        return self._endpoint

    @property
    def pid(self) -> int | None:
        """Process id; None before `start`."""
        return self._process.pid if self._process else None

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def done(self) -> bool:
        """Whether it has ended as it should: whom it served is gone."""
        return self._process is not None and self._process.poll() == 0

    def start(self) -> Version:
        """Starts it and waits until it answers; returns the version of its protocol.

        Raises:
            RpcFailed: It can't listen there or did not come up.
        """
        check_address(self._host)
        cache = self._cache
        if cache is not None and (why := rpc_cache.prepare(cache, self._coming)):
            self._say(f"{self._node} keeps no tensors for the next time: {why}")
            cache = None
        endpoint = self._endpoint = Endpoint(node=self._node, host=self._host, port=self._find_port())
        try:
            log, self._log, elsewhere = open_log(self._log, f"the RPC server of {self._node}")
            if elsewhere:
                self._say(elsewhere)
            with log:
                self._process = subprocess.Popen(
                    [
                        *(sys.executable, "-m", "sparktop.engines.llama.rpc_server"),
                        *(endpoint.host, str(endpoint.port), str(cache or ""), str(self._threads)),
                    ],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    env={**self._environ, "PYTHONUNBUFFERED": "1", "GGML_NO_BACKTRACE": "1"},
                )
        except OSError as error:
            raise RpcFailed(f"the RPC server of {self._node} can't be started: {error.strerror or error}") from None
        try:
            return self._wait(endpoint)
        except BaseException:
            self.stop()
            raise

    def _find_port(self) -> int:
        """The port that was asked for, or a free one.

        The server itself could not be told from another one that answers there.
        """
        where = f"{self._host}:{self._port}" if self._port else self._host
        with socket.socket(socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self._host, self._port))
            except OSError as error:
                raise RpcFailed(f"{self._node} can't listen at {where}: {error.strerror or error}") from None
            port: int = probe.getsockname()[1]
            return port

    def _wait(self, endpoint: Endpoint) -> Version:
        assert self._process is not None
        deadline = time.monotonic() + _READY_S
        while True:
            if self._process.poll() is not None:
                raise RpcFailed(f"the RPC server of {self._node} can't serve at {endpoint}: {self.last_words}")
            try:
                return greet(endpoint, timeout=_READY_S)
            except RpcFailed:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_POLL_S)

    @property
    def last_words(self) -> str:
        """The last line that it said."""
        lines = [line.strip() for line in self.log_text()[-_LOG_TAIL:].splitlines() if line.strip()]
        return lines[-1][:300] if lines else "it said nothing"

    def log_text(self) -> str:
        """What it has said so far; the end of it where that is much."""
        try:
            with self._log.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _MOST_LOG))
                return log.read().decode("utf-8", "replace")
        except OSError:
            return ""

    @property
    def transport(self) -> Transport:
        """How it is talked to, as its log tells."""
        return transport_of(self.log_text())

    def stop(self) -> None:
        """Ends it; returns when it is gone."""
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
