"""`sparktop monitor`: what the machine is doing, on the screen or as text."""

from __future__ import annotations

import argparse
import json
import os
import queue
import shlex
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sparktop.cli.console import Console, Exit, Refused
from sparktop.headless.alerts import Watched, alert_lines, alert_records
from sparktop.headless.readings import document, line, lines
from sparktop.model.events import NodeSeen, ServerSeen
from sparktop.model.text import one_line
from sparktop.telemetry.latest import Latest
from sparktop.telemetry.machine import Inputs, sources
from sparktop.telemetry.once import read_once, together
from sparktop.telemetry.played import BadRecording, moments, play
from sparktop.telemetry.reading import Reading, Source
from sparktop.telemetry.recorded import Recording
from sparktop.telemetry.sampler import Sampler

if TYPE_CHECKING:
    from sparktop.runner.watch import LiveMachine, RecordedMachine
    from sparktop.telemetry.server import ServerSource

_EVERY_S: Final = 1.0
_RECORD_S: Final = 10
_NAMES_S: Final = 1.0
"""How long a single reading waits for the names of the GPUs; a driver that hangs never gives them."""


def execute(arguments: argparse.Namespace, console: Console) -> int:
    """Shows the machine or a recording on the screen, or prints one reading or one after another.

    Raises:
        Refused: Options exclude each other, or a folder can't be used.
    """
    on_screen = console.interactive and not (arguments.once or arguments.json or arguments.text)
    _check(arguments, on_screen)
    if arguments.played is not None:
        folder = Path(arguments.played)
        return _play_on_screen(folder, arguments, console) if on_screen else _play(folder, arguments, console)
    if arguments.record is not None:
        return _record(Path(arguments.record), arguments, console, on_screen)
    those, servers = sources(), _servers(arguments, console)
    if arguments.nodes:
        return _with_nodes(those, servers, arguments, console, on_screen)
    if on_screen:
        from sparktop.runner.watch import LiveMachine

        return _screen(LiveMachine(those=those, servers=servers), arguments, console)
    _watch(those, servers, arguments, console, arguments.seconds)
    unknown = arguments.once and servers and all(server.kind is None for server in servers)
    return Exit.UNREACHABLE if unknown else Exit.OK


def _with_nodes(
    those: tuple[Source, ...],
    servers: tuple[ServerSource, ...],
    arguments: argparse.Namespace,
    console: Console,
    on_screen: bool,
) -> int:
    # What connects costs 0.2 s to import.
    from sparktop.cli.remote import connected, named, stop, watch
    from sparktop.runner.watch import LiveMachine

    those_named = named(arguments.nodes, arguments.token_file, console)
    if console.interactive:
        # Over ssh, through another host, it may take seconds.
        console.note(f"connecting to {', '.join(one_line(place.shown) for place in those_named)}")
    nodes = connected(those_named, socket.gethostname())
    watched = Watched()
    try:
        machine = LiveMachine(those=those, servers=servers, others=nodes)
        if on_screen:
            return _screen(machine, arguments, console)
        names = [socket.gethostname(), *(node.name for node in nodes)]
        once, seconds = arguments.once, arguments.seconds
        for name, reading in watch(machine, names, console, once=once, seconds=seconds, listen=watched.take):
            _show(reading, watched, name, f"{datetime.fromtimestamp(reading.t):%H:%M:%S} {name}", arguments, console)
            if console.unread:
                break
    finally:
        stop(nodes)
    return Exit.OK


def _servers(arguments: argparse.Namespace, console: Console) -> tuple[ServerSource, ...]:
    if not arguments.engines:
        if arguments.api_key_env:
            raise Refused("--api-key-env is for servers: name one with --engine")
        return ()
    # What asks over the network costs 60 ms to import.
    from sparktop.cli.servers import server_sources

    return server_sources(arguments.engines, arguments.api_key_env, console.environ)


def _check(arguments: argparse.Namespace, on_screen: bool) -> None:
    if arguments.played is not None and (arguments.record is not None or arguments.seconds is not None):
        raise Refused("--from shows a recording as it is: leave --record and --seconds away")
    if arguments.engines and (arguments.played is not None or arguments.record is not None):
        raise Refused("a recording holds a machine and no server: leave --engine away, or --from and --record")
    if arguments.nodes and (arguments.played is not None or arguments.record is not None):
        raise Refused("a recording is of one machine: leave --node away, or --from and --record")
    if arguments.token_file and not arguments.nodes:
        raise Refused("--token-file is for nodes: name one with --node")
    if arguments.once and arguments.seconds is not None:
        raise Refused("--once takes one reading: leave --seconds away")
    if arguments.once and arguments.text:
        raise Refused("--once prints a table, --text a line for each reading: give one of them")
    if arguments.speed is not None and arguments.played is None:
        raise Refused("--speed is for recordings: name one with --from")
    if arguments.speed is not None and not on_screen:
        raise Refused("--speed is for the screen: a recording that is printed takes no time")


def _play_on_screen(folder: Path, arguments: argparse.Namespace, console: Console) -> int:
    from sparktop.runner.watch import RecordedMachine

    try:
        machine = RecordedMachine(folder)
    except BadRecording as error:
        raise Refused(str(error)) from error
    return _screen(machine, arguments, console)


def _play(folder: Path, arguments: argparse.Namespace, console: Console) -> int:
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
    return Exit.OK


def _record(folder: Path, arguments: argparse.Namespace, console: Console, on_screen: bool) -> int:
    try:
        recording = Recording(folder, Inputs())
    except FileExistsError as error:
        raise Refused(f"{folder} is a recording already, or no folder; name another") from error
    except OSError as error:
        raise Refused(f"{folder} can't be written to: {error.strerror or error}") from error
    code: int = Exit.OK
    try:
        if on_screen:
            from sparktop.runner.watch import LiveMachine

            code = _screen(LiveMachine(recording), arguments, console, folder.resolve())
        else:
            _watch(recording.sources, (), arguments, console, arguments.seconds or _RECORD_S)
    finally:
        recording.close()
        if not recording.problem:
            console.note(f"recorded; to see it: sparktop monitor --from {shlex.quote(one_line(str(folder)))}")
    if recording.problem and code == Exit.OK:
        raise Refused(recording.problem, Exit.FAILED)
    return code


def _screen(
    machine: LiveMachine | RecordedMachine,
    arguments: argparse.Namespace,
    console: Console,
    recorded_to: Path | None = None,
) -> int:
    from sparktop.cli.library import library, places
    from sparktop.ui.app import watch

    return watch(
        library(console),
        places(console),
        machine,
        recorded_to=recorded_to,
        speed=arguments.speed or 1.0,
        seconds=arguments.seconds,
        fps=arguments.fps,
    )


def _watch(
    machine: tuple[Source, ...],
    servers: tuple[ServerSource, ...],
    arguments: argparse.Namespace,
    console: Console,
    seconds: int | None,
) -> None:
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
    sampler = Sampler(those, emit=readings.put, clock=clock, interval_s=_EVERY_S)
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
