"""The worker process: owns one model, talks over the socket that it inherits as a descriptor.

Run as `python -m sparktop.engines.llama.worker FD`. Its standard output and error are a log file:
llama.cpp, its backends and abort messages write there and never to the person's terminal.
"""

from __future__ import annotations

import faulthandler
import os
import queue
import signal
import socket
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sparktop.engines.llama.placement import CannotPlace
from sparktop.engines.llama.rpc import RpcFailed
from sparktop.engines.protocol import Clock
from sparktop.engines.wire import Command, Load, decode_command
from sparktop.model.codec import encode
from sparktop.model.events import ContenderFailed, Event, ModelLoading, ModelReady, ModelUnloaded

if TYPE_CHECKING:
    from sparktop.engines.llama.loop import BatchLoop

_PROGRESS_S: Final = 0.1
_SWITCH_S: Final = 0.0002
_SAMPLING_THREADS: Final = 8


class _Outgoing:
    """Sends events from a thread of its own, so that a slow reader never holds up decoding."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._queue: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="outgoing", daemon=True)
        self._thread.start()

    def __call__(self, event: Event) -> None:
        self._queue.put(event)

    def close(self) -> None:
        """Sends what is left and stops."""
        self._queue.put(None)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while (event := self._queue.get()) is not None:
            lines = [encode(event)]
            ended = False
            while not self._queue.empty():
                if (event := self._queue.get()) is None:
                    ended = True
                    break
                lines.append(encode(event))
            try:
                self._channel.sendall(b"\n".join(lines) + b"\n")
            except OSError:
                os._exit(0)  # nobody listens any more
            if ended:
                return


class _Incoming:
    """Reads commands in a thread; ends the process when sparktop is gone.

    A decode call can't be interrupted, but it releases the interpreter, so this thread notices a
    sparktop that was killed even in the middle of one.
    """

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self.commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="incoming", daemon=True).start()

    def _run(self) -> None:
        try:
            with self._channel.makefile("rb") as lines:
                for line in lines:
                    self.commands.put(decode_command(line))
        except Exception:
            # A sparktop that is killed before it has read everything resets the connection. Whatever it was,
            # nobody can tell this process to end any more.
            traceback.print_exc()
        os._exit(0)


def main(argv: list[str]) -> int:
    """Serves until told to close; returns the exit code."""
    # Ctrl+C in the terminal is sparktop's to handle; it tells the worker what to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A thread that comes back from a decode call waits so long for the one that sends events; the
    # default of 5 ms is longer than a step of a small model.
    sys.setswitchinterval(_SWITCH_S)
    faulthandler.enable()
    channel = socket.socket(fileno=int(argv[1]))
    emit = _Outgoing(channel)
    commands = _Incoming(channel).commands
    command = commands.get()
    if command.load is None:
        return 0
    code = _serve(command.load, emit, commands)
    emit.close()
    return code


def _serve(load: Load, emit: _Outgoing, commands: queue.SimpleQueue[Command]) -> int:
    # Late imports: failures of the native library are reported like every other failure to load.
    from sparktop.engines.llama.library import DEVICE_SAMPLING, Context, LlamaFailed, Model
    from sparktop.engines.llama.loop import BatchLoop
    from sparktop.engines.llama.parts import Parts

    def clock() -> float:
        return (time.monotonic_ns() - load.origin_ns) / 1e9

    begun = clock()
    try:
        parts = Parts(load.split, Path(load.path)) if load.split is not None else None
        progress = _Progress(load.contender, emit, clock)
        model = Model(load.path, progress, parts.placement, parts.devices) if parts else Model(load.path, progress)
        length = min(load.room.context, model.trained_context)
        context = Context(model, load.room.slots, length, load.room.threads)
        threads = min(load.room.threads or _SAMPLING_THREADS, _SAMPLING_THREADS, load.room.slots)
        gpu = model.has_gpu
        on_device = gpu and os.environ.get(DEVICE_SAMPLING) != "off"
        loop = BatchLoop(model, context, emit, clock, threads=threads, on_device=on_device, overlap=gpu)
        loop.warm_up(load.room.sampling)
        if parts is not None:
            loop.link = parts.tell(load.contender, emit, clock)
    except (LlamaFailed, RpcFailed, CannotPlace) as error:
        emit(ContenderFailed(t=clock(), contender=load.contender, error=str(error)))
        return 1
    ready = clock()
    emit(ModelReady(t=ready, contender=load.contender, model=model.describe(context), load_s=ready - begun))
    try:
        _work(loop, commands)
    except LlamaFailed as error:
        emit(ContenderFailed(t=clock(), contender=load.contender, error=str(error)))
        return 1
    context.close()
    model.close()
    emit(ModelUnloaded(t=clock(), contender=load.contender))
    return 0


def _work(loop: BatchLoop, commands: queue.SimpleQueue[Command]) -> None:
    while True:
        while not loop.busy or not commands.empty():
            command = commands.get()
            if command.close:
                loop.cancel()
                return
            if command.cancel:
                loop.cancel()
            loop.submit(command.submit)
        loop.step()


class _Progress:
    """Turns llama.cpp's load progress, which comes per tensor, into a few events a second."""

    def __init__(self, contender: str, emit: _Outgoing, clock: Clock) -> None:
        self._contender = contender
        self._emit = emit
        self._clock = clock
        self._last = float("-inf")

    def __call__(self, fraction: float) -> None:
        now = self._clock()
        if now - self._last >= _PROGRESS_S or fraction >= 1:
            self._last = now
            self._emit(ModelLoading(t=now, contender=self._contender, fraction=min(max(fraction, 0.0), 1.0)))


if __name__ == "__main__":
    sys.exit(main(sys.argv))
