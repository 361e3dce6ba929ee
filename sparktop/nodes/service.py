"""`sparktop node` from its start to its end: where it listens, and what makes it stop."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import signal
import socket
import ssl
import stat
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from sparktop import __version__
from sparktop.nodes import token as tokens
from sparktop.nodes.agent import Agent
from sparktop.nodes.desk import Desk
from sparktop.nodes.jobs import Maker
from sparktop.nodes.left_over import sweep
from sparktop.nodes.protocol import VERSION
from sparktop.nodes.recorder import Recorder
from sparktop.nodes.shelf import Shelf

_LONGEST_SOCKET: Final = 107
"""Bytes of a unix socket's path, by the kernel."""

_LISTENING: Final = {
    errno.EADDRNOTAVAIL: ": no interface of this machine has that address",
    errno.EADDRINUSE: ": another program listens there, perhaps another agent",
}
"""What a failure to listen means; more than the kernel's own words say."""

_CLOSE_S: Final = 2.0
"""How long whoever has not said yet who it is can keep an agent from ending."""


class CannotServe(Exception):
    """The agent can't listen as asked; the message is one sentence that says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What an agent is started with.

    Attributes:
        socket: Unix socket that it listens on.
        listen: Address and port to listen on besides; None for none.
        any_interface: The address may be that of all interfaces.
        token_file: Where the token is that lets heads in over the network.
        logs: Folder for the engines' logs.
        state: Folder of what was found out about this machine.
        environ: Environment of the engines.
        certificate: Certificate chain for TLS, PEM; None for none.
        key: Its private key; None if it is in the same file.
        models: Folders that models may be loaded from.
        toys: Models that come with the program.
        name: What the node calls itself; empty takes the host name.
        tunnel: Serve at this socket only, until standard input ends; an agent that listens on `socket` is used.
    """

    socket: Path
    token_file: Path
    logs: Path
    state: Path
    environ: Mapping[str, str]
    listen: tuple[str, int] | None = None
    any_interface: bool = False
    certificate: Path | None = None
    key: Path | None = None
    models: tuple[Path, ...] = ()
    toys: tuple[Path, ...] = ()
    name: str = ""
    tunnel: Path | None = None


def socket_path(environ: Mapping[str, str], state: Path) -> Path:
    """Returns where this person's agent listens if nothing else is said.

    Args:
        environ: Environment variables.
        state: The person's folder of state, for machines without a runtime folder.
    """
    runtime = Path(environ.get("XDG_RUNTIME_DIR", ""))
    try:
        # After "su" or "sudo -E" it is that of another person.
        own = runtime.is_absolute() and runtime.is_dir() and runtime.stat().st_uid == os.geteuid()
    except OSError:
        own = False
    return runtime / "sparktop" / "node.sock" if own else state / "node.sock"


def address(text: str) -> tuple[str, int]:
    """Returns address and port of "ADDR:PORT" or "[ADDR]:PORT".

    Raises:
        CannotServe: It is none.
    """
    host, _, port = text.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if (
        not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535)
        or not host
        or (":" in host and "[" not in text)
    ):
        raise CannotServe(f"--listen takes ADDR:PORT, 192.168.100.11:7470 for example, found {text[:60]!r}")
    return host, int(port)


def serve(service: Service, log: Callable[[str], None], ready: Callable[[str], None]) -> None:
    """Serves until SIGINT, SIGTERM or, in a tunnel, the end of standard input.

    Args:
        service: How.
        log: Called with a sentence about what happened.
        ready: Called with a line of JSON once the agent listens: what `protocol` and `sparktop` it speaks and is, and
            where it is `listening`.

    Raises:
        CannotServe: It can't listen as asked.
    """
    asyncio.run(_serve(service, log, ready))


async def _serve(service: Service, log: Callable[[str], None], ready: Callable[[str], None]) -> None:
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    _listen_for_the_end(ended, service.tunnel is not None)
    async with AsyncExitStack() as stack:
        path = service.tunnel or service.socket
        if service.tunnel is not None:
            sweep(path, _answers)
        if service.tunnel is not None and _answers(service.socket):
            stack.callback(_lead_to(service.tunnel, service.socket))
            ready(_line([str(path)]))
            await ended
            return
        shown = _check_address(service)
        origin_ns = time.monotonic_ns()

        def clock() -> float:
            return (time.monotonic_ns() - origin_ns) / 1e9

        recorder = Recorder(service.name, clock)
        shelf = Shelf(service.models, service.toys)
        make = Maker(
            shelf=shelf,
            node=lambda: recorder.node,
            logs=service.logs,
            state=service.state,
            clock=clock,
            origin_ns=origin_ns,
            environ=service.environ,
        )
        desk = Desk(make, log=log)
        token = _token(service, recorder.node.name) if service.listen else ""
        agent = Agent(recorder, shelf, clock=clock, log=log, desk=desk)
        stack.callback(_make_room(path))
        # The socket comes last: where the rest fails, none is left behind.
        places = [f"unix:{path}"]
        servers = []
        if service.listen is not None:
            tls = _tls(service)
            try:
                servers.append(await agent.listen_tcp(*service.listen, token, tls))
            except OSError as error:
                # asyncio repeats the address in its own words; the number is the kernel's.
                why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
                hint = _LISTENING.get(error.errno or 0, "")
                raise CannotServe(f"{shown} can't be listened on: {why}{hint}") from error
            port = next(iter(servers[-1].sockets)).getsockname()[1]
            host = f"[{service.listen[0]}]" if ":" in service.listen[0] else service.listen[0]
            places.append(f"{'wss' if tls else 'ws'}://{host}:{port}")
            log(f"the token that lets a head in is in {service.token_file}: copy that file to the head")
            if tls is None:
                log("without a certificate the token and everything else travel readable: use a link that you trust")
        mask = os.umask(0o177)
        try:
            servers.append(await agent.listen_unix(path))
        except OSError as error:
            raise CannotServe(f"{path} can't be listened on: {error.strerror or error}") from error
        finally:
            os.umask(mask)
        async with agent.recording():
            log(f"listening on {' and '.join(places)}")
            ready(_line(places))
            reason = await ended
            # Heads try again at once, and what runs here may take a while to end: nobody gets in once more.
            for server in servers:
                server.close(close_connections=False)
            await agent.end(reason)
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                for server in servers:
                    await server.wait_closed()


def _line(places: Sequence[str]) -> str:
    return orjson.dumps({"protocol": VERSION, "sparktop": __version__, "listening": list(places)}).decode()


def _listen_for_the_end(ended: asyncio.Future[str], tunnel: bool) -> None:
    loop = asyncio.get_running_loop()

    def end(reason: str) -> None:
        if not ended.done():
            ended.set_result(reason)

    loop.add_signal_handler(signal.SIGINT, end, "its agent was stopped")
    loop.add_signal_handler(signal.SIGTERM, end, "its agent was stopped")
    loop.add_signal_handler(signal.SIGHUP, end, "its agent's terminal hung up")
    if not tunnel:
        return

    def wait() -> None:
        with suppress(OSError):
            while os.read(0, 4096):
                pass
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(end, "the connection that it was started over has ended")

    threading.Thread(target=wait, name="stdin", daemon=True).start()


def _check_address(service: Service) -> str:
    """Returns the address as it is shown.

    Raises:
        CannotServe: It is that of all interfaces, and that was not allowed, or it is unknown.
    """
    if service.listen is None:
        return ""
    host, port = service.listen
    try:
        # As whoever listens asks: of "*" that is every interface, and whoever connects is told another address.
        found = {
            entry[4][0] for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        }
    except (OSError, UnicodeError) as error:
        raise CannotServe(f"{host} is no address of this machine") from error
    if not service.any_interface and any(
        ipaddress.ip_address(str(one).partition("%")[0]).is_unspecified for one in found
    ):
        raise CannotServe(
            f"{host} would let every network in: name the address of one link, or add --any-interface if you mean it"
        )
    return f"{host}:{port}"


def _token(service: Service, node: str) -> str:
    try:
        return tokens.make_or_read(service.token_file, node)
    except tokens.BadToken as error:
        raise CannotServe(str(error)) from error


def _tls(service: Service) -> ssl.SSLContext | None:
    if service.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2

    def ask() -> str:
        raise CannotServe("the key of the certificate is encrypted: give one that is not, readable for you alone")

    try:
        context.load_cert_chain(service.certificate, service.key, ask)
    except (OSError, ssl.SSLError) as error:
        files = f"{service.certificate}" + (f" with {service.key}" if service.key else "")
        why = error.strerror or str(error)
        if isinstance(error, ssl.SSLError) and service.key is None:
            # OpenSSL says no more than "PEM lib" of that.
            why = "it needs the certificate and its private key (PEM), or the key in a file of its own with --key"
        raise CannotServe(f"{files} can't be used for TLS: {why}") from error
    return context


def _answers(path: Path) -> bool:
    """Whether somebody listens on a socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(path))
        except (TimeoutError, BlockingIOError):
            # It is there, and so busy that its queue is full.
            return True
        except OSError:
            return False
        return True


def _make_room(path: Path) -> Callable[[], None]:
    """Prepares the folder of a socket; returns what clears it away again."""
    if len(os.fsencode(path)) > _LONGEST_SOCKET:
        raise CannotServe(f"{path} is too long for a socket: name a shorter one with --socket")
    try:
        made = not path.parent.exists()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.parent.stat()
        if found.st_uid != os.geteuid() or (found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX):
            raise CannotServe(f"{path.parent} belongs to others or can be written by them: name another with --socket")
        if _answers(path):
            raise CannotServe(f"an agent serves at {path} already: stop it first, or name another socket with --socket")
        if path.is_socket() or path.is_symlink():
            # Left by an agent that was killed.
            path.unlink()
        elif path.exists():
            raise CannotServe(f"{path} is no socket: name another with --socket")
    except OSError as error:
        raise CannotServe(f"{path} can't be made: {error.strerror or error}") from error

    def clear() -> None:
        with suppress(OSError):
            if path.is_symlink() or not _answers(path):
                # Else it is that of an agent that was started meanwhile.
                path.unlink(missing_ok=True)
            if made:
                path.parent.rmdir()

    return clear


def _lead_to(path: Path, target: Path) -> Callable[[], None]:
    """Makes a path lead to the socket of the agent that runs; returns what clears it away again."""
    clear = _make_room(path)
    try:
        path.symlink_to(target)
    except OSError as error:
        raise CannotServe(f"{path} can't be made: {error.strerror or error}") from error
    return clear
