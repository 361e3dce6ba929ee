"""A machine's readings as they are printed: a table, a line each, or JSON."""

from __future__ import annotations

import argparse
import json
import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sparktop.cli.console import Console, Refused
from sparktop.headless.alerts import Watched, alert_lines, alert_records
from sparktop.headless.readings import document, line, lines
from sparktop.model.events import NodeSeen, ServerSeen
from sparktop.runner.backlog import MOST
from sparktop.telemetry.latest import Latest
from sparktop.telemetry.once import read_once, together
from sparktop.telemetry.played import BadRecording, moments, play
from sparktop.telemetry.reading import Reading, Source
from sparktop.telemetry.sampler import Sampler

if TYPE_CHECKING:
    from sparktop.nodes.remote import RemoteNode
    from sparktop.runner.watch import LiveMachine
    from sparktop.telemetry.server import ServerSource

_EVERY_S: Final = 1.0
_NAMES_S: Final = 1.0
"""How long a single reading waits for the names of the GPUs; a driver that hangs never gives them."""


def print_machine(
    machine: tuple[Source, ...],
    servers: tuple[ServerSource, ...],
    arguments: argparse.Namespace,
    console: Console,
    seconds: int | None,
) -> None:
    """Prints what is read of this machine, once or one reading after another, until nobody reads it any more.

    Args:
        machine: What is read of it.
        servers: Servers that are asked as well.
        arguments: What was typed.
        console: Where it is printed.
        seconds: For how long; None for ever.
    """
    those = (*machine, *servers)
    node, clock = socket.gethostname(), _clock()
    latest, watched, seen = Latest(), Watched(), _described(node)

    def take(reading: Reading, patience_s: float = 0.0) -> Reading:
        with suppress(queue.Empty):
            watched.take(seen.get(timeout=patience_s) if patience_s else seen.get_nowait())
        watched.read(node, reading)
        for server in servers:
            if server.kind is not None and watched.servers(node).get(server.server) != server.kind:
                watched.take(ServerSeen(t=reading.t, node=node, server=server.server, kind=server.kind))
        return latest.add(reading)

    def show(reading: Reading) -> None:
        _show(reading, watched, node, f"{datetime.fromtimestamp(reading.t):%H:%M:%S}", arguments, console)

    if arguments.once:
        show(take(together(read_once(those, clock=clock).values()), _NAMES_S))
        return
    with _sampled(those, clock) as next_reading:
        # The first has no rates yet.
        began = take(next_reading()).t
        while True:
            reading = take(next_reading())
            show(reading)
            if console.unread and arguments.record is None:
                return
            # The next would come after the end, give or take what a thread's turn costs.
            if seconds is not None and reading.t - began > seconds - _EVERY_S / 2:
                return


def print_nodes(
    machine: LiveMachine, nodes: Sequence[RemoteNode], arguments: argparse.Namespace, console: Console
) -> None:
    """Prints what is read of this machine and of others that are connected to."""
    from sparktop.cli.remote import watch

    watched = Watched()
    names = [socket.gethostname(), *(node.name for node in nodes)]
    once, seconds = arguments.once, arguments.seconds
    for name, reading in watch(machine, names, console, once=once, seconds=seconds, listen=watched.take):
        if once and not arguments.json and name != names[0]:
            console.say("")
        _show(reading, watched, name, f"{datetime.fromtimestamp(reading.t):%H:%M:%S} {name}", arguments, console)
        if console.unread:
            break


def print_recording(folder: Path, arguments: argparse.Namespace, console: Console) -> None:
    """Prints what a recording holds, or its end alone.

    Raises:
        Refused: It is no recording, or there is nothing in it.
    """
    from sparktop.runner.watch import recorded_node

    try:
        tapes = play(folder)
    except BadRecording as error:
        raise Refused(str(error)) from error
    # A recording doesn't tell the name of its machine.
    node = folder.resolve().name
    latest, watched = Latest(), Watched()
    last: Reading | None = None
    began = 0.0
    for reading in moments(tapes):
        if last is None:
            began = reading.t
            watched.take(NodeSeen(t=began, node=recorded_node(node, reading, tapes)))
        watched.read(node, reading)
        last = latest.add(reading)
        if not arguments.once:
            _show(last, watched, node, f"{last.t - began:6.1f} s", arguments, console)
    if last is None:
        raise Refused(f"there is no reading in {folder}")
    if arguments.once:
        _show(last, watched, node, "", arguments, console)


def _described(node: str) -> queue.SimpleQueue[NodeSeen]:
    """Asks what this machine is, beside everything else: a driver that hangs must not keep the rest back."""
    seen: queue.SimpleQueue[NodeSeen] = queue.SimpleQueue()

    def describe() -> None:
        from sparktop.nodes.local import describe_local

        seen.put(NodeSeen(t=0.0, node=replace(describe_local(), name=node)))

    threading.Thread(target=describe, name="describe", daemon=True).start()
    return seen


@contextmanager
def _sampled(those: tuple[Source, ...], clock: Callable[[], float]) -> Iterator[Callable[[], Reading]]:
    readings: queue.SimpleQueue[Reading] = queue.SimpleQueue()

    def put(reading: Reading) -> None:
        # A pager that takes no more lines must not fill the memory.
        if readings.qsize() < MOST:
            readings.put(reading)

    sampler = Sampler(those, emit=put, clock=clock, interval_s=_EVERY_S)
    sampler.start()
    try:
        yield readings.get
    finally:
        sampler.stop()


def _clock() -> Callable[[], float]:
    """Returns a clock of Unix time that goes on evenly when the machine's is set."""
    offset = time.time() - time.monotonic()
    return lambda: offset + time.monotonic()


def _show(
    reading: Reading, watched: Watched, node: str, stamp: str, arguments: argparse.Namespace, console: Console
) -> None:
    kinds = watched.servers(node)
    if arguments.json:
        found = document(node, reading, kinds) | alert_records(watched.alerts(node), watched.unjudged(node))
        console.say(json.dumps(found, ensure_ascii=False, indent=2 if arguments.once else None))
    elif arguments.once:
        if arguments.nodes:
            console.say(node)
        cells = os.get_terminal_size(console.out.fileno()).columns if console.out.isatty() else None
        alerts = alert_lines(watched.alerts(node), watched.unjudged(node))
        console.say("\n".join([*lines(reading, cells, kinds), "", *alerts]))
    else:
        console.say("\n".join([line(reading, stamp, kinds), *(f"{stamp} ! {told}" for told in watched.changes(node))]))
