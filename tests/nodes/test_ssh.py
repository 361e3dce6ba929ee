"""Over ssh: the person's own OpenSSH, against a real server on this machine with its own keys and configuration."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sparktop.model.events import SampleTaken
from sparktop.nodes.place import Place, Unreachable
from sparktop.nodes.remote import RemoteNode
from tests.nodes.conftest import ROOT, Head, StartAgent

SSHD = "/usr/sbin/sshd"

pytestmark = pytest.mark.skipif(
    not Path(SSHD).exists() or shutil.which("ssh") is None, reason="no OpenSSH server and client here"
)


@dataclass
class Server:
    """An ssh server, and how the person here reaches it."""

    process: subprocess.Popen[bytes]
    config: Path
    home: Path
    program: Path

    @property
    def place(self) -> Place:
        return Place(name="spark-2", ssh="spark-2", ssh_config=self.config, command=str(self.program))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "ssh"
    folder.mkdir(mode=0o700)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    shutil.copy(folder / "user.pub", folder / "authorized_keys")
    # Near the root, as homes are: the path of a socket has room for a hundred characters.
    there = tempfile.TemporaryDirectory(prefix="st-")
    home = Path(there.name)
    program = folder / "sparktop"
    # The other side has a home and a path of its own.
    program.write_text(
        f"#!/bin/sh\nexport HOME={home} PYTHONPATH={ROOT}\nunset XDG_RUNTIME_DIR\n"
        f'exec {sys.executable} -m sparktop "$@"\n'
    )
    program.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "PermitRootLogin prohibit-password\n"
    )
    config = folder / "config"
    key = (folder / "host.pub").read_text().split()[:2]
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {' '.join(key)}\n")
    config.write_text(
        f"Host spark-2\n  HostName 127.0.0.1\n  Port {port}\n  User {getpass.getuser()}\n"
        f"  IdentityFile {folder}/user\n  IdentitiesOnly yes\n  UserKnownHostsFile {folder}/known_hosts\n"
        # What would be in the way if it were not overruled: a command, a shared connection.
        f"  RemoteCommand echo hello\n  ControlMaster auto\n  ControlPath {folder}/shared-%C\n  ControlPersist 60\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    process = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "sshd_config"], stderr=(folder / "log").open("wb"))
    deadline = time.monotonic() + 10
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield Server(process, config, home, program)
    process.terminate()
    process.wait()
    there.cleanup()


def processes() -> Iterator[tuple[int, list[bytes], list[bytes]]]:
    """Yields number, words and environment of every other process."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            with suppress(OSError):
                words, environ = ((folder / name).read_bytes().split(b"\0") for name in ("cmdline", "environ"))
                yield int(folder.name), words, environ


def clients(server: Server) -> list[int]:
    """The ssh clients that use this configuration."""
    return [pid for pid, words, _ in processes() if str(server.config).encode() in words]


def left_over(server: Server) -> list[str]:
    """Processes that belong to the other side's home or to this connection."""
    home = f"HOME={server.home}".encode()
    there = [b" ".join(words).decode(errors="replace") for _, words, environ in processes() if home in environ]
    return [*there, *map(str, clients(server))]


def gone(server: Server) -> bool:
    """Whether everything has gone within five seconds."""
    deadline = time.monotonic() + 5
    while left_over(server) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not left_over(server)


def test_an_agent_is_started_there_and_goes_with_the_connection(
    server: Server, follow: Callable[[Place], Head]
) -> None:
    head = follow(server.place)
    head.wait(lambda events: sum(isinstance(event, SampleTaken) for event in events) >= 3)
    assert head.state.nodes.keys() == {"spark-2"}
    assert head.state.gauges["spark-2"]["memory.total"].last
    assert head.state.clocks["spark-2"].uncertainty_s < 0.05
    assert left_over(server)
    head.remote.stop()
    assert gone(server), left_over(server)
    assert not list(server.config.parent.glob("shared-*"))


def test_a_broken_connection_is_made_again(server: Server, follow: Callable[[Place], Head]) -> None:
    head = follow(server.place)
    head.wait(lambda events: any(isinstance(event, SampleTaken) for event in events))
    (client,) = clients(server)
    os.kill(client, signal.SIGKILL)
    head.wait(lambda events: bool(head.state.notices), 5)
    assert set(head.state.missing["spark-2"].values()) == {"no connection to spark-2"}
    head.wait(lambda events: len(head.state.notices) == 2)
    assert [notice.text for notice in head.state.notices] == [
        "spark-2 is cut off: the connection was cut",
        "spark-2 is back",
    ]
    head.remote.stop()
    assert gone(server), left_over(server)


def test_a_killed_head_leaves_nothing_there(server: Server, follow: Callable[[Place], Head]) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from sparktop.nodes.place import Place; from sparktop.nodes.remote import RemoteNode\n"
        "node = RemoteNode(Place(name='n', ssh='spark-2', ssh_config=Path(sys.argv[1]), command=sys.argv[2]))\n"
        "node.connect(); print('there', flush=True); time.sleep(60)\n"
    )
    head = subprocess.Popen(
        [sys.executable, "-c", code, server.config, server.program], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert head.stdout is not None
    assert head.stdout.readline() == b"there\n"
    assert left_over(server)
    head.kill()
    head.wait()
    assert gone(server), left_over(server)
    # The next one clears away the socket of this one.
    sockets = f"sparktop-ssh-{head.pid}-*"
    assert list(Path(tempfile.gettempdir()).glob(sockets))
    follow(server.place)
    assert not list(Path(tempfile.gettempdir()).glob(sockets))


def test_the_socket_of_a_head_in_another_container_stays(server: Server, follow: Callable[[Place], Head]) -> None:
    # Its number is nobody's here: only its lock tells that it lives.
    theirs = Path(tempfile.mkdtemp(prefix=f"sparktop-ssh-{2**30}-"))
    lock = os.open(theirs, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    follow(server.place)
    assert theirs.exists()
    os.close(lock)
    follow(server.place)
    assert not theirs.exists()


def test_an_older_version_there_is_told_apart(server: Server) -> None:
    server.program.write_text(
        server.program.read_text().replace(
            "-m sparktop",
            "-c 'import sparktop.nodes.protocol as p; p.VERSION = 1; import sys; from sparktop.cli import main; "
            "sys.exit(main())'",
        )
    )
    with pytest.raises(Unreachable, match=r"spark-2 speaks version 1 of the protocol .*update sparktop there"):
        RemoteNode(server.place).connect()
    assert gone(server), left_over(server)


def test_an_agent_that_runs_there_is_used_and_stays(
    server: Server, start_agent: StartAgent, follow: Callable[[Place], Head]
) -> None:
    own = server.home / ".local/state/sparktop"
    own.mkdir(parents=True, mode=0o700)
    agent = start_agent(name="spark-of-its-own")
    (own / "node.sock").symlink_to(agent.socket)
    head = follow(server.place)
    head.wait(lambda events: any(isinstance(event, SampleTaken) for event in events))
    assert head.remote.hello is not None
    assert head.remote.hello.node.name == "spark-of-its-own"
    # What the person calls it counts.
    assert head.state.nodes.keys() == {"spark-2"}
    head.remote.stop()
    assert gone(server), left_over(server)
    assert agent.process.poll() is None


def test_a_model_runs_there_and_nothing_is_left(server: Server, tmp_path: Path) -> None:
    config = tmp_path / ".config/sparktop"
    config.mkdir(parents=True)
    (config / "config.toml").write_text(
        f'[nodes.spark-2]\nssh_config = "{server.config}"\ncommand = "{server.program}"\n'
    )
    out = tmp_path / "run.json"
    words = ("run", "smoke", "--headless", "-m", "demo-base@spark-2", "-m", "demo-sutra", "--out", str(out))
    done = subprocess.run(
        [sys.executable, "-m", "sparktop", *words],
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    run = json.loads(out.read_text())
    assert run["contenders"][0]["contender"]["node"] == run["nodes"][1]["name"] == "spark-2"
    assert all(request["answer"] for request in run["requests"])
    assert gone(server), left_over(server)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"command": "/nowhere/sparktop"}, "there is no /nowhere/sparktop on spark-2"),
        ({"ssh": "no-such-host.invalid"}, "ssh could not reach spark-2 (ssh: Could not resolve hostname no-such-host"),
        ({"models": ("/nowhere",)}, "no agent could be started on spark-2: sparktop: /nowhere is no folder"),
    ],
)
def test_what_fails_is_said(server: Server, change: dict[str, object], sentence: str) -> None:
    place = replace(server.place, **change)  # type: ignore[arg-type]
    with pytest.raises(Unreachable) as refusal:
        RemoteNode(place).connect()
    assert str(refusal.value).startswith(sentence)
    assert gone(server), left_over(server)


def test_a_key_that_is_not_known_there_asks_nobody(server: Server) -> None:
    (server.config.parent / "authorized_keys").write_text("")
    with pytest.raises(Unreachable, match=r"Permission denied .*must work without questions"):
        RemoteNode(server.place).connect()
