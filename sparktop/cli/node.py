"""`sparktop node`: the agent that serves this machine to a head."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from sparktop.cli.console import Console, Exit, Refused
from sparktop.cli.library import places
from sparktop.config import BadConfig, own_path
from sparktop.nodes.mdns import service_file
from sparktop.nodes.service import CannotServe, Service, address, serve, socket_path
from sparktop.nodes.unit import unit
from sparktop.resources import demo_dir


def execute(arguments: argparse.Namespace, console: Console) -> int:
    """Serves until it is told to stop, or prints the unit.

    Raises:
        Refused: Options exclude each other, or it can't listen as asked.
    """
    try:
        service = _service(arguments, console)
        if arguments.print_unit:
            console.say(unit(_words(arguments)).rstrip("\n"))
            return Exit.OK
        if arguments.print_service:
            console.say(_announcement(service).rstrip("\n"))
            return Exit.OK
        serve(service, log=lambda sentence: console.note(f"sparktop node: {sentence}"), ready=console.say)
    except CannotServe as error:
        raise Refused(str(error)) from error
    return Exit.OK


def _service(arguments: argparse.Namespace, console: Console) -> Service:
    here = places(console)
    if arguments.listen is None and (arguments.any_interface or arguments.certificate or arguments.token_file):
        raise Refused(
            "--any-interface, --token-file and --certificate are for the network: give --listen ADDR:PORT too"
        )
    if arguments.key and not arguments.certificate:
        raise Refused("--key belongs to a certificate: give --certificate too")
    if arguments.print_service and arguments.listen is None:
        raise Refused("--print-service announces an address of the network: give --listen ADDR:PORT too")
    if arguments.print_service and arguments.print_unit:
        raise Refused("--print-unit and --print-service each print a file: ask for one at a time")
    if arguments.tunnel and (arguments.listen or arguments.print_unit):
        raise Refused(
            "--tunnel serves one socket for as long as its caller lives: leave --listen and --print-unit away"
        )
    models = tuple(_folder(text) for text in arguments.models)
    return Service(
        socket=_file(arguments.socket) if arguments.socket else socket_path(console.environ, here.state),
        token_file=_file(arguments.token_file) if arguments.token_file else here.state / "node-token",
        logs=here.logs,
        state=here.state,
        environ=console.environ,
        listen=address(arguments.listen) if arguments.listen is not None else None,
        any_interface=arguments.any_interface,
        certificate=_file(arguments.certificate) if arguments.certificate else None,
        key=_file(arguments.key) if arguments.key else None,
        models=models,
        toys=tuple(sorted(demo_dir().glob("*.gguf"))),
        name=arguments.name,
        tunnel=_file(arguments.tunnel) if arguments.tunnel else None,
    )


def _announcement(service: Service) -> str:
    assert service.listen is not None
    host, port = service.listen
    if not port:
        raise Refused(
            "--print-service needs the port that the node will have: give --listen ADDR:PORT with one above 0"
        )
    return service_file(service.name, host, port, tls=service.certificate is not None)


def _file(text: str) -> Path:
    try:
        return Path(os.path.abspath(own_path(text)))
    except BadConfig as error:
        raise Refused(str(error)) from None


def _folder(text: str) -> Path:
    folder = _file(text)
    if not folder.is_dir():
        raise Refused(f"{text} is no folder: --models takes one that holds .gguf files")
    return folder


def _words(arguments: argparse.Namespace) -> list[str]:
    program = shutil.which(sys.argv[0]) if Path(sys.argv[0]).name == "sparktop" else None
    words = [os.path.abspath(program), "node"] if program else [sys.executable, "-m", "sparktop", "node"]
    for folder in arguments.models:
        words += ["--models", str(_file(folder))]
    for option in ("listen", "name"):
        if value := getattr(arguments, option):
            words += [f"--{option}", value]
    for option in ("token_file", "certificate", "key", "socket"):
        if value := getattr(arguments, option):
            words += [f"--{option.replace('_', '-')}", str(_file(value))]
    return [*words, "--any-interface"] if arguments.any_interface else words
