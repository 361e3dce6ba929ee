"""`sparktop monitor`: what the machine is doing, on the screen or as text."""

from __future__ import annotations

import argparse
import shlex
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sparktop.cli.console import Console, Exit, Refused
from sparktop.model.text import one_line
from sparktop.telemetry.machine import Inputs, sources
from sparktop.telemetry.reading import Source

if TYPE_CHECKING:
    from sparktop.runner.watch import LiveMachine, RecordedMachine
    from sparktop.telemetry.server import ServerSource

_RECORD_S: Final = 10


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
    _print(those, servers, arguments, console, arguments.seconds)
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
    from sparktop.cli.remote import connected, named, stop
    from sparktop.runner.watch import LiveMachine

    those_named = named(arguments.nodes, arguments.token_file, console)
    if console.interactive:
        # Over ssh, through another host, it may take seconds.
        console.note(f"connecting to {', '.join(one_line(place.shown) for place in those_named)}")
    nodes = connected(those_named, socket.gethostname())
    try:
        machine = LiveMachine(those=those, servers=servers, others=nodes)
        if on_screen:
            return _screen(machine, arguments, console)
        from sparktop.cli.readings import print_nodes

        print_nodes(machine, nodes, arguments, console)
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
    from sparktop.telemetry.played import BadRecording

    try:
        machine = RecordedMachine(folder)
    except BadRecording as error:
        raise Refused(str(error)) from error
    return _screen(machine, arguments, console)


def _play(folder: Path, arguments: argparse.Namespace, console: Console) -> int:
    from sparktop.cli.readings import print_recording

    print_recording(folder, arguments, console)
    return Exit.OK


def _record(folder: Path, arguments: argparse.Namespace, console: Console, on_screen: bool) -> int:
    from sparktop.telemetry.recorded import Recording

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
            _print(recording.sources, (), arguments, console, arguments.seconds or _RECORD_S)
    finally:
        recording.close()
        if not recording.problem:
            console.note(f"recorded; to see it: sparktop monitor --from {shlex.quote(one_line(str(folder)))}")
    if recording.problem and code == Exit.OK:
        raise Refused(recording.problem, Exit.FAILED)
    return code


def _print(
    machine: tuple[Source, ...],
    servers: tuple[ServerSource, ...],
    arguments: argparse.Namespace,
    console: Console,
    seconds: int | None,
) -> None:
    # A screen needs nothing of what prints, and lasts for days.
    from sparktop.cli.readings import print_machine

    print_machine(machine, servers, arguments, console, seconds)


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
