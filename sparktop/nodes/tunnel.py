"""To a node over the person's own OpenSSH: their configuration, keys, agent and jump hosts.

One ssh does both: it starts `sparktop node --tunnel` there, and forwards the unix socket that this serves. When it
ends, the standard input of the other side ends, and with it what was started there.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import secrets
import shlex
import shutil
import signal
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from sparktop.model.text import one_line
from sparktop.nodes.place import Place, Unreachable

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

_READY_S: Final = 30.0
"""A jump host, a slow key, Python's start on a busy machine."""

_END_S: Final = 3.0
_MOST_LOG: Final = 4096
_MOST_LINE: Final = 4096

_LOG: Final = "sparktop node: "
"""What each line of an agent's log begins with."""

_PREFIX: Final = "sparktop-ssh-"

_OPTIONS: Final = {
    # Nobody is there to type a password: the screen has the terminal.
    "BatchMode": "yes",
    # A shared connection would outlive this one, and its forwardings with it.
    "ControlMaster": "no",
    "ControlPath": "none",
    # What the person set for their own visits to that host.
    "RemoteCommand": "none",
    "RequestTTY": "no",
    "PermitLocalCommand": "no",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    # Their own forwardings may be in use by another ssh of theirs, and the one of this connection is wanted.
    "ClearAllForwardings": "no",
    "ExitOnForwardFailure": "no",
    # A link that is down is noticed here; the other side can't know whether somebody still waits.
    "ServerAliveInterval": "5",
    "ServerAliveCountMax": "3",
    "ConnectTimeout": "10",
    "LogLevel": "ERROR",
}

_SINCE: Final = (8, 7)
_NEWER: Final = {"SessionType": "default", "StdinNull": "no", "ForkAfterAuthentication": "no"}
"""Options that OpenSSH knows since that version; an older one refuses what it does not know."""

_PLAIN: Final = re.compile(r"/[\w/.,@=+-]{0,63}")
"""A folder whose name ssh takes as it is, and in which the path of a socket is not too long."""


class Tunnel:
    """ssh to a node, as an asynchronous context.

    Args:
        place: Where the node is.

    Attributes:
        end_s: How long ssh may take to end by itself, in seconds.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self.end_s = _END_S
        self._folder = ""
        self._mark = -1
        self._process: asyncio.subprocess.Process
        self._said = b""
        self._reading: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        """Starts ssh and waits until the agent serves there.

        Raises:
            Unreachable: ssh fails, or there is no sparktop.
        """
        program = shutil.which("ssh")
        if program is None:
            raise Unreachable(
                f"{self._place.shown} is reached over ssh, which is not here: install openssh", final=True
            )
        _sweep()
        options = _OPTIONS | (_NEWER if await _version(program) >= _SINCE else {})
        self._folder, self._mark = _folder_of_ones_own()
        try:
            self._process = await asyncio.create_subprocess_exec(
                program,
                *self._words(options, f"/tmp/sparktop-{secrets.token_hex(8)}/node.sock"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                # Ctrl+C at the terminal is for sparktop alone, which then ends ssh.
                start_new_session=True,
            )
            self._reading = asyncio.create_task(self._read_errors())
            try:
                await self._ready()
            except asyncio.CancelledError:
                # Nobody waits for it any more: it must not go on knocking at a machine that does not answer.
                self._signal(signal.SIGTERM)
                await self._end()
                raise
            except BaseException:
                await self._end()
                raise
        except BaseException:
            self._clear_away()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends ssh, and what was started on the other side with it."""
        await self._end()
        self._clear_away()

    async def connected(self, open_at: Callable[[Place], Awaitable[ClientConnection]]) -> ClientConnection:
        """Connects through the tunnel.

        Raises:
            Unreachable: Nothing answers at its other end.
        """
        try:
            return await open_at(replace(self._place, ssh="", url="", socket=self._local, name=self._place.shown))
        except Unreachable as error:
            # What the node itself answers counts for more than what ssh and the shell there say beside it.
            if error.unheard and self._lines():
                raise Unreachable(f"{self._place.shown} can't be connected to: {self._last_words()}") from None
            raise error from None

    def _clear_away(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        os.close(self._mark)

    @property
    def _local(self) -> Path:
        return Path(self._folder) / "node.sock"

    def _words(self, options: Mapping[str, str], remote: str) -> list[str]:
        words = ["-F", str(self._place.ssh_config)] if self._place.ssh_config is not None else []
        for option, value in options.items():
            words += ["-o", f"{option}={value}"]
        order = f"{_quoted(self._place.command or 'sparktop')} node --tunnel {remote}"
        for folder in self._place.models:
            order += f" --models {_quoted(folder)}"
        # Tools that were installed for one person are not on the path of a shell that nobody logged in to; and whatever
        # shell that is, it understands these words.
        order = f"sh -c {shlex.quote(f'PATH=$PATH:$HOME/.local/bin exec {order}')}"
        return [*words, "-T", "-L", f"{self._local}:{remote}", "--", self._place.ssh, order]

    async def _ready(self) -> None:
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(_READY_S):
                while line := await self._process.stdout.readline():
                    # A shell's own greeting may come first, and need not end its line.
                    if b'{"protocol":' in line:
                        return
                await self._process.wait()
        except TimeoutError:
            raise Unreachable(f"{self._place.shown} did not start an agent within {_READY_S:.0f} s") from None
        except ValueError:
            raise Unreachable(f"{self._place.shown} answers with something else than sparktop", final=True) from None
        await self._reading
        raise self._failed(self._process.returncode)

    def _failed(self, code: int | None) -> Unreachable:
        shown, why = self._place.shown, self._last_words()
        if code == 127:
            return Unreachable(
                f"there is no {self._place.command or 'sparktop'} on {shown}: install it there, "
                f"or name its path as command in [nodes.{shown}]",
                final=True,
            )
        if code == 255:
            return Unreachable(
                f'ssh could not reach {shown} ({why}): "ssh {self._place.ssh}" must work without questions'
            )
        return Unreachable(f"no agent could be started on {shown}: {why}", final=code == 2)

    def _last_words(self) -> str:
        lines = self._lines()
        return one_line(lines[-1]).strip()[:300] if lines else "it said nothing"

    def _lines(self) -> list[str]:
        lines = self._said.decode("utf-8", "replace").splitlines()
        return [line for line in lines if line.strip() and not line.startswith(_LOG)]

    async def _read_errors(self) -> None:
        assert self._process.stderr is not None
        while piece := await self._process.stderr.read(_MOST_LINE):
            self._said = (self._said + piece)[-_MOST_LOG:]

    async def _end(self) -> None:
        # The end of its standard input is the end of what was started there.
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(self.end_s):
                await self._process.wait()
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self._process.wait()
        finally:
            # Where this is cancelled as it waits, too.
            if self._process.returncode is None:
                self._signal(signal.SIGKILL)
            self._reading.cancel()

    def _signal(self, number: signal.Signals) -> None:
        # A ProxyCommand too, which would hold our pipes open.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


async def _version(program: str) -> tuple[int, int]:
    """Returns which OpenSSH a program is; (0, 0) for another ssh."""
    asked = await asyncio.create_subprocess_exec(
        program,
        "-V",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asked.communicate()
    found = re.match(rb"OpenSSH_(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _quoted(path: str) -> str:
    """Returns a path as a word for the shell there, to which a leading "~" is the home there."""
    if path == "~":
        return path
    return "~/" + shlex.quote(path[2:]) if path.startswith("~/") else shlex.quote(path)


def _place_for_sockets() -> str:
    usual = tempfile.gettempdir()
    return usual if _PLAIN.fullmatch(usual) else "/tmp"


def _folder_of_ones_own() -> tuple[str, int]:
    """Makes a folder for a socket, and locks it for as long as this process lives.

    Returns:
        Its path, and the descriptor that holds the lock.
    """
    while True:
        folder = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=_place_for_sockets())
        with suppress(FileNotFoundError):
            mark = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(mark, fcntl.LOCK_EX)
            # Whoever sweeps may have been here in between.
            if Path(folder).exists():
                return folder, mark
            os.close(mark)


def _sweep() -> None:
    """Removes the folders of heads that were killed; the socket in them leads nowhere any more.

    A lock tells who lives: a process in another container that shares this folder has a number of its own there.
    """
    for folder in Path(_place_for_sockets()).glob(f"{_PREFIX}*-*"):
        with suppress(OSError):
            if folder.lstat().st_uid != os.geteuid():
                continue
            mark = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(mark)
