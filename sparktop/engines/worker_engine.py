"""sparktop's side of a worker process: starts it, passes events on, explains its death."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from sparktop.engines.log_file import open_log
from sparktop.engines.protocol import Clock, Emit, Generation
from sparktop.engines.wire import Command, encode_command
from sparktop.model.codec import NotAnEvent, decode
from sparktop.model.events import (
    ContenderFailed,
    Event,
    ModelUnloaded,
    Notice,
    RequestDone,
    RequestFailed,
)

_LOG_TAIL: Final = 4096
"""Bytes of the worker's log that go with the report of its death."""

_LOG_KEPT: Final = 40
"""Lines of them."""


_CAUSES: Final = {"SIGKILL": "often the kernel's out-of-memory killer (see dmesg)"}
"""What ends any process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What an engine is given by whoever runs it.

    Attributes:
        contender: Name that events carry.
        log: File that the worker's output goes to; its folder is made.
        emit: Takes events, from the engine's own thread.
        clock: Seconds since the run began.
        origin_ns: CLOCK_MONOTONIC at t = 0 of that clock.
        environ: Environment of the worker.
    """

    contender: str
    log: Path
    emit: Emit
    clock: Clock
    origin_ns: int
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)


class WorkerEngine:
    """An engine in a worker process of its own, which stamps tokens where they are made.

    The worker is run as `python -m MODULE FD` and talks over the socket that it inherits as a
    descriptor: commands down, events up (`sparktop.engines.wire`).

    Args:
        wiring: Who it is, and where its events go.
        module: What the worker runs.
        what: What the worker is, for sentences about it ("llama.cpp").
        first: The worker's first command.
        causes: What a signal that ended the worker hints at, by the signal's name.
    """

    def __init__(
        self, wiring: Wiring, *, module: str, what: str, first: Command, causes: Mapping[str, str] = _CAUSES
    ) -> None:
        self._contender = wiring.contender
        self._module = module
        self._what = what
        self._first = first
        self._log = wiring.log
        self._emit = wiring.emit
        self._clock = wiring.clock
        self._environ = wiring.environ
        self._causes = {**_CAUSES, **causes}
        self._outstanding: set[int] = set()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._closing = False
        self._over = False
        self._reason = ""

    @property
    def pid(self) -> int | None:
        """Process id of the worker; None before `open`."""
        return self._process.pid if self._process else None

    def open(self) -> None:
        """Starts the worker, which begins to load."""
        ours, theirs = socket.socketpair()
        try:
            with self._open_log() as log, theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", self._module, str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[theirs.fileno()],
                    # Out of the terminal's process group: ctrl+c and a hang-up are sparktop's.
                    start_new_session=True,
                    env={**self._environ, "PYTHONUNBUFFERED": "1"},
                )
        except OSError as error:
            ours.close()
            self._fail(f"the {self._what} process for {self._contender} can't be started: {error}")
            return
        self._channel = ours
        threading.Thread(target=self._listen, name=f"worker-{self._contender}", daemon=True).start()
        self._send(self._first)

    def _open_log(self) -> BinaryIO:
        log, self._log, elsewhere = open_log(self._log, self._contender)
        if elsewhere:
            self._emit(Notice(t=self._clock(), text=elsewhere))
        return log

    def submit(self, generations: Sequence[Generation]) -> None:
        """Sends requests to the worker; to one that is dead or has given up, they fail."""
        with self._lock:
            self._outstanding.update(generation.request for generation in generations)
        # A worker that has said why it gave up takes commands until its process is gone, and answers none.
        if self._over or not self._send(Command(submit=tuple(generations))):
            self._fail_outstanding(self._reason or f"the {self._what} process is gone")

    def cancel(self) -> None:
        """Asks the worker to end all requests."""
        self._send(Command(cancel=True))

    def close(self) -> None:
        """Asks the worker to unload and exit."""
        self._closing = True
        if not self._send(Command(close=True)):
            self.kill()

    def kill(self) -> None:
        """Kills the worker; the kernel takes back all that it held."""
        self._closing = True
        if self._process is not None:
            self._process.kill()

    def _send(self, command: Command) -> bool:
        if self._channel is None:
            return False
        try:
            self._channel.sendall(encode_command(command))
        except OSError:
            return False  # the listening thread sees the same end and explains it
        return True

    def _listen(self) -> None:
        assert self._channel is not None
        with contextlib.suppress(ConnectionError), self._channel.makefile("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break  # cut off by the worker's end, which is told of
                try:
                    self._pass_on(decode(line))
                except NotAnEvent as error:
                    self._emit(Notice(t=self._clock(), text=f"{self._contender}: the worker sent nonsense ({error})"))
        self._bury()

    def _pass_on(self, event: Event) -> None:
        if isinstance(event, RequestDone | RequestFailed):
            with self._lock:
                self._outstanding.discard(event.request)
        if isinstance(event, ContenderFailed):
            self._fail(event.error, unreachable=event.unreachable)
        elif isinstance(event, ModelUnloaded):
            pass  # said once the process is gone: only then is its memory back
        else:
            self._emit(event)

    def _bury(self) -> None:
        """Waits for the worker's end and says how it came."""
        assert self._process is not None
        assert self._channel is not None
        try:
            code = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._channel.close()
        if self._closing and not self._over:
            self._fail_outstanding("the run was stopped")
            self._emit(ModelUnloaded(t=self._clock(), contender=self._contender, exit=self._exit(code) if code else ""))
        elif not self._over:
            how = f"{self._what} {self._exit(code)} while it ran {self._contender}"
            self._fail(self._explain() or f"{how}; the end of its log is in {self._log}")

    def _explain(self) -> str:
        """Says why the worker died, where its engine knows better than the worker's exit code."""
        return ""

    def _fail(self, error: str, *, unreachable: bool = False) -> None:
        # Told to requests that come before the failure itself has been heard of, too.
        self._over, self._reason = True, error
        self._fail_outstanding(error)
        self._emit(
            ContenderFailed(
                t=self._clock(), contender=self._contender, error=error, log=self._tail(), unreachable=unreachable
            )
        )

    def _fail_outstanding(self, error: str) -> None:
        with self._lock:
            requests, self._outstanding = sorted(self._outstanding), set()
        for request in requests:
            self._emit(RequestFailed(t=self._clock(), request=request, error=error))

    def _tail(self) -> str:
        try:
            with self._log.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _LOG_TAIL))
                lines = log.read().decode("utf-8", "replace").splitlines()
        except OSError as error:
            return f"(no log: {error.strerror})"
        return "\n".join(lines[-_LOG_KEPT:])

    def _exit(self, code: int) -> str:
        """The worker's exit code in words."""
        if code >= 0:
            return f"ended with exit code {code}"
        name = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
        return f"was ended by {name}" + (f": {self._causes[name]}" if name in self._causes else "")
